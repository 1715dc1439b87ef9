import type { TieredCache } from './cache-contract.ts'
import { findParts, type RedisAccess } from './cache-parts.ts'
import { cacheErrors } from './errors.ts'
import { escapeGlob } from './glob.ts'
import { checkTags } from './options.ts'
import { decodeHead, type PayloadHead } from './payload.ts'
import { toCodedError } from './redis/fault.ts'
import type { RedisNames } from './redis/redis-names.ts'
import { prefixOf } from './statistics/prefix-table.ts'

/** Options of a survey. */
export interface SurveyOptions {
  /** Only keys that begin with this. Default: all. */
  readonly prefix?: string
  /** Count the entries that an invalidation of this tag would drop. */
  readonly tag?: string
  /** Entries looked at, 1 to 100,000. Default 10,000. */
  readonly limit?: number
  /** Aborts it; what was counted until then is the answer. */
  readonly signal?: AbortSignal
}

/** The entries of one prefix among those looked at. */
export interface SurveyedPrefix {
  readonly prefix: string
  readonly entryCount: number
  /** Of those, past their fresh time, or invalidated together with the whole namespace: they only wait for their end. */
  readonly staleCount: number
  /** Mean of what Redis says it spends on an entry, over `sizedCount` of them. */
  readonly meanBytes: number
  readonly sizedCount: number
  /** Shortest and longest time left until an entry is stale, of the fresh ones; `undefined` when there is none. */
  readonly freshForMs: { readonly least: number; readonly most: number } | undefined
}

/** What Redis holds for a cache, by looking at its entries. */
export interface CacheSurvey {
  /** Entries looked at. */
  readonly scannedCount: number
  /** True when these are all; false when the limit or the time was reached, and all counts are "at least". */
  readonly isComplete: boolean
  /** Entries that the asked tag is on and that it would drop; `undefined` when none was asked for. */
  readonly taggedCount: number | undefined
  /** Most entries first, at most 200; the rest under `other`. */
  readonly prefixes: readonly SurveyedPrefix[]
}

const MOST_LIMIT = 100_000
/** Keys for one SCAN and for one group of reads: about a millisecond of the server's time. */
const PAGE_SIZE = 200
/** A namespace may be a small part of a large Redis, and SCAN walks all of it. */
const TIME_LIMIT_MS = 5000
/** Sizes asked for of each prefix; MEMORY USAGE is the one command here that costs more than the read. */
const SIZED_PER_PREFIX = 20
const PREFIXES_SHOWN = 200
/** Holds the times and usually the tags; the longest tags make it 17 kB. */
const HEAD_BYTES = 1024
const LONGEST_HEAD_BYTES = 17_000

/** Walks the cache's entries in Redis by SCAN, never KEYS, in steps of a millisecond, and counts them by prefix. Changes nothing. 3 Redis round trips for 200
 *  entries. Entries that come or go meanwhile may be missed. @throws HF_CACHE_REDIS_AWAY, HF_CACHE_REDIS_REFUSED, HF_CACHE_OPTION_INVALID, HF_CACHE_TAG_INVALID */
export async function surveyCache(cache: TieredCache, options: SurveyOptions = {}): Promise<CacheSurvey> {
  const { limit = 10_000, tag } = options
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > MOST_LIMIT) {
    throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `the limit of a survey is ${limit}, allowed are 1 to ${MOST_LIMIT}`)
  }
  if (tag !== undefined) checkTags([tag])
  const { redis, clock } = findParts(cache)
  if (redis === undefined) throw cacheErrors.create('HF_CACHE_REDIS_AWAY', 'a survey looks into Redis, and none was given')
  try {
    const survey = new Survey(redis, { ...options, limit })
    const endsAtMs = clock.monotonicMs() + TIME_LIMIT_MS
    return await survey.run(() => clock.monotonicMs() >= endsAtMs || options.signal?.aborted === true)
  } catch (error) {
    throw toCodedError(error, 'the survey')
  }
}

interface Tally {
  entryCount: number
  staleCount: number
  sizedCount: number
  sizedBytes: number
  least: number
  most: number
}

class Survey {
  readonly #redis: RedisAccess
  readonly #names: RedisNames
  readonly #options: SurveyOptions & { readonly limit: number }
  readonly #seen = new Set<string>()
  readonly #tallies = new Map<string, Tally>()
  #taggedCount = 0

  constructor(redis: RedisAccess, options: SurveyOptions & { readonly limit: number }) {
    this.#redis = redis
    this.#names = redis.names
    this.#options = options
  }

