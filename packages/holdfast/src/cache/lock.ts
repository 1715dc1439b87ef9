import { randomBytes } from 'node:crypto'
import { type Clock, type ClockTimer, type Duration, delay } from '../core/index.ts'
import { cacheErrors } from './errors.ts'
import { toCodedError } from './redis/fault.ts'
import type { RemoteTier } from './redis/remote-tier.ts'

/** Options of a lock. */
export interface LockOptions {
  /** How long others stay locked out after this process died or lost Redis; prolonged while the work runs. `'100ms'` or more. */
  readonly ttl: Duration
  /** How long to wait for the lock while somebody else holds it. Default `'0ms'`: not at all. */
  readonly wait?: Duration
}

/** What work under a lock is given. */
export interface LockContext {
  readonly key: string
  /** Aborts with HF_CACHE_LOCK_LOST when the lock may no longer be ours. Pass it on, and stop writing. */
  readonly signal: AbortSignal
}

/** What locking needs. */
export interface LockDeps {
  readonly clock: Clock
  /** 0 up to 1, for jitter. */
  readonly random: () => number
  readonly tier: RemoteTier
}

/** Options of a lock in milliseconds. */
export interface ResolvedLock {
  readonly ttlMs: number
  readonly waitMs: number
}

/** Pauses between attempts to take a lock that is held. */
const POLL_FIRST_MS = 10
const POLL_LAST_MS = 200

/** Runs `work` while this process alone holds the lock. @throws HF_CACHE_LOCK_HELD, HF_CACHE_LOCK_LOST, HF_CACHE_REDIS_AWAY, HF_CACHE_REDIS_REFUSED;
 *  the work's own error passes through as it is. */
export async function runWithLock<T>(key: string, lock: ResolvedLock, work: (ctx: LockContext) => Promise<T> | T, deps: LockDeps): Promise<T> {
  const token = randomBytes(16).toString('hex')
  const holding = new Holding(key, token, lock.ttlMs, await take(key, token, lock, deps), deps)
  let result: T
  try {
    result = await work({ key, signal: holding.signal })
  } catch (error) {
    await holding.end()
    throw error
  }
  await holding.end()
  holding.signal.throwIfAborted()
  return result
}

/** Returns until when the lock is surely ours, on the monotonic clock. */
async function take(key: string, token: string, { ttlMs, waitMs }: ResolvedLock, { clock, random, tier }: LockDeps): Promise<number> {
  const giveUpAtMs = clock.monotonicMs() + waitMs
  let pollMs = POLL_FIRST_MS
  for (;;) {
    // From before it is sent: in Redis the time begins later.
    const sentAtMs = clock.monotonicMs()
    const heldForMs = await tier.lock(key, token, ttlMs).catch(error => {
      // It may have been taken without our hearing of it.
      void tier.unlock(key, token).catch(() => undefined)
      throw toCodedError(error, `the lock ${JSON.stringify(key)}`)
    })
    if (heldForMs === 0) return sentAtMs + ttlMs
    const leftMs = giveUpAtMs - clock.monotonicMs()
    if (leftMs <= 0)
      throw cacheErrors.create('HF_CACHE_LOCK_HELD', `${JSON.stringify(key)} is held, for up to ${heldForMs} ms more (waited ${waitMs} ms)`)
    await delay(clock, Math.min(leftMs, heldForMs, pollMs * (0.75 + random() / 2)))
    pollMs = Math.min(POLL_LAST_MS, pollMs * 2)
  }
}

/** A lock taken: prolonged until its end, and given up as lost when that fails for as long as it was sure. */
class Holding {
  readonly #key: string
  readonly #token: string
  readonly #ttlMs: number
  readonly #deps: LockDeps
  readonly #abort = new AbortController()
  #sureUntilMs: number
  #timer: ClockTimer | undefined
  #hasEnded = false

  constructor(key: string, token: string, ttlMs: number, sureUntilMs: number, deps: LockDeps) {
    this.#key = key
    this.#token = token
    this.#ttlMs = ttlMs
    this.#sureUntilMs = sureUntilMs
    this.#deps = deps
    this.#schedule()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Gives the lock back, if it is still ours. Never rejects: without Redis it ends by itself. */
  async end(): Promise<void> {
    this.#hasEnded = true
    this.#timer?.cancel()
    if (this.#deps.clock.monotonicMs() >= this.#sureUntilMs) this.#lose()
    const wasOurs = await this.#deps.tier.unlock(this.#key, this.#token).catch(() => true)
    if (!wasOurs) this.#lose()
  }

  #schedule(): void {
    const { clock } = this.#deps
    const leftMs = this.#sureUntilMs - clock.monotonicMs()
    if (leftMs <= 0) {
      this.#lose()
      return
    }
    this.#timer = clock.after(Math.min(this.#ttlMs / 3, leftMs), () => void this.#prolong())
  }

  async #prolong(): Promise<void> {
    const { clock, tier } = this.#deps
    const sentAtMs = clock.monotonicMs()
    if (sentAtMs >= this.#sureUntilMs) {
      this.#lose()
      return
    }
    // Also watched while the answer is awaited.
    this.#timer = clock.after(this.#sureUntilMs - sentAtMs, () => this.#lose())
    const isOurs = await tier.prolongLock(this.#key, this.#token, this.#ttlMs).catch(() => undefined)
    if (this.#hasEnded || this.signal.aborted) return
    this.#timer.cancel()
    if (isOurs === false) this.#lose()
    else {
      if (isOurs === true) this.#sureUntilMs = sentAtMs + this.#ttlMs
      this.#schedule()
    }
  }

  #lose(): void {
    if (this.signal.aborted) return
    this.#abort.abort(
      cacheErrors.create('HF_CACHE_LOCK_LOST', `the lock ${JSON.stringify(this.#key)} may belong to somebody else (ttl ${this.#ttlMs} ms)`),
    )
  }
}
