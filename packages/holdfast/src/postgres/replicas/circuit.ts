import type { Clock } from '../../core/index.ts'

/** `closed`: used. `open`: not used. `half-open`: one read at a time finds out whether it is good again. */
export type CircuitState = 'closed' | 'open' | 'half-open'

/** Reads that may lose their connection in a row before the circuit opens without a failed look: one connection may die alone. */
const FAILURES_LIMIT = 3
/** How long it stays open after reads failed although the server answers when it is looked at; doubles with each time, up to the limit. */
const COOL_DOWN_MS = 1000
const COOL_DOWN_LIMIT_MS = 30_000

/** Decides whether a replica is tried at all. */
export class Circuit {
  readonly #clock: Clock
  #state: CircuitState = 'closed'
  #sinceMs: number
  #failureCount = 0
  #tripCount = 0
  #coolUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.nowMs()
  }

  get state(): CircuitState {
    return this.#state
  }

  /** Wall-clock time of the last change. */
  get sinceMs(): number {
    return this.#sinceMs
  }

  /** The server answered when it was looked at. */
  noteAnswer(): void {
    if (this.#state === 'open' && this.#clock.monotonicMs() >= this.#coolUntilMs) this.#become('half-open')
  }

  /** The server did not answer when it was looked at. */
  noteSilence(): void {
    this.#become('open')
  }

  noteReadDone(): void {
    this.#failureCount = 0
    if (this.#state !== 'half-open') return
    this.#tripCount = 0
    this.#become('closed')
  }

  /** A read lost its connection, or got none. */
  noteReadLost(): void {
    this.#failureCount++
    if (this.#state === 'open' || (this.#state === 'closed' && this.#failureCount < FAILURES_LIMIT)) return
    this.#coolUntilMs = this.#clock.monotonicMs() + Math.min(COOL_DOWN_LIMIT_MS, COOL_DOWN_MS * 2 ** this.#tripCount++)
    this.#become('open')
  }

  #become(state: CircuitState): void {
    if (state === this.#state) return
    this.#state = state
    this.#sinceMs = this.#clock.nowMs()
    this.#failureCount = 0
  }
}
