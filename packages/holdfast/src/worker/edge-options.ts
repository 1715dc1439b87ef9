import { collectConfigProblems, type Duration, type Logger, parseDurationMs, silentLogger } from '../core/portable.ts'
import { patternOf, type RouteRule } from '../http/response-cache/route-rules.ts'
import type { ResponseCacheOptions } from '../http/response-cache/routing.ts'
import { type CorsRule, type ResolvedCors, resolveCors } from './cors.ts'
import { checkEdgeMetrics, type EdgeMetrics } from './edge-points.ts'
import { fetchOrigin, type OriginFetch } from './origin.ts'
import type { KvLike } from './platform.ts'

/** What the edge does with answers of some routes: as in a service, but for what Cloudflare does by itself (compression). */
export type EdgeRule = Omit<RouteRule, 'compress'>

/** Settings of an edge worker. Those of {@link EdgeRule} stand for all routes that no rule matches. */
export interface EdgeOptions extends Omit<ResponseCacheOptions, 'rules' | 'compress' | 'trustForwarded'> {
  /** Rules by path; the first that matches counts. */
  readonly rules?: readonly EdgeRule[]
  /** Where answers come from: the origin of a URL (`https://origin.example.com`), or a function, for example of a service binding. Default: where the request would go
   *  without the worker. */
  readonly origin?: string | OriginFetch
  /** How long the origin may take to begin the answer to a GET or HEAD that may be stored, and as long again to complete it. Default `'20s'`; the platform ends what goes on for
   *  30 s after its client has gone. */
  readonly originTimeout?: Duration
  /** What pages of other origins may ask. Default: the origin answers preflights. */
  readonly cors?: readonly CorsRule[]
  /** The endpoint for purges. Default: there is none. */
  readonly purge?: PurgeOptions
  /** A KV namespace that tells all data centers of purges, within about a minute. Default: a purge reaches the data center that it is sent to. */
  readonly marks?: KvLike | undefined
  /** Counts answers by outcome and rule, purges, and failures of the origin. Default: nothing is counted. */
  readonly metrics?: EdgeMetrics | undefined
  /** Is told why the origin gave no answer, of failures in the background, and of purges that could not be noted. `console` will do. Default silent. */
  readonly logger?: Logger
}

/** How purges come in. */
export interface PurgeOptions {
  /** Secrets of 32 characters or more; any of them may sign. Keep the last one here while its senders change to the next. */
  readonly secrets: readonly string[]
  /** Default `/.holdfast/purge`. */
  readonly path?: string
  /** How far the time of a signature may be from the worker's. `'10s'` to `'1h'`. Default `'5m'`. */
  readonly window?: Duration
}

/** Options with everything worked out. */
export interface ResolvedEdge {
  readonly cacheOptions: ResponseCacheOptions
  readonly origin: OriginFetch
  /** True when the origin is reached under another host, and told ours. */
  readonly isElsewhere: boolean
  readonly originTimeoutMs: number
  readonly cors: readonly ResolvedCors[]
  readonly purge: { readonly secrets: readonly string[]; readonly path: string; readonly windowMs: number } | undefined
  readonly marks: KvLike | undefined
  readonly metrics: EdgeMetrics | undefined
  readonly logger: Logger
}

/** Shorter ones can be guessed from one signature. */
const LEAST_SECRET_LENGTH = 32

/** Checks options. Those of routes are checked where they are resolved. @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveEdgeOptions({
  origin,
  originTimeout = '20s',
  cors = [],
  purge,
  marks,
  metrics,
  logger = silentLogger,
  ...rest
}: EdgeOptions): ResolvedEdge {
  const problems = collectConfigProblems()
  const within = (at: string, text: Duration, leastMs: number, mostMs: number): number => {
    const ms = problems.attempt(at, () => parseDurationMs(text), leastMs)
    if (ms < leastMs || ms > mostMs) problems.add(at, `is ${ms} ms, allowed are ${leastMs} to ${mostMs}`)
    return ms
  }
  const base = typeof origin === 'string' ? (URL.canParse(origin) ? new URL(origin) : null) : undefined
  if (base === null || (base !== undefined && base.href !== `${base.origin}/`)) {
    problems.add('origin', 'must be scheme and host, such as https://origin.example.com, or a function')
  }
  const resolved: ResolvedEdge = {
    cacheOptions: { ...rest, rules: (rest.rules ?? []).map(rule => ({ ...rule, compress: false })), compress: false },
    origin: typeof origin === 'function' ? origin : fetchOrigin(base ?? undefined),
    isElsewhere: typeof origin === 'string',
    originTimeoutMs: within('originTimeout', originTimeout, 100, 60_000),
    cors: cors.map((rule, i) => resolveCors(rule, `cors[${i}]`, patternOf, problems)),
    purge: purge && {
      secrets: purge.secrets,
      path: purge.path ?? '/.holdfast/purge',
      windowMs: within('purge.window', purge.window ?? '5m', 10_000, 3_600_000),
    },
    marks,
    metrics,
    logger,
  }
  if (metrics !== undefined) checkEdgeMetrics(metrics, problems)
  if (purge !== undefined) {
    const isLong = (secret: unknown): boolean => typeof secret === 'string' && secret.length >= LEAST_SECRET_LENGTH
    if (!Array.isArray(purge.secrets) || purge.secrets.length === 0 || !purge.secrets.every(isLong)) {
      problems.add('purge.secrets', `must be secrets of ${LEAST_SECRET_LENGTH} characters or more; is the binding set?`)
    }
    if (!resolved.purge?.path.startsWith('/')) problems.add('purge.path', 'must begin with /')
  }
  problems.throwIfAny('edge worker options')
  return resolved
}
