import { describe, expect, it } from 'vitest'
import { AttemptBook } from '../../src/jobs/watch/attempt-book.ts'
import { evictionFinding, poisonFindings, queueFindings } from '../../src/jobs/watch/job-findings.ts'
import { alertsOf } from '../../src/jobs/watch/queue-alerts.ts'
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

describe('a queue that falls behind', () => {
  it('is found with its growth', () => {
    const [found] = queueFindings(queue, trend(sample(0, 1100), sample(60_000, 2300)))
    expect(found).toMatchObject({
      rule: 'jobs/falling-behind',
      severity: 'warning',
      title: 'queue mail has 2300 jobs waiting, and grows by 20.0 a second',
    })
  })

  it('is told when it will be empty, when it catches up', () => {
    const [found] = queueFindings(queue, trend(sample(0, 4200), sample(60_000, 3000)))
    expect(found).toMatchObject({ severity: 'info', title: 'queue mail has 3000 jobs waiting, and is empty in about 3 min at this rate' })
  })

  it('is none while it is paused, or within its limits', () => {
    expect(queueFindings(queue, trend(sample(0, 5000), sample(1, 5000, { isPaused: true })))).toEqual([])
    expect(queueFindings(queue, trend(sample(0, 900), sample(1, 1000)))).toEqual([])
  })
})

it('tells a storm of retries from a kind of job that always fails, and both from few attempts', () => {
  const rules = (tally: KindTally): string[] =>
    queueFindings(queue, trend(sample(0, 0, { kinds: [kind(10, 0, 0)] }), sample(1000, 0, { kinds: [tally] }))).map(({ rule }) => rule)
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
