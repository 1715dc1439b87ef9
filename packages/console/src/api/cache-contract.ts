import type { ExplainReason, SourceReport } from 'holdfast/cache'
import type { Measured } from './contract.ts'

/** One prefix of keys over the window. Ratios rest on hits and misses; reads that joined a load are counted beside them. */
export interface CachePrefixRow {
  readonly prefix: string
  readonly readCount: number
  readonly hitRatio: Measured
  readonly l1HitRatio: Measured
  readonly l2HitRatio: Measured
  readonly missCount: number
  readonly coalescedCount: number
  readonly staleCount: number
  readonly loadErrorCount: number
  readonly fillCount: number
  readonly evictionCount: number
  /** Entries too large for memory. */
  readonly refusedCount: number
  /** In the memory of all instances now. */
  readonly entries: number
  readonly bytes: number
  /** Fresh time of the newest fill; null when nothing was stored. */
  readonly ttlMs: number | null
  readonly loadP50Ms: Measured
  readonly loadP95Ms: Measured
  /** Loads that ten callers or more waited for. */
  readonly herdLoadCount: number
}

/** One route of the response cache over the window. The ratio rests on what it kept or could have kept; what was passed by is counted beside it. */
export interface CacheRouteRow {
  /** The route's pattern; the path of the rule where the router does not say it. */
  readonly route: string
  readonly answerCount: number
  /** Answered without the handler: hits, stale answers, and requests that waited for another's answer; of these and of what the handler was asked for. */
  readonly hitRatio: Measured
  readonly hitCount: number
  readonly staleCount: number
  readonly collapsedCount: number
  /** The handler confirmed what was stored. */
  readonly revalidatedCount: number
  readonly missCount: number
  /** Neither answered from the cache nor stored. */
  readonly bypassCount: number
  /** Why, most frequent first. */
  readonly bypasses: readonly { readonly reason: string; readonly count: number }[]
}

/** A key that is read more than others, estimated from samples. */
export interface HotKeyRow {
  readonly key: string
  readonly instanceId: string
  /** `memory`: answered there. `remote`: asked of Redis or loaded. */
  readonly where: 'memory' | 'remote'
  /** Share of the reads of that kind; `n` is samples. */
  readonly share: Measured
  readonly readsPerSec: number
}

/** The cache of one instance. */
export interface CacheInstanceRow {
  readonly id: string
  readonly redis: 'none' | 'away' | 'usable'
  readonly coherence: 'none' | 'tracking' | 'pubsub'
  /** Deletes and invalidations that wait for Redis to come back. */
  readonly journaled: number
  readonly entries: number
  readonly bytes: number
}

/** The last minutes, one point a second; arrays of equal length, oldest first. Null where nothing was measured. */
export interface CacheSeries {
  readonly atMs: readonly number[]
  readonly l1PerSec: readonly (number | null)[]
  readonly l2PerSec: readonly (number | null)[]
  readonly missPerSec: readonly (number | null)[]
  readonly stalePerSec: readonly (number | null)[]
  readonly coalescedPerSec: readonly (number | null)[]
  readonly evictionPerSec: readonly (number | null)[]
  readonly bytes: readonly (number | null)[]
  readonly partial: boolean
}

