/** Whoever asked for the bytes under a key. Called once, one or the other; neither may throw, because others of the batch come after it. */
export interface BytesReader {
  onBytes(bytes: Buffer | null): void
  onFault(error: unknown): void
}

/** Sends one batch and hands the answers out; `onAnswered` is called first, when they are there. */
export type SendBatch = (keys: readonly string[], readers: readonly BytesReader[], onAnswered: () => void) => void

/** Gathers reads of single keys: those of one tick together, and those that come while an answer is awaited at the end of the turn of the event loop. */
export class ReadQueue {
  readonly #limit: number
  readonly #send: SendBatch
  #keys: string[] = []
  #readers: BytesReader[] = []
  #isScheduled = false
  #inFlight = 0

  /** `limit`: keys of one batch. */
  constructor(limit: number, send: SendBatch) {
    this.#limit = limit
    this.#send = send
  }

  add(key: string, reader: BytesReader): void {
    this.#readers.push(reader)
    if (this.#keys.push(key) >= this.#limit) this.#flush()
    else this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#inFlight === 0) queueMicrotask(this.#onTurn)
    else setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    if (this.#keys.length > 0) this.#flush()
  }

  readonly #onAnswered = (): void => {
    this.#inFlight--
  }

  #flush(): void {
    const keys = this.#keys
    const readers = this.#readers
    this.#keys = []
    this.#readers = []
    this.#inFlight++
    this.#send(keys, readers, this.#onAnswered)
  }
}
