import { type Clock, createLifecycle, currentRequestScope, type Health, silentLogger, systemClock } from '../core/index.ts'
import { BulkLoad, type LoadMany } from './bulk-load.ts'
import { Bulkhead } from './bulkhead.ts'
import type { CacheDeps, CacheStats, InspectOptions, NamespaceView, TieredCache } from './cache-contract.ts'
import { keepParts } from './cache-parts.ts'
import { Deriving } from './derived/deriving.ts'
import { currentReadTags } from './derived/read-tags.ts'
import { cacheErrors } from './errors.ts'
import { compileGlob, type GlobMatch } from './glob.ts'
import { type Explanation, explainInspection, type Inspection, inspectKey } from './inspection.ts'
import { type MemoryEntry, MemoryTier } from './l1/memory-tier.ts'
import type { Load } from './load-context.ts'
import { type LockContext, type LockOptions, runWithLock } from './lock.ts'
import { type MessageHandler, Messages, type SubscribeOptions } from './messages.ts'
import { createCacheMetrics } from './metrics.ts'
import { viewNamespace } from './namespace-view.ts'
import {
  type CacheOptions,
  checkKey,
  type GetOrSetOptions,
  type IncrementOptions,
  type ResolvedOptions,
  resolveIncrement,
  resolveLock,
  resolveOptions,
  type SetOptions,
} from './options.ts'
import { dropPattern, type PatternDropOptions } from './pattern-drop.ts'
import { toCodedError } from './redis/fault.ts'
import { checkRedis } from './redis/redis-option.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { RedisSide } from './redis-side.ts'
import { Reloader } from './reloader.ts'
import { ruleFor } from './rules.ts'
import { SlowReads } from './slow-reads.ts'
import { CacheStatistics } from './statistics/cache-statistics.ts'
import { readStored } from './stored-value.ts'
import { TagTable } from './tag-table.ts'
import { type LocalForgetting, Writer } from './writer.ts'

/** How long a start waits for Redis before it goes on without. */
const START_LIMIT_MS = 1000

/** Makes a cache. Call `start()` before use; until then, and without Redis, it works from memory.
 *  @throws HF_CONFIG_INVALID naming every bad option at once */
export function createTieredCache<L extends string = never, E extends object = Record<never, never>>(
  options: CacheOptions<L, E>,
  deps: CacheDeps,
): TieredCache<L, E> {
  const resolved = resolveOptions(options)
  checkRedis(deps.redis)
  return new Cache(resolved, deps)
}

class Cache implements TieredCache<string, Record<string, unknown>> {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #clock: Clock
  readonly #random: () => number
  readonly #statistics: CacheStatistics
  readonly #memory: MemoryTier | undefined
  readonly #tags = new TagTable()
  readonly #redis: RedisSide | undefined
  readonly #reloader: Reloader
  readonly #slowReads: SlowReads
  readonly #writer: Writer
  readonly #onTagChanged = new Set<(tag: string) => void>()
  readonly #messages: Messages
  readonly #deriving: Deriving
  readonly #createdAtMs: number
  /** False while memory may have missed a change that Redis would tell of. */
  #isMemoryOpen = true

