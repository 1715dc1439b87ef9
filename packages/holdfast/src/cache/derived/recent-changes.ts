import type { Clock } from '../../core/index.ts'

/** Tags whose invalidation is remembered. An application that invalidates more of them within a minute stores fewer values that began before. */
const LIMIT = 1000

/** Which tags were lately invalidated, as this process heard of it: for values whose making began before anybody said so. */
export class RecentChanges {
  readonly #clock: Clock
  /** When each was last invalidated, by the monotonic clock; oldest first. */
  readonly #atMs = new Map<string, number>()
  /** Nothing from before this moment can be told. */
  #unknownUntilMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(tag: string): void {
    // Set anew, so that it is the newest in the order of the map.
    this.#atMs.delete(tag)
    this.#atMs.set(tag, this.#clock.monotonicMs())
    if (this.#atMs.size <= LIMIT) return
    const [oldest] = this.#atMs
    this.#atMs.delete(oldest![0])
    this.#unknownUntilMs = oldest![1]
  }

  /** Everything may have changed. */
  addAll(): void {
    this.#atMs.clear()
    this.#unknownUntilMs = this.#clock.monotonicMs()
  }

  /** Those invalidated since a moment of the monotonic clock; `undefined` when it is too long ago to tell, or everything was. */
  since(fromMs: number): string[] | undefined {
    if (fromMs <= this.#unknownUntilMs) return undefined
    return [...this.#atMs].filter(([, atMs]) => atMs >= fromMs).map(([tag]) => tag)
  }
}
