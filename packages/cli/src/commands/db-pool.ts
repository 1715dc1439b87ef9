import type { ConnectionReport, DatabaseHealth } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openFacts } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatCount, formatMs, formatPercent } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

const HEAD = ['application', 'role', 'database', 'connections', 'active', 'idle', 'idle in transaction', 'unknown'] as const
const REPLICA_HEAD = ['replica', 'state', 'commits wait', 'log not replayed', 'replay lag'] as const

/** `holdfast db pool`. @throws HF_CLI_NO_DATABASE, HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT */
export async function dbPool(_: object, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const facts = await openFacts(context)
  const report = await facts.connections()
  const { replication } = await facts.health()
  if (json) terminal.json({ schema: 'holdfast.db-pool/1', ...report, replication })
  else {
    const rows = report.groups.map(({ application, role, database, total, active, idle, idleInTransaction, unknown }) => {
      return [application, role, database, ...[total, active, idle, idleInTransaction, unknown].map(formatCount)]
    })
    terminal.data([summary(report), '', ...textTable(HEAD, rows, 3), ...replicaLines(replication)].join('\n'))
    if (!report.maySeeAll) terminal.say("states of other roles' sessions are unknown: GRANT pg_monitor TO the role")
  }
  return exitCode.ok
}

/** Standbys as the server itself sees them; nothing where there are none. */
function replicaLines({ isStandby, behindMs, standbys }: DatabaseHealth['replication']): string[] {
  const own = isStandby
    ? [
        '',
        behindMs === null ? 'this server is a replica, and has replayed all it received' : `this server is a replica, ${formatMs(behindMs)} behind`,
      ]
    : []
  if (standbys.length === 0) return own
  const rows = standbys.map(({ name, state, syncState, lagBytes, lagMs }) => {
    // Replay that is up to date has no lag to tell.
    const behind = lagBytes === null ? ['unknown', 'unknown'] : [formatBytes(lagBytes), lagMs === null ? '-' : formatMs(lagMs)]
    return [name, state === '' ? 'unknown' : state, syncState === '' ? 'unknown' : syncState, ...behind]
  })
  return [...own, '', ...textTable(REPLICA_HEAD, rows, 3)]
}

function summary({ used, max, reserved, usedRatio, databaseLimit, roleLimit }: ConnectionReport): string {
  const limits = [databaseLimit === null ? undefined : `database ${databaseLimit}`, roleLimit === null ? undefined : `role ${roleLimit}`]
  const further = limits.filter(limit => limit !== undefined)
  return `${used} of ${max - reserved} connections in use, ${formatPercent(usedRatio)} (max_connections ${max}, ${reserved} reserved)${
    further.length === 0 ? '' : `; limit of the ${further.join(', of the ')}`
  }`
}
