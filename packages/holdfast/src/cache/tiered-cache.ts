import { type Clock, collectConfigProblems, createLifecycle, currentRequestScope, type Health, silentLogger, systemClock } from '../core/index.ts'
import { BulkLoad, type LoadMany } from './bulk-load.ts'
import { Bulkhead } from './bulkhead.ts'
import type { CacheDeps, CacheStats, InspectOptions, TieredCache } from './cache-contract.ts'
import { cacheErrors } from './errors.ts'
import { type Explanation, explainInspection, type Inspection, inspectKey } from './inspection.ts'
import { type MemoryEntry, MemoryTier } from './l1/memory-tier.ts'
import type { Load } from './load-context.ts'
import { type LockContext, type LockOptions, runWithLock } from './lock.ts'
import { type CacheMetrics, createCacheMetrics } from './metrics.ts'
import {
  type CacheOptions,
  checkKey,
  checkTags,
  type GetOrSetOptions,
  type IncrementOptions,
  type ResolvedCall,
  type ResolvedOptions,
  resolveCall,
  resolveIncrement,
  resolveLock,
  resolveOptions,
  type SetOptions,
} from './options.ts'
import { toCodedError } from './redis/fault.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { RedisSide } from './redis-side.ts'
import { Reloader } from './reloader.ts'
import { copyToStored, readStored, type StoredValue } from './stored-value.ts'
import { snapshotTags, TagTable } from './tag-table.ts'

/** How long a start waits for Redis before it goes on without. */
const START_LIMIT_MS = 1000
/** Entries of one `setMany` that are written together. More would hold Redis up for the others. */
const WRITES_AT_ONCE = 128
/** After a failed reload the stale value is served this long before the loader is tried again. */
const RETRY_LOAD_MS = 1000

/** Makes a cache. Call `start()` before use; until then, and without Redis, it works from memory.
 *  @throws HF_CONFIG_INVALID naming every bad option at once */
export function createTieredCache(options: CacheOptions, deps: CacheDeps): TieredCache {
  const resolved = resolveOptions(options)
  checkRedis(deps.redis)
  return new Cache(resolved, deps)
}

class Cache implements TieredCache {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #options: ResolvedOptions
  readonly #clock: Clock
  readonly #random: () => number
  readonly #metrics: CacheMetrics
  readonly #memory: MemoryTier | undefined
  readonly #tags = new TagTable()
  readonly #redis: RedisSide | undefined
  readonly #reloader: Reloader
  readonly #createdAtMs: number
  /** False while memory may have missed a change that Redis would tell of. */
  #isMemoryOpen = true

