import { fakeClock, stressLifecycle } from '@holdfast/testkit'
import { expect, it } from 'vitest'
import { createLifecycle } from '../../src/core/index.ts'

it('keeps its contract under stress', async () => {
  await stressLifecycle(() => createLifecycle({ name: 'sample', start: () => Promise.resolve(), stop: () => Promise.resolve() }))
})

it('keeps its contract when start fails and when stop fails', async () => {
  const problems: unknown[] = []
  const failing = createLifecycle({
    name: 'failing',
    start: () => Promise.reject(new Error('no socket')),
    stop: () => Promise.reject(new Error('still no socket')),
    onStopProblem: problem => problems.push(problem),
  })
  await expect(failing.start()).rejects.toThrow('no socket')
  await failing.stop()
  expect(problems).toEqual([expect.objectContaining({ message: 'still no socket' })])
})

it('waits with stop until a running start has ended, so that nothing is left behind', async () => {
  const order: string[] = []
  let finishStart = (): void => {}
  const slow = createLifecycle({
    name: 'slow',
    start: () => new Promise<void>(resolve => (finishStart = resolve)).then(() => void order.push('started')),
    stop: async () => void order.push('stopped'),
  })
  const starting = slow.start()
  const stopping = slow.stop()
  finishStart()
  await Promise.all([starting, stopping])
  expect(order).toEqual(['started', 'stopped'])
})

it('abandons a stop that hangs, after its limit, and says so', async () => {
  const clock = fakeClock()
  const problems: unknown[] = []
  const hanging = createLifecycle({
    name: 'hanging',
    clock,
    stopLimitMs: 2000,
    stop: () => new Promise(() => {}),
    onStopProblem: problem => problems.push(problem),
  })
  const stopping = hanging.stop()
  clock.advance(2000)
  await stopping
  expect(problems).toEqual([expect.objectContaining({ code: 'HF_BUG_LIFECYCLE', message: 'hanging did not stop within 2000 ms and was abandoned' })])
})

it('refuses a start after a stop', async () => {
  const component = createLifecycle({ name: 'sample' })
  await component.stop()
  await expect(component.start()).rejects.toMatchObject({ code: 'HF_BUG_LIFECYCLE' })
})