  async run(mustEnd: () => boolean): Promise<CacheSurvey> {
    const { tag, limit, prefix = '' } = this.#options
    const versions = await this.#versions(tag)
    const match = `${escapeGlob(this.#names.keyPrefix + prefix)}*`
    for await (const { names, isLast } of this.#redis.scan(match, PAGE_SIZE)) {
      // SCAN may show a key twice.
      const keys = names.filter(key => !this.#seen.has(key))
      const room = limit - this.#seen.size
      await this.#look(keys.slice(0, room), versions)
      if (keys.length > room) return this.#result(false)
      if (this.#seen.size >= limit || mustEnd()) return this.#result(isLast)
    }
    return this.#result(true)
  }

  async #versions(tag: string | undefined): Promise<{ all: number; tag: number }> {
    const { tagPrefix } = this.#names
    const read = async (name: string): Promise<number> => Number(((await this.#redis.send('get', [tagPrefix + name])) as Buffer | null) ?? Number.NaN)
    const [all, asked] = await Promise.all([read(''), tag === undefined ? Number.NaN : read(tag)])
    return { all, tag: asked }
  }

  async #look(keys: readonly string[], versions: { all: number; tag: number }): Promise<void> {
    const heads = await Promise.all(keys.map(key => this.#head(key)))
    const sized: Promise<void>[] = []
    keys.forEach((redisKey, i) => {
      this.#seen.add(redisKey)
      const head = heads[i]
      if (head === undefined) return
      const tally = this.#tallyOf(prefixOf(redisKey.slice(this.#names.keyPrefix.length, redisKey.length - this.#names.keySuffix.length)))
      this.#count(redisKey, tally, head, versions)
      if (tally.sizedCount < SIZED_PER_PREFIX) sized.push(this.#size(redisKey, tally))
    })
    await Promise.all(sized)
  }

  #count(redisKey: string, tally: Tally, head: PayloadHead, versions: { all: number; tag: number }): void {
    tally.entryCount++
    const isCurrent = head.tags.every(({ tag, version }) => tag !== '' || version === versions.all)
    const freshForMs = head.freshUntilMs - this.#redis.serverNowMs(redisKey)
    if (!isCurrent || freshForMs <= 0) tally.staleCount++
    else {
      tally.least = Math.min(tally.least, freshForMs)
      tally.most = Math.max(tally.most, freshForMs)
    }
    if (isCurrent && head.tags.some(({ tag, version }) => tag === this.#options.tag && version === versions.tag)) this.#taggedCount++
  }

  async #head(redisKey: string): Promise<PayloadHead | undefined> {
    const read = async (length: number): Promise<Buffer> => (await this.#redis.send('getrange', [redisKey, 0, length - 1])) as Buffer
    const head = decodeHead(await read(HEAD_BYTES))
    return head === 'short' ? (decodeHead(await read(LONGEST_HEAD_BYTES)) as PayloadHead | undefined) : head
  }

  async #size(redisKey: string, tally: Tally): Promise<void> {
    tally.sizedCount++
    const bytes = Number((await this.#redis.send('memory', ['USAGE', redisKey], redisKey)) ?? 0)
    tally.sizedBytes += bytes
  }

  #tallyOf(prefix: string): Tally {
    const key = this.#tallies.has(prefix) || this.#tallies.size < PREFIXES_SHOWN ? prefix : 'other'
    let tally = this.#tallies.get(key)
    if (tally === undefined) {
      tally = { entryCount: 0, staleCount: 0, sizedCount: 0, sizedBytes: 0, least: Number.POSITIVE_INFINITY, most: 0 }
      this.#tallies.set(key, tally)
    }
    return tally
  }

  #result(isComplete: boolean): CacheSurvey {
    const prefixes = [...this.#tallies].map(([prefix, tally]) => ({
      prefix,
      entryCount: tally.entryCount,
      staleCount: tally.staleCount,
      meanBytes: tally.sizedCount === 0 ? 0 : Math.round(tally.sizedBytes / tally.sizedCount),
      sizedCount: tally.sizedCount,
      freshForMs: tally.most === 0 ? undefined : { least: Math.ceil(tally.least), most: Math.ceil(tally.most) },
    }))
    prefixes.sort((a, b) => b.entryCount - a.entryCount)
    const taggedCount = this.#options.tag === undefined ? undefined : this.#taggedCount
    return { scannedCount: this.#seen.size, isComplete, taggedCount, prefixes }
  }
}
