/** Materialized views with what a refresh needs to know: one by name, or all that are in sight. Usable is a unique index over plain columns and all rows.
 *  `$1` null and `$2` null: all. In: $1 schema or null, $2 name or null, $3 name quoted or null. Out: one row a relation; of one asked for by name also when it
 *  is no view (`kind`). PostgreSQL 14. Locks: ACCESS SHARE for a moment, which the size takes; a view that is locked against that has size 0.
 *  Rights: refreshing needs ownership, or MAINTAIN from version 17 on. */
export const VIEW_FACTS = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  pg_get_userbyid(c.relowner)::text AS owner, c.relispopulated AS "isPopulated",
  pg_has_role(c.relowner, 'USAGE') OR CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END AS "mayRefresh",
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
    AND i.indexprs IS NULL) AS "hasUsableIndex",
  CASE WHEN EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.mode = 'AccessExclusiveLock' AND l.granted) THEN 0
    ELSE coalesce(pg_total_relation_size(c.oid), 0) END::float8 AS "sizeBytes",
  ARRAY(SELECT a.attname::text FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND t.typname NOT IN ('json', 'xml', 'point', 'polygon', 'float4', 'float8') ORDER BY a.attnum) AS "keyColumns"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE has_schema_privilege(n.oid, 'USAGE') AND CASE WHEN $2::text IS NULL THEN c.relkind = 'm'
  WHEN $1::text IS NULL THEN c.oid = to_regclass($3) ELSE n.nspname = $1 AND c.relname = $2 END
ORDER BY 2, 3`

export interface ViewFactsRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly owner: string
  readonly isPopulated: boolean
  readonly mayRefresh: boolean
  readonly hasUsableIndex: boolean
  readonly sizeBytes: number
  /** Columns that a unique index could have. */
  readonly keyColumns: readonly string[]
}

/** How many rows a view has, and how many different values each candidate for a key. View and candidates as SQL text. Out: one row with `rows`, then k1, k2, ...
 *  PostgreSQL 14. Locks: ACCESS SHARE on the view. */
export function countKeys(view: string, candidates: readonly string[]): string {
  const counts = candidates.map((candidate, at) => `count(DISTINCT ${candidate})::float8 AS k${at + 1}`)
  return `SELECT /* holdfast */ count(*)::float8 AS rows, ${counts.join(', ')} FROM ${view}`
}

/** The refresh. View as SQL text. PostgreSQL 14. Locks: EXCLUSIVE on the view, which readers pass; ACCESS EXCLUSIVE when it is not concurrent. */
export function refreshView(view: string, isConcurrent: boolean): string {
  return `REFRESH MATERIALIZED VIEW ${isConcurrent ? 'CONCURRENTLY ' : ''}${view}`
}

/** Rows of a view. View as SQL text. PostgreSQL 14. Locks: ACCESS SHARE on the view. */
export function countViewRows(view: string): string {
  return `SELECT /* holdfast */ count(*)::float8 AS "rowCount" FROM ${view}`
}
