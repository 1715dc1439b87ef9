/** Sessions of this database, and prepared transactions. The text of a statement is not read, for it holds literals; its queryid is.
 *  In: nothing. Out: one row a session; state is null for one that the role may not see. PostgreSQL 14. Locks: none on user tables. */
export const SESSIONS = `SELECT /* holdfast */ a.pid::int AS pid, coalesce(nullif(a.application_name, ''), a.usename, 'unknown')::text AS who, a.state::text AS state,
  (extract(epoch FROM a.xact_start) * 1000)::float8 AS "transactionMs", (extract(epoch FROM a.state_change) * 1000)::float8 AS "stateMs", a.query_id::text AS "queryId",
  coalesce(age(a.backend_xmin), 0)::float8 AS "xminAge",
  (SELECT count(*)::int FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'relation' AND l.granted AND l.mode IN ('RowExclusiveLock', 'ShareUpdateExclusiveLock',
    'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')) AS "writeLockCount"
FROM pg_stat_activity a WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND coalesce(a.backend_type, 'client backend') = 'client backend'
UNION ALL SELECT NULL, p.gid::text, 'prepared', (extract(epoch FROM p.prepared) * 1000)::float8, (extract(epoch FROM p.prepared) * 1000)::float8, NULL, age(p.transaction)::float8, 0
FROM pg_prepared_xacts p WHERE p.database = current_database()`

export interface SessionRow {
  /** Null for a prepared transaction, whose identifier is then in `who`. */
  readonly pid: number | null
  readonly who: string
  readonly state: string | null
  readonly transactionMs: number | null
  readonly stateMs: number | null
  readonly queryId: string | null
  /** Transactions since the snapshot that VACUUM must spare. */
  readonly xminAge: number
  readonly writeLockCount: number
}
