import type { Clock, ClockTimer } from '../../core/index.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import { PoolMeter } from './pool-meter.ts'
import { PoolSizer, type SizerBounds } from './pool-sizer.ts'

const PERIOD_MS = 1000
/** Until a period has so many checkouts it goes on, up to the limit. */
const WANTED_CHECKOUTS = 50
const PERIOD_LIMIT_MS = 10_000

/** Sets the size of a pool by what its meter says, while there is traffic. */
export class MeasuredSize {
  readonly meter: PoolMeter
  readonly #clock: Clock
  readonly #budget: ConnectionBudget
  readonly #sizer: PoolSizer
  #timer: ClockTimer | undefined
  #isEnded = false

  constructor(clock: Clock, budget: ConnectionBudget, bounds: SizerBounds) {
    this.meter = new PoolMeter(clock)
    this.#clock = clock
    this.#budget = budget
    this.#sizer = new PoolSizer(bounds, budget.limit)
  }

  noteAcquired(waitMs: number, nowMs: number): void {
    this.meter.noteAcquired(waitMs, nowMs)
    if (this.#timer === undefined && !this.#isEnded) this.#timer = this.#clock.after(PERIOD_MS, () => this.#look())
  }

  end(): void {
    this.#isEnded = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #look(): void {
    const { checkoutCount, lengthMs } = this.meter.peek()
    if (checkoutCount >= WANTED_CHECKOUTS || lengthMs >= PERIOD_LIMIT_MS) this.#budget.resize(this.#sizer.step(this.meter.read()))
    this.#timer = this.#clock.after(PERIOD_MS, () => this.#look())
  }
}
