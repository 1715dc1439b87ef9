import { tracingChannel } from 'node:diagnostics_channel'
import type { Clock, RequestScope } from '../core/index.ts'
import type { Counter, MetricFamily } from '../telemetry/index.ts'
import { type CallSite, describeCallSite } from './pool/call-site.ts'
import type { RepeatDetector } from './repeats/repeat-detector.ts'
import type { CallTally } from './repeats/request-calls.ts'
import { errorLabel } from './sqlstate.ts'
import type { StatementRecord, StatementStore } from './statement-store.ts'

/** What Holdfast knows of one pooled connection. */
export interface ConnectionState {
  /** The request that checked the connection out. Taken when it asked, because the pool hands connections over in the context of whoever gave
   *  the last one back. */
  scope: RequestScope | undefined
  /** Wait of the checkout, until a statement has taken it. */
  waitMs: number
  /** When the last statement ended. A statement queued behind it started then, not when it was queued. */
  lastEndMs: number
  /** True while the callback of a checkout runs: a statement sent in it, as by `pool.query`, began with the checkout, and the clock need not be read again. */
  isHandedOver: boolean
  /** True while the callback of a statement runs that was sent in the callback of its checkout, as by `pool.query`: the connection goes back as the statement ends. */
  isAnswered: boolean
  /** When it was checked out, on the monotonic clock; `undefined` while it is in the pool. */
  heldSinceMs: number | undefined
  /** Where it was asked for, when this checkout was looked at. */
  site: CallSite | undefined
  /** The statement sent last by whoever holds it. */
  record: StatementRecord | undefined
  /** Statements that are not answered yet. */
  runningCount: number
  /** Time that statements of this checkout took. */
  ranMs: number
  /** True when this checkout was reported as a leak. */
  isLeakReported: boolean
  /** True while it is among the connections that holders are looked for in. */
  isKnown: boolean
}

/** The state of a connection that nothing was sent on. */
export function createConnectionState(): ConnectionState {
  return {
    scope: undefined,
    waitMs: 0,
    lastEndMs: Number.NEGATIVE_INFINITY,
    isHandedOver: false,
    isAnswered: false,
    heldSinceMs: undefined,
    site: undefined,
    record: undefined,
    runningCount: 0,
    ranMs: 0,
    isLeakReported: false,
    isKnown: false,
  }
}

/** Message on the channel `holdfast:pg:query`. Holds text and parameters as they were sent: it does not leave the process by itself. */
export interface StatementTrace {
  readonly text: string
  /** The caller's own array; a copy is yours to make. */
  readonly values?: unknown
  /** The request that it belongs to. */
  readonly scope: RequestScope | undefined
  durationMs?: number
  rowCount?: number
  error?: unknown
}

/** Channel on which each statement is published, while somebody listens. */
export const STATEMENT_CHANNEL = 'holdfast:pg:query'

/** A statement under way. */
export interface RunningStatement {
  readonly state: ConnectionState
  readonly record: StatementRecord
  readonly text: string
  readonly values: unknown
  readonly startMs: number
  readonly waitMs: number
  readonly trace: StatementTrace | undefined
  /** The request's calls of this statement, where they are counted. */
  readonly tally: CallTally | undefined
  /** True for one that was sent in the callback of its checkout. */
  readonly isWithCheckout: boolean
  hasEnded: boolean
}

/** Everything that the end of a statement is written to. */
export interface StatementWatchDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly store: StatementStore
  readonly errors: MetricFamily<Counter>
  readonly repeats: RepeatDetector
  /** Statements at or above this many ms are reported to `onSlow`. */
  readonly slowMs: number
  /** False for the pool of a replica, where nothing can be written. */
  readonly isPrimary: boolean
  onSlow(running: RunningStatement, tookMs: number): void
}

/** Of a statement without parameters the constants in its text may be some. */
const NO_VALUES: readonly unknown[] = []

const channel = tracingChannel<StatementTrace, StatementTrace>(STATEMENT_CHANNEL)

/** Stamps the start and the end of every statement. This is the hot path: no parsing, one closure, two readings of the clock. */
export class StatementWatch {
  /** False after stop: statements pass through unseen. */
  active = true
  readonly repeats: RepeatDetector
  readonly #deps: StatementWatchDeps

  constructor(deps: StatementWatchDeps) {
    this.#deps = deps
    this.repeats = deps.repeats
  }

  begin(state: ConnectionState, text: string, values: unknown): RunningStatement {
    const { waitMs, isHandedOver } = state
    if (waitMs > 0) state.waitMs = 0
    const trace = channel.hasSubscribers ? { text, values, scope: state.scope } : undefined
    const record = this.#deps.store.recordOf(text)
    state.record = record
    state.runningCount++
    if (state.site !== undefined && record.callSite === undefined) record.callSite = describeCallSite(state.site) ?? ''
    return {
      state,
      record,
      text,
      values,
      startMs: isHandedOver ? state.heldSinceMs! : this.#deps.clock.monotonicMs(),
      waitMs,
      trace,
      tally: state.scope === undefined ? undefined : this.repeats.count(state, state.scope, record, text, values),
      isWithCheckout: isHandedOver,
      hasEnded: false,
    }
  }

  /** Sends the statement inside the context of the channel's subscribers. */
  trace<T>(trace: StatementTrace, run: () => T): T {
    return channel.traceSync(run, trace)
  }

  end(running: RunningStatement, error: unknown, rowCount: number): void {
    // `pg` calls back twice for a parameter that cannot be serialised: with the error, and when the connection is ready again.
    if (running.hasEnded) return
    running.hasEnded = true
    const { state, record, waitMs, startMs, values, tally } = running
    const endMs = this.#deps.clock.monotonicMs()
    const tookMs = endMs - (startMs > state.lastEndMs ? startMs : state.lastEndMs)
    state.lastEndMs = endMs
    if (running.isWithCheckout) state.isAnswered = true
    state.runningCount--
    state.ranMs += tookMs
    record.callCount++
    record.rowCount += rowCount
    record.totalMs += tookMs
    if (waitMs > 0) record.waitMs += waitMs
    record.histogram.record(tookMs / 1000)
    if (state.scope !== undefined) {
      state.scope.pgMs += tookMs
      state.scope.statementCount++
      if (this.#deps.isPrimary) state.scope.primaryEndMs = endMs
      tally?.end(tookMs)
    }
    record.binds.offer(Array.isArray(values) ? values : NO_VALUES, tookMs, this.#deps.random, running.text)
    if (error) this.#countError(record, error)
    if (tookMs >= this.#deps.slowMs) this.#deps.onSlow(running, tookMs)
    if (running.trace !== undefined) publishEnd(running.trace, tookMs, rowCount, error)
  }

  #countError(record: StatementRecord, error: unknown): void {
    record.errorCount++
    this.#deps.errors.bind(errorLabel(error)).add()
  }
}

function publishEnd(trace: StatementTrace, durationMs: number, rowCount: number, error: unknown): void {
  trace.durationMs = durationMs
  trace.rowCount = rowCount
  if (error) {
    trace.error = error
    channel.error.publish(trace)
  }
  channel.asyncStart.publish(trace)
  channel.asyncEnd.publish(trace)
}
