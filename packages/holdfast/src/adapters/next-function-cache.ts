import { entryKey, type HoldfastSource, hashOf, isBuilding, type NextCacheOptions, NextEntries } from './next-entries.ts'

/** An entry of `use cache` as Next.js 16 gives and takes it. Times are in seconds, but `timestamp`. */
export interface FunctionCacheEntry {
  readonly value: ReadableStream<Uint8Array>
  readonly tags: string[]
  readonly stale: number
  /** When its making began, in milliseconds since the epoch. */
  readonly timestamp: number
  readonly expire: number
  readonly revalidate: number
}

/** A handler of `cacheHandlers`, as Next.js 16 has it. */
export interface FunctionCacheHandler {
  get(cacheKey: string, softTags: string[]): Promise<FunctionCacheEntry | undefined>
  set(cacheKey: string, pendingEntry: Promise<FunctionCacheEntry>): Promise<void>
  refreshTags(): Promise<void>
  getExpiration(tags: string[]): Promise<number>
  updateTags(tags: string[], durations?: { expire?: number }): Promise<void>
}

/** An entry at rest. */
interface KeptEntry extends Omit<FunctionCacheEntry, 'value'> {
  readonly body: Uint8Array
}

/** Larger ones are made anew each time. */
const BODY_LIMIT_BYTES = 8 * 1024 * 1024

/** A handler for `cacheHandlers` of next.config: results of `use cache` are kept in `hf.cache` for all processes, under their `cacheTag`s, so that
 *  `revalidateTag` and `hf.cache.invalidateTags` reach both. Export it as the default of a module that next.config names. While Next.js builds it does nothing. */
export function functionCache(open: HoldfastSource<'cache'>, options: NextCacheOptions = {}): FunctionCacheHandler {
  const entries = new NextEntries(open, options)
  const pending = new Map<string, Promise<void>>()

  const store = async (key: string, { value, ...entry }: FunctionCacheEntry): Promise<void> => {
    const body = await collect(value)
    const agoMs = Math.max(0, entries.clock.nowMs() - entry.timestamp)
    const aliveMs = entry.expire * 1000 - agoMs
    if (body === undefined || !(aliveMs > 0)) return
    await entries.store(key, { ...entry, body } satisfies KeptEntry, { aliveMs, tags: entry.tags, agoMs })
  }

  return {
    async get(cacheKey) {
      if (isBuilding()) return undefined
      const key = keyOf(cacheKey)
      // What is about to be stored is waited for, also when that fails.
      await pending.get(key)?.catch(() => undefined)
      const kept = await entries.read<KeptEntry>(key)
      if (kept === undefined) return entries.missed()
      const { body, ...entry } = kept
      return { ...entry, value: streamOf(body) }
    },
    async set(cacheKey, pendingEntry) {
      if (isBuilding()) return
      const key = keyOf(cacheKey)
      const storing = pendingEntry.then(entry => store(key, entry))
      pending.set(key, storing)
      try {
        await storing
      } finally {
        if (pending.get(key) === storing) pending.delete(key)
      }
    },
    // The cache hears of invalidations by itself.
    refreshTags: async () => undefined,
    getExpiration: async tags => (isBuilding() ? 0 : entries.revalidatedAtMs(tags)),
    // With `durations` Next.js would let the old be served meanwhile. It is dropped all the same: a tag that is invalidated means that nobody sees the old any more.
    updateTags: async tags => (isBuilding() ? undefined : entries.invalidate(tags)),
  }
}

function keyOf(cacheKey: string): string {
  return entryKey('use-cache', hashOf(cacheKey))
}

/** The whole of a stream, or `undefined` when it is too large or breaks off: half a value would be half a page. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array | undefined> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(chunks, sizeBytes)
      chunks.push(value)
      sizeBytes += value.byteLength
      if (sizeBytes > BODY_LIMIT_BYTES) {
        await reader.cancel()
        return undefined
      }
    }
  } catch {
    return undefined
  }
}

function streamOf(body: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(body)
      controller.close()
    },
  })
}
