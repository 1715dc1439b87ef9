import type { Duration } from 'holdfast/core'
import { createViews, type RefreshReport, type ViewState } from 'holdfast/postgres'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { openConnections } from '../database.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatCount, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

/** `holdfast db views`: every materialized view with its last refresh. Exit code 1 when one is overdue.
 *  @throws HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE */
export async function dbViews(_options: object, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const views = await createViews({ connect: await openConnections(context), views: [] }).states()
  const overdue = views.filter(({ isOverdue }) => isOverdue)
  if (json) terminal.json({ schema: 'holdfast.db-views/1', views })
  else if (views.length === 0) terminal.say('no materialized views')
  else terminal.data(textTable(['view', 'size', 'rows', 'refreshed', 'took', 'state'], views.map(cells)).join('\n'))
  for (const { view, lastDetail } of json ? [] : views) if (lastDetail !== null) terminal.say(`  ${view}: ${lastDetail}`)
  return overdue.length > 0 ? exitCode.objectiveBroken : exitCode.ok
}

/** Options of `holdfast db views refresh <view>`. */
export interface DbViewsRefreshOptions {
  readonly view: string
  readonly timeout?: string
}

/** `holdfast db views refresh <view>`, concurrently, so that readers go on.
 *  @throws HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_DATABASE, HF_PG_UNREACHABLE, and what `views.refresh` throws */
export async function dbViewsRefresh({ view, timeout }: DbViewsRefreshOptions, context: CommandContext): Promise<number> {
  const { terminal, json, signal } = context
  const definition = timeout === undefined ? { view } : { view, statementTimeout: timeout as Duration }
  const views = createViews({ connect: await openConnections(context), views: [definition] })
  await confirm(context, `refresh ${view}; readers go on`, view)
  const report = await views.refresh(view, { signal, onProgress: line => terminal.say(terminal.paint('dim', `  ${line}`)) })
  if (json) terminal.json({ schema: 'holdfast.view-refresh/1', ...report })
  else terminal.data(refreshLine(report))
  return exitCode.ok
}

function cells({ view, sizeBytes, rowCount, ageMs, durationMs, isOverdue, isPopulated, hasUsableIndex, lastOutcome }: ViewState): string[] {
  const troubles = [
    ...(isOverdue ? ['overdue'] : []),
    ...(isPopulated ? [] : ['never filled']),
    ...(hasUsableIndex ? [] : ['no unique index']),
    ...(lastOutcome === null || lastOutcome === 'refreshed' ? [] : [lastOutcome]),
  ]
  const refreshed = ageMs === null ? 'not by Holdfast' : `${formatSpan(ageMs)} ago`
  return [
    view,
    formatBytes(sizeBytes),
    rowCount === null ? '–' : formatCount(rowCount),
    refreshed,
    formatSpan(durationMs),
    troubles.join(', ') || 'ok',
  ]
}

function refreshLine({ view, rowCount, tookMs, isConcurrent }: RefreshReport): string {
  return `✓ ${view} has ${formatCount(rowCount)} rows, ${isConcurrent ? 'refreshed' : 'filled for the first time'} in ${formatSpan(tookMs)}`
}
