import { collectConfigProblems } from 'holdfast/core'
import { describe, expect, it } from 'vitest'
import { loadBullMq } from '../../src/jobs/bull/port.ts'
import { defineJob } from '../../src/jobs/job-definition.ts'
import { describeFailure, parseHistory } from '../../src/jobs/job-history.ts'
import { backoffMs, resolveQueue } from '../../src/jobs/job-policy.ts'
import { openClient } from '../../src/jobs/redis/port.ts'
import { readSchedule, repeatStrategy } from '../../src/jobs/schedule-times.ts'

describe('back-off', () => {
  const policy = { attempts: 9, baseMs: 1000, ceilingMs: 60_000, jitter: 0, timeoutMs: 1, priority: 0 }
  it('doubles up to its ceiling, also after any number of failures', () => {
    expect([1, 2, 3, 7, 60, 5000].map(failed => backoffMs(policy, failed, 0.9))).toEqual([1000, 2000, 4000, 60_000, 60_000, 60_000])
  })

  it('takes away at most the share of jitter', () => {
    const jittered = { ...policy, jitter: 0.5 }
    expect(backoffMs(jittered, 1, 0)).toBe(1000)
    expect(backoffMs(jittered, 1, 1)).toBe(500)
  })
})

describe('a queue', () => {
  it('hands its policy down to jobs that say nothing, and bounds what is kept by default', () => {
    const problems = collectConfigProblems()
    const queue = resolveQueue('mail', { attempts: 7, timeout: '2s', jobs: { a: defineJob({}), b: defineJob({ attempts: 1 }) } }, problems)
    problems.throwIfAny('queue')
    expect(queue.jobs.get('a')!.policy).toMatchObject({ attempts: 7, timeoutMs: 2000, baseMs: 1000, ceilingMs: 300_000, jitter: 0.5 })
    expect(queue.jobs.get('b')!.policy).toMatchObject({ attempts: 1, timeoutMs: 2000 })
    expect(queue).toMatchObject({
      concurrency: 10,
      keepCompleted: { count: 1000, age: 86_400 },
      keepDead: { count: 10_000, age: 1_209_600 },
      maxPayloadBytes: 65_536,
      alerts: { depth: 1000, ageMs: 30_000, failureRatio: 0.01 },
    })
  })
})

describe('a schedule', () => {
  const runs = (cron: string, timeZone: string, from: string, count: number): string[] => {
    const next = readSchedule('s', { cron, timeZone })
    const found: string[] = []
    let at = Date.parse(from)
    while (found.length < count) {
      at = next(at)!
      found.push(new Date(at).toISOString())
    }
    return found
  }

  it('runs once on the day the clocks go forward, at the first moment after the gap', () => {
    // Europe/Berlin, 29 March 2026: 02:00 becomes 03:00.
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-28T01:30:00.000Z',
      '2026-03-29T01:00:00.000Z',
      '2026-03-30T00:30:00.000Z',
    ])
  })

  it('runs once on the day the clocks go back', () => {
    // Europe/Berlin, 25 October 2026: 03:00 becomes 02:00.
    expect(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
  })

  it('keeps the hour of its own zone over the year, on both halves of the earth', () => {
    expect(runs('0 9 1 * *', 'America/New_York', '2026-02-15T00:00:00Z', 2)).toEqual(['2026-03-01T14:00:00.000Z', '2026-04-01T13:00:00.000Z'])
    expect(runs('0 9 1 * *', 'Australia/Lord_Howe', '2026-03-15T00:00:00Z', 2)).toEqual(['2026-03-31T22:00:00.000Z', '2026-04-30T22:30:00.000Z'])
  })

  it('is the same for BullMQ, which asks with its own words', () => {
    const next = repeatStrategy()
    const from = Date.parse('2026-03-28T12:00:00Z')
    expect(new Date(next(from, { pattern: '30 2 * * *', tz: 'Europe/Berlin' })!).toISOString()).toBe('2026-03-29T01:00:00.000Z')
    expect(new Date(next(from, { pattern: '30 2 * * *' })!).toISOString()).toBe('2026-03-29T02:30:00.000Z')
  })

  it('is refused with a code when it cannot be read', () => {
    expect(() => readSchedule('s', { cron: 'x', timeZone: 'UTC' })).toThrow(expect.objectContaining({ code: 'HF_JOBS_SCHEDULE' }))
  })
})

it('keeps of a failure its reason, code and the beginning of its message', () => {
  expect(describeFailure(new Error('x'.repeat(5000)))).toEqual({ reason: 'error', message: 'x'.repeat(1000) })
  expect(parseHistory(['not json', '{"attempt":1,"reason":"error","message":"m","atMs":1,"worker":"w"}', '[]', 'null'])).toHaveLength(1)
})

it('names the packages to install when BullMQ or ioredis is not there', () => {
  const missing = (): never => {
    throw new Error('Cannot find module')
  }
  expect(() => loadBullMq(missing)).toThrow(
    expect.objectContaining({ code: 'HF_JOBS_BULLMQ_MISSING', hint: expect.stringContaining('npm install bullmq@') }),
  )
  expect(() => openClient('redis://localhost', {}, missing)).toThrow(expect.objectContaining({ code: 'HF_JOBS_BULLMQ_MISSING' }))
})
