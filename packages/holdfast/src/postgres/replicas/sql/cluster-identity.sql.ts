/** The number that initdb gave the cluster: a replica has its primary's. Out: one row. PostgreSQL 14. Any role may, unless EXECUTE was taken from PUBLIC.
 *  Locks: none. */
export const CLUSTER_IDENTITY = 'SELECT /* holdfast */ system_identifier::text AS identity FROM pg_control_system()'

export interface ClusterIdentityRow {
  readonly identity: string
}
