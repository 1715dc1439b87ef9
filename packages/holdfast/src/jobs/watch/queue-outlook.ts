import { DEFAULT_LIMITS } from '../job-policy.ts'

/** One look at how much of a queue waits. */
export interface DepthSample {
  readonly atMs: number
  readonly waiting: number
  /** Of the job that has waited longest. Absent: not known. */
  readonly oldestWaitingMs?: number
  readonly isPaused?: boolean
}

/** Where the depth of a queue goes: the one answer to whether it falls behind, for findings and pages alike. */
export interface QueueOutlook {
  readonly queue: string
  /** `falling behind`: over its limit of depth or age, and not emptying. `growing`: more wait each second, within the limits. `unknown`: looked at too seldom yet. */
  readonly state: 'unknown' | 'paused' | 'empty' | 'steady' | 'growing' | 'emptying' | 'falling behind'
  /** True when a limit of depth or age is passed, whatever the state. */
  readonly isOverLimit: boolean
  /** Jobs that wait more, or with a minus less, each second; 0 while `unknown`. */
  readonly perSec: number
  /** When none will wait at this rate; null unless it empties. */
  readonly emptyInMs: number | null
  /** Looks that it rests on. */
  readonly n: number
}

/** Looks below which, and time within which, a trend is noise. */
const LEAST_SAMPLES = 4
const LEAST_SPAN_MS = 15_000
/** A change smaller than this share of the depth, and than so many jobs, is none: queues breathe. */
const STEADY_SHARE = 0.05
const STEADY_JOBS = 2

/** What looks at a queue say, oldest first: by the straight line of least squares through them. Pure.
 *  @param limits those of the queue; default: those of a queue that names none */
export function queueOutlook(queue: string, samples: readonly DepthSample[], limits: typeof DEFAULT_LIMITS = DEFAULT_LIMITS): QueueOutlook {
  const first = samples[0]
  const last = samples.at(-1)
  const n = samples.length
  if (first === undefined || last === undefined) return { queue, state: 'unknown', isOverLimit: false, perSec: 0, emptyInMs: null, n }
  const spanMs = last.atMs - first.atMs
  const isKnown = n >= LEAST_SAMPLES && spanMs >= LEAST_SPAN_MS
  const perSec = isKnown ? slopePerSec(samples) : 0
  const isOverLimit = last.waiting > limits.depth || (last.waiting > 0 && (last.oldestWaitingMs ?? 0) > limits.ageMs)
  const outlook = { queue, isOverLimit, perSec, emptyInMs: null, n }
  if (last.isPaused) return { ...outlook, state: 'paused' }
  if (!isKnown) return { ...outlook, state: 'unknown' }
  if (last.waiting === 0) return { ...outlook, state: 'empty' }
  const isSteady = Math.abs((perSec * spanMs) / 1000) < Math.max(STEADY_JOBS, last.waiting * STEADY_SHARE)
  if (!isSteady && perSec < 0) return { ...outlook, state: 'emptying', emptyInMs: Math.round((last.waiting / -perSec) * 1000) }
  if (isOverLimit) return { ...outlook, state: 'falling behind' }
  return { ...outlook, state: isSteady ? 'steady' : 'growing' }
}

function slopePerSec(samples: readonly DepthSample[]): number {
  const mean = (of: (sample: DepthSample) => number): number => samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length
  const meanMs = mean(({ atMs }) => atMs)
  const meanDepth = mean(({ waiting }) => waiting)
  const spread = samples.reduce((sum, { atMs }) => sum + (atMs - meanMs) ** 2, 0)
  const together = samples.reduce((sum, { atMs, waiting }) => sum + (atMs - meanMs) * (waiting - meanDepth), 0)
  return Math.round((together / spread) * 1000 * 10_000) / 10_000
}
