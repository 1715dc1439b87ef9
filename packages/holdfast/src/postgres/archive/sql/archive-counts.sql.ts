/** Whether a policy would take rows, and whether it would leave any. FROM and condition as SQL text. Out: one row. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the table. */
export function leavesAny(from: string, condition: string): string {
  return `SELECT /* holdfast */ EXISTS (SELECT FROM ${from} WHERE (${condition}) IS NOT TRUE) AS leaves, EXISTS (SELECT FROM ${from} WHERE ${condition}) AS takes`
}

export interface LeavesAnyRow {
  readonly leaves: boolean
  readonly takes: boolean
}

/** Rows of a policy and of the table. FROM and condition as SQL text. Out: one row. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function countRows(from: string, condition: string): string {
  return `SELECT /* holdfast */ count(*) FILTER (WHERE ${condition})::float8 AS "matchCount", count(*)::float8 AS "tableCount" FROM ${from}`
}

export interface CountedRow {
  readonly matchCount: number
  readonly tableCount: number
}

/** The planner's estimate of a policy's rows. FROM and condition as SQL text. Out: one row with the plan. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function estimateRows(from: string, condition: string): string {
  return `EXPLAIN (FORMAT JSON) SELECT /* holdfast */ FROM ${from} WHERE ${condition}`
}

/** The moment before which rows are old, by the server's clock. In: $1 age in ms. Out: one row. PostgreSQL 14. Locks: none. */
export const CUTOFF = "SELECT /* holdfast */ (clock_timestamp() - $1::float8 * interval '1 millisecond')::text AS cutoff"