  constructor(options: ResolvedOptions, deps: CacheDeps) {
    const { clock = systemClock, random = Math.random, logger = silentLogger } = deps
    this.#clock = clock
    this.#random = random
    this.#createdAtMs = clock.nowMs()
    const { metrics, dispose } = createCacheMetrics(deps.registry, () => this.#size())
    const statistics = new CacheStatistics(clock, random)
    const unpublish = statistics.publish(deps.registry, metrics.memoryHits)
    this.#statistics = statistics
    if (options.memory !== undefined) {
      const { ttlMs } = options.memory
      this.#memory = new MemoryTier(options.memory, {
        clock,
        onEvict: reason => metrics.evicted[reason].add(),
        countersOf: statistics.of,
        ttlMsOf: options.rules.length === 0 ? () => ttlMs : key => ruleFor(options.rules, key)?.memoryTtlMs ?? ttlMs,
      })
    }
    const shared = {
      clock,
      random,
      logger,
      metrics,
      statistics,
      memory: this.#memory,
      tags: this.#tags,
      mayStore: () => this.#isMemoryOpen,
    }
    if (deps.redis !== undefined) {
      this.#redis = new RedisSide(deps.redis, options, shared, {
        onKeyChanged: key => this.#forget(key),
        onTagChanged: tag => this.#forgetTag(tag),
        onPatternDropped: glob => this.#forgetMatching(compileGlob(glob)),
        onEverythingChanged: () => this.#forgetAll(),
        onStateChanged: isMemoryOpen => {
          this.#isMemoryOpen = isMemoryOpen
        },
      })
    }
    this.#reloader = new Reloader({ ...shared, remote: this.#redis, bulkhead: new Bulkhead(options.outageLoads), jitter: options.jitter })
    this.#slowReads = new SlowReads({ ...shared, options, redis: this.#redis, reloader: this.#reloader, hit: entry => this.#hit(entry) })
    const forget: LocalForgetting = { key: key => this.#forget(key), tag: tag => this.#forgetTag(tag), all: () => this.#forgetAll() }
    this.#writer = new Writer({ ...shared, options, redis: this.#redis, forget, onInvalidate: deps.onInvalidate })
    this.#deriving = new Deriving({
      ...{ ...shared, options, redis: this.#redis, forget: forget.key, delete: key => this.#writer.delete(key) },
      // No read of anybody's: whoever asked was counted before.
      read: key => this.#freshInMemory(key)?.shared ?? this.#slowReads.get(key, false),
    })
    this.#messages = new Messages({
      ...{ clock, logger, namespace: options.namespace, registry: deps.registry, redis: this.#redis?.access },
      onProblem: kind => metrics.errors.bind(kind).add(),
    })
    const stopFirst = new Set<() => Promise<void>>()
    keepParts(this, {
      ...{
        clock,
        random,
        logger,
        stopFirst,
        onTagChanged: this.#onTagChanged,
        namespace: options.namespace,
        registry: deps.registry,
        redis: this.#redis?.access,
      },
      derived: this.#deriving,
      refresh: (key, load, call) => this.#slowReads.refresh(key, load, call),
    })
    const lifecycle = createLifecycle({
      name: 'cache',
      clock,
      start: async () => {
        if (this.#redis === undefined) logger.warn({}, 'cache: no Redis was given; entries live in this process only')
        await this.#redis?.start(START_LIMIT_MS)
      },
      stop: async () => {
        await Promise.all([...stopFirst].map(stop => stop()))
        dispose()
        unpublish()
        this.#messages.stop()
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

  getOrSet<T>(key: string, load: Load<T>, options?: GetOrSetOptions<string>): Promise<T> {
    // The whole cost of a hit is in these lines: keep objects, closures and option parsing out of them.
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, nowMs) : undefined
    if (entry !== undefined && nowMs < entry.refreshAtMs) return this.#hit(entry) as Promise<T>
    return this.#slowReads.getOrSet(key, load, options ?? {}, entry) as Promise<T>
  }

  async get<T>(key: string): Promise<T | undefined> {
    checkKey(key)
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, this.#clock.monotonicMs()) : undefined
    if (entry !== undefined) return this.#hit(entry) as Promise<T>
    return this.#slowReads.get(key) as Promise<T | undefined>
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

  async getOrSetMany<T>(keys: readonly string[], loadMany: LoadMany<T>, options?: GetOrSetOptions<string>): Promise<Map<string, T>> {
    const unique = [...new Set(keys)]
    for (const key of unique) checkKey(key)
    const bulk = new BulkLoad(loadMany, unique, this.#clock)
    const values = await Promise.all(unique.map(key => bulk.track(key, this.getOrSet<T | undefined>(key, bulk.loadOne, options))))
    return new Map(unique.flatMap((key, i) => (values[i] === undefined ? [] : [[key, values[i]] as const])))
  }

  peek<T>(key: string): T | undefined {
    const entry = this.#freshInMemory(key)
    return entry && (readStored(entry.stored) as T)
  }

  peekShared<T>(key: string): T | undefined {
    const entry = this.#freshInMemory(key)
    if (entry === undefined) return undefined
    const { counters } = entry
    if (++counters.memoryHits >= counters.sampleAt) this.#statistics.sampleHit(entry.key, counters)
    return entry.shared as T
  }

  #freshInMemory(key: string): MemoryEntry | undefined {
    const nowMs = this.#clock.monotonicMs()
    const entry = this.#isMemoryOpen ? this.#memory?.get(key, nowMs) : undefined
    if (entry === undefined || nowMs >= entry.freshUntilMs) return undefined
    currentReadTags()?.note(this.#tags, entry.tags)
    return entry
  }

  set(key: string, value: unknown, options?: SetOptions<string>): Promise<void> {
    return this.#writer.setMany([[key, value]], options ?? {})
  }

  setMany(entries: Iterable<readonly [key: string, value: unknown]>, options?: SetOptions<string>): Promise<void> {
    return this.#writer.setMany(entries, options ?? {})
  }

  delete(key: string): Promise<boolean> {
    return this.#writer.delete(key)
  }

  invalidateTags(...tags: string[]): Promise<boolean> {
    return this.#writer.invalidateTags(tags)
  }

  emit(event: string, payload: unknown): Promise<boolean> {
    return this.#writer.emit(event, payload)
  }

  tagsOf(event: string, payload: unknown): readonly string[] {
    return this.#writer.tagsOf(event, payload)
  }

  clear(): Promise<boolean> {
    return this.#writer.clear()
  }

  deletePattern(glob: string, options: PatternDropOptions = {}): Promise<number> {
    return dropPattern(glob, options, {
      tier: this.#redis?.tier,
      forget: matches => this.#forgetMatching(matches),
      count: matches => this.#memory?.countMatching(matches) ?? 0,
    })
  }

  publish(channel: string, message: string): Promise<void> {
    return this.#messages.publish(channel, message)
  }

  subscribe(channel: string, handler: MessageHandler, options?: SubscribeOptions): Promise<() => void> {
    return this.#messages.subscribe(channel, handler, options ?? {})
  }

  namespace(name: string): NamespaceView<string> {
    return viewNamespace(this, name)
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
      ...this.#statistics.read(),
    }
  }

  health(): Health {
    if (this.#redis === undefined) {
      const why = 'no Redis was given: entries live in this process only and other processes do not hear of changes'
      return { status: 'degraded', reasons: [{ component: 'redis', why, sinceMs: this.#createdAtMs }] }
    }
    const reasons = this.#redis.problems
    return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
  }

  #hit(entry: MemoryEntry): Promise<unknown> {
    const { counters } = entry
    if (++counters.memoryHits >= counters.sampleAt) this.#statistics.sampleHit(entry.key, counters)
    const scope = currentRequestScope()
    if (scope !== undefined) scope.cacheHitCount++
    currentReadTags()?.note(this.#tags, entry.tags)
    return entry.promise ?? Promise.resolve(readStored(entry.stored))
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
    this.#deriving.onTagChanged(tag)
    for (const told of this.#onTagChanged) told(tag)
  }

  #forgetMatching(matches: GlobMatch): number {
    const dropped = this.#memory?.deleteMatching(matches) ?? 0
    this.#reloader.detachMatching(matches)
    this.#deriving.onPatternDropped(matches)
    // Which reads are under way is not asked: not keeping what they bring costs one read more.
    this.#redis?.onEverythingChanged()
    return dropped
  }

  #forgetAll(): void {
    this.#memory?.clear()
    this.#tags.forgetVersions()
    this.#reloader.detachAll()
    this.#deriving.onEverythingChanged()
    this.#redis?.onEverythingChanged()
  }

  #size(): { entries: number; bytes: number } {
    return { entries: this.#memory?.count ?? 0, bytes: this.#memory?.bytes ?? 0 }
  }
}
