/** How far replicas are behind, the furthest first. In: nothing. Out: one row a replica. PostgreSQL 14. Locks: none.
 *  Rights: without pg_monitor the positions of others are null, which `isHidden` tells. */
export const REPLICA_LAG = `SELECT /* holdfast */ coalesce(nullif(r.application_name, ''), r.client_addr::text, 'unnamed')::text AS name,
  pg_wal_lsn_diff(pg_current_wal_lsn(), coalesce(r.replay_lsn, r.flush_lsn))::float8 AS "lagBytes",
  (extract(epoch FROM r.replay_lag) * 1000)::float8 AS "lagMs", r.state IS NULL AS "isHidden"
FROM pg_stat_replication r WHERE r.state IS DISTINCT FROM 'backup' ORDER BY 2 DESC NULLS LAST`

export interface ReplicaLagRow {
  readonly name: string
  readonly lagBytes: number | null
  readonly lagMs: number | null
  readonly isHidden: boolean
}
