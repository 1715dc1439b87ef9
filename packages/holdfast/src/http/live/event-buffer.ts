/** An event that was sent, and what it was sent as. */
export interface SentEvent {
  readonly id: string
  readonly channel: string
  readonly frame: Buffer
}

/** The newest events, for clients that come back. Bounded by number and bytes; the oldest leave first. */
export class EventBuffer {
  readonly #limit: number
  readonly #limitBytes: number
  readonly #events: SentEvent[] = []
  #sizeBytes = 0

  constructor(limit: number, limitBytes: number) {
    this.#limit = limit
    this.#limitBytes = limitBytes
  }

  /** Amortised O(1). */
  add(event: SentEvent): void {
    this.#events.push(event)
    this.#sizeBytes += event.frame.byteLength
    while (this.#events.length > this.#limit || this.#sizeBytes > this.#limitBytes) this.#sizeBytes -= this.#events.shift()!.frame.byteLength
  }

  /** What came after the event of this id; `undefined` when that is not known: it is too long ago, or something was missed. O(events). */
  after(id: string): readonly SentEvent[] | undefined {
    const at = this.#events.findLastIndex(event => event.id === id)
    return at < 0 ? undefined : this.#events.slice(at + 1)
  }

  /** Events were missed: nothing before now can be gone on from. */
  clear(): void {
    this.#events.length = 0
    this.#sizeBytes = 0
  }
}
