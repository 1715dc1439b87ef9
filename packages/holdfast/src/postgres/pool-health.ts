import type { Clock, Health, HealthReason } from '../core/index.ts'
import { holderClause, type PoolHolder } from './pool/checkouts.ts'

/** Checkouts that must fail in a row before health says so. One may be a single connection that died. */
export const FAILED_ACQUIRES_LIMIT = 3

/** Used, idle and waiting, as the pool counts them now. */
export interface PoolState {
  /** Connections that are checked out or being opened. */
  readonly used: number
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  readonly max: number
}

/** Follows checkouts and says since when they fail or queue. */
export class PoolHealth {
  readonly #clock: Clock
  readonly #state: () => PoolState
  readonly #longest: () => PoolHolder | undefined
  readonly #leakAfterMs: number
  #failureCount = 0
  #failingSinceMs: number | undefined
  #lastFailure = ''
  #saturatedSinceMs: number | undefined

  constructor(clock: Clock, state: () => PoolState, longest: () => PoolHolder | undefined, leakAfterMs: number) {
    this.#clock = clock
    this.#state = state
    this.#longest = longest
    this.#leakAfterMs = leakAfterMs
  }

  /** Somebody asked for a connection who found none idle, or others before. */
  noteAsk(waiting: number, max: number): void {
    if (waiting >= max) this.#saturatedSinceMs ??= this.#clock.nowMs()
    else this.#saturatedSinceMs = undefined
  }

  /** `wasIdle`: a connection was idle and nobody waited. */
  noteAcquired(wasIdle: boolean): void {
    this.#failureCount = 0
    this.#failingSinceMs = undefined
    if (wasIdle) this.#saturatedSinceMs = undefined
  }

  noteFailure(label: string): void {
    this.#failureCount++
    this.#failingSinceMs ??= this.#clock.nowMs()
    this.#lastFailure = label
  }

  health(): Health {
    const reasons: HealthReason[] = []
    if (this.#failureCount >= FAILED_ACQUIRES_LIMIT) {
      const why = `the last ${this.#failureCount} checkouts of a connection failed (${this.#lastFailure}): what needs PostgreSQL fails`
      reasons.push({ component: 'postgres', why, sinceMs: this.#failingSinceMs ?? this.#clock.nowMs() })
    }
    const { waiting, used, max } = this.#state()
    this.noteAsk(waiting, max)
    if (this.#saturatedSinceMs !== undefined) {
      const why = `${waiting} callers wait for a connection, ${used} of ${max} are in use: requests queue`
      reasons.push({ component: 'postgres', why, sinceMs: this.#saturatedSinceMs })
    }
    const longest = this.#longest()
    if (longest !== undefined && longest.heldMs >= this.#leakAfterMs) {
      const why = `a connection may have leaked: ${holderClause(longest)}`
      reasons.push({ component: 'postgres', why, sinceMs: this.#clock.nowMs() - longest.heldMs })
    }
    return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
  }
}
