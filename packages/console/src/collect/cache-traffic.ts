import type { PrefixStats } from 'holdfast/cache'
import { subtractHistogram } from 'holdfast/telemetry'
import { EMPTY_HISTOGRAM, mergePacked, type PackedHistogram, packHistogram } from './packed-histogram.ts'

/** Counts of one prefix that add up, over instances as over time. */
const COUNTS = [
  'memoryHits',
  'redisHits',
  'misses',
  'coalesced',
  'staleServed',
  'loadErrors',
  'fills',
  'filledBytes',
  'largeFills',
  'evictions',
  'refused',
  'herdLoads',
  'herdWaiters',
  'herdWaitedMs',
  'sampledMisses',
] as const
type Counts = { readonly [name in (typeof COUNTS)[number]]: number }

/** What the cache did with the keys of one prefix in a stretch of time. */
export interface PrefixTraffic extends Counts {
  /** Times of loaders, in seconds. */
  readonly load: PackedHistogram
  /** From fill to re-read of entries that had expired, in seconds, sampled. */
  readonly reread: PackedHistogram
  /** As last seen. */
  readonly ttlMs: number
  readonly largestBytes: number
  readonly largestKey: string
}

/** What the cache did in a stretch of time. */
export interface CacheTraffic {
  readonly l1HitCount: number
  readonly l2HitCount: number
  readonly missCount: number
  readonly staleCount: number
  readonly coalescedCount: number
  /** Entries that left memory for want of room. */
  readonly evictionCount: number
  readonly loadErrorCount: number
  /** Troubles that callers did not see. */
  readonly errorCount: number
  /** In seconds. */
  readonly load: PackedHistogram
  /** Reads from Redis, in seconds. */
  readonly redisRead: PackedHistogram
}

/** Adds caches up. */
export function mergeCaches(caches: readonly CacheTraffic[]): CacheTraffic {
  const sum = (count: (cache: CacheTraffic) => number): number => caches.reduce((total, cache) => total + count(cache), 0)
  return {
    l1HitCount: sum(cache => cache.l1HitCount),
    l2HitCount: sum(cache => cache.l2HitCount),
    missCount: sum(cache => cache.missCount),
    staleCount: sum(cache => cache.staleCount),
    coalescedCount: sum(cache => cache.coalescedCount),
    evictionCount: sum(cache => cache.evictionCount),
    loadErrorCount: sum(cache => cache.loadErrorCount),
    errorCount: sum(cache => cache.errorCount),
    load: mergePacked(caches.map(cache => cache.load)),
    redisRead: mergePacked(caches.map(cache => cache.redisRead)),
  }
}

/** Adds prefixes up; the last one gives what stands as last seen. */
export function mergePrefixes(prefixes: readonly PrefixTraffic[]): PrefixTraffic {
  const counts = Object.fromEntries(COUNTS.map(name => [name, prefixes.reduce((total, prefix) => total + prefix[name], 0)])) as Counts
  const largest = prefixes.reduce((most, prefix) => (prefix.largestBytes > most.largestBytes ? prefix : most))
  return {
    ...counts,
    load: mergePacked(prefixes.map(prefix => prefix.load)),
    reread: mergePacked(prefixes.map(prefix => prefix.reread)),
    ttlMs: prefixes.findLast(prefix => prefix.ttlMs > 0)?.ttlMs ?? 0,
    largestBytes: largest.largestBytes,
    largestKey: largest.largestKey,
  }
}

/** Reads of a prefix that were answered or missed; by it prefixes are ranked. */
export function readsOf({ memoryHits, redisHits, misses }: Pick<PrefixTraffic, 'memoryHits' | 'redisHits' | 'misses'>): number {
  return memoryHits + redisHits + misses
}

/** What each prefix did between two readings of one process; those that did nothing are left out. `earlier` is absent after a restart. */
export function prefixDeltas(later: readonly PrefixStats[], earlier: readonly PrefixStats[] | undefined): Map<string, PrefixTraffic> {
  const before = new Map(earlier?.map(stats => [stats.prefix, stats]))
  const deltas = new Map<string, PrefixTraffic>()
  for (const stats of later) {
    const base = before.get(stats.prefix)
    const counts = Object.fromEntries(COUNTS.map(name => [name, Math.max(0, stats[name] - (base?.[name] ?? 0))])) as Counts
    if (COUNTS.every(name => counts[name] === 0)) continue
    const { ttlMs, largestBytes, largestKey } = stats
    const delta = (name: 'loadSeconds' | 'rereadSeconds'): PackedHistogram => {
      if (stats[name].count === (base?.[name].count ?? 0)) return EMPTY_HISTOGRAM
      return packHistogram(base === undefined ? stats[name] : subtractHistogram(stats[name], base[name]))
    }
    deltas.set(stats.prefix, { ...counts, ttlMs, largestBytes, largestKey, load: delta('loadSeconds'), reread: delta('rereadSeconds') })
  }
  return deltas
}

/** No cache, or one that nobody asked. */
export const EMPTY_CACHE_TRAFFIC: CacheTraffic = {
  l1HitCount: 0,
  l2HitCount: 0,
  missCount: 0,
  staleCount: 0,
  coalescedCount: 0,
  evictionCount: 0,
  loadErrorCount: 0,
  errorCount: 0,
  load: EMPTY_HISTOGRAM,
  redisRead: EMPTY_HISTOGRAM,
}
