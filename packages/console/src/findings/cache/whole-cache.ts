import { type CacheRule, type Judgement, share, span, whole } from './judgement.ts'

/** @source the objective of docs/guides/cache-statistics.md: hits above 80 % */
const HITS_WANTED = 0.8
/** Reads of a minute below which a ratio is no alarm. */
const LEAST_READS = 1000
/** More than half of what is stored is pushed out before its time. */
const EVICTED_SHARE = 0.5
const LEAST_EVICTIONS = 100

/** The cache as a whole: a low hit ratio, and a memory tier that is too small. */
export const wholeCache: CacheRule = view => {
  const { cache, prefixes } = view.minute.traffic
  if (cache === null) return []
  const hits = cache.l1HitCount + cache.l2HitCount
  const lookups = hits + cache.missCount
  if (lookups < LEAST_READS) return []
  const totalMs = cache.load.sum * 1000 + cache.l2HitCount * view.redisReadMs
  const reads = { readCount: lookups, windowMs: view.minute.coveredMs, totalMs }
  const perSec = reads.windowMs / 1000
  const loadMs = cache.load.count === 0 ? 0 : (cache.load.sum / cache.load.count) * 1000
  return [lowHitRatio(), manyEvictions()]

  function lowHitRatio(): Judgement {
    const hitRatio = hits / lookups
    const base = { rule: 'cache/low-hit-ratio', subject: 'all keys', reads, why: `hit ratio ${share(hitRatio)} of ${whole(lookups)} reads` }
    if (hitRatio >= HITS_WANTED) return { ...base, is: 'good' }
    const [worst, traffic] = [...prefixes].reduce(
      (most, next) => (next[1].misses > most[1].misses ? next : most),
      [...prefixes][0] ?? ['', { misses: 0 }],
    )
    return {
      ...base,
      is: 'bad',
      title: `${share(hitRatio)} of the reads are hits, ${share(HITS_WANTED)} are wanted; ${worst}:* misses most`,
      savesMsPerSec: ((HITS_WANTED - hitRatio) * lookups * loadMs) / perSec,
      shareOfTime: 1,
      figures: [
        { name: 'Hit ratio', value: `${share(hitRatio)} of n ${whole(lookups)}` },
        { name: 'Misses', value: `${whole(cache!.missCount)} in ${span(reads.windowMs)}` },
        { name: `Misses of ${worst}:*`, value: `${whole(traffic.misses)}, ${share(traffic.misses / Math.max(1, cache!.missCount))} of them` },
        { name: 'Load, mean', value: `${loadMs.toFixed(1)} ms, n ${whole(cache!.load.count)}` },
      ],
      recommendation: {
        summary: `begin with ${worst}:*: see its row on the Cache page and its own findings`,
        option: { name: 'ttl, tags or key', from: 'as they are', to: `what the findings of ${worst}:* say` },
        costNote: 'none by itself',
        risk: 'low',
      },
    }
  }

  function manyEvictions(): Judgement {
    const fills = [...prefixes.values()].reduce((total, traffic) => total + traffic.fills + traffic.redisHits, 0)
    const evicted = cache!.evictionCount
    const evictedShare = fills === 0 ? 0 : evicted / fills
    const base = {
      rule: 'cache/many-evictions',
      subject: 'memory tier',
      reads,
      why: `${whole(evicted)} evictions for ${whole(fills)} entries put in`,
    }
    if (evicted < LEAST_EVICTIONS || evictedShare < EVICTED_SHARE) return { ...base, is: 'good' }
    const entries = view.caches.reduce((total, { stats }) => total + stats.entries, 0)
    const perInstance = Math.max(1, Math.round(entries / Math.max(1, view.caches.length)))
    return {
      ...base,
      is: 'bad',
      title: `memory is too small: ${share(Math.min(1, evictedShare))} of what is put in is pushed out before its time`,
      savesMsPerSec: (cache!.l2HitCount * view.redisReadMs) / perSec,
      shareOfTime: 0,
      figures: [
        { name: 'Evictions', value: `${whole(evicted)} in ${span(reads.windowMs)}` },
        { name: 'Put in', value: whole(fills) },
        { name: 'Held now', value: `${whole(entries)} entries in ${whole(view.caches.length)} instances` },
        { name: 'Read from Redis instead', value: `${whole(cache!.l2HitCount)} × ${view.redisReadMs.toFixed(2)} ms` },
      ],
      recommendation: {
        summary: `hold twice as much: l1.maxEntries ${whole(perInstance * 2)}, or l1.maxBytes likewise, and look at the hit ratio of L1 again`,
        option: { name: 'l1.maxEntries', from: whole(perInstance), to: whole(perInstance * 2) },
        costNote: 'about 220 bytes an entry and its value, in each process',
        risk: 'low',
      },
    }
  }
}
