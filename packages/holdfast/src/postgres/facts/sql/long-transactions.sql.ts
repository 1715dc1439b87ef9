/** Transactions of this database that are open for long, prepared ones included: they keep dead rows from being removed.
 *  In: $1 least age in ms. Out: one row a transaction, oldest first, at most 50; pid is null for a prepared one. PostgreSQL 14. Locks: none.
 *  Rights: without pg_read_all_stats transactions of other roles are not seen. */
export const LONG_TRANSACTIONS = `SELECT /* holdfast */ a.pid::float8 AS pid, coalesce(a.usename, '')::text AS role, coalesce(a.application_name, '')::text AS application,
  coalesce(a.state, '')::text AS state, a.query AS statement, (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "ageMs",
  (extract(epoch FROM clock_timestamp() - a.state_change) * 1000)::float8 AS "inStateMs"
FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.xact_start < clock_timestamp() - $1::float8 * interval '1 ms'
UNION ALL SELECT NULL, p.owner::text, p.gid::text, 'prepared', NULL, (extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::float8, NULL
FROM pg_prepared_xacts p WHERE p.database = current_database() AND p.prepared < clock_timestamp() - $1::float8 * interval '1 ms'
ORDER BY 6 DESC LIMIT 50`

export interface LongTransactionRow {
  readonly pid: number | null
  readonly role: string
  readonly application: string
  readonly state: string
  readonly statement: string | null
  readonly ageMs: number
  readonly inStateMs: number | null
}
