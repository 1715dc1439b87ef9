import { createHistogram } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { compareRuns, type LoadResult, renderComparison, requireValid } from '../src/index.ts'
import { summariseLatency } from '../src/latency-summary.ts'
import { createRandom, type Random } from '../src/random.ts'

/** A log-normal service time around 10 ms, as real ones look. */
function logNormal(random: Random, factor = 1): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return 0.01 * factor * Math.exp(0.6 * normal)
}

function runOf(values: readonly number[], changes: Partial<LoadResult> = {}): LoadResult {
  const histogram = createHistogram()
  for (const value of values) histogram.record(value)
  const latency = summariseLatency(histogram.snapshot())
  return {
    schema: 'holdfast.load/1',
    scenario: 'synthetic',
    startedAtMs: 0,
    durationMs: 10_000,
    arrivalPerSec: 100,
    achievedPerSec: 100,
    requestCount: values.length,
    errors: { count: 0, byKind: {} },
    droppedCount: 0,
    latency,
    service: latency,
    byRequest: [{ name: 'GET /', count: values.length, errors: 0, p50Ms: 1, p95Ms: 1, p99Ms: 1 }],
    perSecond: { intervalSeconds: 1, atSec: [], sent: [], done: [], errors: [], p50Ms: [], p95Ms: [], p99Ms: [] },
    generator: { driftP99Ms: 0.1, driftLimitMs: 2.5, eventLoopP99Ms: 0.1, cpuRatio: 0.1, inFlightMax: 3, waitedCount: 0 },
    valid: true,
    invalidReasons: [],
    slo: { met: null, broken: [] },
    responseHeaders: { serverTiming: {}, xCache: {} },
    ...changes,
  }
}

function sample(seed: number, factor = 1, count = 1000): number[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => logNormal(random, factor))
}

describe('compareRuns', () => {
  it('calls at most 1 in 100 pairs of the same distribution different, at every percentile', () => {
    const different = { p50: 0, p95: 0, p99: 0 }
    for (let repeat = 0; repeat < 500; repeat++) {
      for (const row of compareRuns(runOf(sample(2 * repeat)), runOf(sample(2 * repeat + 1))).rows)
        if (row.verdict !== 'same') different[row.percentile]++
    }
    expect(Math.max(...Object.values(different))).toBeLessThanOrEqual(5)
  })

  it('sees a shift of a third in nine pairs of ten, in both directions', () => {
    let slower = 0
    let faster = 0
    for (let repeat = 0; repeat < 100; repeat++) {
      if (compareRuns(runOf(sample(repeat)), runOf(sample(repeat + 1000, 1.33))).verdict === 'slower') slower++
      if (compareRuns(runOf(sample(repeat, 1.33)), runOf(sample(repeat + 1000))).verdict === 'faster') faster++
    }
    expect(slower).toBeGreaterThanOrEqual(90)
    expect(faster).toBeGreaterThanOrEqual(90)
  })

  it('covers the true ratio with its interval', () => {
    let covered = 0
    for (let repeat = 0; repeat < 200; repeat++) {
      const [low, high] = compareRuns(runOf(sample(repeat)), runOf(sample(repeat + 500, 2))).rows[1]!.interval
      if (low <= 2 && 2 <= high) covered++
    }
    expect(covered).toBeGreaterThanOrEqual(196)
  })

  it('trusts a difference less when the seconds of a run differ among themselves', () => {
    const perSecond = (p95Ms: number[]): Partial<LoadResult> => {
      const done = p95Ms.map(() => 100)
      return { perSecond: { intervalSeconds: 1, atSec: [], sent: done, done, errors: done.map(() => 0), p50Ms: p95Ms, p95Ms, p99Ms: p95Ms } }
    }
    const steady = Array.from({ length: 10 }, () => 20)
    const unsteady = Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? 5 : 80))
    expect(compareRuns(runOf(sample(1), perSecond(steady)), runOf(sample(2, 1.5), perSecond(steady))).verdict).toBe('slower')
    expect(compareRuns(runOf(sample(1), perSecond(unsteady)), runOf(sample(2, 1.5), perSecond(unsteady))).verdict).toBe('same')
  })

  it.each<[string, Partial<LoadResult>, string]>([
    ['an invalid run', { valid: false, invalidReasons: ['3 requests were never sent'] }, '3 requests were never sent'],
    ['another arrival rate', { arrivalPerSec: 120 }, 'arrival rates differ'],
    ['another mix', { byRequest: [{ name: 'GET /other', count: 1000, errors: 0, p50Ms: 1, p95Ms: 1, p99Ms: 1 }] }, 'mix differs'],
    ['another share of failures', { errors: { count: 200, byKind: { http_500: 200 } } }, 'error ratios differ'],
  ])('refuses %s, says why, and gives no figures', (_, changes, why) => {
    const comparison = compareRuns(runOf(sample(1)), runOf(sample(2), changes))
    expect(comparison.verdict).toBe('invalid')
    expect(comparison.rows).toEqual([])
    expect(comparison.reasons.join()).toContain(why)
    expect(renderComparison(comparison)).not.toMatch(/p95/)
    expect(renderComparison(comparison)).toContain(why)
  })

  it('refuses what is not a result of this version', () => {
    const foreign = { ...runOf([1]), schema: 'k6/2' } as unknown as LoadResult
    expect(() => compareRuns(foreign, runOf([1]))).toThrow(expect.objectContaining({ code: 'HF_LOAD_NOT_COMPARABLE' }))
  })
})

it('renders both values, the ratio, its interval and the verdict', () => {
  const text = renderComparison(compareRuns(runOf(sample(1)), runOf(sample(2, 2))))
  expect(text).toMatch(/p95 +[\d.]+ ms +[\d.]+ ms +[\d.]+x +[\d.]+ to [\d.]+ +slower/)
  expect(text).toMatch(/verdict \(p95\): slower$/)
})

it('turns an invalid run into an error with every reason', () => {
  const invalid = runOf([1], { valid: false, invalidReasons: ['first', 'second'] })
  expect(() => requireValid(invalid)).toThrow(
    expect.objectContaining({ code: 'HF_LOAD_INVALID_RUN', message: expect.stringMatching(/first; second/) }),
  )
  expect(requireValid(runOf([1])).valid).toBe(true)
})
