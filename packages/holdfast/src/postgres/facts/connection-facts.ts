import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { CONNECTION_GROUPS, CONNECTION_LIMITS, type ConnectionGroupRow, type ConnectionLimitsRow } from './sql/connection-groups.sql.ts'

/** Connections of the server: how many it takes, how many are open, and whose they are. */
export interface ConnectionReport {
  /** `max_connections`. */
  readonly max: number
  /** Of `max`, kept for superusers and, from PostgreSQL 16 on, for pg_use_reserved_connections. */
  readonly reserved: number
  /** Open now, of all databases and roles. */
  readonly used: number
  /** `used` of what ordinary roles may take; null when nothing is left for them. */
  readonly usedRatio: number | null
  /** CONNECTION LIMIT of the database and of the role; null for none. */
  readonly databaseLimit: number | null
  readonly roleLimit: number | null
  /** Most connections first, at most 100. */
  readonly groups: readonly ConnectionGroupRow[]
  /** False: states of other roles' sessions are `unknown`, because the role lacks pg_read_all_stats (or pg_monitor). */
  readonly maySeeAll: boolean
}

/** The connections now. 2 round trips. */
export async function readConnections(client: AdvisorClient): Promise<ConnectionReport> {
  const [limits] = await readRows<ConnectionLimitsRow>(client, CONNECTION_LIMITS)
  const groups = await readRows<ConnectionGroupRow>(client, CONNECTION_GROUPS)
  const { max, reserved, used, databaseLimit, roleLimit, maySeeAll } = limits!
  const forUsers = max - reserved
  return {
    ...{ max, reserved, used, maySeeAll, groups },
    usedRatio: forUsers > 0 ? used / forUsers : null,
    databaseLimit: databaseLimit < 0 ? null : databaseLimit,
    roleLimit: roleLimit < 0 ? null : roleLimit,
  }
}
