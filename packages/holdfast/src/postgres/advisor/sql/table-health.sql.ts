/** Every table and materialized view of the application, with its counters. n_tup_newpage_upd (16) is read through JSON.
 *  In: nothing. Out: one row a table; times are ms since the epoch, null where never. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const TABLE_HEALTH = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind, c.reltuples::float8 AS "rowCount",
  c.relpages::float8 AS "pageCount", c.reloptions::text[] AS options, age(c.relfrozenxid)::float8 AS "xidAge", mxid_age(c.relminmxid)::float8 AS "multixactAge",
  s.n_live_tup::float8 AS "liveCount", s.n_dead_tup::float8 AS "deadCount", s.n_tup_ins::float8 AS "insertCount", s.n_tup_upd::float8 AS "updateCount",
  s.n_tup_hot_upd::float8 AS "hotUpdateCount", s.n_tup_del::float8 AS "deleteCount", (to_jsonb(s) ->> 'n_tup_newpage_upd')::float8 AS "newPageUpdateCount",
  s.n_mod_since_analyze::float8 AS "changedSinceAnalyze",
  (extract(epoch FROM greatest(s.last_vacuum, s.last_autovacuum)) * 1000)::float8 AS "vacuumedMs",
  (extract(epoch FROM greatest(s.last_analyze, s.last_autoanalyze)) * 1000)::float8 AS "analyzedMs",
  (SELECT sum((1 - p.null_frac) * p.avg_width)::float8 FROM pg_stats p WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND NOT p.inherited) AS "rowBytes",
  coalesce((SELECT greatest(x.relpages * current_setting('block_size')::float8, o.n_live_tup * 1996.0)
    FROM pg_class x JOIN pg_stat_all_tables o ON o.relid = x.oid WHERE x.oid = c.reltoastrelid), 0)::float8 AS "toastBytes",
  (SELECT count(*)::int FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS "columnCount",
  (SELECT count(*)::int FROM pg_stats p WHERE p.schemaname = n.nspname AND p.tablename = c.relname AND NOT p.inherited) AS "columnsWithStatistics"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$|holdfast$|holdfast_lab_)'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

export interface TableHealthRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `r` table, `m` materialized view. */
  readonly kind: string
  /** Estimate of the last VACUUM or ANALYZE; -1 before the first. */
  readonly rowCount: number
  readonly pageCount: number
  readonly options: readonly string[] | null
  readonly xidAge: number
  readonly multixactAge: number
  readonly liveCount: number
  readonly deadCount: number
  readonly insertCount: number
  readonly updateCount: number
  readonly hotUpdateCount: number
  readonly deleteCount: number
  /** Null before PostgreSQL 16. */
  readonly newPageUpdateCount: number | null
  readonly changedSinceAnalyze: number
  readonly vacuumedMs: number | null
  readonly analyzedMs: number | null
  /** Mean width of a row's data in the table itself, where a value kept out of line has 18 bytes; null without statistics or without the right to read them. */
  readonly rowBytes: number | null
  /** Size of what is kept out of line (TOAST), by its pages or by its chunks of 1,996 bytes, whichever says more. */
  readonly toastBytes: number
  readonly columnCount: number
  readonly columnsWithStatistics: number
}
