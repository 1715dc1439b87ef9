/** Scans of the indexes of this database, on whichever server it is asked. On a standby it counts the reads that went there.
 *  In: nothing. Out: one row an index that was scanned. PostgreSQL 14. Locks: none on user tables. */
export const INDEX_SCANS = `SELECT /* holdfast */ s.indexrelid::int8::float8 AS oid, s.idx_scan::float8 AS "scanCount", (extract(epoch FROM d.stats_reset) * 1000)::float8 AS "statsResetMs"
FROM pg_stat_user_indexes s, pg_stat_database d WHERE d.datname = current_database() AND s.idx_scan > 0`

export interface IndexScansRow {
  readonly oid: number
  readonly scanCount: number
  readonly statsResetMs: number | null
}
