export { type FakeClock, fakeClock } from './fake-clock.ts'
export { stressLifecycle } from './stress-lifecycle.ts'
