import { describe, expect, it } from 'vitest'
import {
  bucketLowerBound,
  bucketUpperBound,
  createHistogram,
  histogramQuantile,
  mergeHistograms,
  subtractHistogram,
} from '../../src/telemetry/index.ts'

/** Mulberry32: a seeded generator, so that a failure replays. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const of = (...values: number[]) => {
  const histogram = createHistogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe('a histogram', () => {
  it('errs by less than one percent at every quantile, over nine orders of magnitude', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = seeded(seed)
      const values = Array.from({ length: 5000 }, () => 10 ** (random() * 9 - 6))
      const snapshot = of(...values).snapshot()
      values.sort((a, b) => a - b)
      for (const quantile of [0.001, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
        const exact = values[Math.max(1, Math.ceil(quantile * values.length)) - 1]!
        expect(Math.abs(histogramQuantile(snapshot, quantile)! - exact) / exact, `seed ${seed}, quantile ${quantile}`).toBeLessThan(0.01)
      }
    }
  })

  it('has buckets that touch and hold their bounds', () => {
    for (let bucket = 1; bucket < 4000; bucket++) {
      expect(bucketUpperBound(bucket)).toBe(bucketLowerBound(bucket + 1))
      expect(of(bucketLowerBound(bucket)).snapshot().buckets).toEqual([[bucket, 1]])
    }
  })

  it('merges by addition: parts together are the whole', () => {
    const random = seeded(7)
    const values = Array.from({ length: 3000 }, () => random() ** 4)
    const whole = of(...values).snapshot()
    const parts = [0, 1, 2].map(part => of(...values.filter((_, i) => i % 3 === part)).snapshot())
    const merged = mergeHistograms(parts)
    expect({ ...merged, sum: 0 }).toEqual({ ...whole, sum: 0 })
    expect(merged.sum).toBeCloseTo(whole.sum, 9)
  })

  it('subtracts an earlier reading of itself to what came between', () => {
    const histogram = of(0.001, 0.002, 0.5)
    const earlier = histogram.snapshot()
    for (const value of [0.001, 0.3, 0.3]) histogram.record(value)
    const between = subtractHistogram(histogram.snapshot(), earlier)
    expect(between.count).toBe(3)
    expect(between.sum).toBeCloseTo(0.601, 9)
    expect(histogramQuantile(between, 0.99)).toBeCloseTo(0.3, 2)
    expect(between.max).toBeLessThan(0.31)
  })

  it('takes a later reading whole when the process restarted in between', () => {
    const later = of(0.2).snapshot()
    expect(subtractHistogram(later, of(0.2, 0.2).snapshot())).toEqual(later)
    expect(subtractHistogram(later, of(0.4).snapshot())).toEqual(later)
  })

  it('says nothing about an empty set', () => {
    expect(histogramQuantile(of().snapshot(), 0.5)).toBeUndefined()
    expect(of().snapshot()).toEqual({ count: 0, sum: 0, min: 0, max: 0, buckets: [] })
  })

  it('counts what no clock should give (negative, NaN, infinite) without breaking', () => {
    const snapshot = of(-1, Number.NaN, 0, Number.POSITIVE_INFINITY, 1e300).snapshot()
    expect(snapshot.count).toBe(5)
    expect(snapshot.min).toBe(0)
    expect(of(-1, Number.NaN).snapshot().sum).toBe(0)
  })
})
