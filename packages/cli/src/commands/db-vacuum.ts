import type { Duration } from 'holdfast/core'
import { vacuumTable } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { openConnections } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatCount, formatPercent, formatSpan } from '../render/measure.ts'

/** Options of `holdfast db vacuum`. */
export interface DbVacuumOptions {
  readonly table: string
  readonly analyze: boolean
  readonly lockTimeout?: string
  readonly timeout?: string
}

/** `holdfast db vacuum <table>`. @throws HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE, and what `vacuumTable` throws */
export async function dbVacuum({ table, analyze, lockTimeout, timeout }: DbVacuumOptions, context: CommandContext): Promise<number> {
  const { terminal, json, signal } = context
  const connect = await openConnections(context)
  await confirm(context, `vacuum ${table}; reads and writes go on`, table)
  const report = await vacuumTable({
    ...{ connect, table, analyze, signal },
    ...(lockTimeout === undefined ? {} : { lockTimeout: lockTimeout as Duration }),
    ...(timeout === undefined ? {} : { timeout: timeout as Duration }),
    onProgress: ({ phase, doneRatio }) => terminal.say(terminal.paint('dim', `  ${phase} ${formatPercent(doneRatio)}`)),
  })
  if (json) terminal.json({ schema: 'holdfast.vacuum/1', ...report })
  else {
    const { deadBefore, deadAfter, isAnalyzed, tookMs, sizeBytes } = report
    const dead = deadBefore === null || deadAfter === null ? '' : `: ${formatCount(deadBefore)} dead rows before, ${formatCount(deadAfter)} after`
    terminal.data(`✓ vacuumed${isAnalyzed ? ' and analyzed' : ''} ${report.table} in ${formatSpan(tookMs)}${dead} (${formatBytes(sizeBytes)})`)
  }
  return exitCode.ok
}
