import { quoteIdent } from '../../advisor/identifier.ts'

/** Statements of the current database by their total time, summed over roles; our own, marked by a comment, are left out of the rows and of the whole.
 *  In: schema of the extension; $1 limit. Out: one row a statement, most time first; wholeMs and wholeCalls are of all of them. PostgreSQL 14.
 *  Locks: none on user tables; pg_stat_statements takes its own shared lock. Rights: without pg_read_all_stats other roles' statements have no text and no id. */
export function statementCosts(schema: string): string {
  return `WITH summed AS (
  SELECT s.queryid::text AS id, min(s.query) AS text, sum(s.calls)::float8 AS calls, sum(s.total_exec_time)::float8 AS total, sum(s.rows)::float8 AS rows,
    min(s.min_exec_time)::float8 AS least, max(s.max_exec_time)::float8 AS most,
    sum(s.calls * (s.stddev_exec_time ^ 2 + s.mean_exec_time ^ 2))::float8 AS squares,
    sum(s.shared_blks_hit)::float8 AS hit, sum(s.shared_blks_read)::float8 AS read, (sum(s.temp_blks_written) * current_setting('block_size')::int)::float8 AS temp
  FROM ${quoteIdent(schema)}.pg_stat_statements(true) s
  WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND s.query !~ '/[*] holdfast [*]/'
  GROUP BY s.queryid
)
SELECT /* holdfast */ id AS "queryId", text, calls AS "callCount", total AS "totalMs", rows AS "rowCount", least AS "leastMs", most AS "mostMs", squares AS "squaresMs2",
  hit AS "blocksHit", read AS "blocksRead", temp AS "temporaryBytes", sum(total) OVER () AS "wholeMs", sum(calls) OVER () AS "wholeCalls"
FROM summed ORDER BY total DESC LIMIT $1::int`
}

export interface StatementCostRow {
  readonly queryId: string | null
  readonly text: string | null
  readonly callCount: number
  readonly totalMs: number
  readonly rowCount: number
  readonly leastMs: number
  readonly mostMs: number
  readonly squaresMs2: number
  readonly blocksHit: number
  readonly blocksRead: number
  readonly temporaryBytes: number
  readonly wholeMs: number
  readonly wholeCalls: number
}
