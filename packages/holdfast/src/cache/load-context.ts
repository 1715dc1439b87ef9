import { type Clock, type Duration, parseDurationMs } from '../core/index.ts'
import { cacheErrors } from './errors.ts'

/** What a loader is given. */
export interface LoadContext {
  readonly key: string
  /** Aborts when the hard time-out passes. Pass it on to whatever the loader waits for. */
  readonly signal: AbortSignal
  /** Replaces the ttl of this value, for what is known only after loading. */
  setTtl(ttl: Duration): void
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
  readonly mayStore: boolean
}

/** Calls the loader within its time. Its error passes through as it is. @throws HF_CACHE_LOAD_TIMEOUT */
export async function callLoader(key: string, load: Load<unknown>, hardTimeoutMs: number, clock: Clock): Promise<Loaded> {
  const abort = new AbortController()
  let ttlMs: number | undefined
  let mayStore = true
  const ctx: LoadContext = {
    key,
    signal: abort.signal,
    setTtl(ttl) {
      ttlMs = parseDurationMs(ttl)
    },
    skipStore() {
      mayStore = false
    },
  }
  const startedAtMs = clock.monotonicMs()
  // Through a then, so that a loader that throws before its first await is an ordinary rejection.
  const work = Promise.resolve(ctx).then(load)
  const value = hardTimeoutMs === Number.POSITIVE_INFINITY ? await work : await within(work, key, hardTimeoutMs, clock, abort)
  return { value, tookMs: clock.monotonicMs() - startedAtMs, ttlMs, mayStore: mayStore && ttlMs !== 0 }
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
