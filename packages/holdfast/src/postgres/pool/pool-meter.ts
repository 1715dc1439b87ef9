import type { Clock } from '../../core/index.ts'
import { type HistogramSnapshot, subtractHistogram } from '../../telemetry/index.ts'
import { AcquireWaits } from './acquire-waits.ts'

/** What a pool did between two readings of its meter. */
export interface PoolPeriod {
  readonly lengthMs: number
  readonly checkoutCount: number
  /** In seconds, of callers that waited in vain too. */
  readonly waits: HistogramSnapshot
  /** Connections checked out, times how long: the integral over the period. */
  readonly usedMs: number
  /** Of that, time in which PostgreSQL worked on a statement; of checkouts that ended in the period. */
  readonly ranMs: number
  /** Most connections checked out at one time. */
  readonly peakUsed: number
}

/** Counts checkouts, so that nothing between two readings is missed. A few additions a checkout. */
export class PoolMeter {
  /** Since the start, whatever was read. */
  readonly waits: AcquireWaits = new AcquireWaits()
  readonly #clock: Clock
  #waitsBefore: HistogramSnapshot = this.waits.snapshot()
  #used = 0
  #startMs: number
  #lastMs: number
  #usedMs = 0
  #ranMs = 0
  #checkoutCount = 0
  #peakUsed = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
    this.#lastMs = this.#startMs
  }

  /** @param nowMs on the meter's own clock, which the caller has read anyway. */
  noteAcquired(waitMs: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#used++
    this.#checkoutCount++
    if (this.#used > this.#peakUsed) this.#peakUsed = this.#used
    this.waits.note(waitMs)
  }

  noteFailed(waitMs: number): void {
    this.waits.note(waitMs)
  }

  noteReturned(ranMs: number, nowMs: number): void {
    this.#advance(nowMs)
    // One that was checked out before the meter began is given back too.
    if (this.#used > 0) this.#used--
    this.#ranMs += ranMs
  }

  /** What happened since the last reading, and begins anew. */
  read(): PoolPeriod {
    const period = this.peek()
    this.#startMs = this.#lastMs
    this.#usedMs = 0
    this.#ranMs = 0
    this.#checkoutCount = 0
    this.#peakUsed = this.#used
    this.#waitsBefore = this.waits.snapshot()
    return period
  }

  /** The same, and goes on. */
  peek(): PoolPeriod {
    this.#advance(this.#clock.monotonicMs())
    return {
      lengthMs: this.#lastMs - this.#startMs,
      checkoutCount: this.#checkoutCount,
      waits: subtractHistogram(this.waits.snapshot(), this.#waitsBefore),
      usedMs: this.#usedMs,
      ranMs: this.#ranMs,
      peakUsed: this.#peakUsed,
    }
  }

  #advance(nowMs: number): void {
    this.#usedMs += this.#used * (nowMs - this.#lastMs)
    this.#lastMs = nowMs
  }
}
