/** Transactions that a concurrent build or drop would wait for: those with a snapshot, and those that hold a lock on the table. Other users' are
 *  only seen with pg_read_all_stats; the lock time-out bounds the wait for the rest. Prepared transactions count from their preparation.
 *  In: $1 table oid, $2 least age in ms. Out: one row a transaction, oldest first. PostgreSQL 14. Locks: none on user tables. */
export const OLD_TRANSACTIONS = `SELECT /* holdfast */ a.pid::float8 AS pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown')::text AS who, coalesce(a.state, '')::text AS state,
  (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "ageMs"
FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
  AND a.xact_start < clock_timestamp() - $2::float8 * interval '1 ms'
  AND (a.backend_xmin IS NOT NULL OR EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.relation = $1::oid AND l.granted))
UNION ALL SELECT NULL, p.gid::text, 'prepared', (extract(epoch FROM clock_timestamp() - p.prepared) * 1000)::float8
FROM pg_prepared_xacts p WHERE p.database = current_database() AND p.prepared < clock_timestamp() - $2::float8 * interval '1 ms'
ORDER BY 4 DESC`

export interface OldTransactionRow {
  /** Null for a prepared transaction, whose identifier is then in `who`. */
  readonly pid: number | null
  readonly who: string
  readonly state: string
  readonly ageMs: number
}
