/** The database as a whole: its size and the counters of pg_stat_database.
 *  In: nothing. Out: one row; countersSinceMs is null when the server does not say. PostgreSQL 14. Locks: none.
 *  Rights: CONNECT on the database, which whoever asks has. */
export const DATABASE_FACTS = `SELECT /* holdfast */ (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "atMs", d.datname::text AS database,
  current_setting('server_version') AS "serverVersion", pg_database_size(d.oid)::float8 AS "sizeBytes",
  (extract(epoch FROM s.stats_reset) * 1000)::float8 AS "countersSinceMs",
  s.blks_hit::float8 AS "blocksHit", s.blks_read::float8 AS "blocksRead", s.xact_commit::float8 AS "commitCount", s.xact_rollback::float8 AS "rollbackCount",
  s.deadlocks::float8 AS "deadlockCount", s.temp_files::float8 AS "temporaryFileCount", s.temp_bytes::float8 AS "temporaryBytes"
FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid WHERE d.datname = current_database()`

export interface DatabaseFactsRow {
  readonly atMs: number
  readonly database: string
  readonly serverVersion: string
  readonly sizeBytes: number
  readonly countersSinceMs: number | null
  readonly blocksHit: number
  readonly blocksRead: number
  readonly commitCount: number
  readonly rollbackCount: number
  readonly deadlockCount: number
  readonly temporaryFileCount: number
  readonly temporaryBytes: number
}
