import { coreErrors } from './errors.ts'

/** Where a finding stands. `verified` and `regressed` follow a measurement; `gone` means that the cause is no longer observed. */
export type FindingState = 'open' | 'snoozed' | 'applied' | 'verified' | 'regressed' | 'gone'

/** How the numbers behind advice were had: `modeled` (planner only: ratios, never ms), `measured` (on a copy of the data),
 *  `proven` (before and after, on the live system). */
export type EvidenceTier = 'modeled' | 'measured' | 'proven'

/** What the verification said. `no effect` and `regressed` offer the revert; `undecided` says that there is not enough traffic of the same shape yet. */
export type Verdict = 'fixed' | 'no effect' | 'regressed' | 'undecided'

/** How bad it becomes when nothing is done: `critical` ends in an outage, `warning` in slowness or waste, `info` costs little. */
export type FindingSeverity = 'info' | 'warning' | 'critical'

/** One measured quantity over one window. */
export interface Measurement {
  /** Calls in the window. Nothing is said without it. */
  readonly sampleCount: number
  readonly windowMs: number
  readonly meanMs: number
  /** Absent where only a mean is known, as from pg_stat_statements. */
  readonly p50Ms?: number
  readonly p95Ms?: number
  readonly p99Ms?: number
  /** Standard error of the mean. */
  readonly meanErrorMs?: number
  /** Rows read from tables for each row returned. */
  readonly rowsReadPerRow?: number
}

/** What a predicted ratio may turn out to be. */
export interface PredictedRange {
  readonly low: number
  readonly high: number
  /** `seen`: with parameters of live calls. `drawn`: with values taken from rows, because nobody has seen what the application asks for. */
  readonly parameters: 'seen' | 'drawn'
}

/** A change that a finding recommends. */
export interface Recommendation {
  /** Statements to run, in order. Empty when the change is one of the code. */
  readonly sql: readonly string[]
  /** Statements that undo it. */
  readonly revertSql: readonly string[]
  /** One sentence in the user's terms. */
  readonly summary: string
  /** The option of the code to change, where it is no SQL that has to run. */
  readonly option?: { readonly name: string; readonly from: string; readonly to: string }
  /** Predicted time after, divided by time before: 0.05 means twenty times faster. */
  readonly predictedRatio?: number
  /** Where that ratio lies. Absent: as far from it as the clock may err. */
  readonly predictedRange?: PredictedRange
  /** What it costs: size, write cost. */
  readonly costNote: string
  /** What it locks and for how long. */
  readonly lockNote: string
  readonly risk: 'low' | 'medium' | 'high'
  /** How sure it is that the change helps, from the evidence at hand. Absent: the evidence says it by itself. */
  readonly confidence?: 'low' | 'medium' | 'high'
  /** Why Holdfast does not make this change itself, for one that is only to be copied. Absent: it can be applied. */
  readonly manual?: string
}

/** Numbers and texts that show why. Rendered as they are, so keys are written for people. */
export interface Evidence {
  readonly tier: EvidenceTier
  /** `object`: of an index, table, session or setting; then `statement` names it, the figures say what was counted, and there are no times of calls.
   *  Absent: of a statement. */
  readonly of?: 'object'
  /** Normalised statement text; literals never appear. Of a finding about the cache: the prefix of the keys, or the key. */
  readonly statement: string
  /** pg_stat_statements queryid as text, where known. */
  readonly queryId?: string
  readonly before: Measurement
  /** Share of all statement time in the window, 0..1; of a finding about the cache, of all loading time. */
  readonly shareOfTime: number
  /** The same measured with the change made, on a copy. */
  readonly trial?: { readonly before: Measurement; readonly after: Measurement; readonly note: string }
  /** Further numbers, each with the count that it rests on. */
  readonly figures?: readonly { readonly name: string; readonly value: string }[]
  readonly planBefore?: string
  readonly planAfter?: string
}

/** What verification measured on the live system. */
export interface Verification {
  readonly verdict: Verdict
  readonly before: Measurement
  readonly after: Measurement
  /** One sentence: why this verdict. */
  readonly why: string
  /** Statements on the same table that got slower by more than the noise. */
  readonly regressedStatements: readonly { readonly statement: string; readonly beforeMs: number; readonly afterMs: number }[]
  readonly revertOffered: boolean
  readonly atMs: number
}

/** One line of a finding's history. */
export interface FindingEvent {
  readonly atMs: number
  readonly state: FindingState
  readonly note: string
}

/** Everything Holdfast has to say about one cause. The id is stable: the same cause found again has the same id. */
export interface Finding {
  readonly id: string
  /** Rule, for example `pg/missing-index`. */
  readonly rule: string
  readonly state: FindingState
  /** One sentence: what is wrong, where. */
  readonly title: string
  /** Total time saved per second of traffic, in ms, as predicted. Orders the list. */
  readonly savesMsPerSec: number
  /** Absent: judged by the time it saves alone. */
  readonly severity?: FindingSeverity
  readonly evidence: Evidence
  readonly recommendation: Recommendation
  readonly verification?: Verification
  readonly snoozedUntilMs?: number
  readonly history: readonly FindingEvent[]
}

const NEXT_STATES: Readonly<Record<FindingState, readonly FindingState[]>> = {
  open: ['snoozed', 'applied', 'gone'],
  snoozed: ['open', 'applied', 'gone'],
  applied: ['verified', 'regressed', 'open', 'gone'],
  verified: ['regressed', 'gone', 'open'],
  regressed: ['open', 'applied', 'gone'],
  gone: ['open'],
}

/** The finding in its next state, with a line of history.
 *  @throws HF_BUG_FINDING_TRANSITION when that state does not follow from the present one. */
export function moveFinding(finding: Finding, state: FindingState, note: string, atMs: number): Finding {
  if (!NEXT_STATES[finding.state].includes(state)) {
    throw coreErrors.create('HF_BUG_FINDING_TRANSITION', `finding ${finding.id} cannot go from ${finding.state} to ${state}`, {
      context: { id: finding.id, from: finding.state, to: state },
    })
  }
  return { ...finding, state, history: [...finding.history, { atMs, state, note }] }
}
