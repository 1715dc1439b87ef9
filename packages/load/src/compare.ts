import { type HistogramSnapshot, histogramQuantile } from 'holdfast/telemetry'
import { loadErrors } from './errors.ts'
import { quantileInterval } from './quantile-interval.ts'
import { LOAD_RESULT_SCHEMA, type LoadResult, type LoadTimeline } from './result.ts'

/** Percentiles that are compared. */
export type ComparedPercentile = 'p50' | 'p95' | 'p99'

/** `same`: no difference beyond the noise was shown, which is not a proof that there is none. */
export type ComparisonVerdict = 'faster' | 'slower' | 'same' | 'invalid'

/** Options of {@link compareRuns}. */
export interface CompareOptions {
  /** The percentile that the verdict is about. Default `p95`. One, because of three somebody always stands out. */
  readonly percentile?: ComparedPercentile
  /** Confidence of the intervals, 0.5..0.9999. Default 0.99. */
  readonly confidence?: number
  /** Smallest relative difference that is called one, however sure it is. Default 0.05. */
  readonly noiseRatio?: number
}

/** One percentile of the latency (from the intended send time) in both runs. */
export interface ComparedRow {
  readonly percentile: ComparedPercentile
  readonly beforeMs: number
  readonly afterMs: number
  /** After divided by before: 0.5 is twice as fast. */
  readonly ratio: number
  /** Interval of the ratio at the confidence. */
  readonly interval: readonly [low: number, high: number]
  readonly verdict: Exclude<ComparisonVerdict, 'invalid'>
}

/** What {@link compareRuns} says. Plain data. */
export interface RunComparison {
  readonly schema: 'holdfast.load-comparison/1'
  readonly before: { readonly scenario: string; readonly startedAtMs: number; readonly requestCount: number }
  readonly after: { readonly scenario: string; readonly startedAtMs: number; readonly requestCount: number }
  readonly verdict: ComparisonVerdict
  /** Why the runs cannot be compared; empty unless the verdict is `invalid`. */
  readonly reasons: readonly string[]
  readonly percentile: ComparedPercentile
  readonly confidence: number
  /** Empty when the verdict is `invalid`. */
  readonly rows: readonly ComparedRow[]
}

const QUANTILES: Readonly<Record<ComparedPercentile, number>> = { p50: 0.5, p95: 0.95, p99: 0.99 }

/** Compares two runs of one scenario, before and after a change. Runs that are invalid, or that did not send the same traffic, get the verdict
 *  `invalid` with the reasons and no figures. The intervals come from the histograms (order statistics) and, where requests of one second resemble each
 *  other, from the spread between seconds, whichever is wider. They cannot know how much runs of this target differ from each other: repeat, interleaved.
 *  @throws HF_LOAD_NOT_COMPARABLE when one is not a result of this version. */
export function compareRuns(before: LoadResult, after: LoadResult, options: CompareOptions = {}): RunComparison {
  assertResult(before, 'before')
  assertResult(after, 'after')
  const { percentile = 'p95', confidence = 0.99, noiseRatio = 0.05 } = options
  const reasons = incomparabilities(before, after)
  const rows = reasons.length > 0 ? [] : (['p50', 'p95', 'p99'] as const).map(which => compareRow(before, after, which, confidence, noiseRatio))
  return {
    schema: 'holdfast.load-comparison/1',
    before: identityOf(before),
    after: identityOf(after),
    verdict: rows.find(row => row.percentile === percentile)?.verdict ?? 'invalid',
    reasons,
    percentile,
    confidence,
    rows,
  }
}

function assertResult(value: LoadResult, which: string): void {
  const schema = (value as { schema?: unknown } | null)?.schema
  if (schema === LOAD_RESULT_SCHEMA) return
  throw loadErrors.create('HF_LOAD_NOT_COMPARABLE', `the run ${which} has the schema ${JSON.stringify(schema)}, not "${LOAD_RESULT_SCHEMA}"`, {
    context: { which, schema },
  })
}

