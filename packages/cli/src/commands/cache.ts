import { createInterface } from 'node:readline/promises'
import { inspect } from 'node:util'
import { servicesStatus } from '@holdfast/dev-services'
import { cacheErrors, createTieredCache, type InspectedEntry, type Inspection, type TieredCache } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import type { CommandContext } from '../command-line.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'

/** From so many entries on the progress is shown. */
const PROGRESS_FROM = 1000

/** Options of `holdfast cache <action>`. */
export interface CacheCommandOptions {
  readonly action: 'get' | 'inspect' | 'explain' | 'invalidate'
  /** One key, or for `invalidate` the tags. */
  readonly names: readonly string[]
  readonly namespace: string
  /** For `invalidate`, instead of tags: a pattern of keys. */
  readonly pattern?: string
}

/** `holdfast cache get|inspect|explain <key>` and `invalidate <tag>...` or `--pattern <glob>`, on the Redis of REDIS_URL, else of `holdfast services up`. Exit code 1 when the key is a miss. */
export async function cache(options: CacheCommandOptions, context: CommandContext): Promise<number> {
  if (options.action === 'invalidate' && (options.names.length === 0) === (options.pattern === undefined)) {
    throw cliErrors.create('HF_CLI_USAGE', 'invalidate takes either tags or --pattern')
  }
  const opened = await openCache(options.namespace, context)
  try {
    if (options.pattern !== undefined) return await dropPattern(options.pattern, options.namespace, opened, context)
    return await act(options, opened, context)
  } finally {
    await opened.stop()
  }
}

/** The cache as Redis holds it. @throws HF_CLI_NO_REDIS, HF_CACHE_REDIS_AWAY, HF_CONFIG_INVALID */
export async function openCache(namespace: string, { env }: CommandContext): Promise<TieredCache> {
  const url = env.REDIS_URL || (await servicesStatus({ env }))?.cacheRedis?.url
  if (!url) throw cliErrors.create('HF_CLI_NO_REDIS', 'REDIS_URL is not set and no local services are up')
  // Without memory: what is shown is what Redis holds, which is what the services share.
  const opened = createTieredCache({ namespace, l1: false }, { redis: url, registry: createRegistry() })
  await opened.start()
  if (opened.stats().redis === 'usable') return opened
  const why = opened.health().reasons[0]?.why ?? 'Redis does not answer'
  await opened.stop()
  throw cacheErrors.create('HF_CACHE_REDIS_AWAY', why, { hint: 'check REDIS_URL, and that Redis runs there' })
}

async function act({ action, names, namespace }: CacheCommandOptions, opened: TieredCache, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  if (action === 'invalidate') {
    const what = `everything with ${names.map(name => JSON.stringify(name)).join(' or ')} in the namespace ${namespace}`
    await confirm(what, context)
    await opened.invalidateTags(...names)
    if (opened.stats().journaled > 0) throw cacheErrors.create('HF_CACHE_REDIS_AWAY', 'Redis went away before it confirmed the invalidation')
    if (json) terminal.json({ schema: 'holdfast.cache-invalidation/1', namespace, tags: names })
    else terminal.data(`✓ everything with ${names.map(name => JSON.stringify(name)).join(' or ')} is invalid`)
    return exitCode.ok
  }
  const key = names[0]!
  const explanation = await opened.explain(key)
  const code = explanation.outcome === 'miss' ? exitCode.objectiveBroken : exitCode.ok
  if (action === 'explain') {
    if (json) terminal.json({ schema: 'holdfast.cache-explanation/1', namespace, ...explanation })
    else terminal.data(`${explanation.outcome}: ${explanation.message}`)
    return code
  }
  const found = await opened.inspect(key, { value: action === 'get' })
  // Only what a reader would get now: memory of other processes is not seen from here.
  if (json) terminal.json(JSON.parse(JSON.stringify({ schema: 'holdfast.cache-entry/1', namespace, ...found }, plain)))
  else if (action === 'inspect') terminal.data(page(found).join('\n'))
  else if (code === exitCode.ok) terminal.data(typeof found.value === 'string' ? found.value : inspect(found.value, { depth: null }))
  if (code !== exitCode.ok && !json) terminal.say(`miss: ${explanation.message}`)
  return code
}

/** Counts first, so that whoever confirms knows what. @throws HF_CLI_CONFIRMATION_REQUIRED, HF_CACHE_REDIS_AWAY */
async function dropPattern(pattern: string, namespace: string, opened: TieredCache, context: CommandContext): Promise<number> {
  const { terminal, json, signal } = context
  const found = await opened.deletePattern(pattern, { dryRun: true, signal })
  const match = `that match ${JSON.stringify(pattern)} in the namespace ${namespace}`
  if (found > 0) await confirm(`the ${entries(found)} ${match}`, context)
  const onProgress = ({ dropped }: { dropped: number }): void => {
    if (found > PROGRESS_FROM) terminal.say(`${dropped} of about ${found} dropped`)
  }
  const dropped = found === 0 ? 0 : await opened.deletePattern(pattern, { onProgress, signal })
  if (json) terminal.json({ schema: 'holdfast.cache-invalidation/1', namespace, pattern, dropped })
  else terminal.data(found === 0 ? `no entries ${match}` : `✓ ${entries(dropped)} dropped`)
  return exitCode.ok
}

function entries(count: number): string {
  return count === 1 ? '1 entry' : `${count} entries`
}

/** @throws HF_CLI_CONFIRMATION_REQUIRED */
async function confirm(what: string, { terminal, yes, signal }: CommandContext): Promise<void> {
  if (yes) return
  const hint = 'repeat the command with --yes'
  if (!terminal.interactive) throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `dropping ${what} was not confirmed`, { hint })
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    const answer = await prompt.question(`type yes to drop ${what}: `, { signal })
    if (answer.trim() !== 'yes')
      throw cliErrors.create('HF_CLI_CONFIRMATION_REQUIRED', `${JSON.stringify(answer)} is not yes: nothing was dropped`, { hint })
  } finally {
    prompt.close()
  }
}

function page({ key, redis, redisState }: Inspection): string[] {
  if (redis === undefined) return [`${key}: ${redisState} in Redis`]
  return [
    key,
    `  size   ${redis.sizeBytes} bytes`,
    `  fresh  ${redis.freshForMs} ms more`,
    `  gone   in ${redis.goneInMs} ms`,
    `  load   took ${Math.round(redis.loadMs)} ms`,
    `  tags   ${tagList(redis)}`,
  ]
}

function tagList({ tags, isCleared }: InspectedEntry): string {
  const names = tags.map(({ tag, isCurrent }) => (isCurrent ? tag : `${tag} (invalidated since)`))
  if (isCleared) names.push('(the namespace was cleared since)')
  return names.length === 0 ? 'none' : names.join(', ')
}

/** JSON knows neither of these. */
function plain(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map || value instanceof Set) return [...value]
  return value
}
