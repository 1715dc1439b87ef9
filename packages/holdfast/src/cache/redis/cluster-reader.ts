import type { BytesReader } from './batch-reader.ts'
import { RedisFault } from './fault.ts'
import type { Primaries, Primary } from './primary.ts'
import { slotOf } from './slots.ts'

/** Commands written together. More would hold Redis up for the others. */
const BATCH_LIMIT = 128

/** Reads of single keys from one member of a cluster: as the reader of a Redis by itself, with one command for each slot, all in one write. */
export class ClusterReader {
  readonly #primaries: () => Primaries
  readonly #primary: () => Primary
  #keys: string[] = []
  #readers: BytesReader[] = []
  #isScheduled = false
  #inFlight = 0

  constructor(primaries: () => Primaries, primary: () => Primary) {
    this.#primaries = primaries
    this.#primary = primary
  }

  /** Asks for the bytes under `redisKey`, or null. A share of 1 Redis round trip, 2 when the key is elsewhere by now. Fails with a RedisFault. */
  ask(redisKey: string, reader: BytesReader): void {
    this.#readers.push(reader)
    if (this.#keys.push(redisKey) >= BATCH_LIMIT) void this.#flush()
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
    if (this.#keys.length > 0) void this.#flush()
  }

  async #flush(): Promise<void> {
    const keys = this.#keys
    const readers = this.#readers
    this.#keys = []
    this.#readers = []
    this.#inFlight++
    const groups = groupBySlot(keys)
    const commands = groups.map(places => ['mgetBuffer', ...places.map(place => keys[place]!)])
    try {
      const replies = await this.#primary().link.sendTogether('read', commands)
      groups.forEach((places, i) => {
        const reply = replies[i] as RedisFault | (Buffer | null)[]
        places.forEach((place, n) => {
          if (reply instanceof RedisFault) void this.#askElsewhere(keys[place]!, readers[place]!, reply)
          else readers[place]!.onBytes(reply[n] ?? null)
        })
      })
    } catch (error) {
      for (const reader of readers) reader.onFault(error)
    } finally {
      this.#inFlight--
    }
  }

  async #askElsewhere(redisKey: string, reader: BytesReader, fault: RedisFault): Promise<void> {
    let bytes: Buffer | null
    try {
      const redirection = this.#primaries().redirect(fault, this.#primary())
      if (redirection === undefined) throw fault
      const { link } = redirection.primary
      bytes = (await (redirection.isOnce ? link.sendAsking('read', 'get', [redisKey]) : link.send('read', 'get', [redisKey]))) as Buffer | null
    } catch (error) {
      reader.onFault(error)
      return
    }
    reader.onBytes(bytes)
  }
}

/** Places in `keys`, those of one slot together. */
function groupBySlot(keys: readonly string[]): readonly (readonly number[])[] {
  const groups = new Map<number, number[]>()
  keys.forEach((key, place) => {
    const slot = slotOf(key)
    const group = groups.get(slot)
    if (group === undefined) groups.set(slot, [place])
    else group.push(place)
  })
  return [...groups.values()]
}
