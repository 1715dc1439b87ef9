/** Whether the table exists and this role may write it. Looked up by name in the catalog, because to_regclass fails on a schema that the role may
 *  not use. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const OUTBOX_STATE = `SELECT /* holdfast */ current_user::text AS role, c.oid IS NOT NULL AS "hasTable", coalesce(has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'), false) AS "mayUse"
FROM (SELECT 1) AS one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'holdfast')
  ON c.relname = 'invalidation' AND c.relkind = 'r'`

export interface OutboxStateRow {
  readonly role: string
  readonly hasTable: boolean
  readonly mayUse: boolean
}

/** Rows live for half a second; vacuumed by their number, since the table is empty most of the time. `tags` is a JSON array in ASCII, and `null` means
 *  everything. Migration 2: databases hold its checksum, so it is never changed. PostgreSQL 14. Locks: only on what it creates. */
export const CREATE_OUTBOX = `CREATE TABLE IF NOT EXISTS holdfast.invalidation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text NOT NULL,
  tags text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`
