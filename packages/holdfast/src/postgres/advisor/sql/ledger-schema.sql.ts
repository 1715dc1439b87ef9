/** Advisory lock key under which the ledger is created, so that two processes do not do it at once. */
export const LEDGER_LOCK = 'holdfast:ledger'

/** Whether the ledger exists. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const LEDGER_EXISTS = `SELECT /* holdfast */ to_regclass('holdfast.finding') IS NOT NULL AND to_regclass('holdfast.audit_log') IS NOT NULL AS exists,
  coalesce(has_schema_privilege(to_regnamespace('holdfast')::oid, 'USAGE'), false) AS "mayUse"`

export interface LedgerExistsRow {
  readonly exists: boolean
  readonly mayUse: boolean
}

/** Creates the ledger: findings with their bookkeeping, and who did what. Run in one transaction that holds the lock above.
 *  PostgreSQL 14. Locks: only on what it creates. */
export const LEDGER_SCHEMA: readonly string[] = [
  'CREATE SCHEMA IF NOT EXISTS holdfast',
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
