import type { SizeReport } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openFacts } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'
import { parseLimit } from './limit.ts'

/** Options of `holdfast db size`. */
export interface DbSizeOptions {
  readonly limit: string
}

/** `holdfast db size`. @throws HF_CLI_USAGE, HF_CLI_NO_DATABASE, HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT */
export async function dbSize({ limit }: DbSizeOptions, context: CommandContext): Promise<number> {
  const count = parseLimit(limit)
  const { terminal, json } = context
  const report = await (await openFacts(context)).size({ limit: count })
  if (json) terminal.json({ schema: 'holdfast.db-size/1', ...report })
  else {
    const rows = report.tables.map(({ name, totalBytes, tableBytes, indexBytes }) => [name, ...[totalBytes, tableBytes, indexBytes].map(formatBytes)])
    terminal.data([`${report.database}  ${formatBytes(report.sizeBytes)}`, '', ...textTable(['table', 'size', 'rows', 'indexes'], rows)].join('\n'))
    terminal.say(growthLine(report))
  }
  return exitCode.ok
}

function growthLine({ growth, historyNote, history }: SizeReport): string {
  if (growth !== null) {
    const sign = growth.bytesPerDay < 0 ? '' : '+'
    return `${sign}${formatBytes(Math.round(growth.bytesPerDay))} a day over the last ${formatSpan(growth.toMs - growth.fromMs)} (n ${growth.pointCount})`
  }
  return `growth is not known: ${historyNote ?? `the history holds ${history.length} of the last hour only`}`
}
