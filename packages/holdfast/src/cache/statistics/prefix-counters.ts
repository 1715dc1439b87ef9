import { createHistogram, type Histogram, type HistogramSnapshot } from '../../telemetry/index.ts'

/** What the cache did with the keys of one prefix since this process started. Counts only grow, except `entries` and `bytes`, which stand as they are now. */
export interface PrefixStats {
  /** The part of the keys before the first `:`; a key without one is its own prefix when it is a plain name such as `dashboard`, else `(none)`; `other`
   *  for all prefixes beyond the first 200. */
  readonly prefix: string
  /** Reads answered from the memory of this process. */
  readonly memoryHits: number
  /** Reads answered from Redis. */
  readonly redisHits: number
  /** Reads that no tier could answer with a fresh value. */
  readonly misses: number
  /** Reads that joined a load already under way in this process. */
  readonly coalesced: number
  /** Reads answered with a stale value; they count as a miss or as coalesced too, because a load ran for them. */
  readonly staleServed: number
  /** Calls of a loader that failed. */
  readonly loadErrors: number
  /** Times of loaders that succeeded. */
  readonly loadSeconds: HistogramSnapshot
  /** Values stored by a load or by `set`. */
  readonly fills: number
  /** Their estimated size together, and the largest with its key, `''` when there was none. */
  readonly filledBytes: number
  readonly largestBytes: number
  readonly largestKey: string
  /** Values stored of more than 100 kB. */
  readonly largeFills: number
  /** Fresh time of the newest fill, in ms; 0 when there was none. */
  readonly ttlMs: number
  /** Entries that left memory for want of room. */
  readonly evictions: number
  /** Entries that memory refused because one alone would take more than an eighth of the room. */
  readonly refused: number
  /** Entries in memory now, and their estimated size. */
  readonly entries: number
  readonly bytes: number
  /** Loads that ten callers or more waited for: how many, their callers and the time that these waited together. */
  readonly herdLoads: number
  readonly herdWaiters: number
  readonly herdWaitedMs: number
  /** Misses of the keys that are followed closely, see {@link rereadSeconds}. */
  readonly sampledMisses: number
  /** Of those, the ones whose entry had merely expired: time from its fill to the miss. A fresh time as long as this would have made the read a hit. */
  readonly rereadSeconds: HistogramSnapshot
}

/** Callers from which on one load counts as a herd: ten statements where the database needed one. */
export const HERD_WAITERS = 10
/** Stored size from which on a value counts as large: Redis serves one command at a time, and all others wait while it sends this one.
 *  @source Microsoft, "Best practices for development" of Azure Cache for Redis: values of 100 kB are where it begins to hurt */
export const LARGE_BYTES = 102_400

/** The counters behind {@link PrefixStats}. An entry in memory holds its own, so that counting a hit is one addition. */
export class PrefixCounters {
  readonly prefix: string
  memoryHits = 0
  /** The hit at which the next sample of hot keys is taken, how many hits it stands for, and when the last one was taken. */
  sampleAt = 1
  sampleEvery = 1
  sampledAtMs = 0
  redisHits = 0
  misses = 0
  coalesced = 0
  staleServed = 0
  loadErrors = 0
  fills = 0
  filledBytes = 0
  largestBytes = 0
  largestKey = ''
  largeFills = 0
  ttlMs = 0
  evictions = 0
  refused = 0
  entries = 0
  bytes = 0
  herdLoads = 0
  herdWaiters = 0
  herdWaitedMs = 0
  sampledMisses = 0
  /** Made at the first use: 2 kB each, and many prefixes never load here. */
  #loads: Histogram | undefined
  #rereads: Histogram | undefined

  constructor(prefix: string) {
    this.prefix = prefix
  }

  loaded(tookMs: number): void {
    this.#loads ??= createHistogram()
    this.#loads.record(tookMs / 1000)
  }

  filled(key: string, sizeBytes: number, ttlMs: number): void {
    this.fills++
    this.filledBytes += sizeBytes
    this.ttlMs = ttlMs
    if (sizeBytes > LARGE_BYTES) this.largeFills++
    if (sizeBytes <= this.largestBytes) return
    this.largestBytes = sizeBytes
    this.largestKey = key
  }

  reread(afterMs: number): void {
    this.#rereads ??= createHistogram()
    this.#rereads.record(afterMs / 1000)
  }

  waited(waiters: number, waitedMs: number): void {
    if (waiters < HERD_WAITERS) return
    this.herdLoads++
    this.herdWaiters += waiters
    this.herdWaitedMs += waitedMs
  }

  snapshot(): PrefixStats {
    const { sampleAt: _at, sampleEvery: _every, sampledAtMs: _atMs, ...counts } = this
    return { ...counts, loadSeconds: this.#loads?.snapshot() ?? EMPTY, rereadSeconds: this.#rereads?.snapshot() ?? EMPTY }
  }
}

const EMPTY: HistogramSnapshot = createHistogram().snapshot()
