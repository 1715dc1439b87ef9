import type { Clock } from '../../core/index.ts'

/** How long an acknowledged write is remembered, at least; at most twice as long. A replica that lagged further behind when it was promoted may bring
 *  older values back. */
const REMEMBERED_MS = 10_000
/** Names remembered in that time. Beyond it, everything in the namespace is dropped after a failover instead. */
const LIMIT = 10_000

interface Generation {
  readonly keys: Set<string>
  readonly tags: Set<string>
  hasOverflowed: boolean
}

/** What this process changed in Redis of late. Redis acknowledges a write before its replicas have it, so a failover can undo it: what is in here is done
 *  again on the promoted one. */
export class RecentWrites {
  readonly #clock: Clock
  #current: Generation = newGeneration()
  #previous: Generation = newGeneration()
  #turnAtMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  addKey(key: string): void {
    this.#turn()
    if (this.#isFull()) return
    this.#current.keys.add(key)
  }

  addTag(tag: string): void {
    this.#turn()
    if (this.#isFull()) return
    this.#current.tags.add(tag)
  }

  /** Hands everything to the journal, through its two ways in. */
  copyTo(journal: { addKey(key: string): void; addTag(tag: string): void }, isWanted: (name: { key?: string; tag?: string }) => boolean): void {
    this.#turn()
    for (const { keys, tags, hasOverflowed } of [this.#previous, this.#current]) {
      if (hasOverflowed) journal.addTag('')
      for (const key of keys) if (isWanted({ key })) journal.addKey(key)
      for (const tag of tags) if (isWanted({ tag })) journal.addTag(tag)
    }
  }

  #isFull(): boolean {
    const { keys, tags, hasOverflowed } = this.#current
    if (hasOverflowed || keys.size + tags.size < LIMIT) return hasOverflowed
    this.#current = { ...newGeneration(), hasOverflowed: true }
    return true
  }

  #turn(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#turnAtMs) return
    this.#previous = nowMs < this.#turnAtMs + REMEMBERED_MS ? this.#current : newGeneration()
    this.#current = newGeneration()
    this.#turnAtMs = nowMs + REMEMBERED_MS
  }
}

function newGeneration(): Generation {
  return { keys: new Set(), tags: new Set(), hasOverflowed: false }
}
