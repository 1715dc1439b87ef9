/** The table that is to be vacuumed. Rights: its owner's, the database owner's, or MAINTAIN from version 17 on; without them VACUUM warns and does nothing.
 *  In: $1 schema or null, $2 name, $3 name quoted. Out: one row, or none. PostgreSQL 14. Locks: ACCESS SHARE for a moment, which the size takes; a table that is
 *  locked against that has size 0. */
export const VACUUM_SUBJECT = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  pg_get_userbyid(c.relowner)::text AS owner,
  pg_has_role(c.relowner, 'USAGE') OR pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE')
    OR CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS "mayVacuum",
  CASE WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock' AND l.granted) THEN 0 ELSE pg_table_size(c.oid) END::float8 AS "sizeBytes",
  s.n_dead_tup::float8 AS "deadCount", s.n_live_tup::float8 AS "liveCount",
  (SELECT v.pid FROM pg_stat_progress_vacuum v WHERE v.relid = c.oid LIMIT 1) AS "vacuumPid"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.oid = CASE WHEN $1::text IS NULL THEN to_regclass($3)::oid
  ELSE (SELECT k.oid FROM pg_class k JOIN pg_namespace m ON m.oid = k.relnamespace
    WHERE m.nspname = $1 AND k.relname = $2 AND has_schema_privilege(m.oid, 'USAGE')) END`

export interface VacuumSubjectRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly owner: string
  readonly mayVacuum: boolean
  readonly sizeBytes: number
  /** Null for a partitioned table, whose partitions have the rows. */
  readonly deadCount: number | null
  readonly liveCount: number | null
  /** Who vacuums it now. */
  readonly vacuumPid: number | null
}

/** The vacuum. It does not cut the end of the file off, for which it would lock readers and writers out. Table as SQL text. PostgreSQL 14.
 *  Locks: SHARE UPDATE EXCLUSIVE on the table; reads and writes go on. */
export function vacuumStatement(table: string, analyze: boolean): string {
  return `VACUUM (${analyze ? 'ANALYZE, ' : ''}TRUNCATE false) ${table}`
}

/** How far the vacuum of one backend is. In: $1 pid. Out: no row before and after. PostgreSQL 14. Locks: none. */
export const VACUUM_PROGRESS = `SELECT /* holdfast */ phase::text AS phase, heap_blks_total::float8 AS "blocksTotal", heap_blks_scanned::float8 AS "blocksScanned",
  heap_blks_vacuumed::float8 AS "blocksVacuumed" FROM pg_stat_progress_vacuum WHERE pid = $1`

export interface VacuumProgressRow {
  readonly phase: string
  readonly blocksTotal: number
  readonly blocksScanned: number
  readonly blocksVacuumed: number
}
