import { randomBytes } from 'node:crypto'
import { type ClockTimer, delay } from '../../core/index.ts'
import type { CacheParts, RedisAccess } from '../cache-parts.ts'
import { cacheErrors } from '../errors.ts'
import { CLAIM, FINISH, PROLONG } from './claim.lua.ts'

/** Why a source is warmed, and what must be done only once in a fleet. */
export type Occasion =
  | { readonly kind: 'start' | 'hand' }
  /** `id`: of the deployed version, or of the request. */
  | { readonly kind: 'deploy' | 'request'; readonly id: string }
  | { readonly kind: 'tick'; readonly dueAtMs: number }

/** `mine`: this process warms. `done`: another did. `elsewhere`: another still does, or died so late that waiting for it ended. `away`: Redis does not
 *  answer, so nobody can know. */
export type Claim = { readonly kind: 'mine'; readonly holding: Holding } | { readonly kind: 'done' | 'elsewhere' | 'away' }

/** A right to warm. */
export interface Holding {
  /** Aborts with HF_CACHE_LOCK_LOST when it may be somebody else's. */
  readonly signal: AbortSignal
  /** Gives it back. `isDone`: what the occasion asked for need not be done again. Never rejects. */
  end(isDone: boolean): Promise<void>
}

/** After a warmer died, another takes over within this. Longer, and a killed warmer holds the work up; shorter, and a pause of the process loses it. */
export const CLAIM_MS = 3000
/** Most time between two looks at a claim that somebody else holds. */
const POLL_MS = 300
const DEPLOYS_REMEMBERED_MS = 30 * 86_400_000

/** Waits for the right to warm `source`, for at most `waitMs`. Without any Redis it is always ours. @throws the signal's reason */
export async function claim(parts: CacheParts, source: string, occasion: Occasion, waitMs: number, signal: AbortSignal): Promise<Claim> {
  const { clock, redis } = parts
  if (redis === undefined) return { kind: 'mine', holding: { signal: new AbortController().signal, end: async () => {} } }
  const ledger = `hf:${parts.namespace}:w:${source}`
  const token = randomBytes(12).toString('hex')
  const giveUpAtMs = clock.monotonicMs() + waitMs
  let id = idOf(occasion)
  for (;;) {
    signal.throwIfAborted()
    const sentAtMs = clock.monotonicMs()
    const reply = (await redis.run(CLAIM, [ledger], [token, CLAIM_MS, occasion.kind, id, 2 * DEPLOYS_REMEMBERED_MS]).catch(() => undefined)) as
      | number[]
      | undefined
    const [code, value = 0, nowMs = 0] = reply ?? []
    if (code === 0) return { kind: 'done' }
    if (code === 1) return { kind: 'mine', holding: new HeldClaim(parts, redis, ledger, token, { kind: occasion.kind, id }, sentAtMs + CLAIM_MS) }
    // What somebody began before and ends after this moment is as good as our own.
    if (code === 2 && occasion.kind === 'start' && id === '') id = String(nowMs)
    const leftMs = giveUpAtMs - clock.monotonicMs()
    if (leftMs <= 0) return { kind: code === undefined ? 'away' : 'elsewhere' }
    const pauseMs = POLL_MS * (0.75 + parts.random() / 2)
    await delay(clock, Math.min(leftMs, code === 2 ? Math.min(value + 1, pauseMs) : pauseMs), signal)
  }
}

function idOf(occasion: Occasion): string {
  if (occasion.kind === 'tick') return String(occasion.dueAtMs)
  return occasion.kind === 'deploy' || occasion.kind === 'request' ? occasion.id : ''
}

class HeldClaim implements Holding {
  readonly #parts: CacheParts
  readonly #redis: RedisAccess
  readonly #ledger: string
  readonly #token: string
  readonly #done: { readonly kind: string; readonly id: string }
  readonly #abort = new AbortController()
  #sureUntilMs: number
  #timer: ClockTimer | undefined
  #hasEnded = false

  constructor(parts: CacheParts, redis: RedisAccess, ledger: string, token: string, done: { kind: string; id: string }, sureUntilMs: number) {
    this.#parts = parts
    this.#redis = redis
    this.#ledger = ledger
    this.#token = token
    this.#done = done
    this.#sureUntilMs = sureUntilMs
    this.#schedule()
  }

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  async end(isDone: boolean): Promise<void> {
    this.#hasEnded = true
    this.#timer?.cancel()
    const { kind, id } = this.#done
    const args = [this.#token, kind, id, isDone ? 1 : 0, DEPLOYS_REMEMBERED_MS]
    // Not told: the claim lapses, and another looks again and finds everything fresh.
    await this.#redis.run(FINISH, [this.#ledger], args).catch(() => undefined)
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.after(CLAIM_MS / 3, () => void this.#prolong())
  }

  async #prolong(): Promise<void> {
    const { clock } = this.#parts
    const sentAtMs = clock.monotonicMs()
    const isOurs = await this.#redis.run(PROLONG, [this.#ledger], [this.#token, CLAIM_MS]).catch(() => undefined)
    if (this.#hasEnded) return
    if (isOurs === 1) this.#sureUntilMs = sentAtMs + CLAIM_MS
    if (isOurs !== 0 && clock.monotonicMs() < this.#sureUntilMs) this.#schedule()
    else this.#abort.abort(cacheErrors.create('HF_CACHE_LOCK_LOST', `warming may be done by another process now (claim of ${CLAIM_MS} ms)`))
  }
}
