import type { Verdict } from '../../core/index.ts'
import type { WorkloadFigures } from './ledger.ts'
import type { StatementWindow } from './workload.ts'

/** What is known after a change, to be compared with what was before. */
export interface VerdictInput {
  /** Time after divided by time before, as predicted; absent for a planted index, which claims nothing. */
  readonly claimedRatio: number | undefined
  readonly before: WorkloadFigures
  readonly after: WorkloadFigures
  /** Scans of the index since its build; `undefined` when the index is not there. */
  readonly indexScans: number | undefined
  /** Whether the planner would read the index for the statements; only asked when no scan was counted. `undefined`: not known. */
  readonly planUses: boolean | undefined
  /** Query ids of the statements that write. An index that is not used can slow down only these. */
  readonly writers: ReadonlySet<string>
  /** Counters were dropped since the build. */
  readonly reset: boolean
  readonly minCalls: number
}

export interface VerdictOutput {
  readonly verdict: Verdict
  /** One sentence with the numbers. */
  readonly why: string
  /** Query ids that got slower beyond noise, with their means. */
  readonly regressed: readonly { readonly queryId: string; readonly beforeMs: number; readonly afterMs: number }[]
}

/** Ratio of two means with its interval of 95 %. */
export interface RatioInterval {
  readonly ratio: number
  readonly low: number
  readonly high: number
}

/** Slower than this, with the whole interval, is a regression. */
const REGRESSION_RATIO = 1.2

/** Smaller differences of means are not felt, ms. */
const REGRESSION_MS = 0.1

/** A statement other than the target, or a target after three days, is only judged with this many calls. */
const LEAST_OTHER_CALLS = 30

/** After three days a statement that is seldom asked is judged by the calls that there were; the interval of the ratio says what they are worth. */
const LONG_WINDOW_MS = 72 * 3_600_000

/** A share of the traffic that changed by more than this factor is another shape of traffic. */
const SHAPE_FACTOR = 2

/** Index counters reach the statistics up to 10 s after an idle backend's last statement. @source PostgreSQL 18, pgstat.c PGSTAT_IDLE_INTERVAL */
const COUNTER_LAG_MS = 15_000

/** 97.5 % point of the normal distribution; windows hold hundreds of calls, where Student's t is the same. */
const Z_95 = 1.96

/** Says whether a change helped. Pure: the same figures always give the same verdict. */
export function decideVerdict(input: VerdictInput): VerdictOutput {
  const { before, after, indexScans, minCalls } = input
  const calls = after.target?.calls ?? 0
  if (indexScans === undefined) return undecided('the index is no longer there, so the time since says nothing about it')
  if (input.reset) return undecided('the counters were reset after the build; apply again or wait for a new reading')
  const needed = after.windowMs >= LONG_WINDOW_MS ? Math.min(minCalls, LEAST_OTHER_CALLS) : minCalls
  if (after.target === undefined || calls < needed) {
    return undecided(`${calls} calls since the build (${after.totalCalls} of all statements), ${needed - calls} more are needed`)
  }
  const regressed = regressions(input)
  const [worst] = regressed
  if (worst !== undefined) {
    const why = `${regressed.length} statement(s) on the table got slower, the worst ${ms(worst.beforeMs)} -> ${ms(worst.afterMs)}`
    return { verdict: 'regressed', why, regressed }
  }
  const interval = before.target === undefined ? undefined : ratioInterval(before.target, after.target)
  if (indexScans === 0) return unused(input, interval)
  if (before.target === undefined || interval === undefined) return undecided('nothing was measured before the build to compare with')
  const shape = shapeChange(before, after)
  if (shape !== undefined) return undecided(shape)
  return byGain(input, before.target, after.target, interval)
}

/** The ratio of the means with the interval that their standard errors leave, on the logarithmic scale (delta method), as Welch: variances apart. */
export function ratioInterval(before: StatementWindow, after: StatementWindow): RatioInterval {
  if (before.meanMs <= 0 || after.meanMs <= 0) return { ratio: 1, low: 0, high: Number.POSITIVE_INFINITY }
  const ratio = after.meanMs / before.meanMs
  const spread = Z_95 * Math.hypot(relativeError(before), relativeError(after))
  return { ratio, low: ratio * Math.exp(-spread), high: ratio * Math.exp(spread) }
}

