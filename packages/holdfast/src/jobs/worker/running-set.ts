import type { Clock, HoldfastError } from '../../core/index.ts'
import { Deadlines, type Limited } from '../deadlines.ts'

/** An attempt under way. What few attempts need, a signal for one, is made when it is asked for: that is most of what an attempt costs.
 *  @source bench/results/jobs/what-do-our-additions-cost.json */
export class RunningEntry implements Limited {
  readonly queue: string
  readonly id: string
  /** When its time is over, on the monotonic clock. */
  readonly dueMs: number
  readonly #overdue: () => HoldfastError
  #reason: HoldfastError | undefined
  #controller: AbortController | undefined
  #reject: ((reason: HoldfastError) => void) | undefined

  /** @param overdue the reason when its time is over */
  constructor(queue: string, id: string, dueMs: number, overdue: () => HoldfastError) {
    this.queue = queue
    this.id = id
    this.dueMs = dueMs
    this.#overdue = overdue
  }

  /** Why it was ended before its function was done. */
  get reason(): HoldfastError | undefined {
    return this.#reason
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Ends the attempt: aborts its signal and lets go of its function. Once. */
  end(reason: HoldfastError): void {
    if (this.#reason !== undefined) return
    this.#reason = reason
    this.#controller?.abort(reason)
    this.#reject?.(reason)
  }

  /** Ends it because its time is over. */
  expire(): void {
    this.end(this.#overdue())
  }

  /** What `work` comes to, or earlier a rejection with the reason of the end. */
  outcomeOf(work: PromiseLike<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#reject = reject
      work.then(resolve, reject)
      if (this.#reason !== undefined) reject(this.#reason)
    })
  }
}

/** All attempts under way in this process. */
export class RunningSet {
  readonly #entries: Deadlines<RunningEntry>
  #idle: (() => void)[] = []

  constructor(clock: Clock) {
    this.#entries = new Deadlines(clock)
  }

  get size(): number {
    return this.#entries.size
  }

  add(entry: RunningEntry): void {
    this.#entries.add(entry)
  }

  remove(entry: RunningEntry): void {
    this.#entries.delete(entry)
    if (this.#entries.size > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Ends one job's attempt. True when it runs here. */
  end(queue: string, id: string, reason: HoldfastError): boolean {
    let found = false
    for (const entry of this.#entries) {
      if (entry.id !== id || entry.queue !== queue) continue
      entry.end(reason)
      found = true
    }
    return found
  }

  endAll(reason: HoldfastError): void {
    for (const entry of this.list()) entry.end(reason)
  }

  list(): readonly RunningEntry[] {
    return [...this.#entries]
  }

  /** Resolves when nothing runs. */
  whenIdle(): Promise<void> {
    if (this.#entries.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }

  /** No time is watched any more. */
  close(): void {
    this.#entries.close()
  }
}