function identityOf({ scenario, startedAtMs, requestCount }: LoadResult): RunComparison['before'] {
  return { scenario, startedAtMs, requestCount }
}

function compareRow(before: LoadResult, after: LoadResult, percentile: ComparedPercentile, confidence: number, noiseRatio: number): ComparedRow {
  const a = intervalOf(before, percentile, confidence)
  const b = intervalOf(after, percentile, confidence)
  // Two independent intervals make one of the difference of logarithms (MOVER: Zou and Donner 2008, section 2).
  const difference = Math.log(b.value / a.value)
  const low = Math.exp(difference - Math.hypot(Math.log(b.value / b.low), Math.log(a.high / a.value)))
  const high = Math.exp(difference + Math.hypot(Math.log(b.high / b.value), Math.log(a.value / a.low)))
  const ratio = Math.exp(difference)
  const verdict = low > 1 && ratio > 1 + noiseRatio ? 'slower' : high < 1 && ratio < 1 / (1 + noiseRatio) ? 'faster' : 'same'
  return {
    percentile,
    beforeMs: round(1000 * a.value),
    afterMs: round(1000 * b.value),
    ratio: round(ratio),
    interval: [round(low), round(high)],
    verdict,
  }
}

function intervalOf(run: LoadResult, percentile: ComparedPercentile, confidence: number): { value: number; low: number; high: number } {
  const quantile = QUANTILES[percentile]
  const perInterval = run.perSecond[`${percentile}Ms`].filter((_, i) => isFull(run.perSecond, i))
  const { low, high } = quantileInterval(run.latency.histogram, quantile, confidence, perInterval)
  return { value: quantileOf(run.latency.histogram, quantile), low, high }
}

function quantileOf(histogram: HistogramSnapshot, quantile: number): number {
  // A nanosecond at least, so that a ratio exists.
  return Math.max(1e-9, histogramQuantile(histogram, quantile) ?? 0)
}

/** The last interval of a run may hold a handful of requests. */
function isFull(timeline: LoadTimeline, i: number): boolean {
  return timeline.done[i]! > 0 && timeline.done[i]! >= 0.5 * Math.max(...timeline.done.slice(0, 2))
}

/** Why two runs say nothing about each other. */
function incomparabilities(before: LoadResult, after: LoadResult): string[] {
  const reasons: string[] = []
  for (const [which, run] of [
    ['before', before],
    ['after', after],
  ] as const) {
    if (!run.valid) reasons.push(`the run ${which} is invalid: ${run.invalidReasons.join('; ')}`)
  }
  if (Math.abs(after.arrivalPerSec / before.arrivalPerSec - 1) > 0.01) {
    reasons.push(`the arrival rates differ: ${round(before.arrivalPerSec)}/s before, ${round(after.arrivalPerSec)}/s after`)
  }
  for (const name of new Set([...before.byRequest, ...after.byRequest].map(request => request.name))) {
    const [a, b] = [shareOf(before, name), shareOf(after, name)]
    if (differs(a, before.requestCount, b, after.requestCount, 0.02))
      reasons.push(`the mix differs: "${name}" was ${percent(a)} of the requests before, ${percent(b)} after`)
  }
  const [a, b] = [before.errors.count / before.requestCount, after.errors.count / after.requestCount]
  // Requests that fail end sooner or later than those that work, so times over different shares of failures compare nothing.
  if (differs(a, before.requestCount, b, after.requestCount, 0.01)) reasons.push(`the error ratios differ: ${percent(a)} before, ${percent(b)} after`)
  return reasons
}

/** Whether two shares differ by more than `tolerance` and three standard errors. */
function differs(a: number, aCount: number, b: number, bCount: number, tolerance: number): boolean {
  return Math.abs(a - b) > tolerance + 3 * Math.sqrt((a * (1 - a)) / aCount + (b * (1 - b)) / bCount)
}

function shareOf(run: LoadResult, name: string): number {
  return run.byRequest.filter(request => request.name === name).reduce((sum, request) => sum + request.count, 0) / run.requestCount
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}
