import { type CacheRule, duration, type Judgement, meanLoadMs, readCost, shareOfLoading, span, whole } from './judgement.ts'

/** Fills from which on "never" is no accident: at a true hit ratio of 3 %, a hundred reads without a hit happen once in twenty. */
const LEAST_FILLS = 100
/** What is kept longer than the console remembers cannot be judged from the console. */
const LONGEST_TTL_MS = 840_000

/** Values are stored and never read again within their time: the key holds something that changes with every call, or nobody asks twice. */
export const neverHit: CacheRule = view => {
  const { quarter } = view
  return [...quarter.traffic.prefixes].flatMap(([subject, traffic]): Judgement[] => {
    const rule = 'cache/never-hit'
    const { fills, filledBytes, memoryHits, redisHits, coalesced, staleServed, ttlMs } = traffic
    if (fills < LEAST_FILLS || ttlMs > LONGEST_TTL_MS || quarter.coveredMs < Math.max(60_000, ttlMs)) return []
    const inMinute = view.minute.traffic.prefixes.get(subject)
    const reads = readCost(inMinute ?? traffic, inMinute === undefined ? { ...view, minute: quarter } : view)
    const hits = memoryHits + redisHits + coalesced + staleServed
    const recentHits = inMinute === undefined ? 0 : inMinute.memoryHits + inMinute.redisHits
    const why = `${whole(hits)} hits for ${whole(fills)} values stored in ${span(quarter.coveredMs)}`
    if (hits > 0) return recentHits > 0 ? [{ rule, subject, is: 'good', reads, why }] : []
    return [
      {
        ...({ rule, subject, is: 'bad', reads, why } as const),
        title: `${subject}:* was stored ${whole(fills)} times in ${span(quarter.coveredMs)} and never hit`,
        // What storing costs is small beside a load; the loads themselves are what a working key would save.
        savesMsPerSec: 0,
        shareOfTime: shareOfLoading(inMinute ?? traffic, view),
        figures: [
          { name: 'Stored', value: `${whole(fills)} values, ${whole(filledBytes / fills)} bytes each` },
          { name: 'Hits in any tier', value: `0 in ${span(quarter.coveredMs)}` },
          { name: 'Load, mean', value: `${meanLoadMs(traffic).toFixed(1)} ms, n ${whole(traffic.load.count)}` },
        ],
        recommendation: {
          summary: `look for a part of the key that differs with every call (a time, a request id, an unsorted list); if there is none, load ${subject} without the cache`,
          option: { name: 'key', from: `${subject}:…`, to: 'a key that is the same for the same value' },
          costNote: `now ${whole(filledBytes / (quarter.coveredMs / 1000))} bytes a second are stored for nothing, for ${duration(ttlMs)} each`,
          risk: 'low' as const,
        },
      },
    ]
  })
}
