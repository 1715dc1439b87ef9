import type { Clock } from '../core/index.ts'
import { cacheErrors } from './errors.ts'
import type { MemoryTier } from './l1/memory-tier.ts'
import { checkInvalidatedTags, checkKey, type ResolvedCall, type ResolvedOptions, resolveCall, type SetOptions } from './options.ts'
import type { RedisSide } from './redis-side.ts'
import type { CacheStatistics } from './statistics/cache-statistics.ts'
import { copyToStored, type StoredValue, sizeOf } from './stored-value.ts'
import { snapshotTags, type TagTable } from './tag-table.ts'

/** What this process does when it hears of a change: memory, loads and reads under way. */
export interface LocalForgetting {
  key(key: string): void
  tag(tag: string): void
  all(): void
}

/** What writing needs. */
export interface WriterDeps {
  readonly options: ResolvedOptions
  readonly clock: Clock
  readonly statistics: CacheStatistics
  readonly random: () => number
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly redis: RedisSide | undefined
  readonly forget: LocalForgetting
  readonly onInvalidate: ((tags: readonly string[]) => Promise<boolean>) | undefined
}

/** Entries of one `setMany` that are written together. More would hold Redis up for the others. */
const WRITES_AT_ONCE = 128

/** Changes what the cache holds. Forgets in this process before the change, so that nobody here reads the old value from then on; and after it, because
 *  the old value could be read from Redis until the answer. */
export class Writer {
  readonly #deps: WriterDeps

  constructor(deps: WriterDeps) {
    this.#deps = deps
  }

  async setMany(entries: Iterable<readonly [key: string, value: unknown]>, options: SetOptions<string>): Promise<void> {
    const writes = [...entries].map(([key, value]) => {
      checkKey(key)
      const call = resolveCall(key, options, this.#deps.options)
      return { key, stored: value === undefined ? undefined : toCopy(key, value, call.clone), call }
    })
    for (let at = 0; at < writes.length; at += WRITES_AT_ONCE) {
      const group = writes.slice(at, at + WRITES_AT_ONCE)
      await Promise.all(group.map(({ key, stored, call }) => (stored === undefined ? this.delete(key) : this.#write(key, stored, call))))
    }
  }

  async #write(key: string, stored: StoredValue, call: ResolvedCall): Promise<void> {
    const { options, clock, random, memory, redis, forget, statistics } = this.#deps
    const ttlMs = call.ttlMs * (1 - options.jitter * random())
    const aliveMs = Math.max(1, Math.round(ttlMs + call.graceMs))
    forget.key(key)
    // After this line, so that an invalidation that comes during the round trip keeps the value out of memory.
    const tags = snapshotTags(this.#deps.tags, ['', ...call.tags])
    statistics.filled(key, sizeOf(stored), ttlMs, tags)
    if (redis !== undefined) {
      const isWritten = await redis.write(key, stored, { ttlMs, aliveMs, compressFromBytes: call.compressFromBytes }, tags)
      forget.key(key)
      // Read back from Redis when it is next asked for: somebody else may have written since, and memory could not tell.
      if (isWritten || redis.tier.isUsableFor(key)) return
    }
    const nowMs = clock.monotonicMs()
    memory?.set(key, { stored, freshUntilMs: nowMs + ttlMs, goneAtMs: nowMs + aliveMs, tags })
  }

  async delete(key: string): Promise<boolean> {
    const { clock, memory, redis, forget, statistics } = this.#deps
    checkKey(key)
    statistics.dropped(key)
    const wasHere = memory?.get(key, clock.monotonicMs()) !== undefined
    forget.key(key)
    if (redis === undefined) return wasHere
    const wasThere = await redis.tier.delete(key)
    forget.key(key)
    return wasHere || wasThere
  }

  async invalidateTags(tags: readonly string[]): Promise<boolean> {
    const { redis, forget, onInvalidate } = this.#deps
    const unique = checkInvalidatedTags(tags)
    for (const tag of unique) forget.tag(tag)
    const heard = unique.length === 0 ? undefined : onInvalidate?.(unique)
    const isInRedis = redis === undefined || (await redis.tier.bump(unique))
    if (redis !== undefined) for (const tag of unique) forget.tag(tag)
    return (heard === undefined || (await heard)) && isInRedis
  }

  emit(event: string, payload: unknown): Promise<boolean> {
    return this.invalidateTags(this.tagsOf(event, payload))
  }

  tagsOf(event: string, payload: unknown): readonly string[] {
    const { events } = this.#deps.options
    const tagsOf = events.get(event)
    if (tagsOf !== undefined) return checkInvalidatedTags(tagsOf(payload))
    throw cacheErrors.create(
      'HF_CACHE_EVENT_UNKNOWN',
      `${JSON.stringify(event)} is not in cache.invalidation, which has ${[...events.keys()].join(', ') || 'nothing'}`,
    )
  }

  async clear(): Promise<boolean> {
    const { redis, forget, onInvalidate } = this.#deps
    forget.all()
    const heard = onInvalidate?.([''])
    const isInRedis = redis === undefined || (await redis.tier.bump(['']))
    if (redis !== undefined) forget.all()
    return (heard === undefined || (await heard)) && isInRedis
  }
}

function toCopy(key: string, value: unknown, asCopies: boolean): StoredValue {
  const stored = copyToStored(value, asCopies)
  if (stored === undefined) throw cacheErrors.create('HF_CACHE_VALUE_UNENCODABLE', `the value for ${JSON.stringify(key)} cannot be stored`)
  return stored
}
