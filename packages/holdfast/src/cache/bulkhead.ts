import { cacheErrors } from './errors.ts'

/** Loads that may wait for their turn. */
const WAITING_LIMIT = 10_000

/** Lets at most so many pieces of work run at once; the others wait in order. */
export class Bulkhead {
  readonly #limit: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Runs `work` when there is room. @throws HF_CACHE_OVERLOADED when 10,000 wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) {
      if (this.#waiting.length >= WAITING_LIMIT) {
        throw cacheErrors.create(
          'HF_CACHE_OVERLOADED',
          `${this.#running} loads run and ${this.#waiting.length} wait (limit ${WAITING_LIMIT}) while Redis is away`,
        )
      }
      // Whoever leaves hands its place over, so #running is not touched here.
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    } else {
      this.#running++
    }
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