/** `GET api/v1/performance/cache/metrics`. */
export interface CacheMetricsAnswer {
  readonly schema: 'holdfast.cache-metrics/1'
  readonly atMs: number
  readonly windowSec: number
  /** Empty when no instance has a cache, or none says so. */
  readonly instances: readonly CacheInstanceRow[]
  readonly totals: {
    readonly readsPerSec: Measured
    readonly hitRatio: Measured
    readonly l1HitRatio: Measured
    readonly l2HitRatio: Measured
    readonly missCount: number
    readonly coalescedCount: number
    readonly staleCount: number
    readonly evictionCount: number
    readonly loadErrorCount: number
    readonly errorCount: number
    readonly loadP50Ms: Measured
    readonly loadP95Ms: Measured
    readonly redisReadP50Ms: Measured
    readonly redisReadP95Ms: Measured
    readonly entries: number
    readonly bytes: number
  }
  /** Most reads first; at most 100, the rest under `other`. */
  readonly prefixes: readonly CachePrefixRow[]
  /** Of the response cache; most answers first, at most 100, the rest under `other`. */
  readonly routes: readonly CacheRouteRow[]
  /** Of the last whole minute. */
  readonly hotKeys: readonly HotKeyRow[]
  readonly series: CacheSeries
  /** What the reader may do here; empty when the console was given no cache. */
  readonly actions: readonly ('inspect' | 'value' | 'invalidate')[]
  /** Whether a drop wants the first name repeated. */
  readonly needsConfirmation: boolean
}

/** `GET api/v1/performance/cache/hit-rate`. */
export interface CacheHitRateAnswer {
  readonly schema: 'holdfast.cache-hit-rate/1'
  readonly atMs: number
  readonly windowSec: number
  readonly hitRatio: Measured
  readonly l1HitRatio: Measured
  readonly l2HitRatio: Measured
  readonly prefixes: readonly Pick<CachePrefixRow, 'prefix' | 'hitRatio' | 'l1HitRatio' | 'l2HitRatio'>[]
  readonly routes: readonly CacheRouteRow[]
}

/** One copy of an entry. */
export interface CacheCopy {
  readonly sizeBytes: number
  readonly freshForMs: number
  readonly goneInMs: number
  readonly tags: readonly { readonly tag: string; readonly isCurrent: boolean }[]
}

/** `GET api/v1/performance/cache/key?key=`, with `&value=1` also the value. */
export interface CacheKeyAnswer {
  readonly schema: 'holdfast.cache-key/1'
  readonly key: string
  readonly outcome: 'hit' | 'stale' | 'miss'
  readonly reason: ExplainReason
  readonly message: string
  /** Of the process that answers; a console in a process of its own has no memory tier. */
  readonly memory: CacheCopy | null
  readonly redis: (CacheCopy & { readonly loadMs: number }) | null
  /** Text of the value, at most 20,000 characters; absent unless it was asked for and the role allows it. */
  readonly valueText?: string
}

/** `GET api/v1/performance/cache/tag-count?tag=`. Counts of an incomplete scan are "at least". */
export interface CacheTagCountAnswer {
  readonly schema: 'holdfast.cache-tag-count/1'
  readonly tag: string
  /** Null when it cannot be counted; `why` says so. */
  readonly taggedCount: number | null
  readonly scannedCount: number
  readonly isComplete: boolean
  readonly why: string | null
}

/** Body of `POST api/v1/performance/cache/invalidate`: tags, keys, URLs of stored answers. Outside development `confirmation` repeats the first of them. */
export interface CacheInvalidation {
  readonly tags?: readonly string[]
  readonly keys?: readonly string[]
  readonly urls?: readonly string[]
  readonly confirmation?: string
}

/** Its answer. */
export interface CacheInvalidationAnswer {
  readonly schema: 'holdfast.cache-invalidation/1'
  readonly tags: readonly string[]
  readonly keys: readonly string[]
  readonly urls: readonly string[]
  /** Names of the CDNs to which tags and URLs are on their way. */
  readonly cdns: readonly string[]
  /** Keys that were there. */
  readonly deletedCount: number
  /** Redis is away: processes of this console forget now, the rest when it is back. */
  readonly isPending: boolean
}

/** Body of `POST api/v1/performance/cache/warm`. */
export interface CacheWarmingRequest {
  /** Names of sources. Absent: all that the services have. */
  readonly sources?: readonly string[]
}

/** Its answer, when the warming has ended. */
export interface CacheWarmingAnswer {
  readonly schema: 'holdfast.cache-warming/1'
  /** Processes that answered. */
  readonly processes: number
  readonly tookMs: number
  readonly sources: readonly SourceReport[]
}
