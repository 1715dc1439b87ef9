import { quoteIdent } from '../identifier.ts'

/** Counters of the statements of the current database, summed over users. Utility statements and our own (marked by a comment) are left out.
 *  In: schema of the extension. Out: one row a statement, most time first; text only when `withText`. PostgreSQL 14 (toplevel, _info view).
 *  Locks: none on user tables; pg_stat_statements takes its own shared lock. */
export function readStatements(schema: string, withText: boolean): string {
  const s = quoteIdent(schema)
  return `SELECT /* holdfast */ s.queryid::text AS "queryId", ${withText ? 'min(s.query)' : 'NULL::text'} AS text,
  sum(s.calls)::float8 AS calls, sum(s.total_exec_time)::float8 AS "totalMs", sum(s.rows)::float8 AS rows,
  sum(s.calls * (s.stddev_exec_time ^ 2 + s.mean_exec_time ^ 2))::float8 AS "squaresMs2",
  min(s.min_exec_time)::float8 AS "minMs"
FROM ${s}.pg_stat_statements(true) s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.queryid IS NOT NULL
  AND s.query !~ '/[*] holdfast [*]/' AND s.query ~* '^\\s*(/[*].*?[*]/\\s*|--[^\\n]*\\n\\s*)*[(]?\\s*(select|insert|update|delete|with|merge|values|table|begin|commit)\\M'
GROUP BY s.queryid ORDER BY sum(s.total_exec_time) DESC`
}

export interface StatementRow {
  readonly queryId: string
  readonly text: string | null
  readonly calls: number
  readonly totalMs: number
  readonly rows: number
  readonly squaresMs2: number
  readonly minMs: number
}
