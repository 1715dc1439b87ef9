import { RedisFault } from './fault.ts'
import type { RedisLink } from './link.ts'
import { type BytesReader, ReadQueue } from './read-queue.ts'

/** Keys of one MGET. Small, so that Redis works on one batch while the answer of another is decoded here: with 64 reads in flight 128 left the process waiting
 *  for a sixth of the time, and 16 for next to none. A hundred keys asked for at once cost the same either way.
 *  @source bench/results/cache/does-batching-beat-single-gets.json */
const BATCH_LIMIT = 16

/** Reads of single keys, sent as MGET. Under load this is a few times the throughput of single GETs; without load it adds nothing. */
export class BatchReader {
  readonly #link: RedisLink
  readonly #queue = new ReadQueue(BATCH_LIMIT, (keys, readers, onAnswered) => this.#send(keys, readers, onAnswered))

  constructor(link: RedisLink) {
    this.#link = link
  }

  /** Asks for the bytes under `key`, or null. A share of 1 Redis round trip. Fails with a RedisFault. */
  ask(key: string, reader: BytesReader): void {
    this.#queue.add(key, reader)
  }

  #send(keys: readonly string[], readers: readonly BytesReader[], onAnswered: () => void): void {
    this.#link.send('read', 'mget', keys as string[]).then(
      replies => {
        onAnswered()
        const values = replies as readonly (Buffer | null)[]
        // Something between here and Redis lost bytes, and no answer of this connection can be believed.
        if (!Array.isArray(replies) || values.length !== readers.length)
          this.#fail(readers, new RedisFault('refused', 'MGET was not answered with its values'))
        else for (let i = 0; i < readers.length; i++) readers[i]!.onBytes(values[i] ?? null)
      },
      error => {
        onAnswered()
        this.#fail(readers, error)
      },
    )
  }

  #fail(readers: readonly BytesReader[], error: unknown): void {
    for (const reader of readers) reader.onFault(error)
  }
}
