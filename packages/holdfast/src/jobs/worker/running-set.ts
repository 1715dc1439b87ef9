import type { HoldfastError } from '../../core/index.ts'

/** An attempt under way. */
export interface RunningEntry {
  readonly queue: string
  readonly id: string
  /** Ends the attempt: aborts its signal and lets go of its function. */
  end(reason: HoldfastError): void
}

/** All attempts under way in this process. */
export class RunningSet {
  readonly #entries = new Set<RunningEntry>()
  #idle: (() => void)[] = []

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
    for (const entry of [...this.#entries]) entry.end(reason)
  }

  list(): readonly RunningEntry[] {
    return [...this.#entries]
  }

  /** Resolves when nothing runs. */
  whenIdle(): Promise<void> {
    if (this.#entries.size === 0) return Promise.resolve()
    return new Promise(resolve => this.#idle.push(resolve))
  }
}
