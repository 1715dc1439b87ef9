import type { JobTrend } from '../api/jobs-contract.ts'

/** Jobs that waited at one moment. */
export interface DepthSample {
  readonly atMs: number
  readonly waiting: number
  readonly delayed: number
}

/** Looks below which, and time within which, a trend is noise. */
const LEAST_SAMPLES = 4
const LEAST_SPAN_MS = 15_000
/** A change smaller than this share of the depth, and than so many jobs, is none: queues breathe. */
const STEADY_SHARE = 0.05
const STEADY_JOBS = 2

/** Where a depth goes: the straight line of least squares through the samples, oldest first. Null while they are too few. */
export function depthTrend(samples: readonly DepthSample[]): JobTrend | null {
  const first = samples[0]
  const last = samples.at(-1)
  if (first === undefined || last === undefined || samples.length < LEAST_SAMPLES || last.atMs - first.atMs < LEAST_SPAN_MS) return null
  const n = samples.length
  const perSec = slopePerSec(samples)
  if (last.waiting === 0) return { state: 'empty', perSec, emptyInMs: null, n }
  const change = (perSec * (last.atMs - first.atMs)) / 1000
  const isSteady = Math.abs(change) < Math.max(STEADY_JOBS, last.waiting * STEADY_SHARE)
  if (isSteady) return { state: 'steady', perSec, emptyInMs: null, n }
  if (perSec > 0) return { state: 'falling behind', perSec, emptyInMs: null, n }
  return { state: 'emptying', perSec, emptyInMs: Math.round((last.waiting / -perSec) * 1000), n }
}

function slopePerSec(samples: readonly DepthSample[]): number {
  const mean = (of: (sample: DepthSample) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const meanMs = mean(({ atMs }) => atMs)
  const meanDepth = mean(({ waiting }) => waiting)
  const spread = samples.reduce((sum, { atMs }) => sum + (atMs - meanMs) ** 2, 0)
  const together = samples.reduce((sum, { atMs, waiting }) => sum + (atMs - meanMs) * (waiting - meanDepth), 0)
  return Math.round((together / spread) * 1000 * 10_000) / 10_000
}
