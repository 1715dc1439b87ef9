/** Size and counters of tables and materialized views, the largest first by what the catalog says; sizes are taken of those that are returned only.
 *  In: $1 schema or null, $2 name or null (null: every table that the role may see), $3 limit. Out: one row a table. PostgreSQL 14.
 *  Locks: ACCESS SHARE for a moment in the size functions. A table that somebody holds or wants exclusively, or one of its indexes, has null sizes instead of a wait.
 *  Rights: none; a table in a schema without USAGE is listed all the same. */
export const TABLE_FACTS = `WITH exclusive AS MATERIALIZED (
  SELECT DISTINCT l.relation AS oid FROM pg_locks l
  WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), locked AS MATERIALIZED (
  SELECT e.oid FROM exclusive e UNION SELECT i.indrelid FROM pg_index i JOIN exclusive e ON e.oid = i.indexrelid
  UNION SELECT c.oid FROM pg_class c JOIN exclusive e ON e.oid = c.reltoastrelid
), chosen AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.reltuples, EXISTS (SELECT FROM locked k WHERE k.oid = c.oid) AS held
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
  WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND ($1::text IS NULL OR n.nspname = $1) AND ($2::text IS NULL OR c.relname = $2)
  ORDER BY greatest(c.relpages, s.n_live_tup / 100) DESC NULLS LAST, c.oid LIMIT $3::int
)
SELECT /* holdfast */ t.oid::int8::float8 AS oid, t.nspname::text AS schema, t.relname::text AS name,
  CASE WHEN t.relkind = 'm' THEN 'materialized view' WHEN t.relispartition THEN 'partition' ELSE 'table' END AS kind,
  CASE WHEN t.reltuples < 0 THEN NULL ELSE t.reltuples END::float8 AS "plannedRowCount", t.held AS "isLocked",
  CASE WHEN t.held THEN NULL ELSE pg_total_relation_size(t.oid) END::float8 AS "totalBytes",
  CASE WHEN t.held THEN NULL ELSE pg_table_size(t.oid) END::float8 AS "tableBytes",
  CASE WHEN t.held THEN NULL ELSE pg_indexes_size(t.oid) END::float8 AS "indexBytes",
  s.n_live_tup::float8 AS "liveRowCount", s.n_dead_tup::float8 AS "deadRowCount", s.n_mod_since_analyze::float8 AS "changedSinceAnalyze",
  s.seq_scan::float8 AS "sequentialScanCount", s.seq_tup_read::float8 AS "sequentialRowCount", s.idx_scan::float8 AS "indexScanCount",
  s.n_tup_ins::float8 AS "insertCount", s.n_tup_upd::float8 AS "updateCount", s.n_tup_hot_upd::float8 AS "hotUpdateCount", s.n_tup_del::float8 AS "deleteCount",
  (extract(epoch FROM greatest(s.last_vacuum, s.last_autovacuum)) * 1000)::float8 AS "vacuumedAtMs",
  (extract(epoch FROM greatest(s.last_analyze, s.last_autoanalyze)) * 1000)::float8 AS "analyzedAtMs"
FROM chosen t LEFT JOIN pg_stat_all_tables s ON s.relid = t.oid
ORDER BY "totalBytes" DESC NULLS LAST, schema, name`

export interface TableFactsRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: 'table' | 'partition' | 'materialized view'
  readonly plannedRowCount: number | null
  readonly isLocked: boolean
  readonly totalBytes: number | null
  readonly tableBytes: number | null
  readonly indexBytes: number | null
  readonly liveRowCount: number | null
  readonly deadRowCount: number | null
  readonly changedSinceAnalyze: number | null
  readonly sequentialScanCount: number | null
  readonly sequentialRowCount: number | null
  readonly indexScanCount: number | null
  readonly insertCount: number | null
  readonly updateCount: number | null
  readonly hotUpdateCount: number | null
  readonly deleteCount: number | null
  readonly vacuumedAtMs: number | null
  readonly analyzedAtMs: number | null
}
