/** How far a replica has replayed. Out: one row; `replayed` is null on a server that is not in recovery, `isPaused` too. PostgreSQL 14. Locks: none. */
export const REPLICA_POSITION = `SELECT /* holdfast */ pg_is_in_recovery() AS "isReplica",
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END AS replayed,
  CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS "isPaused"`

export interface ReplicaPositionRow {
  readonly isReplica: boolean
  readonly replayed: string | null
  readonly isPaused: boolean | null
}
