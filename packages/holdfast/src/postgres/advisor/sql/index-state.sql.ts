/** A relation by name, and if it is an index, how it stands.
 *  In: $1 schema, $2 name. Out: no row, or one. PostgreSQL 14. Locks: none on user tables. */
export const INDEX_STATE = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, c.relkind::text AS kind, i.indrelid::int8::float8 AS "tableOid", i.indisvalid AS "isValid",
  coalesce(s.idx_scan, 0)::float8 AS "scanCount", EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS "isBuilding"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = c.oid
WHERE n.nspname = $1 AND c.relname = $2`

export interface IndexStateRow {
  readonly oid: number
  readonly kind: string
  readonly tableOid: number | null
  readonly isValid: boolean | null
  readonly scanCount: number
  readonly isBuilding: boolean
}
