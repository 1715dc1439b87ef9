/** What could not be sent to Redis and must be, before anybody reads from it again. */
export interface JournalEntries {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
}

/** Deletes and invalidations of an outage; the last one of each key and tag is enough. Held in memory: it does not survive the process. */
export class Journal {
  readonly #limit: number
  readonly #keys = new Set<string>()
  readonly #tags = new Set<string>()
  #hasOverflowed = false

  /** Beyond `limit` names everything in the namespace is dropped instead. */
  constructor(limit = 10_000) {
    this.#limit = limit
  }

  get size(): number {
    return this.#keys.size + this.#tags.size
  }

  get hasOverflowed(): boolean {
    return this.#hasOverflowed
  }

  addKey(key: string): void {
    this.#keys.add(key)
    this.#bound()
  }

  addTag(tag: string): void {
    this.#tags.add(tag)
    this.#bound()
  }

  /** Takes everything out. Put back what could not be sent. `tags` holds only '' (everything) after an overflow. */
  drain(): JournalEntries {
    const entries = this.#hasOverflowed ? { keys: [], tags: [''] } : { keys: [...this.#keys], tags: [...this.#tags] }
    this.#keys.clear()
    this.#tags.clear()
    this.#hasOverflowed = false
    return entries
  }

  #bound(): void {
    if (this.size <= this.#limit) return
    this.#keys.clear()
    this.#tags.clear()
    this.#hasOverflowed = true
    this.#tags.add('')
  }
}
