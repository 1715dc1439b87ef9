import { type IndexFacts, quoteTableName, type TableFacts } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { openFacts } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatCount, formatPercent, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'
import { parseLimit } from './limit.ts'

/** Options of `holdfast db stats`. */
export interface DbStatsOptions {
  /** `name` or `schema.name`. Absent: all tables. */
  readonly table?: string
  readonly limit: string
}

/** `holdfast db stats [table]`. @throws HF_CLI_USAGE, HF_CLI_NO_DATABASE, HF_PG_TABLE_UNKNOWN, HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT */
export async function dbStats({ table, limit }: DbStatsOptions, context: CommandContext): Promise<number> {
  const count = parseLimit(limit)
  const { terminal, json } = context
  const facts = await openFacts(context)
  if (table !== undefined) {
    const report = await facts.table(table)
    if (json) terminal.json({ schema: 'holdfast.db-table/1', ...report })
    else {
      terminal.data([...tableLines([report.table], report.atMs), '', ...indexLines(report.indexes)].join('\n'))
      terminal.say(sinceLine(report.atMs, report.countersSinceMs))
    }
    return exitCode.ok
  }
  const report = await facts.tables({ limit: count })
  if (json) terminal.json({ schema: 'holdfast.db-stats/1', ...report })
  else {
    terminal.data(tableLines(report.tables, report.atMs).join('\n'))
    terminal.say(sinceLine(report.atMs, report.countersSinceMs))
    if (!report.isComplete) terminal.say(`the ${count} largest; a larger --limit shows more`)
  }
  return exitCode.ok
}

const TABLE_HEAD = ['table', 'rows', 'size', 'indexes', 'dead', 'HOT', 'seq scans', 'index scans', 'vacuumed', 'analyzed'] as const

function tableLines(tables: readonly TableFacts[], atMs: number): string[] {
  const ago = (thenMs: number | null): string => (thenMs === null ? 'never' : `${formatSpan(atMs - thenMs)} ago`)
  const countOf = (value: number | null): string => (value === null ? '–' : formatCount(value))
  const rows = tables.map(table => [
    quoteTableName(table),
    table.plannedRowCount === null ? 'not analyzed' : `~${formatCount(table.plannedRowCount)}`,
    table.isLocked ? 'locked' : formatBytes(table.totalBytes),
    formatBytes(table.indexBytes),
    formatPercent(table.deadRatio),
    formatPercent(table.hotRatio),
    countOf(table.sequentialScanCount),
    countOf(table.indexScanCount),
    ago(table.vacuumedAtMs),
    ago(table.analyzedAtMs),
  ])
  return rows.length === 0 ? ['no tables'] : textTable(TABLE_HEAD, rows)
}

function indexLines(indexes: readonly IndexFacts[]): string[] {
  if (indexes.length === 0) return ['no indexes']
  const rows = indexes.map(({ name, use, sizeBytes, scanCount, definition }) => {
    return [name, use, formatBytes(sizeBytes), formatCount(scanCount), definition ?? 'locked']
  })
  const [head = '', ...lines] = textTable(
    ['index', 'use', 'size', 'scans'],
    rows.map(cells => cells.slice(0, 4)),
    2,
  )
  return [head, ...lines.map((line, index) => `${line}  ${rows[index]![4]}`)]
}

function sinceLine(atMs: number, countersSinceMs: number | null): string {
  return countersSinceMs === null
    ? 'the server does not say since when it counts'
    : `counted for ${formatSpan(atMs - countersSinceMs)}, since ${new Date(countersSinceMs).toISOString()}`
}
