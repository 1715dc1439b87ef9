/** Every index of the application's own tables, with its parsed keys and its counters. Columns that came later are read through JSON: last_idx_scan (16),
 *  indnullsnotdistinct (15). Tables under an ACCESS EXCLUSIVE lock are left out, for pg_get_indexdef would wait.
 *  In: nothing. Out: one row an index. PostgreSQL 14. Locks: ACCESS SHARE on the catalog and, in pg_get_indexdef, on the table for a moment. */
export const INDEX_HEALTH = `SELECT /* holdfast */ i.indexrelid::int8::float8 AS oid, i.indrelid::int8::float8 AS "tableOid", n.nspname::text AS schema, t.relname::text AS table, c.relname::text AS name,
  am.amname::text AS method, i.indisvalid AS "isValid", i.indisunique AS "isUnique", greatest(t.reltuples, 0)::float8 AS "tableRowCount",
  (SELECT CASE WHEN bool_and(w.bytes IS NOT NULL) THEN sum(w.bytes) END FROM generate_series(1, i.indnatts) k CROSS JOIN LATERAL (
    SELECT max((1 - s.null_frac) * s.avg_width) AS bytes FROM pg_attribute a JOIN pg_stats s ON s.schemaname = n.nspname AND s.attname = a.attname
      AND s.tablename = CASE WHEN i.indkey[k - 1] = 0 THEN c.relname ELSE t.relname END
    WHERE a.attrelid = CASE WHEN i.indkey[k - 1] = 0 THEN c.oid ELSE t.oid END AND a.attnum = CASE WHEN i.indkey[k - 1] = 0 THEN k ELSE i.indkey[k - 1] END) w)::float8 AS "keyBytes",
  coalesce(substring(array_to_string(c.reloptions, ' ') FROM 'fillfactor=([0-9]+)')::int, 90) AS "fillFactor",
  c.relpages::float8 * current_setting('block_size')::float8 AS "sizeBytes", greatest(c.reltuples, 0)::float8 AS "rowCount",
  i.indisprimary OR i.indisexclusion OR i.indisreplident OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AS "isNeeded",
  EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid) OR c.relkind = 'I' AS "isPartitioned",
  EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'relation' AND l.relation IN (i.indrelid, i.indexrelid) AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.mode = 'ShareUpdateExclusiveLock') AS "mayBeBuilding",
  (SELECT array_agg(pg_get_indexdef(i.indexrelid, k, true) ORDER BY k) FROM generate_series(1, i.indnkeyatts) k)::text[] AS keys,
  (SELECT coalesce(array_agg(a.attname::text ORDER BY k.at), '{}') FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts)::text[] AS columns,
  (SELECT coalesce(array_agg(a.attname::text ORDER BY k.at), '{}') FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, at)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum WHERE k.at > i.indnkeyatts)::text[] AS included,
  (SELECT array_agg(concat_ws(' ', u.class, u.coll, u.opt) ORDER BY u.at) FROM unnest(i.indclass::oid[], i.indcollation::oid[], i.indoption::int2[])
    WITH ORDINALITY u(class, coll, opt, at) WHERE u.at <= i.indnkeyatts)::text[] AS traits,
  pg_get_expr(i.indpred, i.indrelid) AS predicate, coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS "nullsNotDistinct",
  pg_get_indexdef(i.indexrelid) AS definition, coalesce(s.idx_scan, 0)::float8 AS "scanCount",
  (extract(epoch FROM (to_jsonb(s) ->> 'last_idx_scan')::timestamptz) * 1000)::float8 AS "lastScanMs"
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = i.indexrelid
WHERE t.relkind IN ('r', 'm', 'p') AND t.relpersistence <> 't' AND n.nspname !~ '^(pg_|information_schema$|holdfast$|holdfast_lab_)'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = t.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.relation IN (i.indrelid, i.indexrelid) AND l.mode = 'AccessExclusiveLock' AND l.granted)
ORDER BY i.indexrelid`

export interface IndexHealthRow {
  readonly oid: number
  readonly tableOid: number
  readonly schema: string
  readonly table: string
  readonly name: string
  readonly method: string
  readonly isValid: boolean
  readonly isUnique: boolean
  readonly tableRowCount: number
  /** Mean width of what it holds of a row, without nulls; null where statistics of a column are missing. */
  readonly keyBytes: number | null
  /** Per cent; 90 where it is not set, which is btree's. */
  readonly fillFactor: number
  /** As of the last VACUUM, ANALYZE or build. */
  readonly sizeBytes: number
  readonly rowCount: number
  /** Backs a primary key, a constraint, a foreign key's target, or is the replica identity. */
  readonly isNeeded: boolean
  /** Of a partitioned table or one of its partitions. */
  readonly isPartitioned: boolean
  /** Something that may be its build, or a VACUUM, holds a lock. */
  readonly mayBeBuilding: boolean
  /** Each key as SQL, an expression whole. */
  readonly keys: readonly string[]
  /** Key columns that are plain columns. */
  readonly columns: readonly string[]
  readonly included: readonly string[]
  /** Operator class, collation and direction of each key, as numbers of the catalog. */
  readonly traits: readonly string[]
  readonly predicate: string | null
  readonly nullsNotDistinct: boolean
  readonly definition: string
  readonly scanCount: number
  /** Null before PostgreSQL 16, and when never. */
  readonly lastScanMs: number | null
}
