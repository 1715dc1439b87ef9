import { type CacheSurvey, type SurveyedPrefix, surveyCache } from 'holdfast/cache'
import type { CommandContext } from '../command-line.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { openCache } from './cache.ts'

/** Options of `holdfast cache ls`. */
export interface CacheLsOptions {
  readonly prefix: string
  readonly limit: string
  readonly namespace: string
}

/** `holdfast cache ls`: what Redis holds, by prefix, by SCAN and never KEYS. Changes nothing.
 *  @throws HF_CLI_USAGE, HF_CLI_NO_REDIS, HF_CACHE_REDIS_AWAY */
export async function cacheLs({ prefix, limit, namespace }: CacheLsOptions, context: CommandContext): Promise<number> {
  const count = Number(limit)
  if (!Number.isInteger(count) || count < 1 || count > 100_000) throw cliErrors.create('HF_CLI_USAGE', `--limit: ${limit} is not from 1 to 100000`)
  const { terminal, json, signal } = context
  const opened = await openCache(namespace, context)
  try {
    const survey = await surveyCache(opened, { prefix, limit: count, signal })
    if (json) terminal.json({ schema: 'holdfast.cache-list/1', namespace, ...survey })
    else {
      terminal.data(table(survey.prefixes).join('\n'))
      terminal.say(summary(survey))
    }
    return exitCode.ok
  } finally {
    await opened.stop()
  }
}

const HEAD = ['prefix', 'entries', 'stale', 'mean size', 'about', 'fresh for'] as const

function table(prefixes: readonly SurveyedPrefix[]): string[] {
  const rows = [HEAD, ...prefixes.map(row)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map(cells => cells[column]!.length)))
  return rows.map(cells => cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '))
}

function row({ prefix, entryCount, staleCount, meanBytes, sizedCount, freshForMs }: SurveyedPrefix): string[] {
  const mean = sizedCount === 0 ? '–' : `${size(meanBytes)} (n ${sizedCount})`
  const times = freshForMs === undefined ? '–' : `${time(freshForMs.least)} to ${time(freshForMs.most)}`
  return [prefix, String(entryCount), String(staleCount), mean, sizedCount === 0 ? '–' : size(meanBytes * entryCount), times]
}

function summary({ scannedCount, isComplete }: CacheSurvey): string {
  if (isComplete) return `${scannedCount} entries, all of them`
  return `${scannedCount} entries looked at, and there are more: counts are at least these. A larger --limit looks further`
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

function time(ms: number): string {
  if (ms < 1000) return `${ms} ms`
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`
}
