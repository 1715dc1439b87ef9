import { type Clock, currentRequestScope } from '../core/index.ts'
import type { MemoryEntry, MemoryTier } from './l1/memory-tier.ts'
import type { Load } from './load-context.ts'
import type { CacheMetrics } from './metrics.ts'
import { checkKey, type GetOrSetOptions, type ResolvedCall, type ResolvedOptions, resolveCall } from './options.ts'
import type { RedisSide } from './redis-side.ts'
import type { Reloader } from './reloader.ts'
import { readStored, type StoredValue } from './stored-value.ts'

/** What reads need that memory alone cannot answer. */
export interface SlowReadDeps {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly metrics: CacheMetrics
  readonly memory: MemoryTier | undefined
  readonly redis: RedisSide | undefined
  readonly reloader: Reloader
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

  /** What Redis holds, counted as a hit or a miss. */
  async get(key: string): Promise<unknown> {
    const found = await this.#deps.redis?.find(key)
    if (found?.kind === 'alive') return this.#redisHit(found.value.stored)
    this.#deps.metrics.misses.add()
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheMissCount++
    return undefined
  }

  /** The value from wherever it can be had. `stale` is what memory holds within its grace. */
  getOrSet(key: string, load: Load<unknown>, options: GetOrSetOptions, stale: MemoryEntry | undefined): Promise<unknown> {
    const { reloader, redis } = this.#deps
    checkKey(key)
    const call = resolveCall(key, options, this.#deps.options)
    if (stale !== undefined) return this.#serveStale(key, load, call, stale, undefined)
    const underWay = reloader.join(key)
    if (underWay !== undefined) return underWay
    if (redis?.isUsable) return this.#findOrLoad(key, load, call, redis)
    return reloader.reload(key, load, call, undefined)
  }

  async #findOrLoad(key: string, load: Load<unknown>, call: ResolvedCall, redis: RedisSide): Promise<unknown> {
    const { reloader, clock } = this.#deps
    const found = await redis.find(key)
    if (found?.kind !== 'alive') return reloader.reload(key, load, call, found?.kind === 'dead' ? found.seen : undefined)
    if (found.value.freshUntilMs > clock.monotonicMs()) return this.#redisHit(found.value.stored)
    return this.#serveStale(key, load, call, found.value, found.seen)
  }

  /** The stale value at once or after the soft time-out, while one caller reloads; the fresh one when it comes in time. */
  async #serveStale(
    key: string,
    load: Load<unknown>,
    call: ResolvedCall,
    stale: Pick<MemoryEntry, 'stored' | 'goneAtMs' | 'tags'>,
    seen: Buffer | undefined,
  ): Promise<unknown> {
    const { reloader, metrics, clock, memory, mayStore } = this.#deps
    const reload = reloader.reload(key, load, call, seen)
    const fallBack = (): unknown => {
      metrics.staleServed.add()
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

  #redisHit(stored: StoredValue): unknown {
    this.#deps.metrics.redisHits.add()
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheHitCount++
    return readStored(stored)
  }
}
