import { type CacheRule, type Judgement, share, whole } from './judgement.ts'

/** Share of the reads that leave the process from which on one key is hot. One shard of a cluster holds a key, so this is that shard's load at least. */
const HOT_SHARE = 0.2
/** Samples of a share of 20 % within 4 %, one standard error. */
const LEAST_SAMPLES = 100
/** Below ten reads a second no Redis notices. */
const LEAST_PER_SEC = 10

/** One key takes much of what is asked of Redis and the loader. A key that memory answers is not hot: it costs nothing. */
export const hotKey: CacheRule = view => {
  return view.caches.flatMap(({ stats }) => {
    const window = stats.hotKeys.remote
    if (window === undefined || window.sampleCount < LEAST_SAMPLES) return []
    return window.keys.map(({ key, leastReads }): Judgement => {
      const rule = 'cache/hot-key'
      const keyShare = leastReads / window.reads
      const perSec = leastReads / (window.windowMs / 1000)
      const totalMs = leastReads * view.redisReadMs
      const reads = { readCount: Math.round(leastReads), windowMs: window.windowMs, totalMs }
      const why = `${share(keyShare)} of the reads that leave the process, ${whole(perSec)} a second, n ${whole(window.sampleCount)} samples`
      if (keyShare < HOT_SHARE || perSec < LEAST_PER_SEC) return { rule, subject: key, is: 'good', reads, why }
      return {
        ...{ rule, subject: key, is: 'bad', reads, why },
        title: `the key ${key} is ${share(keyShare)} of what is asked of Redis and the loader, ${whole(perSec)} reads a second`,
        savesMsPerSec: (totalMs / window.windowMs) * 1000,
        shareOfTime: keyShare,
        figures: [
          { name: 'Share of the reads outside memory', value: `${share(keyShare)}, n ${whole(window.sampleCount)} samples` },
          { name: 'Reads', value: `${whole(perSec)} a second at least` },
          { name: 'Read from Redis, mean', value: `${view.redisReadMs.toFixed(2)} ms` },
        ],
        recommendation: {
          summary:
            'let memory answer it: switch the memory tier on, give the key a ttl above its re-read gap, and drop it by a tag of its own and not by one that moves all the time',
          option: { name: 'l1', from: 'false, or the key is dropped too often', to: '{ ttl: as long as a value may be old }' },
          costNote: 'one entry in the memory of each process',
          risk: 'low',
        },
      }
    })
  })
}