  constructor(options: ResolvedOptions, deps: CacheDeps) {
    const { clock = systemClock, random = Math.random, logger = silentLogger } = deps
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#createdAtMs = clock.nowMs()
    const { metrics, dispose } = createCacheMetrics(deps.registry, () => this.#size())
    this.#metrics = metrics
    if (options.memory !== undefined) this.#memory = new MemoryTier(options.memory, reason => metrics.evictions.bind(reason).add())
    const memoryTtlMs = options.memory?.ttlMs ?? Number.POSITIVE_INFINITY
    const shared = { clock, random, logger, metrics, memory: this.#memory, tags: this.#tags, memoryTtlMs, mayStore: () => this.#isMemoryOpen }
    if (deps.redis !== undefined) {
      this.#redis = new RedisSide(deps.redis, options, shared, {
        onKeyChanged: key => this.#forget(key),
        onTagChanged: tag => this.#forgetTag(tag),
        onEverythingChanged: () => this.#forgetAll(),
        onStateChanged: isMemoryOpen => {
          this.#isMemoryOpen = isMemoryOpen
        },
      })
    }
    this.#reloader = new Reloader({ ...shared, remote: this.#redis, bulkhead: new Bulkhead(options.outageLoads), jitter: options.jitter })
    const lifecycle = createLifecycle({
      name: 'cache',
      clock,
      start: async () => {
        if (this.#redis === undefined) logger.warn({}, 'cache: no Redis was given; entries live in this process only')
        await this.#redis?.start(START_LIMIT_MS)
      },
      stop: async () => {
        dispose()
        await this.#redis?.stop()
        this.#memory?.clear()
      },
    })
    this.start = lifecycle.start
    this.stop = lifecycle.stop
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  getOrSet<T>(key: string, load: Load<T>, options?: GetOrSetOptions): Promise<T> {
    // The whole cost of a hit is in these lines: keep objects, closures and option parsing out of them.
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, nowMs) : undefined
    if (entry !== undefined && nowMs < entry.freshUntilMs) return this.#hit(entry) as Promise<T>
    return this.#getOrSetSlowly(key, load, options ?? {}, entry) as Promise<T>
  }

  async get<T>(key: string): Promise<T | undefined> {
    checkKey(key)
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, this.#clock.monotonicMs()) : undefined
    if (entry !== undefined) return this.#hit(entry) as Promise<T>
    const found = await this.#redis?.find(key)
    if (found?.kind === 'alive') return this.#redisHit(found.value.stored) as T
    this.#metrics.misses.add()
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheMissCount++
    return undefined
  }

  async getMany<T>(keys: readonly string[]): Promise<Map<string, T>> {
    const unique = [...new Set(keys)]
    const values = await Promise.all(unique.map(key => this.get<T>(key)))
    const found = new Map<string, T>()
    unique.forEach((key, i) => {
      if (values[i] !== undefined) found.set(key, values[i])
    })
    return found
  }

  async getOrSetMany<T>(keys: readonly string[], loadMany: LoadMany<T>, options?: GetOrSetOptions): Promise<Map<string, T>> {
    const unique = [...new Set(keys)]
    for (const key of unique) checkKey(key)
    const bulk = new BulkLoad(loadMany, unique, this.#clock)
    const values = await Promise.all(unique.map(key => bulk.track(key, this.getOrSet<T | undefined>(key, bulk.loadOne, options))))
    return new Map(unique.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]] as const])))
  }

  peek<T>(key: string): T | undefined {
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, nowMs) : undefined
    return entry !== undefined && nowMs < entry.freshUntilMs ? (readStored(entry.stored) as T) : undefined
  }

  set(key: string, value: unknown, options?: SetOptions): Promise<void> {
    return this.setMany([[key, value]], options)
  }

  async setMany(entries: Iterable<readonly [key: string, value: unknown]>, options: SetOptions = {}): Promise<void> {
    const writes = [...entries].map(([key, value]) => {
      checkKey(key)
      return { key, stored: value === undefined ? undefined : toCopy(key, value), call: resolveCall(key, options, this.#options) }
    })
    for (let at = 0; at < writes.length; at += WRITES_AT_ONCE) {
      const group = writes.slice(at, at + WRITES_AT_ONCE)
      await Promise.all(group.map(({ key, stored, call }) => (stored === undefined ? this.delete(key) : this.#write(key, stored, call))))
    }
  }

  async #write(key: string, stored: StoredValue, call: ResolvedCall): Promise<void> {
    const ttlMs = call.ttlMs * (1 - this.#options.jitter * this.#random())
    const aliveMs = Math.max(1, Math.round(ttlMs + call.graceMs))
    this.#forget(key)
    // After this line, so that an invalidation that comes during the round trip keeps the value out of memory.
    const tags = snapshotTags(this.#tags, ['', ...call.tags])
    if (this.#redis !== undefined) {
      const isWritten = await this.#redis.write(key, stored, ttlMs, aliveMs, tags)
      this.#forget(key)
      // Read back from Redis when it is next asked for: somebody else may have written since, and memory could not tell.
      if (isWritten || this.#redis.isUsable) return
    }
    const nowMs = this.#clock.monotonicMs()
    const freshUntilMs = nowMs + Math.min(ttlMs, this.#options.memory?.ttlMs ?? ttlMs)
    this.#memory?.set(key, { stored, freshUntilMs, goneAtMs: nowMs + aliveMs, tags })
  }

  async delete(key: string): Promise<boolean> {
    checkKey(key)
    const wasHere = this.#memory?.get(key, this.#clock.monotonicMs()) !== undefined
    // Before, so that nobody in this process reads the old value from here on; and after, because it could be read from Redis until the answer.
    this.#forget(key)
    if (this.#redis === undefined) return wasHere
    const wasThere = await this.#redis.tier.delete(key)
    this.#forget(key)
    return wasHere || wasThere
  }

  async invalidateTags(...tags: string[]): Promise<void> {
    const unique = checkTags(tags)
    for (const tag of unique) this.#forgetTag(tag)
    if (this.#redis === undefined) return
    await this.#redis.tier.bump(unique)
    for (const tag of unique) this.#forgetTag(tag)
  }

  async clear(): Promise<void> {
    this.#forgetAll()
    if (this.#redis === undefined) return
    await this.#redis.tier.bump([''])
    this.#forgetAll()
  }

  async increment(key: string, options: IncrementOptions): Promise<number> {
    checkKey(key)
    const { by, ttlMs } = resolveIncrement(key, options)
    return this.#tierFor('a counter')
      .increment(key, by, ttlMs)
      .catch(error => Promise.reject(toCodedError(error, `the counter ${JSON.stringify(key)}`)))
  }

  async withLock<T>(key: string, options: LockOptions, work: (ctx: LockContext) => Promise<T> | T): Promise<T> {
    checkKey(key)
    const lock = resolveLock(key, options)
    return runWithLock(key, lock, work, { clock: this.#clock, random: this.#random, tier: this.#tierFor('a lock') })
  }

  #tierFor(what: string): RemoteTier {
    if (this.#redis === undefined) throw cacheErrors.create('HF_CACHE_REDIS_AWAY', `${what} needs Redis, and none was given`)
    return this.#redis.tier
  }

  async inspect(key: string, options: InspectOptions = {}): Promise<Inspection> {
    checkKey(key)
    const memory = this.#isMemoryOpen ? this.#memory?.peek(key) : undefined
    return inspectKey(key, options.value === true, { nowMs: this.#clock.monotonicMs(), memory, tier: this.#redis?.tier })
  }

  async explain(key: string): Promise<Explanation> {
    return explainInspection(await this.inspect(key))
  }

  stats(): CacheStats {
    const redis = this.#redis
    return {
      ...this.#size(),
      redis: redis === undefined ? 'none' : redis.isUsable ? 'usable' : 'away',
      coherence: redis?.coherence ?? 'none',
      journaled: redis?.journaledCount ?? 0,
    }
  }

  health(): Health {
    if (this.#redis === undefined) {
      const why = 'no Redis was given: entries live in this process only and other processes do not hear of changes'
      return { status: 'degraded', reasons: [{ component: 'redis', why, sinceMs: this.#createdAtMs }] }
    }
    const { problem } = this.#redis
    return problem === undefined ? { status: 'ok', reasons: [] } : { status: 'degraded', reasons: [problem] }
  }

  #hit(entry: MemoryEntry): Promise<unknown> {
    this.#metrics.memoryHits.add()
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheHitCount++
    return entry.promise ?? Promise.resolve(readStored(entry.stored))
  }

  #redisHit(stored: StoredValue): unknown {
    this.#metrics.redisHits.add()
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheHitCount++
    return readStored(stored)
  }

  #getOrSetSlowly(key: string, load: Load<unknown>, options: GetOrSetOptions, stale: MemoryEntry | undefined): Promise<unknown> {
    checkKey(key)
    const call = resolveCall(key, options, this.#options)
    if (stale !== undefined) return this.#serveStale(key, load, call, stale, undefined)
    const underWay = this.#reloader.join(key)
    if (underWay !== undefined) return underWay
    if (this.#redis?.isUsable) return this.#findOrLoad(key, load, call, this.#redis)
    return this.#reloader.reload(key, load, call, undefined)
  }

  async #findOrLoad(key: string, load: Load<unknown>, call: ResolvedCall, redis: RedisSide): Promise<unknown> {
    const found = await redis.find(key)
    if (found?.kind !== 'alive') return this.#reloader.reload(key, load, call, found?.kind === 'dead' ? found.seen : undefined)
    if (found.value.freshUntilMs > this.#clock.monotonicMs()) return this.#redisHit(found.value.stored)
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
    const reload = this.#reloader.reload(key, load, call, seen)
    const fallBack = (): unknown => {
      this.#metrics.staleServed.add()
      return readStored(stale.stored)
    }
    const guarded = reload.catch(() => {
      // Back off: a loader that fails is not called again by every reader. Not stored when a tag changed meanwhile.
      const retryAtMs = Math.min(stale.goneAtMs, this.#clock.monotonicMs() + RETRY_LOAD_MS)
      if (this.#isMemoryOpen && this.#memory?.get(key, this.#clock.monotonicMs()) !== undefined) {
        this.#memory.set(key, { stored: stale.stored, freshUntilMs: retryAtMs, goneAtMs: stale.goneAtMs, tags: stale.tags })
      }
      return fallBack()
    })
    if (call.softTimeoutMs === 0) return fallBack()
    return new Promise(resolve => {
      const timer = this.#clock.after(call.softTimeoutMs, () => resolve(fallBack()), true)
      void guarded.then(value => {
        timer.cancel()
        resolve(value)
      })
    })
  }

  #forget(key: string): void {
    this.#memory?.delete(key)
    this.#reloader.detach(key)
    this.#redis?.onKeyChanged(key)
  }

  #forgetTag(tag: string): void {
    if (tag === '') {
      this.#forgetAll()
      return
    }
    this.#tags.invalidate(tag)
    this.#reloader.detachTag(tag)
  }

  #forgetAll(): void {
    this.#memory?.clear()
    this.#tags.forgetVersions()
    this.#reloader.detachAll()
    this.#redis?.onEverythingChanged()
  }

  #size(): { entries: number; bytes: number } {
    return { entries: this.#memory?.count ?? 0, bytes: this.#memory?.bytes ?? 0 }
  }
}

/** @throws HF_CACHE_VALUE_UNENCODABLE */
function toCopy(key: string, value: unknown): StoredValue {
  const stored = copyToStored(value)
  if (stored === undefined) throw cacheErrors.create('HF_CACHE_VALUE_UNENCODABLE', `the value for ${JSON.stringify(key)} cannot be stored`)
  return stored
}

function checkRedis(redis: unknown): void {
  if (redis === undefined) return
  const problems = collectConfigProblems()
  const client = redis as Partial<Record<'callBuffer' | 'duplicate' | 'isCluster', unknown>>
  if (typeof redis === 'string') {
    if (!/^rediss?:\/\//.test(redis)) problems.add('redis', 'must be a URL that starts with redis:// or rediss://')
  } else if (client?.isCluster === true) {
    problems.add('redis', 'is a Redis Cluster client, which the cache does not support yet; give it a single primary')
  } else if (typeof client?.callBuffer !== 'function' || typeof client.duplicate !== 'function') {
    problems.add('redis', 'must be a URL or an ioredis client')
  }
  problems.throwIfAny('cache options')
}
