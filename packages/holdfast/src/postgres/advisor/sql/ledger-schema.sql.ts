/** Whether the ledger exists and this role may write it. Looked up by name in the catalog, because to_regclass fails on a schema that the role may not use.
 *  In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const LEDGER_EXISTS = `SELECT /* holdfast */ count(*) = 2 AS exists, coalesce(bool_and(has_schema_privilege(n.oid, 'USAGE')
  AND has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
  AND (c.relname = 'audit_log' OR has_table_privilege(c.oid, 'UPDATE'))), false) AS "mayUse"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast' AND c.relkind = 'r' AND c.relname IN ('finding', 'audit_log')`

export interface LedgerExistsRow {
  readonly exists: boolean
  readonly mayUse: boolean
}

/** The ledger: findings with their bookkeeping, and who did what. Migration 1: databases hold its checksum, so it is never changed.
 *  PostgreSQL 14. Locks: only on what it creates. */
export const LEDGER_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.finding (
  id text PRIMARY KEY,
  cause text NOT NULL UNIQUE,
  finding jsonb NOT NULL,
  bookkeeping jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
)`,
  `CREATE TABLE IF NOT EXISTS holdfast.audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  who text NOT NULL DEFAULT current_user,
  what text NOT NULL,
  finding_id text NOT NULL,
  outcome text NOT NULL,
  duration_ms double precision NOT NULL,
  detail text NOT NULL
)`,
]
