/** Who waits for a lock in this database, since when and for whom.
 *  In: nothing. Out: one row a waiting session. PostgreSQL 14 (waitstart). Locks: none on user tables; pg_blocking_pids holds all lock partitions for a moment. */
export const LOCK_WAITS = `SELECT /* holdfast */ DISTINCT ON (w.pid) w.pid::int AS pid, (extract(epoch FROM w.waitstart) * 1000)::float8 AS "sinceMs", w.mode::text AS mode,
  (SELECT c.relname::text FROM pg_class c WHERE c.oid = w.relation) AS relation, pg_blocking_pids(w.pid)::int[] AS "blockingPids"
FROM pg_locks w WHERE NOT w.granted AND w.pid IN (SELECT a.pid FROM pg_stat_activity a WHERE a.datname = current_database()) ORDER BY w.pid, w.waitstart`

export interface LockWaitRow {
  readonly pid: number
  /** Null in the first moments of a wait. */
  readonly sinceMs: number | null
  readonly mode: string
  readonly relation: string | null
  readonly blockingPids: readonly number[]
}
