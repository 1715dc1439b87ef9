import type { ConnectionReport } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openFacts } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatCount, formatPercent } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

const HEAD = ['application', 'role', 'database', 'connections', 'active', 'idle', 'idle in transaction', 'unknown'] as const

/** `holdfast db pool`. @throws HF_CLI_NO_DATABASE, HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT */
export async function dbPool(_: object, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const report = await (await openFacts(context)).connections()
  if (json) terminal.json({ schema: 'holdfast.db-pool/1', ...report })
  else {
    const rows = report.groups.map(({ application, role, database, total, active, idle, idleInTransaction, unknown }) => {
      return [application, role, database, ...[total, active, idle, idleInTransaction, unknown].map(formatCount)]
    })
    terminal.data([summary(report), '', ...textTable(HEAD, rows, 3)].join('\n'))
    if (!report.maySeeAll) terminal.say("states of other roles' sessions are unknown: GRANT pg_monitor TO the role")
  }
  return exitCode.ok
}

function summary({ used, max, reserved, usedRatio, databaseLimit, roleLimit }: ConnectionReport): string {
  const limits = [databaseLimit === null ? undefined : `database ${databaseLimit}`, roleLimit === null ? undefined : `role ${roleLimit}`]
  const further = limits.filter(limit => limit !== undefined)
  return `${used} of ${max - reserved} connections in use, ${formatPercent(usedRatio)} (max_connections ${max}, ${reserved} reserved)${
    further.length === 0 ? '' : `; limit of the ${further.join(', of the ')}`
  }`
}
