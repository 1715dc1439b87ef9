/** Indexes with their size and their use, the largest first by what the catalog says.
 *  In: $1 oid of one table, or null for all tables, $2 limit. Out: one row an index; lastScanAtMs is null before PostgreSQL 16. PostgreSQL 14.
 *  Locks: ACCESS SHARE for a moment in pg_relation_size and pg_get_indexdef. An index that is held or wanted exclusively, or whose table is, has null there.
 *  Rights: none. */
export const INDEX_FACTS = `WITH exclusive AS MATERIALIZED (
  SELECT DISTINCT l.relation AS oid FROM pg_locks l
  WHERE l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
), chosen AS MATERIALIZED (
  SELECT i.*, c.relname, n.nspname, t.relname AS table_name, am.amname,
    EXISTS (SELECT FROM exclusive e WHERE e.oid IN (i.indexrelid, i.indrelid)) AS held
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_am am ON am.oid = c.relam
  WHERE c.relkind = 'i' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND t.relpersistence <> 't'
    AND ($1::float8 IS NULL OR i.indrelid = ($1::float8)::int8::oid)
  ORDER BY c.relpages DESC, i.indexrelid LIMIT $2::int
)
SELECT /* holdfast */ k.nspname::text AS schema, k.table_name::text AS "table", k.relname::text AS name, k.amname::text AS method,
  k.indisvalid AS "isValid", k.indisprimary AS "isPrimary", k.indisunique AS "isUnique", k.indisreplident AS "isReplicaIdentity",
  k.indpred IS NOT NULL AS "isPartial", EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = k.indexrelid) AS "backsConstraint",
  CASE WHEN k.held THEN NULL ELSE pg_relation_size(k.indexrelid) END::float8 AS "sizeBytes",
  CASE WHEN k.held THEN NULL ELSE pg_get_indexdef(k.indexrelid) END AS definition,
  coalesce(s.idx_scan, 0)::float8 AS "scanCount", coalesce(s.idx_tup_read, 0)::float8 AS "entriesRead",
  (extract(epoch FROM (to_jsonb(s) ->> 'last_idx_scan')::timestamptz) * 1000)::float8 AS "lastScanAtMs"
FROM chosen k LEFT JOIN pg_stat_all_indexes s ON s.indexrelid = k.indexrelid
ORDER BY "sizeBytes" DESC NULLS LAST, schema, name`

export interface IndexFactsRow {
  readonly schema: string
  readonly table: string
  readonly name: string
  readonly method: string
  readonly isValid: boolean
  readonly isPrimary: boolean
  readonly isUnique: boolean
  readonly isReplicaIdentity: boolean
  readonly isPartial: boolean
  readonly backsConstraint: boolean
  readonly sizeBytes: number | null
  readonly definition: string | null
  readonly scanCount: number
  readonly entriesRead: number
  readonly lastScanAtMs: number | null
}
