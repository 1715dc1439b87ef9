import { type Clock, type Duration, parseDurationMs } from '../core/index.ts'
import { cacheErrors } from './errors.ts'
import { checkTags } from './options.ts'

/** What a loader is given. */
export interface LoadContext {
  readonly key: string
  /** Aborts when the hard time-out passes. Pass it on to whatever the loader waits for. */
  readonly signal: AbortSignal
  /** Replaces the ttl of this value, for what is known only after loading. */
  setTtl(ttl: Duration): void
  /** Adds to the tags of this value, for what is known only after loading. An invalidation of such a tag since the load began keeps the value from
   *  being stored. 1 Redis round trip more after the load. @throws HF_CACHE_TAG_INVALID */
  setTags(...tags: string[]): void
  /** Returns the value to the callers without storing it. */
  skipStore(): void
}

/** A loader: reads the value from where it really lives. `undefined` is returned to the callers and never stored; `null` is a value. */
export type Load<T> = (ctx: LoadContext) => Promise<T> | T

/** What a loader gave. */
export interface Loaded {
  readonly value: unknown
  readonly tookMs: number
  /** Set by the loader. */
  readonly ttlMs: number | undefined
  /** Set by the loader, each once. */
  readonly tags: readonly string[]
  readonly mayStore: boolean
}

/** Calls the loader within its time. Its error passes through as it is. @throws HF_CACHE_LOAD_TIMEOUT */
export async function callLoader(key: string, load: Load<unknown>, hardTimeoutMs: number, clock: Clock): Promise<Loaded> {
  const abort = new AbortController()
  let ttlMs: number | undefined
  let chosenTags: readonly string[] = []
  let mayStore = true
  const ctx: LoadContext = {
    key,
    signal: abort.signal,
    setTtl(ttl) {
      ttlMs = parseDurationMs(ttl)
    },
    setTags(...tags) {
      chosenTags = checkTags([...chosenTags, ...tags])
    },
    skipStore() {
      mayStore = false
    },
  }
  const startedAtMs = clock.monotonicMs()
  // Through a then, so that a loader that throws before its first await is an ordinary rejection.
  const work = Promise.resolve(ctx).then(load)
  const value = hardTimeoutMs === Number.POSITIVE_INFINITY ? await work : await within(work, key, hardTimeoutMs, clock, abort)
  return { value, tookMs: clock.monotonicMs() - startedAtMs, ttlMs, tags: chosenTags, mayStore: mayStore && ttlMs !== 0 }
}

function within<T>(work: Promise<T>, key: string, limitMs: number, clock: Clock, abort: AbortController): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(
      limitMs,
      () => {
        const error = cacheErrors.create('HF_CACHE_LOAD_TIMEOUT', `the loader of ${JSON.stringify(key)} took longer than ${limitMs} ms`)
        abort.abort(error)
        reject(error)
      },
      true,
    )
    work.then(resolve, reject).finally(() => timer.cancel())
  })
}
