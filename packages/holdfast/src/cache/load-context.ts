import { type Clock, type Duration, parseDurationMs } from '../core/index.ts'
import { cacheErrors } from './errors.ts'
import { checkTags } from './options.ts'
import { readStored, type StoredValue } from './stored-value.ts'

/** What a loader is given. */
export interface LoadContext {
  readonly key: string
  /** Aborts when the hard time-out passes. Pass it on to whatever the loader waits for. */
  readonly signal: AbortSignal
  /** The value that is being replaced, while it may still be served: on an early refresh, or within the grace. Frozen when it is plain data. `undefined`:
   *  there is none, load the whole. */
  readonly previous: unknown
  /** What to return when the value is still `previous`, for example after an answer 304 or an unchanged `updated_at`: `return ctx.notModified()`. The
   *  entry then begins a new life with the same value. @throws HF_CACHE_NO_PREVIOUS */
  notModified(): never
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

/** A load to be done. */
export interface LoadOrder {
  readonly key: string
  readonly load: Load<unknown>
  readonly hardTimeoutMs: number
  readonly previous: StoredValue | undefined
}

/** What a loader gave. */
export interface Loaded {
  readonly value: unknown
  /** Set when the loader found the previous value unmodified. */
  readonly unmodified: StoredValue | undefined
  readonly tookMs: number
  /** Set by the loader. */
  readonly ttlMs: number | undefined
  /** Set by the loader, each once. */
  readonly tags: readonly string[]
  readonly mayStore: boolean
}

/** What a loader returns for the previous value. */
const NOT_MODIFIED: unique symbol = Symbol('not modified')

/** Calls the loader within its time. Its error passes through as it is. @throws HF_CACHE_LOAD_TIMEOUT */
export async function callLoader({ key, load, hardTimeoutMs, previous }: LoadOrder, clock: Clock): Promise<Loaded> {
  const abort = new AbortController()
  let ttlMs: number | undefined
  let chosenTags: readonly string[] = []
  let mayStore = true
  const ctx: LoadContext = {
    key,
    signal: abort.signal,
    get previous() {
      return previous && readStored(previous)
    },
    notModified() {
      if (previous === undefined) throw cacheErrors.create('HF_CACHE_NO_PREVIOUS', `there is no previous value of ${JSON.stringify(key)}`)
      return NOT_MODIFIED as never
    },
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
  const given = hardTimeoutMs === Number.POSITIVE_INFINITY ? await work : await within(work, key, hardTimeoutMs, clock, abort)
  const unmodified = given === NOT_MODIFIED ? previous : undefined
  const value = unmodified === undefined ? given : readStored(unmodified)
  return { value, unmodified, tookMs: clock.monotonicMs() - startedAtMs, ttlMs, tags: chosenTags, mayStore: mayStore && ttlMs !== 0 }
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
