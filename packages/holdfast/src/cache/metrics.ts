import type { Counter, Histogram, MetricFamily, Registry } from '../telemetry/index.ts'
import type { EvictionReason } from './l1/memory-tier.ts'

/** Operations on Redis that are timed apart. */
export type RedisOp = 'read' | 'lease' | 'fill' | 'set' | 'delete' | 'invalidate' | 'counter' | 'lock' | 'scan' | 'control'
const REDIS_OPS: readonly RedisOp[] = ['read', 'lease', 'fill', 'set', 'delete', 'invalidate', 'counter', 'lock', 'scan', 'control']

/** What the cache counts, bound once. */
export interface CacheMetrics {
  readonly memoryHits: Counter
  readonly redisHits: Counter
  readonly misses: Counter
  readonly loadsOk: Counter
  readonly loadsFailed: Counter
  readonly coalesced: Counter
  readonly staleServed: Counter
  readonly earlyRefreshes: Counter
  readonly evicted: Readonly<Record<EvictionReason, Counter>>
  readonly errors: MetricFamily<Counter>
  readonly redisSeconds: Readonly<Record<RedisOp, Histogram>>
  readonly loadSeconds: Histogram
}

/** Registers the cache's metrics. `readSize` is asked at each snapshot. Returns the function that stops asking. */
export function createCacheMetrics(
  registry: Registry,
  readSize: () => { entries: number; bytes: number },
): { metrics: CacheMetrics; dispose: () => void } {
  const hits = registry.counter({ name: 'holdfast_cache_hits', help: 'Reads answered by a tier of the cache.', labels: ['tier'] })
  const loads = registry.counter({ name: 'holdfast_cache_loads', help: 'Calls of a loader.', labels: ['outcome'] })
  const redis = registry.histogram({ name: 'holdfast_cache_redis_seconds', help: 'Time until Redis answered.', unit: 'seconds', labels: ['op'] })
  const entries = registry.gauge({ name: 'holdfast_cache_entries', help: 'Entries in the memory of this process.' }).bind()
  const bytes = registry
    .gauge({ name: 'holdfast_cache_bytes', help: 'Estimated size of the entries in the memory of this process.', unit: 'bytes' })
    .bind()
  const dispose = registry.onSnapshot(() => {
    const size = readSize()
    entries.set(size.entries)
    bytes.set(size.bytes)
  })
  const evictions = registry.counter({ name: 'holdfast_cache_evictions', help: 'Entries that left memory.', labels: ['reason'] })
  const metrics: CacheMetrics = {
    memoryHits: hits.bind('l1'),
    redisHits: hits.bind('l2'),
    misses: registry.counter({ name: 'holdfast_cache_misses', help: 'Reads that no tier could answer.' }).bind(),
    loadsOk: loads.bind('ok'),
    loadsFailed: loads.bind('error'),
    coalesced: registry.counter({ name: 'holdfast_cache_coalesced', help: 'Reads that joined a load already under way.' }).bind(),
    staleServed: registry.counter({ name: 'holdfast_cache_stale', help: 'Reads answered with a stale value within its grace.' }).bind(),
    earlyRefreshes: registry.counter({ name: 'holdfast_cache_early_refreshes', help: 'Reloads begun while the value was still fresh.' }).bind(),
    evicted: {
      capacity: evictions.bind('capacity'),
      too_large: evictions.bind('too_large'),
      expired: evictions.bind('expired'),
      invalidated: evictions.bind('invalidated'),
    },
    errors: registry.counter({ name: 'holdfast_cache_errors', help: 'Troubles of the cache that callers did not see.', labels: ['kind'] }),
    redisSeconds: Object.fromEntries(REDIS_OPS.map(op => [op, redis.bind(op)])) as Record<RedisOp, Histogram>,
    loadSeconds: registry.histogram({ name: 'holdfast_cache_load_seconds', help: 'Time that loaders took.', unit: 'seconds' }).bind(),
  }
  return { metrics, dispose }
}
