import type { CallSite } from './call-site.ts'

/** Called with a connection, or with the reason why there is none. */
export type WaiterDone<Client> = (error: unknown, client: Client | undefined, release: (error?: unknown) => void) => void

/** A caller that waits for a connection. */
export interface Waiter<Client> {
  readonly done: WaiterDone<Client>
  readonly askedMs: number
  readonly site: CallSite | undefined
}

/** First come, first served. All wait equally long, so the head is always the next to time out. */
export class WaiterQueue<Client> {
  #items: (Waiter<Client> | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Who has waited longest. */
  get head(): Waiter<Client> | undefined {
    return this.#items[this.#head]
  }

  push(waiter: Waiter<Client>): void {
    this.#items.push(waiter)
  }

  /** Puts back a waiter whose connection broke on the way to it. */
  unshift(waiter: Waiter<Client>): void {
    if (this.#head > 0) this.#items[--this.#head] = waiter
    else this.#items.unshift(waiter)
  }

  shift(): Waiter<Client> | undefined {
    const waiter = this.#items[this.#head]
    if (waiter === undefined) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return waiter
  }
}
