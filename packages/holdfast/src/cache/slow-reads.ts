import { type Clock, currentRequestScope } from '../core/index.ts'
import { currentReadTags } from './derived/read-tags.ts'
import { type MemoryEntry, type MemoryTier, type MemoryValue, refreshMomentOf } from './l1/memory-tier.ts'
import type { Load } from './load-context.ts'
import { checksumOf, type Found } from './lookup.ts'
import type { CacheMetrics } from './metrics.ts'
import { checkKey, type GetOrSetOptions, type ResolvedCall, type ResolvedOptions, resolveCall } from './options.ts'
import type { RedisSide } from './redis-side.ts'
import type { Reloader, ReloadOrigin } from './reloader.ts'
import type { CacheStatistics } from './statistics/cache-statistics.ts'
import { readStored } from './stored-value.ts'
import type { TagTable } from './tag-table.ts'

/** What reads need that memory alone cannot answer. */
export interface SlowReadDeps {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly metrics: CacheMetrics
  readonly statistics: CacheStatistics
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly redis: RedisSide | undefined
  readonly reloader: Reloader
  /** The value of an entry in memory, counted as a hit. */
  hit(entry: MemoryEntry): Promise<unknown>
  /** True while memory may be filled. */
  mayStore(): boolean
}

/** After a failed reload the stale value is served this long before the loader is tried again. */
const RETRY_LOAD_MS = 1000

/** Reads after memory had nothing fresh: from Redis, from the loader, or a stale value within its grace. */
export class SlowReads {
  readonly #deps: SlowReadDeps

  constructor(deps: SlowReadDeps) {
    this.#deps = deps
  }

  /** What Redis holds, counted as a hit or a miss; a miss only where `isCounted`. */
  async get(key: string, isCounted = true): Promise<unknown> {
    const found = await this.#deps.redis?.find(key)
    if (found?.kind === 'alive') return this.#redisHit(key, found.value)
    if (!isCounted) return undefined
    this.#deps.metrics.misses.add()
    this.#deps.statistics.miss(key)
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheMissCount++
    return undefined
  }

  /** The value from wherever it can be had. `entry` is what memory holds: stale within its grace, or due for an early refresh. */
  getOrSet(key: string, load: Load<unknown>, options: GetOrSetOptions<string>, entry: MemoryEntry | undefined): Promise<unknown> {
    const { reloader, clock } = this.#deps
    checkKey(key)
    const call = resolveCall(key, options, this.#deps.options)
    if (entry !== undefined) {
      const nowMs = clock.monotonicMs()
      if (nowMs >= entry.freshUntilMs) {
        // Still fresh but for its time in memory: Redis knows better, while it can be asked.
        const asked = nowMs < entry.goneAtMs - call.graceMs ? this.#askRedis(key, load, call) : undefined
        if (asked !== undefined) return asked
        const { stored, goneAtMs, tags } = entry
        return this.#serveStale(key, load, call, { stored, goneAtMs, tags }, undefined)
      }
      // Once for this copy: reads until its end are hits again, also when the refresh fails.
      entry.refreshAtMs = entry.freshUntilMs
      const value = this.#deps.hit(entry)
      this.#refreshEarly(key, load, call, { previous: entry.stored })
      return value
    }
    const underWay = reloader.joinMiss(key)
    if (underWay !== undefined) return underWay
    return this.#askRedis(key, load, call) ?? reloader.reload(key, load, call, {})
  }

  /** The value from the loader, although what is there may be fresh. Joins a load under way. */
  async refresh(key: string, load: Load<unknown>, options: GetOrSetOptions<string>): Promise<unknown> {
    checkKey(key)
    const call = resolveCall(key, options, this.#deps.options)
    const { redis, reloader } = this.#deps
    if (!redis?.isUsable) return reloader.reload(key, load, call, {})
    // Both go in one command. A read of a fresh value does not give its checksum, by which the lease knows that this value is not the one waited for.
    const [found, bytes] = await Promise.all([redis.find(key), redis.tier.read(key).catch(() => null)])
    const seen = bytes === null ? undefined : checksumOf(bytes)
    if (found?.kind === 'alive') return reloader.reload(key, load, call, { seen, previous: found.value.stored, isEarly: true })
    return reloader.reload(key, load, call, { seen })
  }

  /** The value from Redis, else from the loader; `undefined` when Redis cannot be asked. Not an async function, which would cost two promises more. */
  #askRedis(key: string, load: Load<unknown>, call: ResolvedCall): Promise<unknown> | undefined {
    return this.#deps.redis?.find(key)?.then(found => this.#use(found, key, load, call))
  }

  #use(found: Found, key: string, load: Load<unknown>, call: ResolvedCall): unknown {
    const { reloader } = this.#deps
    if (found.kind === 'alive' && refreshMomentOf(found.value) > found.judgedAtMs) return this.#redisHit(key, found.value)
    if (found.kind !== 'alive') return reloader.reload(key, load, call, { seen: found.kind === 'dead' ? found.seen : undefined })
    if (found.value.freshUntilMs <= found.judgedAtMs) return this.#serveStale(key, load, call, found.value, found.seen)
    this.#refreshEarly(key, load, call, { seen: found.seen, previous: found.value.stored })
    return this.#redisHit(key, found.value)
  }

