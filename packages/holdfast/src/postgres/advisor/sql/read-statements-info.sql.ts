import { quoteIdent } from '../identifier.ts'

/** The server's clock and when pg_stat_statements dropped all counters.
 *  In: schema of the extension. Out: one row. PostgreSQL 14. Locks: none. */
export function readStatementsInfo(schema: string): string {
  return `SELECT /* holdfast */ (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "atMs",
  (extract(epoch FROM i.stats_reset) * 1000)::float8 AS "resetAtMs" FROM ${quoteIdent(schema)}.pg_stat_statements_info i`
}

export interface StatementsInfoRow {
  readonly atMs: number
  readonly resetAtMs: number | null
}
