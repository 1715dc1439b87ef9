import type { FakeClock } from '@holdfast/testkit'

/** Lets everything that is ready run: reads of instances are promises, which a moved clock alone does not settle. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Moves the clock second by second, as the collector lives through it. `each` runs before every second. */
export async function seconds(clock: FakeClock, count: number, each: () => void = () => {}): Promise<void> {
  for (let i = 0; i < count; i++) {
    each()
    clock.advance(1000)
    await settle()
  }
}
