import type { HoldfastError } from '../../core/index.ts'
import { BulkLoad, type LoadMany } from '../bulk-load.ts'
import type { TieredCache } from '../cache-contract.ts'
import type { CacheParts } from '../cache-parts.ts'
import type { Load } from '../load-context.ts'
import { NO_COUNTS, type WarmingCounts, type WarmingOutcome } from './report.ts'
import type { ResolvedSource } from './source.ts'

/** Batches that fail one after the other until a source is given up: a database in trouble is not helped by more of the same. */
const GIVE_UP_AFTER = 5
const ERRORS_KEPT = 5

/** Why the signal of a run was aborted. */
export class RunEnd extends Error {
  readonly outcome: WarmingOutcome

  constructor(outcome: WarmingOutcome) {
    super(`warming ended: ${outcome}`)
    this.outcome = outcome
  }
}

/** One pass over the keys of a source, in batches, so many at a time. Ends as soon as the signal aborts, also when a loader does not listen to it. */
export class SourceRun {
  readonly #source: ResolvedSource
  readonly #cache: TieredCache
  readonly #parts: CacheParts
  readonly #abort = new AbortController()
  readonly #counts: { -readonly [K in keyof WarmingCounts]: number } = { ...NO_COUNTS }
  readonly #errors = new Set<string>()
  #total: number | undefined
  #failuresInRow = 0

  constructor(source: ResolvedSource, cache: TieredCache, parts: CacheParts) {
    this.#source = source
    this.#cache = cache
    this.#parts = parts
  }

  get counts(): WarmingCounts {
    return { ...this.#counts }
  }

  get total(): number | undefined {
    return this.#total
  }

  get errors(): readonly string[] {
    return [...this.#errors]
  }

  /** Ends the run. */
  end(outcome: WarmingOutcome): void {
    this.#abort.abort(new RunEnd(outcome))
  }

  /** Never rejects. */
  async run(): Promise<WarmingOutcome> {
    const budget = this.#parts.clock.after(this.#source.budgetMs, () => this.end('budget'))
    const { signal } = this.#abort
    let batches: AsyncGenerator<string[]> | undefined
    try {
      const keys = await orAborted(Promise.resolve({ signal }).then(this.#source.keys), signal)
      if (Array.isArray(keys)) this.#total = keys.length
      batches = inBatches(keys, this.#source.batch, signal)
      const listed = batches
      const workers = Array.from({ length: this.#source.concurrency }, () => this.#work(listed))
      await orAborted(Promise.all(workers), signal)
      return 'warmed'
    } catch (error) {
      if (error instanceof RunEnd) return error.outcome
      if (signal.aborted) return (signal.reason as RunEnd).outcome
      this.#note(error)
      return 'failed'
    } finally {
      budget.cancel()
      this.end('stopped')
      // Not awaited: a list that hangs would hold the end up.
      void batches?.return(undefined).catch(() => undefined)
      const { listed, loaded, fresh, absent, failed } = this.#counts
      this.#counts.skipped = listed - loaded - fresh - absent - failed
    }
  }

  async #work(batches: AsyncGenerator<string[]>): Promise<void> {
    const { signal } = this.#abort
    for (let next = await batches.next(); next.done !== true && !signal.aborted; next = await batches.next()) {
      this.#counts.listed += next.value.length
      await this.#warm(next.value)
    }
  }

  async #warm(keys: readonly string[]): Promise<void> {
    const asked = new Set<string>()
    const failed = new Set<string>()
    const { loadMany, load } = this.#source
    const fetches =
      load === undefined
        ? this.#fetchTogether(keys, (some, ctx) =>
            this.#watch(some, asked, failed, ctx.signal, signal =>
              loadMany!(some, {
                signal,
                setTtl: (key, ttl) => ctx.setTtl(key, ttl),
                setTags: (key, ...tags) => ctx.setTags(key, ...tags),
                skipStore: key => ctx.skipStore(key),
              }),
            ),
          )
        : keys.map(key =>
            // With a getter and closures in it: a copy would lose what it has.
            this.#fetch(key, ctx => this.#watch([key], asked, failed, ctx.signal, signal => load(Object.create(ctx, { signal: { value: signal } })))),
          )
    const results = await Promise.allSettled(fetches)
    // What comes after the end is not counted: the report is written.
    if (this.#abort.signal.aborted) return
    results.forEach((result, i) => {
      const key = keys[i]!
      if (result.status === 'rejected') this.#note(result.reason)
      if (result.status === 'rejected' || failed.has(key)) this.#counts.failed++
      else if (result.value === undefined) this.#counts.absent++
      else if (asked.has(key)) this.#counts.loaded++
      else this.#counts.fresh++
    })
    const hasFailed = results.every((result, i) => result.status === 'rejected' || failed.has(keys[i]!))
    this.#failuresInRow = hasFailed ? this.#failuresInRow + 1 : 0
    if (this.#failuresInRow >= GIVE_UP_AFTER) this.end('failed')
  }

  #fetchTogether(keys: readonly string[], loadMany: LoadMany<unknown>): Promise<unknown>[] {
    const bulk = new BulkLoad(loadMany, keys, this.#parts.clock)
    return keys.map(key => bulk.track(key, this.#fetch(key, bulk.loadOne)))
  }

  async #fetch(key: string, loadOne: Load<unknown>): Promise<unknown> {
    const { call, tagsOf, refresh } = this.#source
    const options = tagsOf === undefined ? call : { ...call, tags: tagsOf(key) }
    return refresh ? this.#parts.refresh(key, loadOne, options) : this.#cache.getOrSet(key, loadOne, options)
  }

  /** Runs a load of the source, listening to the end of the run, and notes which keys it was asked for and which it failed. */
  async #watch<T>(
    keys: readonly string[],
    asked: Set<string>,
    failed: Set<string>,
    given: AbortSignal,
    load: (signal: AbortSignal) => T,
  ): Promise<Awaited<T>> {
    const signal = AbortSignal.any([given, this.#abort.signal])
    for (const key of keys) asked.add(key)
    try {
      signal.throwIfAborted()
      return await load(signal)
    } catch (error) {
      for (const key of keys) failed.add(key)
      this.#note(error)
      throw error
    }
  }

  #note(error: unknown): void {
    if (this.#errors.size >= ERRORS_KEPT || error instanceof RunEnd) return
    const { code, message } = error instanceof Error ? (error as HoldfastError) : { code: undefined, message: String(error) }
    this.#errors.add(code === undefined ? message : `${code}: ${message}`)
  }
}

/** Groups of different keys. */
async function* inBatches(keys: Iterable<string> | AsyncIterable<string>, size: number, signal: AbortSignal): AsyncGenerator<string[]> {
  let batch = new Set<string>()
  for await (const key of keys) {
    if (signal.aborted) return
    batch.add(key)
    if (batch.size < size) continue
    yield [...batch]
    batch = new Set()
  }
  if (batch.size > 0) yield [...batch]
}

/** The result of `work`, or the signal's reason as soon as it aborts. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
