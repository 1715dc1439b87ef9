/** Which of some tables refer to which by a foreign key. Names that lead to no table are left out.
 *  In: $1 text[] of schemas, null for none, $2 text[] of names, $3 text[] of names quoted. Out: one row a reference, with places in the arrays from 0.
 *  PostgreSQL 14. Locks: none. */
export const POLICY_REFERENCES = `WITH /* holdfast */ asked AS (
  SELECT (at - 1)::int AS at, CASE WHEN schema IS NULL THEN to_regclass(quoted)::oid
    ELSE (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = schema AND c.relname = name) END AS oid
  FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS a(schema, name, quoted, at))
SELECT DISTINCT c.at AS child, p.at AS parent FROM pg_constraint f JOIN asked c ON c.oid = f.conrelid JOIN asked p ON p.oid = f.confrelid
WHERE f.contype = 'f' AND f.conrelid <> f.confrelid ORDER BY 1, 2`

export interface PolicyReferenceRow {
  readonly child: number
  readonly parent: number
}
