import { RedisFault } from './fault.ts'
import type { RedisLink } from './link.ts'

/** Keys of one MGET. Small, so that Redis works on one batch while the answer of another is decoded here: with 64 reads in flight 128 left the process waiting
 *  for a sixth of the time, and 16 for next to none. A hundred keys asked for at once cost the same either way.
 *  @source bench/results/cache/does-batching-beat-single-gets.json */
const BATCH_LIMIT = 16

/** Whoever asked for the bytes under a key. Called once, one or the other; neither may throw, because others of the batch come after it. */
export interface BytesReader {
  onBytes(bytes: Buffer | null): void
  onFault(error: unknown): void
}

/** Reads of single keys, sent as MGET: those of one tick together, and those that come while an answer is awaited at the end of the turn of the
 *  event loop. Under load this is a few times the throughput of single GETs; without load it adds nothing. */
export class BatchReader {
  readonly #link: RedisLink
  #keys: string[] = []
  #readers: BytesReader[] = []
  #isScheduled = false
  #inFlight = 0

  constructor(link: RedisLink) {
    this.#link = link
  }

  /** Asks for the bytes under `key`, or null. A share of 1 Redis round trip. Fails with a RedisFault. */
  ask(key: string, reader: BytesReader): void {
    this.#readers.push(reader)
    if (this.#keys.push(key) >= BATCH_LIMIT) this.#flush()
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

  #flush(): void {
    const keys = this.#keys
    const readers = this.#readers
    this.#keys = []
    this.#readers = []
    this.#inFlight++
    this.#link.send('read', 'mget', keys).then(
      replies => {
        this.#inFlight--
        const values = replies as readonly (Buffer | null)[]
        // Something between here and Redis lost bytes, and no answer of this connection can be believed.
        if (!Array.isArray(replies) || values.length !== readers.length)
          this.#fail(readers, new RedisFault('refused', 'MGET was not answered with its values'))
        else for (let i = 0; i < readers.length; i++) readers[i]!.onBytes(values[i] ?? null)
      },
      error => {
        this.#inFlight--
        this.#fail(readers, error)
      },
    )
  }

  #fail(readers: readonly BytesReader[], error: unknown): void {
    for (const reader of readers) reader.onFault(error)
  }
}
