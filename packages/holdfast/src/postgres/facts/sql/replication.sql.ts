/** Standbys that stream from this server, with how far they are behind. In: nothing. Out: one row a standby. PostgreSQL 14. Locks: none.
 *  Rights: without pg_monitor the positions are null. */
export const STANDBYS = `SELECT /* holdfast */ coalesce(nullif(r.application_name, ''), r.client_addr::text, 'unnamed')::text AS name, coalesce(r.state, '')::text AS state,
  coalesce(r.sync_state, '')::text AS "syncState",
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) END::float8 AS "lagBytes",
  (extract(epoch FROM r.replay_lag) * 1000)::float8 AS "lagMs"
FROM pg_stat_replication r ORDER BY 4 DESC NULLS LAST, 1`

export interface StandbyRow {
  readonly name: string
  readonly state: string
  readonly syncState: string
  readonly lagBytes: number | null
  readonly lagMs: number | null
}

/** Whether this server is a standby itself, and how old what it shows is. A primary that writes nothing sends nothing, so the age says something only while
 *  there is something to replay. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const OWN_REPLAY = `SELECT /* holdfast */ pg_is_in_recovery() AS "isStandby",
  CASE WHEN pg_is_in_recovery() AND pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn()
    THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 END::float8 AS "behindMs"`

export interface OwnReplayRow {
  readonly isStandby: boolean
  readonly behindMs: number | null
}

/** Replication slots and the log that they keep on disk. In: nothing. Out: one row a slot. PostgreSQL 14. Locks: none. */
export const SLOTS = `SELECT /* holdfast */ s.slot_name::text AS name, s.active AS "isActive",
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn) END::float8 AS "keptBytes"
FROM pg_replication_slots s ORDER BY 3 DESC NULLS LAST, 1`

export interface SlotRow {
  readonly name: string
  readonly isActive: boolean
  readonly keptBytes: number | null
}