function byGain({ claimedRatio }: VerdictInput, before: StatementWindow, after: StatementWindow, interval: RatioInterval): VerdictOutput {
  const numbers = `${ms(before.meanMs)} x ${before.calls} -> ${ms(after.meanMs)} x ${after.calls}, ratio ${interval.ratio.toFixed(3)} (${interval.low.toFixed(3)} to ${interval.high.toFixed(3)})`
  if (interval.high >= 1) return { verdict: 'no effect', why: `no gain beyond the noise: ${numbers}`, regressed: [] }
  // Without a claim, half of what the offer rule asks of a candidate.
  const leastGain = (1 - (claimedRatio ?? 0.5)) / 2
  if (1 - interval.ratio < leastGain) {
    return { verdict: 'no effect', why: `the gain is less than half of the claim (${(leastGain * 200).toFixed(0)} %): ${numbers}`, regressed: [] }
  }
  return { verdict: 'fixed', why: numbers, regressed: [] }
}

function unused({ after, planUses }: VerdictInput, interval: RatioInterval | undefined): VerdictOutput {
  const calls = after.target?.calls ?? 0
  if (planUses !== false && interval !== undefined && interval.high < 1 && after.windowMs < COUNTER_LAG_MS) {
    return undecided('the time fell, but no use of the index is counted yet; its counters may lag some seconds')
  }
  return { verdict: 'no effect', why: `the index was not used once in ${calls} calls`, regressed: [] }
}

function regressions({ before, after, indexScans, planUses, writers }: VerdictInput): VerdictOutput['regressed'] {
  const unread = indexScans === 0 && planUses === false
  // When statements that have nothing to do with the table got slower too, that much is the machine's.
  const drift = Math.max(1, driftOf(before, after))
  const found: { queryId: string; beforeMs: number; afterMs: number }[] = []
  const check = (was: StatementWindow | undefined, is: StatementWindow | undefined, writes: boolean): void => {
    if (was === undefined || is === undefined || was.calls < LEAST_OTHER_CALLS || is.calls < LEAST_OTHER_CALLS) return
    if (unread && !writes) return
    if (is.meanMs - was.meanMs * drift < REGRESSION_MS || ratioInterval(was, is).low / drift <= REGRESSION_RATIO) return
    found.push({ queryId: is.queryId, beforeMs: was.meanMs, afterMs: is.meanMs })
  }
  check(before.target, after.target, after.target?.queryId.split('+').every(queryId => writers.has(queryId)) === true)
  for (const is of after.others) {
    const was = before.others.find(other => other.queryId === is.queryId)
    check(was, is, writers.has(is.queryId))
  }
  return found.sort((a, b) => b.afterMs - b.beforeMs - (a.afterMs - a.beforeMs))
}

/** The median ratio of the controls' means; 1 without controls. */
function driftOf(before: WorkloadFigures, after: WorkloadFigures): number {
  const ratios: number[] = []
  for (const is of after.controls) {
    const was = before.controls.find(control => control.queryId === is.queryId)
    if (was === undefined || was.calls < LEAST_OTHER_CALLS || is.calls < LEAST_OTHER_CALLS || was.meanMs <= 0) continue
    ratios.push(is.meanMs / was.meanMs)
  }
  ratios.sort((a, b) => a - b)
  return ratios[Math.floor((ratios.length - 1) / 2)] ?? 1
}

function shapeChange(before: WorkloadFigures, after: WorkloadFigures): string | undefined {
  const was = (before.target?.calls ?? 0) / Math.max(1, before.totalCalls)
  const is = (after.target?.calls ?? 0) / Math.max(1, after.totalCalls)
  if (was === 0 || (is / was <= SHAPE_FACTOR && was / is <= SHAPE_FACTOR)) return undefined
  return `the traffic has another shape: ${percent(was)} of the calls before were of this statement, ${percent(is)} since`
}

function relativeError({ calls, errorMs, meanMs }: StatementWindow): number {
  // One call has no spread to measure; take it as uncertain as it is large.
  return calls < 2 ? 1 : errorMs / meanMs
}

function undecided(why: string): VerdictOutput {
  return { verdict: 'undecided', why, regressed: [] }
}

function ms(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value.toFixed(1)} ms`
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
