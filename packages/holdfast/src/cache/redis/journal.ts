/** What could not be sent to Redis and must be, before anybody reads from it again. */
export interface JournalEntries {
  readonly keys: readonly string[]
  readonly tags: readonly string[]
}

/** What one entry of the journal is about: one of the two. */
export interface JournalName {
  readonly key?: string
  readonly tag?: string
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
    if (this.#hasOverflowed) return
    this.#keys.add(key)
    this.#bound()
  }

  addTag(tag: string): void {
    if (this.#hasOverflowed) return
    this.#tags.add(tag)
    this.#bound()
  }

  /** True when there is something that is wanted. */
  hasFor(isWanted: (name: JournalName) => boolean): boolean {
    return [...this.#keys].some(key => isWanted({ key })) || [...this.#tags].some(tag => isWanted({ tag }))
  }

  /** Takes out what is wanted. Put back what could not be sent. After an overflow only the tag '' (everything) is left. */
  drain(isWanted: (name: JournalName) => boolean): JournalEntries {
    const keys = [...this.#keys].filter(key => isWanted({ key }))
    const tags = [...this.#tags].filter(tag => isWanted({ tag }))
    for (const key of keys) this.#keys.delete(key)
    for (const tag of tags) this.#tags.delete(tag)
    if (tags.includes('')) this.#hasOverflowed = false
    return { keys, tags }
  }

  #bound(): void {
    if (this.size <= this.#limit) return
    // Nothing more is needed than this, and it stays until it was sent.
    this.#keys.clear()
    this.#tags.clear()
    this.#hasOverflowed = true
    this.#tags.add('')
  }
}
