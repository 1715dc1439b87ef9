import type { ExplainedPlan } from '../plan.ts'

/** Runs a statement and answers with its plan and times. Only called in a read-only transaction.
 *  In: the statement; its values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: what the statement takes, ACCESS SHARE. */
export function explainAnalyze(statement: string, withBuffers: boolean): string {
  return `EXPLAIN (ANALYZE, BUFFERS ${withBuffers ? 'ON' : 'OFF'}, TIMING OFF, FORMAT JSON) /* holdfast */ ${statement}`
}

/** Answers with the plan of a statement, without running it.
 *  In: the statement; its values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: ACCESS SHARE. */
export function explainOnly(statement: string): string {
  return `EXPLAIN (FORMAT JSON) /* holdfast */ ${statement}`
}

export interface ExplainRow {
  readonly 'QUERY PLAN': readonly ExplainedPlan[]
}