  /** Begins to reload a value that is still fresh, unless Redis is away: then the loaders have enough to do. */
  #refreshEarly(key: string, load: Load<unknown>, call: ResolvedCall, origin: ReloadOrigin): void {
    const { reloader, redis, metrics } = this.#deps
    if (redis !== undefined && !redis.isUsable) return
    metrics.earlyRefreshes.add()
    // A failed load is counted there; the value is still fresh, and whoever needs it at its end sees the error.
    reloader.reload(key, load, call, { ...origin, isEarly: true }).catch(() => undefined)
  }

  /** The stale value at once or after the soft time-out, while one caller reloads; the fresh one when it comes in time. */
  async #serveStale(
    key: string,
    load: Load<unknown>,
    call: ResolvedCall,
    stale: Pick<MemoryEntry, 'stored' | 'goneAtMs' | 'tags'>,
    seen: Buffer | undefined,
  ): Promise<unknown> {
    const { reloader, metrics, statistics, clock, memory, tags, mayStore } = this.#deps
    // Also when the fresh one comes in time: which it will be is not known yet.
    currentReadTags()?.note(tags, stale.tags)
    const reload = reloader.reload(key, load, call, { seen, previous: stale.stored })
    const fallBack = (): unknown => {
      metrics.staleServed.add()
      statistics.of(key).staleServed++
      return readStored(stale.stored)
    }
    const guarded = reload.catch(() => {
      // Back off: a loader that fails is not called again by every reader. Not stored when a tag changed meanwhile.
      const retryAtMs = Math.min(stale.goneAtMs, clock.monotonicMs() + RETRY_LOAD_MS)
      if (mayStore() && memory?.get(key, clock.monotonicMs()) !== undefined) {
        memory.set(key, { stored: stale.stored, freshUntilMs: retryAtMs, goneAtMs: stale.goneAtMs, tags: stale.tags })
      }
      return fallBack()
    })
    if (call.softTimeoutMs === 0) return fallBack()
    return new Promise(resolve => {
      const timer = clock.after(call.softTimeoutMs, () => resolve(fallBack()), true)
      void guarded.then(value => {
        timer.cancel()
        resolve(value)
      })
    })
  }

  #redisHit(key: string, { stored, tags }: MemoryValue): unknown {
    this.#deps.metrics.redisHits.add()
    this.#deps.statistics.redisHit(key)
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheHitCount++
    currentReadTags()?.note(this.#deps.tags, tags)
    return readStored(stored)
  }
}
