import type { Clock, ClockTimer } from '../../core/index.ts'
import { type PoolFacts, summarisePool } from './pool-advice.ts'
import { PoolMeter, type PoolPeriod } from './pool-meter.ts'

const PERIOD_MS = 5000
/** A minute. */
const PERIODS_KEPT = 12

/** Remembers the last minute of a pool. */
export class PoolRecord {
  readonly meter: PoolMeter
  readonly #clock: Clock
  readonly #periods: PoolPeriod[] = []
  #timer: ClockTimer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.meter = new PoolMeter(clock)
  }

  start(): void {
    this.#timer = this.#clock.after(PERIOD_MS, () => {
      this.#periods.push(this.meter.read())
      if (this.#periods.length > PERIODS_KEPT) this.#periods.shift()
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  facts(max: number): PoolFacts {
    return summarisePool([...this.#periods, this.meter.peek()], max)
  }
}
