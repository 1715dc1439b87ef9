import { servicesStatus } from '@holdfast/dev-services'
import type { TieredCache } from 'holdfast/cache'
import { type CdnProvider, cdnProvidersFromEnv, type PlannedCall, type Purge } from 'holdfast/cdn'
import { isHoldfastError, systemClock, wireTag } from 'holdfast/core'
import { createResponseCache } from 'holdfast/http'
import { writeAuditLine } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { connectTo } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { openCache } from './cache.ts'

/** Options of `holdfast cache purge`. */
export interface CachePurgeOptions {
  readonly url?: readonly string[]
  readonly tag?: readonly string[]
  readonly all?: boolean
  readonly dryRun?: boolean
  readonly namespace: string
}

/** What became of one CDN. */
interface CdnOutcome {
  readonly provider: string
  readonly requests: readonly PlannedCall[]
  /** Absent: purged, or a dry run. */
  readonly error?: { readonly code: string; readonly message: string }
}

/** `holdfast cache purge --url <u> | --tag <t> | --all`: drops it from the caches of all processes (REDIS_URL, else of `holdfast services up`), from stored answers, and at the CDNs that the environment
 *  names. With DATABASE_URL it leaves a line in the audit log. Exit code 3 when a CDN did not take it; what was done stays done.
 *  @throws HF_CLI_USAGE, HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_REDIS, HF_CACHE_REDIS_AWAY, HF_CACHE_TAG_INVALID, HF_CONFIG_INVALID */
export async function cachePurge(options: CachePurgeOptions, context: CommandContext): Promise<number> {
  const { terminal, json, env } = context
  const { url: urls = [], tag: tags = [], all = false, dryRun: isDryRun = false, namespace } = options
  checkUsage(urls, tags, all)
  const providers = cdnProvidersFromEnv(env)
  const hasRedis = Boolean(env.REDIS_URL || (await servicesStatus({ env }))?.cacheRedis?.url)
  if (!hasRedis && providers.length === 0)
    throw cliErrors.create('HF_CLI_NO_REDIS', 'REDIS_URL is not set, no local services are up, and no CDN is named')
  const what = subjectsOf(urls, tags, all, namespace)
  if (all && !isDryRun)
    await confirm(context, `purge ${what}${providers.length === 0 ? '' : ` and all of ${providers.map(({ name }) => name).join(', ')}`}`, 'yes')
  const startedMs = systemClock.monotonicMs()
  if (hasRedis && !isDryRun) await dropFromCaches({ urls, tags, all }, namespace, context)
  // After the caches: the CDN would fetch the old answer again.
  const cdns: CdnOutcome[] = []
  for (const provider of providers) cdns.push(await purgeAt(provider, purgesOf(urls, tags, all), isDryRun))
  const audit = isDryRun ? 'none' : await writeAudit(what, cdns, systemClock.monotonicMs() - startedMs, context)
  if (json) terminal.json({ schema: 'holdfast.cache-purge/1', namespace, urls, tags, all, dryRun: isDryRun, caches: hasRedis, cdns, audit })
  else report(what, hasRedis, cdns, isDryRun, context)
  if (audit === 'failed') terminal.say('the audit log could not be written; see `holdfast db schema`')
  return cdns.some(({ error }) => error !== undefined) ? exitCode.unreachable : exitCode.ok
}

/** @throws HF_CLI_USAGE */
function checkUsage(urls: readonly string[], tags: readonly string[], all: boolean): void {
  const given = urls.length + tags.length
  if (all ? given > 0 : given === 0) throw cliErrors.create('HF_CLI_USAGE', 'purge takes --url, --tag or both, or else --all')
  const bad = urls.find(text => !/^https?:\/\//.test(text) || !URL.canParse(text))
  if (bad !== undefined) throw cliErrors.create('HF_CLI_USAGE', `--url: ${JSON.stringify(bad)} is not an http or https URL`)
}

async function dropFromCaches(
  subject: { urls: readonly string[]; tags: readonly string[]; all: boolean },
  namespace: string,
  context: CommandContext,
): Promise<void> {
  const cache: TieredCache = await openCache(namespace, context)
  try {
    if (subject.all) await cache.clear()
    if (subject.tags.length > 0) await cache.invalidateTags(...subject.tags)
    const responses = createResponseCache({}, { cache, registry: createRegistry() })
    for (const url of subject.urls) await responses.purge(url)
  } finally {
    await cache.stop()
  }
}

function purgesOf(urls: readonly string[], tags: readonly string[], all: boolean): Purge[] {
  if (all) return [{ kind: 'all' }]
  const purges: Purge[] = []
  if (tags.length > 0) purges.push({ kind: 'tag', tags: tags.map(wireTag) })
  if (urls.length > 0) purges.push({ kind: 'url', urls })
  return purges
}

async function purgeAt(provider: CdnProvider, purges: readonly Purge[], isDryRun: boolean): Promise<CdnOutcome> {
  const outcome = { provider: provider.name, requests: purges.flatMap(purge => provider.plan(purge)) }
  if (isDryRun) return outcome
  try {
    for (const purge of purges) await provider.purge(purge)
    return outcome
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    return { ...outcome, error: { code: error.code, message: error.message } }
  }
}

/** `none`: there is no DATABASE_URL. */
async function writeAudit(
  what: string,
  cdns: readonly CdnOutcome[],
  tookMs: number,
  { env }: CommandContext,
): Promise<'written' | 'failed' | 'none'> {
  if (!env.DATABASE_URL) return 'none'
  try {
    const failed = cdns.filter(({ error }) => error !== undefined)
    const detail = [what, ...cdns.map(({ provider, error }) => `${provider}: ${error?.code ?? 'purged'}`)].join('; ')
    await writeAuditLine(() => connectTo(env.DATABASE_URL!), {
      what: 'purge',
      subject: 'cache',
      outcome: failed.length === 0 ? 'done' : failed[0]!.error!.code,
      tookMs,
      detail,
    })
    return 'written'
  } catch {
    return 'failed'
  }
}

function subjectsOf(urls: readonly string[], tags: readonly string[], all: boolean, namespace: string): string {
  if (all) return `everything in the namespace ${namespace}`
  return [...tags.map(tag => `tag ${JSON.stringify(tag)}`), ...urls].join(', ')
}

function report(what: string, hasRedis: boolean, cdns: readonly CdnOutcome[], isDryRun: boolean, { terminal }: CommandContext): void {
  const mark = isDryRun ? 'would purge' : '✓'
  if (hasRedis) terminal.data(`${mark} caches and stored answers: ${what}`)
  else terminal.say('no Redis: caches are left as they are')
  for (const { provider, requests, error } of cdns) {
    if (error !== undefined) terminal.data(`✗ ${provider}: ${error.code} ${error.message}`)
    else terminal.data(`${mark} ${provider}: ${what} (${requests.length === 1 ? '1 request' : `${requests.length} requests`})`)
    if (isDryRun) for (const { method, url, body } of requests) terminal.data(`    ${method} ${url}${body === undefined ? '' : ` ${body}`}`)
  }
  if (cdns.length === 0) terminal.say('no CDN is named in the environment: see HOLDFAST_CDN_CLOUDFLARE_ZONE and the like in the guide')
}
