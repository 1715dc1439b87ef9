/** All findings, the newest change first. In: nothing. Out: one row a finding. PostgreSQL 14. Locks: ACCESS SHARE on the ledger. */
export const READ_FINDINGS = 'SELECT /* holdfast */ cause, finding, bookkeeping FROM holdfast.finding ORDER BY updated_at DESC, id'

/** Writes a finding. In: $1 id, $2 cause, $3 finding, $4 bookkeeping (jsonb as text). PostgreSQL 14. Locks: ROW EXCLUSIVE on the ledger. */
export const WRITE_FINDING = `INSERT /* holdfast */ INTO holdfast.finding (id, cause, finding, bookkeeping) VALUES ($1, $2, $3::jsonb, $4::jsonb)
ON CONFLICT (cause) DO UPDATE SET finding = excluded.finding, bookkeeping = excluded.bookkeeping, updated_at = now()`

/** Adds a line to the audit log. In: $1 what, $2 finding id, $3 outcome, $4 duration in ms, $5 detail. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const WRITE_AUDIT =
  'INSERT /* holdfast */ INTO holdfast.audit_log (what, finding_id, outcome, duration_ms, detail) VALUES ($1, $2, $3, $4, $5)'

/** The audit log, the newest line first. In: nothing. Out: one row a line. PostgreSQL 14. Locks: ACCESS SHARE on the log. */
export const READ_AUDIT = `SELECT /* holdfast */ (extract(epoch FROM at) * 1000)::float8 AS "atMs", who, what, finding_id AS "findingId", outcome,
  duration_ms AS "durationMs", detail FROM holdfast.audit_log ORDER BY id DESC LIMIT 1000`
