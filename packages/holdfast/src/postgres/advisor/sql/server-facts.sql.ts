/** Settings, counters and rights that rules judge by. Every replication slot that a standby reads counts as a replica, connected or not.
 *  In: nothing. Out: one row; times are ms since the epoch, null where never. PostgreSQL 14. Locks: none. */
export const SERVER_FACTS = `SELECT /* holdfast */ (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs", current_setting('server_version_num')::int AS version,
  current_user::text AS role, current_database()::text AS database, pg_is_in_recovery() AS "isReplica",
  (SELECT pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = 'pg_read_all_stats') AS "mayReadAll",
  (SELECT (extract(epoch FROM greatest(d.stats_reset, b.stats_reset)) * 1000)::float8 FROM pg_stat_bgwriter b) AS "statsResetMs",
  current_setting('max_connections')::int AS "maxConnections",
  current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0) AS "reservedConnections",
  (SELECT sum(numbackends)::int FROM pg_stat_database) AS "connectionCount",
  current_setting('autovacuum')::bool AS "autovacuumOn", current_setting('autovacuum_vacuum_threshold')::float8 AS "vacuumThreshold",
  current_setting('autovacuum_vacuum_scale_factor')::float8 AS "vacuumScaleFactor", current_setting('autovacuum_analyze_threshold')::float8 AS "analyzeThreshold",
  current_setting('autovacuum_analyze_scale_factor')::float8 AS "analyzeScaleFactor", current_setting('autovacuum_freeze_max_age')::float8 AS "freezeMaxAge",
  current_setting('vacuum_failsafe_age')::float8 AS "failsafeAge", age(p.datfrozenxid)::float8 AS "databaseXidAge", mxid_age(p.datminmxid)::float8 AS "databaseMultixactAge",
  current_setting('random_page_cost')::float8 AS "randomPageCost", current_setting('seq_page_cost')::float8 AS "seqPageCost",
  pg_size_bytes(current_setting('work_mem'))::float8 AS "workMemBytes", current_setting('block_size')::float8 AS "blockBytes",
  current_setting('track_io_timing')::bool AS "trackIoTiming", d.blks_read::float8 AS "blocksRead", d.blk_read_time::float8 AS "blockReadMs",
  d.temp_files::float8 AS "tempFileCount", d.temp_bytes::float8 AS "tempBytes",
  (SELECT count(*)::int FROM pg_stat_replication WHERE application_name IS DISTINCT FROM 'pg_basebackup')
    + (SELECT count(*)::int FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active) AS "replicaCount",
  (SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pgstattuple') AS "pgstattupleSchema"
FROM pg_database p JOIN pg_stat_database d ON d.datid = p.oid WHERE p.datname = current_database()`

export interface ServerFactsRow {
  readonly nowMs: number
  /** For example 180004. */
  readonly version: number
  readonly role: string
  readonly database: string
  readonly isReplica: boolean
  readonly mayReadAll: boolean
  readonly statsResetMs: number | null
  readonly maxConnections: number
  readonly reservedConnections: number
  readonly connectionCount: number
  readonly autovacuumOn: boolean
  readonly vacuumThreshold: number
  readonly vacuumScaleFactor: number
  readonly analyzeThreshold: number
  readonly analyzeScaleFactor: number
  readonly freezeMaxAge: number
  readonly failsafeAge: number
  readonly databaseXidAge: number
  readonly databaseMultixactAge: number
  readonly randomPageCost: number
  readonly seqPageCost: number
  readonly workMemBytes: number
  readonly blockBytes: number
  readonly trackIoTiming: boolean
  readonly blocksRead: number
  readonly blockReadMs: number
  readonly tempFileCount: number
  readonly tempBytes: number
  readonly replicaCount: number
  readonly pgstattupleSchema: string | null
}
