import { type ConfigProblems, collectConfigProblems, type Duration, parseDurationMs } from '../core/index.ts'
import type { CdnProvider } from './provider.ts'

/** CDNs in front of the service. */
export interface CdnOptions {
  /** Made by `cloudflare()`, `cloudFront()`, `fastly()`, `workerEndpoint()` or `cdnProvidersFromEnv()`. 1 to 10. */
  readonly providers: readonly CdnProvider[]
  /** Stretches of time in which purges are collected: the same tag or URL goes out once, others in the same request. A purge is late by half of it to one and a half.
   *  `'100ms'` to `'1m'`. Default `'1s'`. */
  readonly collectFor?: Duration
  /** How long after a purge it is repeated, because an answer that the origin made before the change may have reached the CDN after the first: longer than the slowest
   *  answer. `'0ms'`: never. At most `'10m'`. Default `'10s'`. */
  readonly secondPurgeAfter?: Duration
  /** Attempts until a purge is given up and listed by `hf.cdn.dead`. 1 to 100; the pause doubles from 1 s to 5 min, so that 12 take half an hour. Default 12. */
  readonly attempts?: number
  /** Also name tags in `Cache-Groups` (RFC 9875), for caches that are told by `Cache-Group-Invalidation`. Default false. */
  readonly cacheGroups?: boolean
}

/** With everything in base units. */
export interface ResolvedCdnOptions {
  readonly providers: readonly CdnProvider[]
  readonly collectMs: number
  readonly secondPurgeMs: number
  readonly attempts: number
}

const KNOWN: ReadonlySet<string> = new Set(['providers', 'collectFor', 'secondPurgeAfter', 'attempts', 'cacheGroups'])

/** @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveCdnOptions(options: CdnOptions): ResolvedCdnOptions {
  const problems = collectConfigProblems()
  const { providers, collectFor = '1s', secondPurgeAfter = '10s', attempts = 12 } = options
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) problems.add(`cdn.${name}`, `is not an option; known are ${[...KNOWN].join(', ')}`)
  checkProviders(providers, problems)
  if (!(Number.isInteger(attempts) && attempts >= 1 && attempts <= 100)) problems.add('cdn.attempts', `must be from 1 to 100, is ${attempts}`)
  const collectMs = problems.attempt('cdn.collectFor', () => parseDurationMs(collectFor), 1000)
  if (collectMs < 100 || collectMs > 60_000) problems.add('cdn.collectFor', `must be from 100ms to 1m, is ${collectFor}`)
  const secondPurgeMs = problems.attempt('cdn.secondPurgeAfter', () => parseDurationMs(secondPurgeAfter), 0)
  if (secondPurgeMs > 600_000) problems.add('cdn.secondPurgeAfter', `must be at most 10m, is ${secondPurgeAfter}`)
  problems.throwIfAny('cdn options')
  return { providers, collectMs, secondPurgeMs, attempts }
}

function checkProviders(providers: readonly CdnProvider[], problems: ConfigProblems): void {
  if (!Array.isArray(providers) || providers.length === 0 || providers.length > 10) {
    problems.add('cdn.providers', 'must be a list of 1 to 10')
    return
  }
  if (!providers.every(one => typeof one?.purge === 'function'))
    problems.add('cdn.providers', 'must be made by cloudflare(), cloudFront(), fastly() or workerEndpoint()')
  if (new Set(providers.map(one => one?.name)).size < providers.length) problems.add('cdn.providers', 'must have different names; give one a `name`')
}
