import type { Clock, Logger } from '../../core/index.ts'
import type { Counter, MetricFamily } from '../../telemetry/index.ts'
import { copyBinds } from '../bind-copy.ts'
import type { StatementRecord, StatementStore } from '../statement-store.ts'
import type { SlowPlan } from './slow-plan.ts'

/** From when on a statement is called slow. */
export interface SlowThresholds {
  readonly warnMs: number
  readonly errorMs: number
}

/** What was slow of one statement, since the start. Plain data, literals never. */
export interface SlowStatement {
  readonly fingerprint: string
  /** Normalised text. */
  readonly text: string
  /** Calls that took longer than `slowWarn`. */
  readonly slowCount: number
  /** Time of those calls, waiting for a connection not included. */
  readonly totalMs: number
  readonly worstMs: number
  /** Time that those calls waited for a connection of the pool before. */
  readonly poolWaitMs: number
  readonly lastAtMs: number
  /** The plan as it was soon after a slow call, for that call's parameters; the statement was not run again for it. */
  readonly plan?: SlowPlan
  /** Why there is no plan. Absent with a plan, and while one is waited for. */
  readonly noPlan?: string
}

/** One slow call whose plan is wanted. */
export interface SlowCall {
  readonly text: string
  readonly values: readonly unknown[]
}

/** What is kept of one statement. */
export interface SlowEntry {
  readonly record: StatementRecord
  slowCount: number
  totalMs: number
  worstMs: number
  poolWaitMs: number
  lastAtMs: number
  /** The newest call, until its plan is there or given up. */
  wanted: SlowCall | undefined
  wantedSinceMs: number
  plan: SlowPlan | undefined
  noPlan: string | undefined
  /** When a plan was last asked for, on the monotonic clock. */
  plannedMs: number
  loggedMs: number
}

/** Least time between two lines, and two plans, of the same statement, so that a slow one floods nothing. */
export const SLOW_REPEAT_MS = 60_000
/** Statements kept; the one that was slow longest ago makes room. */
const ENTRY_LIMIT = 200
/** Statements whose plan is waited for at the same time: each keeps its text and parameters. */
const WANTED_LIMIT = 20
/** Longest text that is planned, in characters. */
const PLANNED_CHARS_LIMIT = 65_536

/** What {@link SlowStatements} works with. */
export interface SlowStatementsDeps {
  readonly store: StatementStore
  readonly thresholds: SlowThresholds
  readonly logger: Logger
  readonly clock: Clock
  /** By `level`: warn or error. */
  readonly counts: MetricFamily<Counter>
  /** False: no plan is wanted. */
  readonly wantsPlans: boolean
}

/** Remembers which statements were slow, and logs each at most once a minute: normalised text, never the values. */
export class SlowStatements {
  readonly #deps: SlowStatementsDeps
  readonly #entries = new Map<StatementRecord, SlowEntry>()

  constructor(deps: SlowStatementsDeps) {
    this.#deps = deps
  }

  note(record: StatementRecord, call: { readonly text: string; readonly values: unknown }, tookMs: number, waitMs: number): void {
    const { clock, counts, thresholds } = this.#deps
    const entry = this.#entryOf(record)
    entry.slowCount++
    entry.totalMs += tookMs
    entry.worstMs = Math.max(entry.worstMs, tookMs)
    entry.poolWaitMs += waitMs
    entry.lastAtMs = clock.nowMs()
    const isError = tookMs >= thresholds.errorMs
    counts.bind(isError ? 'error' : 'warn').add()
    const nowMs = clock.monotonicMs()
    if (this.#deps.wantsPlans && nowMs - entry.plannedMs >= SLOW_REPEAT_MS) this.#want(entry, call, nowMs)
    if (nowMs - entry.loggedMs < SLOW_REPEAT_MS) return
    entry.loggedMs = nowMs
    this.#log(record, tookMs, waitMs, isError)
  }

  /** Those whose plan is waited for, the longest waiting first. */
  wanted(): SlowEntry[] {
    return [...this.#entries.values()].filter(entry => entry.wanted !== undefined).sort((a, b) => a.wantedSinceMs - b.wantedSinceMs)
  }

  /** All of them, the costliest first. */
  snapshot(): readonly SlowStatement[] {
    return [...this.#entries.values()]
      .map(({ record, slowCount, totalMs, worstMs, poolWaitMs, lastAtMs, plan, noPlan }): SlowStatement => {
        const { fingerprint, text } = this.#deps.store.identify(record)
        const planned = plan === undefined ? (noPlan === undefined ? {} : { noPlan }) : { plan }
        return { fingerprint, text, slowCount, totalMs, worstMs, poolWaitMs, lastAtMs, ...planned }
      })
      .sort((a, b) => b.totalMs - a.totalMs)
  }

  #entryOf(record: StatementRecord): SlowEntry {
    const known = this.#entries.get(record)
    const entry: SlowEntry = known ?? {
      ...{ record, slowCount: 0, totalMs: 0, worstMs: 0, poolWaitMs: 0, lastAtMs: 0, wantedSinceMs: 0 },
      ...{ wanted: undefined, plan: undefined, noPlan: undefined, plannedMs: Number.NEGATIVE_INFINITY, loggedMs: Number.NEGATIVE_INFINITY },
    }
    // In order of use, so that the first is the one to forget.
    this.#entries.delete(record)
    this.#entries.set(record, entry)
    if (this.#entries.size > ENTRY_LIMIT) this.#entries.delete(this.#entries.keys().next().value!)
    return entry
  }

  #want(entry: SlowEntry, { text, values }: { readonly text: string; readonly values: unknown }, nowMs: number): void {
    const given = Array.isArray(values) ? values : []
    if (entry.record.form.isWrite) entry.noPlan = 'it writes, and a write is never planned again'
    else if (!entry.record.form.counts) entry.noPlan = 'it is no query'
    else if (entry.wanted === undefined) {
      const copy = text.length > PLANNED_CHARS_LIMIT ? undefined : copyBinds(given)
      if (copy === undefined) entry.noPlan = 'its text or its parameters are too large to keep'
      else if (this.wanted().length < WANTED_LIMIT) {
        entry.wanted = { text, values: copy }
        entry.wantedSinceMs = nowMs
      }
    }
  }

  #log(record: StatementRecord, tookMs: number, waitMs: number, isError: boolean): void {
    const { store, thresholds, logger } = this.#deps
    const { fingerprint, text } = store.identify(record)
    const fields = { fingerprint, text, tookMs: Math.round(tookMs), poolWaitMs: Math.round(waitMs) }
    if (isError) logger.error(fields, `statement took ${fields.tookMs} ms (limit ${thresholds.errorMs} ms)`)
    else logger.warn(fields, `statement took ${fields.tookMs} ms (limit ${thresholds.warnMs} ms)`)
  }
}
