/** Advisory lock key under which the outbox is created, so that two processes do not do it at once. */
export const OUTBOX_LOCK = 'holdfast:outbox'

/** Whether schema and table exist and this role may write them. Looked up by name in the catalog, because to_regclass fails on a schema that the role may
 *  not use. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const OUTBOX_STATE = `SELECT /* holdfast */ current_user::text AS role, EXISTS (SELECT FROM pg_namespace WHERE nspname = 'holdfast') AS "hasSchema",
  c.oid IS NOT NULL AS "hasTable", coalesce(has_schema_privilege(c.relnamespace, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
  AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'), false) AS "mayUse"
FROM (SELECT 1) AS one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'holdfast')
  ON c.relname = 'invalidation' AND c.relkind = 'r'`

export interface OutboxStateRow {
  readonly role: string
  readonly hasSchema: boolean
  readonly hasTable: boolean
  readonly mayUse: boolean
}

/** Waits for the lock, for at most 5 s. In: $1 key. PostgreSQL 14. Locks: advisory, of the transaction. */
export const LOCK_OUTBOX = "SELECT /* holdfast */ set_config('lock_timeout', '5000', true), pg_advisory_xact_lock(hashtextextended($1, 0))"

/** Apart from the table, because IF NOT EXISTS asks for the right to create schemas also when there is nothing to create. PostgreSQL 14. */
export const CREATE_SCHEMA = 'CREATE SCHEMA IF NOT EXISTS holdfast'

/** Rows live for half a second; vacuumed by their number, since the table is empty most of the time. `tags` is a JSON array in ASCII, and `null` means
 *  everything. PostgreSQL 14. Locks: only on what it creates. */
export const CREATE_OUTBOX = `CREATE TABLE IF NOT EXISTS holdfast.invalidation (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text NOT NULL,
  tags text NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`
