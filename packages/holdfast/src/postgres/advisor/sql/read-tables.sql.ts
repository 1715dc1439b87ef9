/** Facts on the tables that statements name, as the search path of this session resolves them.
 *  In: $1 text[] of quoted names. Out: one row for each name that resolves. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const READ_TABLES = `SELECT /* holdfast */ asked.name AS asked, c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
  c.relkind::text AS kind, greatest(c.reltuples, 0)::float8 AS "rowCount", pg_table_size(c.oid)::float8 AS "sizeBytes",
  pg_relation_size(c.oid)::float8 AS "heapBytes", pg_has_role(c.relowner, 'USAGE') AS "isOwner", pg_get_userbyid(c.relowner)::text AS owner,
  has_table_privilege(c.oid, 'SELECT') AS "mayRead",
  coalesce(s.n_tup_upd, 0)::float8 AS "updateCount", coalesce(s.n_tup_hot_upd, 0)::float8 AS "hotUpdateCount"
FROM unnest($1::text[]) AS asked(name)
JOIN pg_class c ON c.oid = to_regclass(asked.name) JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid`

export interface TableRow {
  readonly asked: string
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly rowCount: number
  readonly sizeBytes: number
  readonly heapBytes: number
  readonly isOwner: boolean
  readonly owner: string
  readonly mayRead: boolean
  readonly updateCount: number
  readonly hotUpdateCount: number
}
