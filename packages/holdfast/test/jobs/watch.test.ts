import { describe, expect, it } from 'vitest'
import { AttemptBook } from '../../src/jobs/watch/attempt-book.ts'
import { evictionFinding, poisonFindings, queueFindings } from '../../src/jobs/watch/job-findings.ts'
import { alertsOf } from '../../src/jobs/watch/queue-alerts.ts'
import { type QueueOutlook, queueOutlook } from '../../src/jobs/watch/queue-outlook.ts'
import { type KindTally, type QueueSample, trendOf } from '../../src/jobs/watch/queue-sample.ts'

const queue = { name: 'mail', concurrency: 10, alerts: { depth: 1000, ageMs: 30_000, failureRatio: 0.01 } }
const sample = (atMs: number, waiting: number, more: Partial<QueueSample> = {}): QueueSample => ({
  ...{ atMs, waiting, active: 10, delayed: 0, dead: 0, oldestWaitingMs: 0, isPaused: false, kinds: [] },
  ...more,
})
const kind = (attempts: number, failed: number, retried: number): KindTally => ({ name: 'send', attempts, failed, retried })
const trend = (...samples: QueueSample[]): NonNullable<ReturnType<typeof trendOf>> => trendOf(samples)!

it('says nothing of a single look', () => {
  expect(trendOf([])).toBeUndefined()
  expect(trendOf([sample(0, 5000)])).toBeUndefined()
})

/** Looks every five seconds. */
const looks = (...waiting: number[]): QueueSample[] => waiting.map((depth, at) => sample(at * 5000, depth))
const outlookOf = (samples: readonly QueueSample[]): QueueOutlook => queueOutlook('mail', samples, queue.alerts)
const found = (samples: QueueSample[]) => queueFindings(queue, trend(...samples), outlookOf(samples))

describe('where the depth of a queue goes', () => {
  it('is not said from fewer than four looks', () => {
    expect(queueOutlook('mail', [])).toMatchObject({ state: 'unknown', n: 0 })
    expect(outlookOf(looks(1, 10, 100))).toMatchObject({ state: 'unknown', perSec: 0, n: 3 })
  })

  it('is up when more come than go, and falling behind when a limit is passed as well', () => {
    expect(outlookOf(looks(0, 20, 40, 60, 80))).toEqual({ queue: 'mail', state: 'growing', isOverLimit: false, perSec: 4, emptyInMs: null, n: 5 })
    expect(outlookOf(looks(980, 1000, 1020, 1040))).toMatchObject({ state: 'falling behind', isOverLimit: true })
    const old = looks(10, 10, 10, 10)
    expect(outlookOf([...old.slice(0, 3), { ...old[3]!, oldestWaitingMs: 31_000 }])).toMatchObject({ state: 'falling behind', isOverLimit: true })
  })

  it('is down with the time until none waits, also over a limit', () => {
    expect(outlookOf(looks(100, 80, 60, 40))).toMatchObject({ state: 'emptying', perSec: -4, emptyInMs: 10_000, isOverLimit: false })
    expect(outlookOf(looks(3000, 2500, 2000, 1500))).toMatchObject({ state: 'emptying', isOverLimit: true })
  })

  it('is steady while it only breathes, and nothing while none waits or it is paused', () => {
    expect(outlookOf(looks(900, 904, 898, 901))).toMatchObject({ state: 'steady' })
    expect(outlookOf(looks(0, 1, 0, 1))).toMatchObject({ state: 'steady' })
    expect(outlookOf(looks(50, 20, 5, 0))).toMatchObject({ state: 'empty', emptyInMs: null })
    expect(outlookOf(looks(5000, 5000, 5000, 5000).map(look => ({ ...look, isPaused: true })))).toMatchObject({ state: 'paused', isOverLimit: true })
  })
})

describe('a queue that falls behind', () => {
  it('is found with its growth', () => {
    expect(found(looks(1100, 1200, 1300, 1400))[0]).toMatchObject({
      rule: 'jobs/falling-behind',
      severity: 'warning',
      title: 'queue mail has 1400 jobs waiting, and grows by 20.0 a second',
    })
  })

  it('is told when it will be empty, when it catches up', () => {
    expect(found(looks(4500, 4000, 3500, 3000))[0]).toMatchObject({
      severity: 'info',
      title: 'queue mail has 3000 jobs waiting, and is empty in about 30 s at this rate',
    })
  })

  it('is found at once, and says that it does not know more yet', () => {
    expect(found(looks(1100, 1200))[0]).toMatchObject({ title: 'queue mail has 1200 jobs waiting, and whether they become fewer is not known yet' })
  })

  it('wants a worker where nobody works it, and else more at once', () => {
    const advice = (active: number) => found(looks(1100, 1200).map(look => ({ ...look, active })))[0]!.recommendation
    expect(advice(0)).toMatchObject({ summary: 'start a process that works this queue' })
    expect(advice(0).option).toBeUndefined()
    expect(advice(10).option).toMatchObject({ from: '10', to: '20' })
  })

  it('is none while it is paused, or within its limits', () => {
    expect(found(looks(5000, 5000).map(look => ({ ...look, isPaused: true })))).toEqual([])
    expect(found(looks(900, 1000))).toEqual([])
  })
})

it('tells a storm of retries from a kind of job that always fails, and both from few attempts', () => {
  const rules = (tally: KindTally): string[] =>
    found([sample(0, 0, { kinds: [kind(10, 0, 0)] }), sample(1000, 0, { kinds: [tally] })]).map(({ rule }) => rule)
  expect(rules(kind(110, 60, 55))).toEqual(['jobs/retry-storm'])
  expect(rules(kind(30, 20, 5))).toEqual(['jobs/always-failing'])
  expect(rules(kind(29, 19, 19))).toEqual([])
  expect(rules(kind(110, 40, 40))).toEqual([])
})

it('alerts on depth, age and failures by the limits of the queue, with the number and the limit', () => {
  const bad = trend(sample(0, 0), sample(1000, 1001, { oldestWaitingMs: 31_000, kinds: [kind(100, 2, 2)] }))
  expect(alertsOf(queue, bad).map(({ kind: what, value, limit }) => [what, value, limit])).toEqual([
    ['depth', 1001, 1000],
    ['age', 31_000, 30_000],
    ['failures', 0.02, 0.01],
  ])
  expect(alertsOf(queue, trend(sample(0, 0), sample(1000, 1000, { oldestWaitingMs: 30_000, kinds: [kind(19, 19, 19)] })))).toEqual([])
})

it('calls a job poison that stalled twice, remembers a hundred of them for an hour', () => {
  const book = new AttemptBook()
  for (let id = 0; id < 150; id++) book.stalled({ queue: 'mail', name: 'send', id: String(id), stalls: 2, atMs: 0 })
  book.stalled({ queue: 'mail', name: 'send', id: 'once', stalls: 1, atMs: 0 })
  expect(book.poison(1)).toHaveLength(100)
  expect(poisonFindings(book.poison(1))[0]).toMatchObject({
    rule: 'jobs/poison-job',
    severity: 'critical',
    title: expect.stringContaining('stalled 2 times'),
  })
  expect(book.poison(3_600_001)).toEqual([])
})

it('keeps the id of a finding from look to look', () => {
  expect(evictionFinding('allkeys-lru', 1)).toMatchObject({ id: evictionFinding('allkeys-lru', 2).id, severity: 'critical' })
})
