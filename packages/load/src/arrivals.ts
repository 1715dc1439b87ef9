import type { Random } from './random.ts'
import type { ArrivalSegment } from './scenario.ts'

/** Intended send times, one at a time, so that a run of any length needs the same memory. */
export interface Arrivals {
  /** Milliseconds after the start of the run, never falling; `Infinity` when there are no more. */
  next(): number
}

/** Inverts the cumulative arrival curve: the k-th request is due when the area under the rate reaches k - 1/2 (uniform, so that every interval
 *  gets its area to within one request) or the k-th point of a unit Poisson process (poisson). */
export function createArrivals(segments: readonly ArrivalSegment[], spacing: 'uniform' | 'poisson', random: Random): Arrivals {
  let index = 0
  let segmentStartSec = 0
  let areaBefore = 0
  let area = spacing === 'uniform' ? -0.5 : 0
  return {
    next() {
      area += spacing === 'uniform' ? 1 : -Math.log(1 - random())
      for (; index < segments.length; index++) {
        const segment = segments[index]!
        const segmentArea = areaOf(segment)
        // Uniform areas end in .5, so this also keeps the last request of a segment with a whole area on its own side of rounding.
        if (area <= areaBefore + segmentArea && segmentArea > 0) return 1000 * (segmentStartSec + secondsUntil(segment, area - areaBefore))
        areaBefore += segmentArea
        segmentStartSec += segment.seconds
      }
      return Number.POSITIVE_INFINITY
    },
  }
}

/** Requests that the segments intend on average. */
export function intendedCount(segments: readonly ArrivalSegment[]): number {
  return segments.reduce((sum, segment) => sum + areaOf(segment), 0)
}

/** Length of the whole curve in seconds. */
export function totalSeconds(segments: readonly ArrivalSegment[]): number {
  return segments.reduce((sum, segment) => sum + segment.seconds, 0)
}

/** Highest rate of the curve. */
export function peakRate(segments: readonly ArrivalSegment[]): number {
  return segments.reduce((peak, segment) => Math.max(peak, ...ends(segment)), 0)
}

function ends(segment: ArrivalSegment): [from: number, to: number] {
  return 'rate' in segment ? [segment.rate, segment.rate] : [segment.from, segment.to]
}

function areaOf(segment: ArrivalSegment): number {
  const [from, to] = ends(segment)
  return ((from + to) / 2) * segment.seconds
}

/** Solves from t + slope t^2 / 2 = area. In this form of the root nothing cancels when the slope is small, and a slope of 0 needs no case of its own. */
function secondsUntil(segment: ArrivalSegment, area: number): number {
  const [from, to] = ends(segment)
  const slope = (to - from) / segment.seconds
  const root = Math.sqrt(Math.max(0, from * from + 2 * slope * area))
  return Math.min(segment.seconds, (2 * area) / (from + root))
}
