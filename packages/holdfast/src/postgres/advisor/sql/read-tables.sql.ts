/** Facts on the tables that statements name, as the search path of this session resolves them.
 *  A schema that the role may not use hides its tables instead of failing, as to_regclass would.
 *  In: $1 text[] of schemas, null for none, $2 text[] of names, $3 text[] of the names quoted. Out: one row for each name that resolves. PostgreSQL 14.
 *  Locks: ACCESS SHARE, which the size functions take for a moment; a table that is locked against that has size 0 and isLocked. */
export const READ_TABLES = `SELECT /* holdfast */ asked.schema AS "askedSchema", asked.name AS "askedName", c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
  c.relkind::text AS kind, greatest(c.reltuples, 0)::float8 AS "rowCount",
  (c.relallvisible / greatest(c.relpages, 1)::float8) AS "allVisibleRatio", lock.held AS "isLocked",
  CASE WHEN lock.held THEN 0 ELSE pg_table_size(c.oid) END::float8 AS "sizeBytes", CASE WHEN lock.held THEN 0 ELSE pg_relation_size(c.oid) END::float8 AS "heapBytes",
  pg_has_role(c.relowner, 'USAGE') AS "isOwner", pg_get_userbyid(c.relowner)::text AS owner,
  has_table_privilege(c.oid, 'SELECT') AS "mayRead",
  coalesce(s.n_tup_upd, 0)::float8 AS "updateCount", coalesce(s.n_tup_hot_upd, 0)::float8 AS "hotUpdateCount"
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(schema, name, quoted)
JOIN pg_class c ON c.oid = CASE WHEN asked.schema IS NULL THEN to_regclass(asked.quoted)::oid
  ELSE (SELECT k.oid FROM pg_class k JOIN pg_namespace m ON m.oid = k.relnamespace
    WHERE m.nspname = asked.schema AND k.relname = asked.name AND has_schema_privilege(m.oid, 'USAGE')) END
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM pg_locks l WHERE l.relation = c.oid AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted) AS held) lock`

export interface TableRow {
  readonly askedSchema: string | null
  readonly askedName: string
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly rowCount: number
  /** Share of the pages that an index-only scan need not look into, 0..1. */
  readonly allVisibleRatio: number
  readonly isLocked: boolean
  readonly sizeBytes: number
  readonly heapBytes: number
  readonly isOwner: boolean
  readonly owner: string
  readonly mayRead: boolean
  readonly updateCount: number
  readonly hotUpdateCount: number
}
