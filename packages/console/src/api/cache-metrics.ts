import type { HotKeyWindow } from 'holdfast/cache'
import { EMPTY_CACHE_TRAFFIC, type PrefixTraffic, readsOf } from '../collect/cache-traffic.ts'
import type { InstanceCache } from '../collect/collector.ts'
import { perSec, quantileMs, ratio } from '../collect/point.ts'
import type { Point, TrafficWindow } from '../store/traffic-store.ts'
import { answerRows } from './answer-rows.ts'
import type { CacheHitRateAnswer, CacheMetricsAnswer, CachePrefixRow, CacheSeries, HotKeyRow } from './cache-contract.ts'

/** Samples from which on a key's share of the reads is worth a row. @source the standard error of a share of 10 % over 100 samples is 3 % */
const HOT_KEY_SAMPLES = 100
const HOT_KEY_SHARE = 0.05
const HOT_KEYS_SHOWN = 10

/** All that the answer is made from. */
export interface CacheMetricsInput {
  readonly atMs: number
  readonly window: TrafficWindow
  readonly partial: boolean
  readonly caches: readonly InstanceCache[]
  readonly actions: CacheMetricsAnswer['actions']
  readonly needsConfirmation: boolean
}

/** What the caches of all instances did in the window. */
export function buildCacheMetrics({ atMs, window, partial, caches, actions, needsConfirmation }: CacheMetricsInput): CacheMetricsAnswer {
  const { traffic, coveredMs, points } = window
  const cache = traffic.cache ?? EMPTY_CACHE_TRAFFIC
  const lookups = cache.l1HitCount + cache.l2HitCount + cache.missCount
  return {
    schema: 'holdfast.cache-metrics/1',
    atMs,
    windowSec: Math.round(coveredMs / 1000),
    instances: caches.map(({ instanceId, stats: { redis, coherence, journaled, entries, bytes } }) => {
      return { id: instanceId, redis, coherence, journaled, entries, bytes }
    }),
    totals: {
      readsPerSec: { value: perSec(lookups + cache.coalescedCount, coveredMs), n: lookups + cache.coalescedCount },
      hitRatio: ratio(cache.l1HitCount + cache.l2HitCount, lookups),
      l1HitRatio: ratio(cache.l1HitCount, lookups),
      l2HitRatio: ratio(cache.l2HitCount, lookups),
      missCount: cache.missCount,
      coalescedCount: cache.coalescedCount,
      staleCount: cache.staleCount,
      evictionCount: cache.evictionCount,
      loadErrorCount: cache.loadErrorCount,
      errorCount: cache.errorCount,
      loadP50Ms: quantileMs(cache.load, 0.5),
      loadP95Ms: quantileMs(cache.load, 0.95),
      redisReadP50Ms: quantileMs(cache.redisRead, 0.5),
      redisReadP95Ms: quantileMs(cache.redisRead, 0.95),
      entries: caches.reduce((total, { stats }) => total + stats.entries, 0),
      bytes: caches.reduce((total, { stats }) => total + stats.bytes, 0),
    },
    prefixes: prefixRows(traffic.prefixes, caches),
    routes: answerRows(traffic.answers),
    hotKeys: caches
      .flatMap(hotKeys)
      .sort((a, b) => b.readsPerSec - a.readsPerSec)
      .slice(0, HOT_KEYS_SHOWN),
    series: series(points, partial),
    actions,
    needsConfirmation,
  }
}

/** The hit ratios alone. */
export function hitRateOf({ atMs, windowSec, totals, prefixes, routes }: CacheMetricsAnswer): CacheHitRateAnswer {
  const { hitRatio, l1HitRatio, l2HitRatio } = totals
  return {
    ...{ schema: 'holdfast.cache-hit-rate/1', atMs, windowSec, hitRatio, l1HitRatio, l2HitRatio },
    prefixes: prefixes.map(row => ({ prefix: row.prefix, hitRatio: row.hitRatio, l1HitRatio: row.l1HitRatio, l2HitRatio: row.l2HitRatio })),
    routes,
  }
}

function prefixRows(prefixes: ReadonlyMap<string, PrefixTraffic>, caches: readonly InstanceCache[]): CachePrefixRow[] {
  const held = new Map<string, { entries: number; bytes: number }>()
  for (const { stats } of caches) {
    for (const { prefix, entries, bytes } of stats.prefixes) {
      const sofar = held.get(prefix) ?? { entries: 0, bytes: 0 }
      held.set(prefix, { entries: sofar.entries + entries, bytes: sofar.bytes + bytes })
    }
  }
  return [...prefixes]
    .map(([prefix, traffic]) => prefixRow(prefix, traffic, held.get(prefix) ?? { entries: 0, bytes: 0 }))
    .sort((a, b) => b.readCount - a.readCount || a.prefix.localeCompare(b.prefix))
}

function prefixRow(prefix: string, traffic: PrefixTraffic, { entries, bytes }: { entries: number; bytes: number }): CachePrefixRow {
  const lookups = readsOf(traffic)
  return {
    prefix,
    readCount: lookups + traffic.coalesced,
    hitRatio: ratio(traffic.memoryHits + traffic.redisHits, lookups),
    l1HitRatio: ratio(traffic.memoryHits, lookups),
    l2HitRatio: ratio(traffic.redisHits, lookups),
    missCount: traffic.misses,
    coalescedCount: traffic.coalesced,
    staleCount: traffic.staleServed,
    loadErrorCount: traffic.loadErrors,
    fillCount: traffic.fills,
    evictionCount: traffic.evictions,
    refusedCount: traffic.refused,
    entries,
    bytes,
    ttlMs: traffic.ttlMs === 0 ? null : Math.round(traffic.ttlMs),
    loadP50Ms: quantileMs(traffic.load, 0.5),
    loadP95Ms: quantileMs(traffic.load, 0.95),
    herdLoadCount: traffic.herdLoads,
  }
}

function hotKeys({ instanceId, stats }: InstanceCache): HotKeyRow[] {
  const rows = (where: HotKeyRow['where'], window: HotKeyWindow | undefined): HotKeyRow[] => {
    if (window === undefined || window.sampleCount < HOT_KEY_SAMPLES) return []
    return window.keys
      .filter(({ leastReads }) => leastReads >= window.reads * HOT_KEY_SHARE)
      .map(({ key, leastReads }) => ({
        ...{ key, instanceId, where },
        share: { ...ratio(leastReads, window.reads), n: window.sampleCount },
        readsPerSec: perSec(leastReads, window.windowMs) ?? 0,
      }))
  }
  return [...rows('memory', stats.hotKeys.memory), ...rows('remote', stats.hotKeys.remote)]
}

function series(points: readonly Point[], partial: boolean): CacheSeries {
  return {
    atMs: points.map(point => point.atMs),
    l1PerSec: points.map(({ cache }) => cache?.l1PerSec ?? null),
    l2PerSec: points.map(({ cache }) => cache?.l2PerSec ?? null),
    missPerSec: points.map(({ cache }) => cache?.missPerSec ?? null),
    stalePerSec: points.map(({ cache }) => cache?.stalePerSec ?? null),
    coalescedPerSec: points.map(({ cache }) => cache?.coalescedPerSec ?? null),
    evictionPerSec: points.map(({ cache }) => cache?.evictionPerSec ?? null),
    bytes: points.map(({ cache }) => cache?.bytes ?? null),
    partial,
  }
}
