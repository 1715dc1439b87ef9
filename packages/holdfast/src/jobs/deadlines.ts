import type { Clock, ClockTimer } from '../core/index.ts'

/** Something that may take until `dueMs`, on the monotonic clock. */
export interface Limited {
  readonly dueMs: number
  expire(): void
}

/** A set whose entries are taken out and told when their time is over. One timer, whatever their number: it is left standing when an entry leaves in time, so it is set
 *  about once in the shortest limit, where a timer for each costs a microsecond. It keeps no process alive. */
export class Deadlines<Entry extends Limited> {
  readonly #clock: Clock
  readonly #entries = new Set<Entry>()
  #timer: ClockTimer | undefined
  #timerDueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  add(entry: Entry): void {
    this.#entries.add(entry)
    if (entry.dueMs < this.#timerDueMs) this.#arm(entry.dueMs)
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry)
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values()
  }

  /** Nothing ends any more. */
  close(): void {
    this.#timer?.cancel()
  }

  #arm(dueMs: number): void {
    this.#timer?.cancel()
    this.#timerDueMs = dueMs
    // A timer may be a fraction of a millisecond early.
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(dueMs - this.#clock.monotonicMs())), () => this.#expire())
  }

  #expire(): void {
    this.#timerDueMs = Number.POSITIVE_INFINITY
    const nowMs = this.#clock.monotonicMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const entry of this.#entries) {
      if (entry.dueMs > nowMs) nextMs = Math.min(nextMs, entry.dueMs)
      else {
        this.#entries.delete(entry)
        entry.expire()
      }
    }
    // What was told may have added something.
    if (nextMs < this.#timerDueMs) this.#arm(nextMs)
  }
}
