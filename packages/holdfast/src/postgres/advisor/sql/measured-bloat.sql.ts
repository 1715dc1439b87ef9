import { quoteIdent } from '../identifier.ts'

/** Free and dead space of a table, measured by pgstattuple over the pages that the visibility map does not vouch for.
 *  In: schema of pgstattuple; $1 oid. Out: one row. PostgreSQL 14, extension pgstattuple, pg_stat_scan_tables. Locks: ACCESS SHARE on the table. */
export function measuredBloat(schema: string): string {
  return `SELECT /* holdfast */ table_len::float8 AS "tableBytes", (approx_free_space + dead_tuple_len)::float8 AS "wastedBytes", scanned_percent::float8 AS "scannedPercent"
FROM ${quoteIdent(schema)}.pgstattuple_approx($1::oid::regclass)`
}

export interface MeasuredBloatRow {
  readonly tableBytes: number
  readonly wastedBytes: number
  readonly scannedPercent: number
}
