import { type ClockTimer, createLifecycle, delay, type Lifecycle } from '../core/index.ts'
import type { TieredCache } from './cache-contract.ts'
import { type CacheParts, findParts } from './cache-parts.ts'
import { cacheErrors } from './errors.ts'
import type { Load } from './load-context.ts'
import { checkKey, type GetOrSetOptions, type SetOptions } from './options.ts'
import { copyToStored, readStored, type StoredValue } from './stored-value.ts'
import { createWriteBehindMetrics, type WriteBehindMetrics } from './write-behind-metrics.ts'
import { type ResolvedWriteBehind, resolveWriteBehind, type WriteBehindOptions } from './write-behind-options.ts'

/** Writes that reach the database later, many at once, the last of each key alone. Stops with its cache. */
export interface WriteBehind<V> extends Lifecycle {
  /** Accepts `value` for `key`: readers see it at once, the database within `every` when it is well. Replaces a value of the key that still waits. Resolves
   *  when it is in the cache; it can still be lost if this process is killed. Waits when full. Rejects with the cache's errors for a bad key.
   *  @throws HF_CACHE_WRITE_BEHIND_FULL, HF_CACHE_WRITE_BEHIND_STOPPED, HF_CACHE_VALUE_UNENCODABLE */
  set(key: string, value: V): Promise<void>
  /** The value that waits here, else what the cache has. */
  get(key: string): Promise<V | undefined>
  /** The value that waits here, else as the cache's `getOrSet`. Read these keys through this, or a loader may find the database not yet told. */
  getOrSet(key: string, load: Load<V>, options?: GetOrSetOptions): Promise<V>
  /** Sends what waits now, without its turn. Resolves when it was flushed, or rejects with the error of `flush`; what failed stays and is tried again. */
  flushNow(): Promise<void>
  stats(): WriteBehindStats
}

/** A write-behind as it stands. */
export interface WriteBehindStats {
  /** Keys that wait, those being flushed included. */
  readonly pending: number
  /** Since when the first of them waits; 0 when none does. */
  readonly oldestMs: number
  /** Flushes that failed since the last that did not. */
  readonly failuresInRow: number
}

/** First pause after a failed flush, doubled up to the last. */
const RETRY_FIRST_MS = 100
const RETRY_LAST_MS = 30_000
/** While stopping there is no time to be polite. */
const RETRY_STOPPING_MS = 200

interface Write {
  readonly stored: StoredValue
  readonly setAtMs: number
  /** Since when the database is behind on this key. */
  sinceMs: number
}

/** Prepares writing behind `cache`. Nothing to start before the first `set`. Everything accepted and not yet flushed is in this process alone: it is lost
 *  when the process is killed. @throws HF_CONFIG_INVALID naming every bad option at once, HF_CACHE_OPTION_INVALID for a foreign cache */
export function createWriteBehind<V>(cache: TieredCache, options: WriteBehindOptions<V>): WriteBehind<V> {
  return new CacheWriteBehind(cache, findParts(cache), resolveWriteBehind(options))
}

class CacheWriteBehind<V> implements WriteBehind<V> {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #cache: TieredCache
  readonly #parts: CacheParts
  readonly #options: ResolvedWriteBehind<V>
  readonly #setOptions: SetOptions
  readonly #metrics: WriteBehindMetrics
  /** In the order in which the keys came: the first waits longest. */
  readonly #pending = new Map<string, Write>()
  readonly #abort = new AbortController()
  readonly #waiting = new Set<() => void>()
  #flushing: Promise<void> | undefined
  #timer: ClockTimer | undefined
  #failuresInRow = 0
  #isStopping = false

