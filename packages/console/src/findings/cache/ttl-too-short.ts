import { packedQuantile } from '../../collect/packed-histogram.ts'
import { type CacheRule, duration, type Judgement, meanLoadMs, readCost, share, shareOfLoading, span, whole } from './judgement.ts'

/** Hit ratio from which on a prefix is left alone. @source the objective of docs/guides/cache-statistics.md: hits above 80 % */
const HITS_ENOUGH = 0.8
/** Misses below which a minute says little. */
const LEAST_MISSES = 100
/** Followed re-reads below which their 90th percentile is one of the three largest values. */
const LEAST_REREADS = 30
/** The ttl is the cause when at least half of the followed misses were entries that had merely expired. */
const LEAST_SHARE = 0.5
/** The advised time covers this share of the re-reads. */
const COVERED = 0.9
/** A change by less than this is not worth a deployment. */
const LEAST_FACTOR = 1.2

/** Entries expire before they are asked for again: a longer ttl would have answered the re-reads from the cache. */
export const ttlTooShort: CacheRule = view => {
  return [...view.minute.traffic.prefixes].flatMap(([subject, traffic]): Judgement[] => {
    const rule = 'cache/ttl-too-short'
    const { misses, memoryHits, redisHits, sampledMisses, reread, ttlMs } = traffic
    const lookups = memoryHits + redisHits + misses
    if (lookups < LEAST_MISSES || ttlMs === 0) return []
    const hitRatio = (memoryHits + redisHits) / lookups
    const reads = readCost(traffic, view)
    const expiredShare = sampledMisses === 0 ? 0 : Math.min(1, reread.count / sampledMisses)
    const wantedMs = (packedQuantile(reread, COVERED) ?? 0) * 1000
    const isBad =
      hitRatio < HITS_ENOUGH &&
      misses >= LEAST_MISSES &&
      reread.count >= LEAST_REREADS &&
      expiredShare >= LEAST_SHARE &&
      wantedMs > ttlMs * LEAST_FACTOR
    const why = `hit ratio ${share(hitRatio)} of ${whole(lookups)} reads, ttl ${span(ttlMs)}`
    if (!isBad) return hitRatio >= HITS_ENOUGH || wantedMs === 0 ? [{ rule, subject, is: 'good', reads, why }] : []
    const gained = misses * expiredShare * COVERED
    return [
      {
        ...({ rule, subject, is: 'bad', reads, why } as const),
        title: `${subject}:* is hit ${share(hitRatio)}: its ttl of ${span(ttlMs)} ends before it is read again (90 % within ${span(wantedMs)})`,
        savesMsPerSec: (gained * meanLoadMs(traffic)) / (reads.windowMs / 1000),
        shareOfTime: shareOfLoading(traffic, view),
        figures: [
          { name: 'Hit ratio', value: `${share(hitRatio)} of n ${whole(lookups)}` },
          { name: 'Misses that had only expired', value: `${share(expiredShare)} of n ${whole(sampledMisses)} followed` },
          {
            name: 'Re-read after the fill',
            value: `median ${span((packedQuantile(reread, 0.5) ?? 0) * 1000)}, 90 % within ${span(wantedMs)}, n ${whole(reread.count)}`,
          },
          { name: 'Load, mean', value: `${meanLoadMs(traffic).toFixed(1)} ms, n ${whole(traffic.load.count)}` },
        ],
        recommendation: {
          summary: `keep ${subject}:* for ${duration(wantedMs)}: about ${whole(gained)} of ${whole(misses)} misses in ${span(reads.windowMs)} would have been hits`,
          option: { name: 'ttl', from: duration(ttlMs), to: duration(wantedMs) },
          costNote: `a value may be up to ${span(wantedMs)} old where no tag drops it, and more entries are held`,
          risk: 'low' as const,
        },
      },
    ]
  })
}
