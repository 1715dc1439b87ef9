/** Sessions of this database that wait for a lock, and the sessions in their way. pg_blocking_pids is asked of those that wait only, because it stops the lock
 *  manager for a moment. In: nothing. Out: one row a session; a prepared transaction in the way has pid 0 in blockedBy and no row. PostgreSQL 14 (waitstart).
 *  Locks: none on user tables. Rights: without pg_read_all_stats the statements of other roles are null and they count as idle. */
export const LOCK_WAITS = `WITH waiting AS MATERIALIZED (
  SELECT l.pid, l.mode, l.locktype, l.relation, l.waitstart, pg_blocking_pids(l.pid) AS blockers
  FROM pg_locks l WHERE NOT l.granted AND l.pid IS NOT NULL
), involved AS (
  SELECT w.pid FROM waiting w UNION SELECT unnest(w.blockers) FROM waiting w
)
SELECT /* holdfast */ a.pid::float8 AS pid, coalesce(a.usename, '')::text AS role, coalesce(a.application_name, '')::text AS application,
  coalesce(a.state, '')::text AS state, a.query AS statement,
  (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)::float8 AS "transactionMs",
  (extract(epoch FROM clock_timestamp() - coalesce(w.waitstart, a.query_start)) * 1000)::float8 AS "waitedMs",
  w.pid IS NOT NULL AS "isWaiting", w.mode::text AS "lockMode", w.locktype::text AS "lockType",
  CASE WHEN c.oid IS NOT NULL THEN quote_ident(n.nspname) || '.' || quote_ident(c.relname) END AS relation,
  coalesce(w.blockers, '{}')::int[] AS "blockedBy"
FROM involved i JOIN pg_stat_activity a ON a.pid = i.pid LEFT JOIN waiting w ON w.pid = i.pid
  LEFT JOIN pg_class c ON c.oid = w.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.datname = current_database()
ORDER BY a.xact_start NULLS LAST, a.pid LIMIT 500`

export interface LockWaitRow {
  readonly pid: number
  readonly role: string
  readonly application: string
  readonly state: string
  readonly statement: string | null
  readonly transactionMs: number | null
  readonly waitedMs: number | null
  readonly isWaiting: boolean
  readonly lockMode: string | null
  readonly lockType: string | null
  readonly relation: string | null
  readonly blockedBy: readonly number[]
}
