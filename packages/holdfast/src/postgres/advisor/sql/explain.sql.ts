import type { ExplainedPlan } from '../plan.ts'

/** Runs a statement and answers with its plan and times. Only called in a read-only transaction.
 *  In: the statement; its values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14; `serializes` 17. Locks: what the statement takes, ACCESS SHARE. */
export function explainAnalyze(statement: string, { withBuffers, withTiming, serializes }: ExplainMeasures): string {
  const serialize = serializes ? ', SERIALIZE TEXT' : ''
  return `EXPLAIN (ANALYZE, BUFFERS ${withBuffers ? 'ON' : 'OFF'}, TIMING ${withTiming ? 'ON' : 'OFF'}${serialize}, FORMAT JSON) /* holdfast */ ${statement}`
}

/** What is measured of a run. */
export interface ExplainMeasures {
  readonly withBuffers: boolean
  /** A clock at every node: costs time itself, as much as a row takes. */
  readonly withTiming: boolean
  /** Writes the rows out as a client would get them. PostgreSQL 17. */
  readonly serializes: boolean
}

/** Answers with the plan of a statement, without running it.
 *  In: the statement; its values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: ACCESS SHARE. */
export function explainOnly(statement: string): string {
  return `EXPLAIN (FORMAT JSON) /* holdfast */ ${statement}`
}

export interface ExplainRow {
  readonly 'QUERY PLAN': readonly ExplainedPlan[]
}
