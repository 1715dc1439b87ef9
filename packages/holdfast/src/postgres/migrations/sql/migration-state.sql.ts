/** What stands in the way of schema `holdfast`. Looked up by name in the catalog, because to_regclass fails on a schema that the role may not use.
 *  In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const MIGRATION_STATE = `SELECT /* holdfast */ current_user::text AS role, current_database()::text AS database, n.oid IS NOT NULL AS "hasSchema",
  c.oid IS NOT NULL AS "hasTable",
  coalesce(has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), false) AS "mayRead",
  ARRAY(SELECT t.relname::text FROM pg_class t WHERE t.relnamespace = n.oid AND t.relkind = 'r') AS tables
FROM (SELECT 1) AS one LEFT JOIN pg_namespace n ON n.nspname = 'holdfast'
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'migration' AND c.relkind = 'r'`

export interface MigrationStateRow {
  readonly role: string
  readonly database: string
  readonly hasSchema: boolean
  readonly hasTable: boolean
  readonly mayRead: boolean
  /** Names of what is in the schema. */
  readonly tables: readonly string[]
}

/** What was applied. In: nothing. Out: one row a migration, in order. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export const APPLIED_MIGRATIONS = 'SELECT /* holdfast */ version, name, checksum FROM holdfast.migration ORDER BY version'

export interface AppliedMigrationRow {
  readonly version: number
  readonly name: string
  readonly checksum: string
}

/** Read committed, or a snapshot from before the wait for the lock would hide what its holder did. */
export const BEGIN_MIGRATION = 'BEGIN /* holdfast */ ISOLATION LEVEL READ COMMITTED READ WRITE'

/** Waits for the lock, for at most 5 s. With it the locks under which versions before this table made the ledger and the outbox, so that one of them
 *  which starts now does not do so at the same moment. In: nothing. PostgreSQL 14. Locks: advisory, of the transaction. */
export const LOCK_MIGRATION = `SELECT /* holdfast */ set_config('lock_timeout', '5000', true), pg_advisory_xact_lock(hashtextextended('holdfast:schema', 0)),
  pg_advisory_xact_lock(hashtextextended('holdfast:ledger', 0)), pg_advisory_xact_lock(hashtextextended('holdfast:outbox', 0))`

/** Apart from the tables, because IF NOT EXISTS asks for the right to create schemas also when there is nothing to create. PostgreSQL 14. */
export const CREATE_OWN_SCHEMA = 'CREATE SCHEMA IF NOT EXISTS holdfast'

/** PostgreSQL 14. Locks: only on what it creates. */
export const CREATE_MIGRATION_TABLE = `CREATE TABLE IF NOT EXISTS holdfast.migration (
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  applied_by text NOT NULL DEFAULT current_user
)`

/** In: $1 int[] of versions, $2 text[] of names, $3 text[] of checksums. PostgreSQL 14. Locks: ROW EXCLUSIVE on the table. */
export const RECORD_MIGRATIONS =
  'INSERT /* holdfast */ INTO holdfast.migration (version, name, checksum) SELECT * FROM unnest($1::int[], $2::text[], $3::text[])'
