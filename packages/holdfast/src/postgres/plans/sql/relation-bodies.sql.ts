/** What reading a relation runs besides: the definition of a view and the conditions of row-level security.
 *  In: $1 text[] of schemas, null for none, $2 text[] of names, $3 text[] of the names quoted. Out: one row for each name that resolves. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the views, taken by pg_get_viewdef. */
export const RELATION_BODIES = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END AS definition,
  CASE WHEN c.relrowsecurity THEN ARRAY(SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polqual IS NOT NULL)
    ELSE '{}'::text[] END AS policies
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked(schema, name, quoted)
JOIN pg_class c ON c.oid = CASE WHEN asked.schema IS NULL THEN to_regclass(asked.quoted)::oid
  ELSE (SELECT k.oid FROM pg_class k JOIN pg_namespace m ON m.oid = k.relnamespace
    WHERE m.nspname = asked.schema AND k.relname = asked.name AND has_schema_privilege(m.oid, 'USAGE')) END
JOIN pg_namespace n ON n.oid = c.relnamespace`

export interface RelationBodyRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly kind: string
  readonly definition: string | null
  readonly policies: readonly string[]
}
