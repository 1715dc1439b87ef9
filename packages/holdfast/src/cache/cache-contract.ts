import type { Clock, HealthSource, Lifecycle, Logger } from '../core/index.ts'
import type { Registry } from '../telemetry/index.ts'
import type { LoadMany } from './bulk-load.ts'
import type { Explanation, Inspection } from './inspection.ts'
import type { Load } from './load-context.ts'
import type { LockContext, LockOptions } from './lock.ts'
import type { MessageHandler, SubscribeOptions } from './messages.ts'
import type { GetOrSetOptions, IncrementOptions, SetOptions } from './options.ts'
import type { PatternDropOptions } from './pattern-drop.ts'
import type { RedisOption } from './redis/redis-option.ts'
import type { KeyStatistics } from './statistics/cache-statistics.ts'

/** What the cache needs from outside. */
export interface CacheDeps {
  /** How to reach Redis, a Redis Cluster or a Redis behind Sentinel. Absent: this process's memory is the only tier. */
  readonly redis?: RedisOption
  /** Default: the system's. */
  readonly clock?: Clock
  /** Where the cache counts. */
  readonly registry: Registry
  /** Default: silent. */
  readonly logger?: Logger
  /** Told of every invalidation that begins in this process, so that others can forget too: its tags, '' for everything. Resolves to false when it only noted it.
   *  Must not reject. Default: nobody. */
  readonly onInvalidate?: (tags: readonly string[]) => Promise<boolean>
  /** 0 up to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number
}

/** The cache as it stands in this process, and what it did by prefix of the key. */
export interface CacheStats extends KeyStatistics {
  /** Entries in the memory of this process. */
  readonly entries: number
  /** Their estimated size. */
  readonly bytes: number
  /** `none`: no Redis was given. `away`: it does not answer, memory and loaders serve. `usable`: it answers. */
  readonly redis: 'none' | 'away' | 'usable'
  /** How changes by other processes are heard of; `none` while they are not. */
  readonly coherence: 'none' | 'tracking' | 'pubsub'
  /** Deletes and invalidations that wait for Redis to come back. */
  readonly journaled: number
}

/** What `inspect` shows. */
export interface InspectOptions {
  /** Also the value. Default false, because values may be private. */
  readonly value?: boolean
}

/** A cache in two tiers: this process's memory, and Redis. Reads never fail for a reason of the cache: without Redis they come from memory or the loader.
 *  `L`: names of its lifetimes; `E`: its events with their payloads. */
export interface TieredCache<L extends string = never, E extends object = Record<never, never>> extends Lifecycle, HealthSource {
  /** The value under `key`, from memory, Redis, or `load`, which runs once for all callers of all processes. Plain values are frozen and shared;
   *  values with a Date, Map, Set or bytes inside are decoded for each caller. 0 Redis round trips from memory, 1 from Redis, 3 with a load.
   *  @throws HF_CACHE_KEY_INVALID, HF_CACHE_TAG_INVALID, HF_CACHE_OPTION_INVALID at once, when the value is not in memory
   *  @throws HF_CACHE_LOAD_TIMEOUT, HF_CACHE_OVERLOADED as rejections; the loader's own errors pass through as they are */
  getOrSet<T>(key: string, load: Load<T>, options?: GetOrSetOptions<L>): Promise<T>
  /** The value under `key`, or `undefined`; also a stale one within its grace. At most 1 Redis round trip, 2 when its tags are new here. */
  get<T>(key: string): Promise<T | undefined>
  /** Those of the values that exist, by key. Reads as {@link get}, together: 1 Redis round trip for those not in memory, sent 16 in a command. */
  getMany<T>(keys: readonly string[]): Promise<Map<string, T>>
  /** The values under `keys`, from memory, Redis, or one call of `loadMany` for those that are missing. Single flight holds for each key: what another
   *  caller or process loads already is waited for and not loaded again, and does not hold the others up. Keys that the loader leaves out are not in the
   *  map. 1 Redis round trip for those not in memory; 3 with a load. Keys whose lease comes more than 5 ms after the first one's, and those
   *  beyond `outageLoads` while Redis is away, come in a further call. @throws as {@link getOrSet}; a failing load fails all that needed it */
  getOrSetMany<T>(keys: readonly string[], loadMany: LoadMany<T>, options?: GetOrSetOptions<L>): Promise<Map<string, T>>
  /** The value under `key` if this process has it in memory and it is fresh. Asks nobody, counts nothing as a hit or a miss. */
  peek<T>(key: string): T | undefined
  /** As {@link peek}, but a value that is there counts as a hit, and all who read this way get the same object, bytes included: whoever changes it changes it
   *  for all. For values too large to be decoded for each reader. */
  peekShared<T>(key: string): T | undefined
  /** Stores a copy of `value`; loads of the key under way are discarded. 1 Redis round trip, 2 with tags. When Redis is away: in memory, and what Redis
   *  holds is deleted as soon as it is back. `undefined` deletes. @throws HF_CACHE_KEY_INVALID, HF_CACHE_TAG_INVALID, HF_CACHE_OPTION_INVALID, HF_CACHE_VALUE_UNENCODABLE */
  set(key: string, value: unknown, options?: SetOptions<L>): Promise<void>
  /** Stores a copy of each value, as {@link set} with the same options. Everything is checked before anything is written; then 128 entries at a time are
   *  written together. @throws as `set` */
  setMany(entries: Iterable<readonly [key: string, value: unknown]>, options?: SetOptions<L>): Promise<void>
  /** Drops the value everywhere; loads of the key under way are discarded. True when there was one, here or in Redis. 1 Redis round trip. When Redis is away:
   *  here at once, elsewhere as soon as it is back. @throws HF_CACHE_KEY_INVALID */
  delete(key: string): Promise<boolean>
  /** Drops everything with one of the tags, everywhere; 1 Redis round trip whatever the number of entries. When Redis is away: as `delete`. True when
   *  Redis has it, or there is none; false when it was noted and the other processes hear of it later. @throws HF_CACHE_TAG_INVALID */
  invalidateTags(...tags: string[]): Promise<boolean>
  /** Drops what the event makes old, by the option `invalidation`. As {@link invalidateTags} with its tags. @throws HF_CACHE_EVENT_UNKNOWN,
   *  HF_CACHE_TAG_INVALID, and what the option's function throws */
  emit<K extends keyof E & string>(event: K, payload: E[K]): Promise<boolean>
  /** The tags of the event, for where they are needed as such: `tx.invalidate(...hf.cache.tagsOf('lead.assigned', lead))`. @throws as {@link emit} */
  tagsOf<K extends keyof E & string>(event: K, payload: E[K]): readonly string[]
  /** Drops everything of this namespace, everywhere. Keys of others in the same Redis are not touched. 1 Redis round trip; the memory in Redis is freed as
   *  entries expire. Returns as {@link invalidateTags}. */
  clear(): Promise<boolean>
  /** Drops every entry whose key matches `glob` (`*`, `?`, `[a-z]`, `\\x`, as for SCAN), everywhere, with loads of them under way; how many there were in
   *  Redis, without one here. By SCAN, so it looks at every name in that Redis, in steps under a millisecond, and deletes 128 at a time: for rare work
   *  such as clearing up by hand; for what happens all the time use tags. Entries that are stored while it runs may stay.
   *  @throws HF_CACHE_KEY_INVALID, HF_CACHE_REDIS_REFUSED; HF_CACHE_REDIS_AWAY, then a part may be dropped, nothing is noted, and it may be called again */
  deletePattern(glob: string, options?: PatternDropOptions): Promise<number>
  /** Sends `message` to all who listen on `channel` now, in all processes of this namespace, this one too. At most once: nothing is kept for who does not
   *  listen. 1 Redis round trip. Without Redis: to this process. @throws HF_CACHE_MESSAGE_INVALID, HF_CACHE_REDIS_REFUSED; HF_CACHE_REDIS_AWAY, then it may
   *  have been sent or not */
  publish(channel: string, message: string): Promise<void>
  /** Listens on `channel`. Resolves when Redis has confirmed it, with the function that ends it. After a lost connection it stands again by itself, and
   *  `onGap` says that messages may have been lost. At most 10,000 at a time. @throws HF_CACHE_MESSAGE_INVALID, HF_CACHE_SUBSCRIPTIONS_FULL;
   *  HF_CACHE_REDIS_AWAY after 2 s without an answer, then nothing listens */
  subscribe(channel: string, handler: MessageHandler, options?: SubscribeOptions): Promise<() => void>
  /** A part of this cache: its keys begin with `name` and `:`, and its `clear` drops the part alone, in 1 Redis round trip whatever the number of entries. Holds
   *  nothing, so make one whenever you need it. Names must not begin one another: `tenant` and `tenant:7` would share keys. @throws HF_CACHE_KEY_INVALID
   *  unless the name has 1 to 200 characters */
  namespace(name: string): NamespaceView<L>
  /** Adds to the counter `key`, shared by all processes, and returns it. Counters are apart from entries: `get`, `delete`, tags and `clear` do not see them.
   *  1 Redis round trip. @throws HF_CACHE_KEY_INVALID, HF_CACHE_OPTION_INVALID, HF_CACHE_REDIS_REFUSED; HF_CACHE_REDIS_AWAY, then it may or may not have
   *  been added */
  increment(key: string, options: IncrementOptions): Promise<number>
  /** Runs `work` while no other process does so under the same `key`. The lock is prolonged while the work runs, given back at its end, and lapses after
   *  its ttl when this process dies. Locks are apart from entries. Not reentrant. 2 Redis round trips, and one each third of the ttl.
   *  When Redis is away: HF_CACHE_REDIS_AWAY and the work does not run; when it goes away for longer than the ttl: `ctx.signal` aborts.
   *  @throws HF_CACHE_KEY_INVALID, HF_CACHE_OPTION_INVALID, HF_CACHE_REDIS_REFUSED, HF_CACHE_LOCK_HELD; HF_CACHE_LOCK_LOST after the work ended */
  withLock<T>(key: string, options: LockOptions, work: (ctx: LockContext) => Promise<T> | T): Promise<T>
  /** Where `key` is, how large, for how long, and under which tags; the value only with `{ value: true }`. Changes nothing and counts nothing. 2 Redis
   *  round trips. When Redis is away: says so. @throws HF_CACHE_KEY_INVALID */
  inspect(key: string, options?: InspectOptions): Promise<Inspection>
  /** Why a read of `key` would be a hit or a miss now, in one sentence. Costs as {@link inspect}. @throws HF_CACHE_KEY_INVALID */
  explain(key: string): Promise<Explanation>
  stats(): CacheStats
}

/** A part of a cache. Everything works as on the cache itself, on the keys of the part; `ctx.key` of a loader is the whole key. */
export type NamespaceView<L extends string = never> = Pick<
  TieredCache<L>,
  'getOrSet' | 'get' | 'getMany' | 'getOrSetMany' | 'peek' | 'set' | 'setMany' | 'delete' | 'deletePattern' | 'clear'
>
