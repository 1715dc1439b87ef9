import { histogramQuantile } from '../../telemetry/index.ts'
import type { PoolPeriod } from './pool-meter.ts'

/** Bounds of a size, and what counts as a wait. */
export interface SizerBounds {
  readonly min: number
  readonly max: number
  readonly waitMs: number
}

/** Share of the connections that must be out for a wait to be a matter of the size. */
const BUSY_SHARE = 0.9
const STEP_SHARE = 0.25
/** More checkouts a second that a step must bring. What brings less only makes statements slower. */
const LEAST_GAIN = 0.05
/** Checkouts in a period below which its rate is chance. */
const LEAST_CHECKOUTS = 50
/** Periods without another try after a step that brought nothing; doubles with each, up to the limit. */
const HOLD_PERIODS = 8
const HOLD_LIMIT = 512
/** Periods without waits before what was not used is given up. */
const QUIET_PERIODS = 30
/** Left above the peak then. */
const SPARE_SHARE = 0.25

/** Finds a size by trying: while callers wait and all connections are out it takes one step up, and keeps it when more work gets done. A step that brings nothing is taken
 *  back, and the next try comes later and later, so the size comes to rest. @source TCP-like search; the knee of the universal scalability law is where the gain ends */
export class PoolSizer {
  readonly #bounds: SizerBounds
  #limit: number
  #trial: { readonly from: number; readonly rate: number; readonly count: number } | undefined
  /** The period after a change, in which connections are opened or closed, says nothing. */
  #isSettling = false
  #holdCount = 0
  #nextHold = HOLD_PERIODS
  #quietCount = 0
  #quietPeak = 0

  constructor(bounds: SizerBounds, start: number) {
    this.#bounds = bounds
    this.#limit = start
  }

  get limit(): number {
    return this.#limit
  }

  /** The size after another period. */
  step(period: PoolPeriod): number {
    if (this.#isSettling) {
      this.#isSettling = false
      return this.#limit
    }
    const waitP95Ms = (histogramQuantile(period.waits, 0.95) ?? 0) * 1000
    const isWaiting = waitP95Ms >= this.#bounds.waitMs
    const isShort = isWaiting && period.usedMs >= BUSY_SHARE * this.#limit * period.lengthMs
    if (this.#trial !== undefined) this.#judge(period, isShort)
    else if (isShort) this.#try(period)
    this.#rest(period, isWaiting)
    return this.#limit
  }

  #try(period: PoolPeriod): void {
    if (this.#holdCount > 0) {
      this.#holdCount--
      return
    }
    if (this.#limit >= this.#bounds.max || period.checkoutCount < LEAST_CHECKOUTS) return
    this.#trial = { from: this.#limit, rate: rateOf(period), count: period.checkoutCount }
    this.#become(Math.min(this.#bounds.max, this.#limit + Math.max(1, Math.round(this.#limit * STEP_SHARE))))
  }

  #judge(period: PoolPeriod, isShort: boolean): void {
    const { from, rate, count } = this.#trial!
    this.#trial = undefined
    // Nobody waits any more, so this size is enough, whatever the rate says.
    if (!isShort) return
    // A rate from few checkouts is off by chance.
    const noise = 2 / Math.sqrt(Math.min(count, Math.max(1, period.checkoutCount)))
    if (rateOf(period) >= rate * (1 + Math.max(LEAST_GAIN, Math.min(noise, STEP_SHARE / 2)))) {
      this.#nextHold = HOLD_PERIODS
      return
    }
    this.#holdCount = this.#nextHold
    this.#nextHold = Math.min(HOLD_LIMIT, this.#nextHold * 2)
    this.#become(from)
  }

  #rest(period: PoolPeriod, isWaiting: boolean): void {
    this.#quietCount = isWaiting ? 0 : this.#quietCount + 1
    this.#quietPeak = isWaiting ? 0 : Math.max(this.#quietPeak, period.peakUsed)
    if (this.#quietCount < QUIET_PERIODS) return
    const enough = Math.max(this.#bounds.min, Math.ceil(this.#quietPeak * (1 + SPARE_SHARE)))
    // The load is another one now: what was tried before says nothing of it.
    this.#nextHold = HOLD_PERIODS
    this.#holdCount = 0
    this.#quietCount = 0
    this.#quietPeak = 0
    if (enough < this.#limit) this.#become(enough)
  }

  #become(limit: number): void {
    this.#limit = limit
    this.#isSettling = true
  }
}

function rateOf({ checkoutCount, lengthMs }: PoolPeriod): number {
  return checkoutCount / Math.max(1, lengthMs)
}
