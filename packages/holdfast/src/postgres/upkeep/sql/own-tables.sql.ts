/** Those of some tables in schema `holdfast` that this role may not read and write. In: $1 text[] of names. Out: one row each. PostgreSQL 14. Locks: none. */
export const UNUSABLE_OWN_TABLES = `SELECT /* holdfast */ c.relname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'holdfast' AND c.relname = ANY ($1::text[]) AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))`
