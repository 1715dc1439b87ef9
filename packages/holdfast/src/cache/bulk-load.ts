import type { Clock, ClockTimer, Duration } from '../core/index.ts'
import type { Load, LoadContext } from './load-context.ts'

/** What a bulk loader is given. */
export interface BulkLoadContext {
  /** Aborts when the hard time-out passes. */
  readonly signal: AbortSignal
  /** As `setTtl`, `setTags` and `skipStore` of a single load, for one of the keys asked for; other keys are ignored. */
  setTtl(key: string, ttl: Duration): void
  setTags(key: string, ...tags: string[]): void
  skipStore(key: string): void
}

/** Loads several keys at once: a Map, or pairs, of those that exist. The order does not matter. A key left out has no value, and nothing is stored for
 *  it; to store that there is none, give it `null`. */
export type LoadMany<T> = (keys: readonly string[], ctx: BulkLoadContext) => Promise<Iterable<readonly [string, T]>> | Iterable<readonly [string, T]>

interface Ask<T> {
  readonly ctx: LoadContext
  resolve(value: T | undefined): void
  reject(error: unknown): void
}

/** How long the first key that must be loaded waits for the others to be decided. Two callers that wait for each other's keys would otherwise wait until
 *  their leases are given up. */
const GATHER_MS = 5

/** Turns single loads of one call into calls of a bulk loader. */
export class BulkLoad<T> {
  readonly #loadMany: LoadMany<T>
  readonly #undecided: Set<string>
  readonly #clock: Clock
  #asks: Ask<T>[] = []
  #timer: ClockTimer | undefined
  #isFlushing = false

  constructor(loadMany: LoadMany<T>, keys: readonly string[], clock: Clock) {
    this.#loadMany = loadMany
    this.#undecided = new Set(keys)
    this.#clock = clock
  }

  /** The loader for each of the keys. */
  readonly loadOne: Load<T | undefined> = ctx => {
    return new Promise((resolve, reject) => {
      this.#asks.push({ ctx, resolve, reject })
      this.#decide(ctx.key)
    })
  }

  /** Notes when `key` is settled without a load. */
  async track<V>(key: string, value: Promise<V>): Promise<V> {
    try {
      return await value
    } finally {
      this.#decide(key)
    }
  }

  #decide(key: string): void {
    this.#undecided.delete(key)
    if (this.#asks.length === 0) return
    if (this.#undecided.size > 0) {
      this.#timer ??= this.#clock.after(GATHER_MS, this.#flush, true)
    } else if (!this.#isFlushing) {
      this.#isFlushing = true
      // Not now: reloads of stale values are asked for after their keys are settled, and come together.
      setImmediate(this.#flush)
    }
  }

  readonly #flush = (): void => {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#isFlushing = false
    const asks = this.#asks
    if (asks.length === 0) return
    this.#asks = []
    void this.#run(asks)
  }

  async #run(asks: readonly Ask<T>[]): Promise<void> {
    const contexts = new Map(asks.map(({ ctx }) => [ctx.key, ctx]))
    try {
      const loaded = await this.#loadMany([...contexts.keys()], {
        signal: AbortSignal.any(asks.map(({ ctx }) => ctx.signal)),
        setTtl: (key, ttl) => contexts.get(key)?.setTtl(ttl),
        setTags: (key, ...tags) => contexts.get(key)?.setTags(...tags),
        skipStore: key => contexts.get(key)?.skipStore(),
      })
      const values = new Map(loaded)
      for (const { ctx, resolve } of asks) resolve(values.get(ctx.key))
    } catch (error) {
      for (const { reject } of asks) reject(error)
    }
  }
}
