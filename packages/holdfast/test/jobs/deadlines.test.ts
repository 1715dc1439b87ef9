import { fakeClock } from '@holdfast/testkit'
import { expect, it } from 'vitest'
import { type Clock, HoldfastError } from '../../src/core/index.ts'
import { Deadlines } from '../../src/jobs/deadlines.ts'
import { RunningEntry, RunningSet } from '../../src/jobs/worker/running-set.ts'

const late = new HoldfastError('HF_JOBS_TIMEOUT', 'late', { hint: 'none', retryable: true })

it('ends each entry when its own time is over, the shorter first, and none that has left', () => {
  const clock = fakeClock()
  const deadlines = new Deadlines<{ dueMs: number; expire(): void }>(clock)
  const ended: string[] = []
  const add = (name: string, limitMs: number) => {
    const entry = { dueMs: clock.monotonicMs() + limitMs, expire: () => void ended.push(name) }
    deadlines.add(entry)
    return entry
  }
  add('long', 500)
  const left = add('left', 100)
  add('short', 100)
  deadlines.delete(left)
  clock.advance(99)
  expect(ended).toEqual([])
  clock.advance(1)
  expect(ended).toEqual(['short'])
  add('later', 50)
  clock.advance(400)
  expect(ended).toEqual(['short', 'later', 'long'])
  expect(deadlines.size).toBe(0)
})

it('sets one timer for a thousand attempts, and none when it is closed', () => {
  const clock = fakeClock()
  let set = 0
  const after: Clock['after'] = (...args) => {
    set++
    return clock.after(...args)
  }
  const counting: Clock = { nowMs: clock.nowMs, monotonicMs: clock.monotonicMs, after }
  const deadlines = new Deadlines<{ dueMs: number; expire(): void }>(counting)
  let ended = 0
  for (let i = 0; i < 1000; i++) deadlines.add({ dueMs: clock.monotonicMs() + 30_000 + i, expire: () => void ended++ })
  expect(set).toBe(1)
  deadlines.close()
  clock.advance(3_600_000)
  expect(ended).toBe(0)
})

it('gives an attempt that was ended before it asked for its signal one that is aborted, with the reason', async () => {
  const clock = fakeClock()
  const running = new RunningSet(clock)
  const entry = new RunningEntry('mail', '1', clock.monotonicMs() + 30, () => late)
  running.add(entry)
  const outcome = entry.outcomeOf(new Promise(() => undefined))
  clock.advance(30)
  await expect(outcome).rejects.toBe(late)
  expect([entry.signal.aborted, entry.signal.reason]).toEqual([true, late])
  entry.end(new HoldfastError('HF_JOBS_CANCELLED', 'second', { hint: 'none', retryable: false }))
  expect(entry.reason).toBe(late)
})
