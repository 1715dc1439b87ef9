import type { Clock, Logger, LuaScript } from '../core/index.ts'
import type { Registry } from '../telemetry/index.ts'
import type { TieredCache } from './cache-contract.ts'
import type { DerivedEntries } from './derived/derived-entries.ts'
import { cacheErrors } from './errors.ts'
import type { Load } from './load-context.ts'
import type { GetOrSetOptions } from './options.ts'
import type { IoRedisLike, RedisArg } from './redis/port.ts'
import type { RedisNames } from './redis/redis-names.ts'
import type { ScanPage } from './redis/remote-tier.ts'

/** Redis as features beside the cache see it: the cache's own data connection with its budget and breaker. In a cluster the first key, or what stands in
 *  the place of one, decides which server is asked, and all keys of a script must share a slot. */
export interface RedisAccess {
  readonly isUsable: boolean
  /** The clock in milliseconds of the server that holds `redisKey`, as this process knows it; 0 when there is none. */
  serverNowMs(redisKey: string): number
  /** Runs a script. 1 round trip. @throws RedisFault */
  run(script: LuaScript, keys: readonly string[], args: readonly RedisArg[]): Promise<unknown>
  /** Sends one command. `at`, by default the first argument, decides which server of a cluster is asked. 1 round trip. @throws RedisFault */
  send(command: string, args: RedisArg[], at?: string): Promise<unknown>
  /** Names of keys that match, by SCAN, in pages of about `count`; one server of a cluster after the other. @throws RedisFault */
  scan(match: string, count: number): AsyncGenerator<ScanPage>
  /** What things are called in Redis. */
  readonly names: RedisNames
  /** One more connection, not yet connected, for a subscription. */
  connect(name: string): IoRedisLike
}

/** What features built on a cache (warming, write-behind, known ids) use of it beyond its contract. */
export interface CacheParts {
  readonly namespace: string
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly registry: Registry
  /** Absent when the cache was given no Redis. */
  readonly redis: RedisAccess | undefined
  readonly derived: DerivedEntries
  /** Loads `key` although its entry is fresh, under the same lease as any load. 3 Redis round trips. */
  refresh(key: string, load: Load<unknown>, options: GetOrSetOptions): Promise<unknown>
  /** What stops before the cache does, while Redis can still be reached. Each is bounded by itself and never rejects. */
  readonly stopFirst: Set<() => Promise<void>>
  /** Told of each tag that was invalidated, here or in another process, at least once. What they throw is theirs to mind. */
  readonly onTagChanged: Set<(tag: string) => void>
}

const partsOf = new WeakMap<object, CacheParts>()

/** Lets features find the parts of `cache`. */
export function keepParts(cache: TieredCache, parts: CacheParts): void {
  partsOf.set(cache, parts)
}

/** The connection of the cache to Redis, for what else is kept there; absent without Redis. @throws HF_CACHE_OPTION_INVALID */
export function redisAccessOf(cache: TieredCache): RedisAccess | undefined {
  return findParts(cache).redis
}

/** The parts of a cache made by `createTieredCache`. @throws HF_CACHE_OPTION_INVALID for anything else */
export function findParts(cache: TieredCache): CacheParts {
  const parts = partsOf.get(cache)
  if (parts === undefined) {
    throw cacheErrors.create('HF_CACHE_OPTION_INVALID', 'the cache was not made by createTieredCache or holdfast()', { hint: 'pass hf.cache itself' })
  }
  return parts
}
