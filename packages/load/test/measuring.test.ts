import { describe, expect, it } from 'vitest'
import { transportErrorKind } from '../src/error-kind.ts'
import { HeaderTally } from '../src/header-tally.ts'
import type { LoadProgress } from '../src/index.ts'
import { summariseLatency } from '../src/latency-summary.ts'
import { Timeline } from '../src/timeline.ts'
import { driftLimitMs, invalidReasons, judgeSlo } from '../src/verdicts.ts'

describe('the timeline', () => {
  it('tells of each second what ended in it', () => {
    const timeline = new Timeline(3)
    timeline.sent()
    timeline.sent()
    timeline.ended(0.01, false)
    expect(timeline.look(999)).toBeUndefined()
    expect(timeline.look(1000)).toEqual<LoadProgress>({
      atMs: 1000,
      sentCount: 2,
      doneCount: 1,
      inFlight: 1,
      lastSecond: { perSec: 1, p50Ms: 10, p95Ms: 10, errors: 0 },
    })
    timeline.ended(0.5, true)
    expect(timeline.look(2000)?.lastSecond).toEqual({ perSec: 1, p50Ms: 500, p95Ms: 500, errors: 1 })
    expect(timeline.look(3000)?.lastSecond).toEqual({ perSec: 0, p50Ms: null, p95Ms: null, errors: 0 })
    const { done, errors, p95Ms } = timeline.finish(3000)
    expect({ done, errors, p95Ms }).toEqual({ done: [1, 1, 0], errors: [0, 1, 0], p95Ms: [10, 500, null] })
  })

  it('keeps to its grid when a look comes late', () => {
    const timeline = new Timeline(10)
    expect(timeline.look(1700)).toBeDefined()
    expect(timeline.look(1999)).toBeUndefined()
    expect(timeline.look(2000)).toBeDefined()
  })

  it('holds at most 3,600 entries of a day, and every request in one of them', () => {
    const timeline = new Timeline(86_400)
    for (let second = 1; second <= 86_400; second++) {
      timeline.sent()
      timeline.ended(0.001, false)
      timeline.look(1000 * second)
    }
    const { done, intervalSeconds } = timeline.finish(86_400_000)
    expect(intervalSeconds).toBe(24)
    expect(done).toHaveLength(3600)
    expect(done.reduce((sum, count) => sum + count, 0)).toBe(86_400)
  })
})

describe('the target headers', () => {
  it('are averaged by entry and counted by cache word', () => {
    const tally = new HeaderTally()
    tally.add({ 'server-timing': 'pg;dur=1;desc="3 statements", app;dur=0.5', 'x-cache': 'HIT' })
    tally.add({ 'server-timing': 'pg;desc="none";dur=2', 'x-cache': 'miss, from edge' })
    expect(tally.summary()).toEqual({ serverTiming: { pg: { meanMs: 1.5, count: 2 }, app: { meanMs: 0.5, count: 1 } }, xCache: { HIT: 1, MISS: 1 } })
  })

  it('fill a fixed table when a target invents names without end', () => {
    const tally = new HeaderTally()
    for (let i = 0; i < 1000; i++) tally.add({ 'server-timing': `n${i};dur=1`, 'x-cache': `w${i}` })
    const { serverTiming, xCache } = tally.summary()
    expect([Object.keys(serverTiming).length, Object.keys(xCache).length]).toEqual([32, 16])
  })
})

describe('validity', () => {
  const sound = { requestCount: 100, droppedCount: 0, driftP99Ms: 2, waitedCount: 0 }

  it('allows a drift of 10 % of the objective, and never less than 2 ms', () => {
    expect([driftLimitMs(undefined), driftLimitMs({ p95Ms: 200 }), driftLimitMs({ p95Ms: 5 })]).toEqual([5, 20, 2])
  })

  it('says why a run is invalid: dropped, late, or empty', () => {
    expect(invalidReasons(sound, 2.5, 10)).toEqual([])
    expect(invalidReasons({ ...sound, droppedCount: 1 }, 2.5, 10)[0]).toMatch(/1 of 101 requests were never sent/)
    expect(invalidReasons({ ...sound, driftP99Ms: 2.6 }, 2.5, 10)[0]).toMatch(/2.6 ms \(limit 2.5 ms\).*processor/)
    expect(invalidReasons({ ...sound, driftP99Ms: 9, waitedCount: 4 }, 2.5, 10)[0]).toMatch(/4 requests waited for one of 10 connections/)
    expect(invalidReasons({ ...sound, requestCount: 0 }, 2.5, 10)).toEqual(['no request was sent'])
  })

  it('judges the objective of a valid run only', () => {
    const latency = { ...summariseLatency({ count: 1, sum: 0.06, min: 0.06, max: 0.06, buckets: [[1500, 1]] }), p95Ms: 60, p99Ms: 60 }
    const recorded = { latency, errors: { count: 2, byKind: {} }, requestCount: 100 }
    expect(judgeSlo({ p95Ms: 50, errorRatio: 0.01 }, true, recorded)).toEqual({
      met: false,
      broken: ['p95 60 ms is above 50 ms', 'error ratio 0.0200 is above 0.01'],
    })
    expect(judgeSlo({ p95Ms: 70, p99Ms: 70, errorRatio: 0.05 }, true, recorded)).toEqual({ met: true, broken: [] })
    expect(judgeSlo({ p95Ms: 50 }, false, recorded).met).toBeNull()
    expect(judgeSlo(undefined, true, recorded).met).toBeNull()
  })
})

it.each([
  ['ECONNREFUSED', 'connect'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect'],
  ['ECONNRESET', 'reset'],
  ['UND_ERR_SOCKET', 'reset'],
  ['HPE_INVALID_CONSTANT', 'protocol'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'protocol'],
  ['ENOMEM', 'other'],
])('translates %s to %s', (code, kind) => {
  expect(transportErrorKind(Object.assign(new Error('x'), { code }))).toBe(kind)
})