  constructor(cache: TieredCache, parts: CacheParts, options: ResolvedWriteBehind<V>) {
    this.#cache = cache
    this.#parts = parts
    this.#options = options
    this.#setOptions = options.set
    this.#metrics = createWriteBehindMetrics(parts.registry, options.name, () => this.stats())
    const stop = (): Promise<void> => this.stop()
    parts.stopFirst.add(stop)
    const lifecycle = createLifecycle({
      name: `write-behind ${options.name}`,
      clock: parts.clock,
      stopLimitMs: options.stopWithinMs + 500,
      stop: async () => {
        await this.#drain()
        parts.stopFirst.delete(stop)
        this.#metrics.dispose()
      },
    })
    this.start = lifecycle.start
    this.stop = lifecycle.stop
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async set(key: string, value: V): Promise<void> {
    checkKey(key)
    const stored = value === undefined ? undefined : copyToStored(value)
    if (stored === undefined) throw cacheErrors.create('HF_CACHE_VALUE_UNENCODABLE', `the value for ${JSON.stringify(key)} cannot be stored`)
    const { maxEntries } = this.#options
    const askedAtMs = this.#parts.clock.monotonicMs()
    while (this.#pending.size >= maxEntries && !this.#pending.has(key) && !this.#isStopping) await this.#waitForRoom(askedAtMs)
    if (this.#isStopping)
      throw cacheErrors.create('HF_CACHE_WRITE_BEHIND_STOPPED', `${this.#options.name} no longer takes writes (${JSON.stringify(key)})`)
    const existing = this.#pending.get(key)
    this.#metrics.count(existing === undefined ? 'accepted' : 'coalesced')
    const setAtMs = this.#parts.clock.monotonicMs()
    this.#pending.set(key, { stored, setAtMs, sinceMs: existing?.sinceMs ?? setAtMs })
    this.#schedule()
    await this.#cache.set(key, value, this.#setOptions)
  }

  async get(key: string): Promise<V | undefined> {
    const write = this.#pending.get(key)
    return write === undefined ? this.#cache.get<V>(key) : (readStored(write.stored) as V)
  }

  async getOrSet(key: string, load: Load<V>, options?: GetOrSetOptions): Promise<V> {
    const write = this.#pending.get(key)
    if (write !== undefined) return readStored(write.stored) as V
    const value = await this.#cache.getOrSet(key, load, options)
    // Set while the loader ran: what it found is older.
    const later = this.#pending.get(key)
    return later === undefined ? value : (readStored(later.stored) as V)
  }

  async flushNow(): Promise<void> {
    // What is under way may have begun before the last set.
    await this.#flushing?.catch(() => undefined)
    for (let batches = Math.ceil(this.#pending.size / this.#options.maxBatch); batches > 0; batches--) await this.#flush()
  }

  stats(): WriteBehindStats {
    const [first] = this.#pending.values()
    let since = first?.sinceMs
    // A key that was replaced during a flush stays in its place with a later time.
    for (const write of this.#pending.values()) if (since !== undefined && write.sinceMs < since) since = write.sinceMs
    const oldestMs = since === undefined ? 0 : this.#parts.clock.monotonicMs() - since
    return { pending: this.#pending.size, oldestMs, failuresInRow: this.#failuresInRow }
  }

  #waitForRoom(askedAtMs: number): Promise<void> {
    const { name, maxEntries, waitMs } = this.#options
    const leftMs = askedAtMs + waitMs - this.#parts.clock.monotonicMs()
    const full = (): Error => {
      this.#metrics.count('refused')
      return cacheErrors.create(
        'HF_CACHE_WRITE_BEHIND_FULL',
        `${name}: ${maxEntries} keys wait for the database (limit ${maxEntries}, waited ${waitMs} ms)`,
      )
    }
    if (leftMs <= 0 || this.#waiting.size >= maxEntries) return Promise.reject(full())
    return new Promise((resolve, reject) => {
      const go = (): void => {
        timer.cancel()
        this.#waiting.delete(go)
        resolve()
      }
      const timer = this.#parts.clock.after(
        leftMs,
        () => {
          this.#waiting.delete(go)
          reject(full())
        },
        true,
      )
      this.#waiting.add(go)
    })
  }

  #schedule(): void {
    if (this.#isStopping || this.#flushing !== undefined || this.#pending.size === 0) return
    const { everyMs, maxBatch } = this.#options
    const isDue = this.#failuresInRow === 0 && this.#pending.size >= maxBatch
    if (!isDue && this.#timer !== undefined) return
    this.#timer?.cancel()
    const backOffMs = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(this.#failuresInRow - 1, 10)) * (0.75 + this.#parts.random() / 2)
    // Keeps the process alive: what waits here is nowhere else.
    this.#timer = this.#parts.clock.after(
      isDue ? 0 : this.#failuresInRow > 0 ? backOffMs : everyMs,
      () => void this.#flush().catch(() => undefined),
      true,
    )
  }

  /** One batch. One at a time, so that a later value of a key cannot arrive before an earlier one. Rejects with the error of the user's flush. */
  #flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#flushing ??= this.#flushOnce().finally(() => {
      this.#flushing = undefined
      this.#schedule()
    })
    return this.#flushing
  }

  async #flushOnce(): Promise<void> {
    const { flush, maxBatch, retries, name } = this.#options
    const batch = [...this.#pending].slice(0, maxBatch)
    if (batch.length === 0) return
    try {
      await Promise.resolve().then(() =>
        flush(
          batch.map(([key, { stored }]) => [key, readStored(stored) as V] as const),
          { signal: this.#abort.signal },
        ),
      )
    } catch (error) {
      this.#failuresInRow++
      this.#metrics.flushed('error')
      this.#parts.logger.warn(
        { err: error, name, pending: this.#pending.size, failuresInRow: this.#failuresInRow },
        'cache: a flush of written values failed',
      )
      if (this.#failuresInRow > retries) this.#giveUp(batch, error)
      throw error
    }
    this.#failuresInRow = 0
    this.#metrics.flushed('ok')
    this.#metrics.count('flushed', batch.length)
    const settled = batch.filter(([key, write]) => this.#settle(key, write))
    // A reader may have loaded and kept what was there before the flush. In one go with the check above: a set that comes later is sent later.
    await Promise.all(settled.map(([key]) => this.#cache.delete(key)))
  }

  /** False when the key was written again meanwhile. */
  #settle(key: string, write: Write): boolean {
    const now = this.#pending.get(key)
    if (now !== write) {
      if (now !== undefined) now.sinceMs = now.setAtMs
      return false
    }
    this.#pending.delete(key)
    // As many as there is room for now; who comes too late waits again.
    const [next] = this.#waiting
    next?.()
    return true
  }

  #giveUp(batch: readonly (readonly [string, Write])[], error: unknown): void {
    const { name, retries, onDropped } = this.#options
    const dropped = batch.filter(([key, write]) => this.#settle(key, write))
    this.#failuresInRow = 0
    this.#metrics.count('dropped', dropped.length)
    this.#parts.logger.error(
      { err: error, name, dropped: dropped.length, retries },
      'cache: written values were given up after too many failed flushes',
    )
    // Readers get what the database has again.
    for (const [key] of dropped) void this.#cache.delete(key)
    try {
      onDropped?.(
        dropped.map(([key, { stored }]) => [key, readStored(stored) as V] as const),
        error,
      )
    } catch (problem) {
      this.#parts.logger.error({ err: problem, name }, 'cache: onDropped failed')
    }
  }

  async #drain(): Promise<void> {
    const { clock, logger } = this.#parts
    const { name, stopWithinMs } = this.#options
    this.#isStopping = true
    for (const go of [...this.#waiting]) go()
    this.#timer?.cancel()
    let isLate = false
    let limit: ClockTimer | undefined
    const late = new Promise<void>(resolve => {
      const giveUp = (): void => {
        isLate = true
        this.#abort.abort(cacheErrors.create('HF_CACHE_WRITE_BEHIND_STOPPED', `${name} had ${stopWithinMs} ms to flush`))
        resolve()
      }
      limit = clock.after(stopWithinMs, giveUp, true)
    })
    while (this.#pending.size > 0 && !isLate) {
      const isFlushed = await Promise.race([
        late,
        this.#flush().then(
          () => true,
          () => false,
        ),
      ])
      if (isFlushed === false && !isLate) await Promise.race([late, delay(clock, RETRY_STOPPING_MS)])
    }
    limit?.cancel()
    if (this.#pending.size === 0) return
    this.#metrics.count('lost', this.#pending.size)
    logger.error({ name, lost: this.#pending.size, stopWithinMs }, 'cache: stopped before all written values were flushed; they are lost')
  }
}
