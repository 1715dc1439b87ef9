import { expect, it } from 'vitest'
import { createArrivals, intendedCount, peakRate, totalSeconds } from '../src/arrivals.ts'
import { createRandom } from '../src/random.ts'
import type { ArrivalSegment } from '../src/scenario.ts'

function collect(segments: readonly ArrivalSegment[], spacing: 'uniform' | 'poisson' = 'uniform', seed = 1): number[] {
  const arrivals = createArrivals(segments, spacing, createRandom(seed))
  const times: number[] = []
  for (let due = arrivals.next(); due !== Number.POSITIVE_INFINITY; due = arrivals.next()) times.push(due)
  return times
}

function countBetween(times: readonly number[], fromMs: number, toMs: number): number {
  return times.filter(time => time >= fromMs && time < toMs).length
}

/** Requests that a curve intends up to a point, by adding up thin slices: independent of the inversion under test. */
function areaUntil(segments: readonly ArrivalSegment[], untilSec: number): number {
  let area = 0
  let startSec = 0
  for (const segment of segments) {
    const [from, to] = 'rate' in segment ? [segment.rate, segment.rate] : [segment.from, segment.to]
    const lengthSec = Math.max(0, Math.min(segment.seconds, untilSec - startSec))
    area += lengthSec * (from + ((to - from) * lengthSec) / segment.seconds / 2)
    startSec += segment.seconds
  }
  return area
}

it('spaces a constant rate evenly, the first request half a gap after the start', () => {
  expect(collect([{ rate: 4, seconds: 1 }])).toEqual([125, 375, 625, 875])
})

it('gives every interval of any curve its area to within one request', () => {
  const random = createRandom(11)
  for (let repeat = 0; repeat < 200; repeat++) {
    const segments: ArrivalSegment[] = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const seconds = 0.5 + random() * 5
      return random() < 0.5
        ? { rate: Math.floor(random() * 300), seconds }
        : { from: Math.floor(random() * 300), to: Math.floor(random() * 300), seconds }
    })
    const times = collect(segments)
    expect(Math.abs(times.length - intendedCount(segments))).toBeLessThanOrEqual(0.5 + 1e-6)
    const end = totalSeconds(segments)
    for (let i = 0; i < 10; i++) {
      const [a, b] = [random() * end, random() * end].sort((x, y) => x - y) as [number, number]
      const expected = areaUntil(segments, b) - areaUntil(segments, a)
      expect(Math.abs(countBetween(times, 1000 * a, 1000 * b) - expected)).toBeLessThanOrEqual(1 + 1e-6)
    }
  }
})

it('never goes back in time and never leaves the curve', () => {
  const times = collect([
    { from: 0, to: 500, seconds: 2 },
    { rate: 0, seconds: 1 },
    { from: 500, to: 0, seconds: 2 },
  ])
  expect(times).toHaveLength(1000)
  expect(times.every((time, i) => time >= (times[i - 1] ?? 0) && time <= 5000)).toBe(true)
  expect(countBetween(times, 2000.001, 3000)).toBe(0)
})

it('spaces poisson arrivals like independent users: gaps vary as much as they are long', () => {
  const times = collect([{ rate: 200, seconds: 100 }], 'poisson', 5)
  const gaps = times.slice(1).map((time, i) => time - times[i]!)
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length)
  expect(mean).toBeGreaterThan(4.8)
  expect(mean).toBeLessThan(5.2)
  expect(deviation / mean).toBeGreaterThan(0.95)
  expect(deviation / mean).toBeLessThan(1.05)
})

it('repeats poisson arrivals by the seed, and gives others for another seed', () => {
  const segments = [{ rate: 50, seconds: 2 }]
  expect(collect(segments, 'poisson', 3)).toEqual(collect(segments, 'poisson', 3))
  expect(collect(segments, 'poisson', 3)).not.toEqual(collect(segments, 'poisson', 4))
})

it('tells the highest rate of a curve', () => {
  expect(
    peakRate([
      { rate: 10, seconds: 1 },
      { from: 5, to: 80, seconds: 1 },
    ]),
  ).toBe(80)
})
