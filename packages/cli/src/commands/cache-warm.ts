import { requestWarming, type SourceProgress, type SourceReport } from 'holdfast/cache'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { openCache } from './cache.ts'

/** Options of `holdfast cache warm`. */
export interface CacheWarmOptions {
  /** Absent: all sources that the services have. */
  readonly source?: readonly string[]
  readonly namespace: string
}

/** Asks the services of the namespace, over the Redis of REDIS_URL, to warm their cache now, and waits for one of them to have done it. Exit code 1 when a key
 *  or a source could not be warmed. @throws HF_CACHE_NO_WARMER, HF_CACHE_NO_SUCH_SOURCE, HF_CLI_NO_REDIS, HF_CACHE_REDIS_AWAY */
export async function cacheWarm({ source, namespace }: CacheWarmOptions, context: CommandContext): Promise<number> {
  const { terminal, json, signal } = context
  const opened = await openCache(namespace, context)
  try {
    const onProgress = (progress: readonly SourceProgress[]): void => {
      for (const one of progress) if (one.state === 'running') terminal.say(`… ${one.source}: ${doneOf(one)}`)
    }
    const warmed = await requestWarming(opened, { signal, onProgress, ...(source === undefined ? {} : { sources: source }) })
    if (json) terminal.json({ schema: 'holdfast.cache-warming/1', namespace, ...warmed })
    else for (const one of warmed.sources) terminal.data(lineOf(one))
    return warmed.sources.every(isGood) ? exitCode.ok : exitCode.objectiveBroken
  } finally {
    await opened.stop()
  }
}

function isGood({ outcome, failed }: SourceReport): boolean {
  return failed === 0 && ['warmed', 'budget', 'done'].includes(outcome)
}

function doneOf({ listed, loaded, fresh, absent, failed, total }: SourceProgress): string {
  return `${loaded + fresh + absent + failed} of ${total ?? `${listed} listed`}`
}

function lineOf(report: SourceReport): string {
  const { source, outcome, loaded, fresh, absent, failed, skipped, tookMs, errors } = report
  const counts = [`${loaded} loaded`, `${fresh} fresh already`]
  for (const [count, what] of [
    [absent, 'without a value'],
    [failed, 'failed'],
    [skipped, 'skipped'],
  ] as const)
    if (count > 0) counts.push(`${count} ${what}`)
  const ending = outcome === 'warmed' ? '' : outcome === 'budget' ? ', the time was up' : `, ended as ${outcome}`
  const why = errors.length === 0 ? '' : `\n    ${errors.join('\n    ')}`
  return `${isGood(report) ? '✓' : '✗'} ${source}: ${counts.join(', ')} in ${(tookMs / 1000).toFixed(1)} s${ending}${why}`
}
