import { quoteIdent } from '../identifier.ts'

/** Blocks that statements of this database touched and spilled since the counters were reset, summed over users.
 *  In: schema of pg_stat_statements. Out: one row a statement. PostgreSQL 14. Locks: none on user tables. */
export function statementBlocks(schema: string): string {
  return `SELECT /* holdfast */ s.queryid::text AS "queryId", sum(s.calls)::float8 AS calls, sum(s.temp_blks_written)::float8 AS "tempBlocks",
  sum(s.shared_blks_hit + s.shared_blks_read)::float8 AS blocks, sum(s.rows)::float8 AS rows
FROM ${quoteIdent(schema)}.pg_stat_statements(false) s
WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND s.queryid IS NOT NULL GROUP BY s.queryid`
}

export interface StatementBlocksRow {
  readonly queryId: string
  readonly calls: number
  readonly tempBlocks: number
  readonly blocks: number
  readonly rows: number
}
