import { tracingChannel } from 'node:diagnostics_channel'
import { createRequestScope, type RequestScope, systemClock } from '../../core/index.ts'
import { isAnyPoolHooked } from '../pool-hook.ts'
import { maskLiterals } from '../statement-shape.ts'
import { createStatementStore, type StatementRecord } from '../statement-store.ts'
import { STATEMENT_CHANNEL, type StatementTrace } from '../statement-watch.ts'
import { ruleOf } from './repeat-book.ts'
import { ALLOWED_REPEATS, type CallTally, RequestCalls } from './request-calls.ts'

/** One statement that was recorded. */
export interface RecordedStatement {
  /** Without literals. */
  readonly text: string
  readonly callCount: number
  /** Different sets of parameters, at most 64. */
  readonly distinctCount: number
  /** True when one request, or what ran outside of requests, sent it five times or more with differing parameters and without leave. */
  readonly isNPlusOne: boolean
}

/** A recording under way. */
export interface StatementRecording {
  stop(): void
  /** The statements so far, those sent most often first. */
  statements(): readonly RecordedStatement[]
  /** True when some pool was observed at the start or is now. */
  isObserved(): boolean
}

interface Recorded {
  readonly text: string
  callCount: number
  readonly tallies: Set<CallTally>
}

const DISTINCT_STATEMENTS = 10_000

/** Records what all observed pools of the process send from now on. Kept in memory until dropped: for tests. */
export function recordStatements(): StatementRecording {
  const wasObserved = isAnyPoolHooked()
  const store = createStatementStore({ clock: systemClock, statementLimit: DISTINCT_STATEMENTS })
  const recorded = new Map<StatementRecord, Recorded>()
  const outside = createRequestScope()
  const callsByScope = new Map<RequestScope, RequestCalls>()

  const onStart = ({ text, values, scope = outside }: StatementTrace): void => {
    const record = store.recordOf(text)
    const statement = recorded.get(record) ?? { text: maskLiterals(text), callCount: 0, tallies: new Set() }
    recorded.set(record, statement)
    statement.callCount++
    if (scope.statementCalls === ALLOWED_REPEATS || !record.form.counts) return
    const calls = callsByScope.get(scope) ?? new RequestCalls()
    callsByScope.set(scope, calls)
    const tally = calls.count(record, scope, text, values)
    if (tally !== undefined) statement.tallies.add(tally)
  }
  const { start } = tracingChannel<StatementTrace, StatementTrace>(STATEMENT_CHANNEL)
  const listener = onStart as (message: unknown) => void
  start.subscribe(listener)
  return {
    stop() {
      start.unsubscribe(listener)
      store.close()
    },
    statements: () => [...recorded.values()].map(describe).sort((a, b) => b.callCount - a.callCount),
    isObserved: () => wasObserved || isAnyPoolHooked(),
  }
}

function describe({ text, callCount, tallies }: Recorded): RecordedStatement {
  const all = [...tallies]
  return {
    text,
    callCount,
    distinctCount: Math.max(1, ...all.map(tally => tally.distinctCount)),
    isNPlusOne: all.some(tally => ruleOf(tally) === 'pg/n-plus-one'),
  }
}
