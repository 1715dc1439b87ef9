import { RedisFault } from './fault.ts'
import type { Primaries, Primary } from './primary.ts'
import { type BytesReader, ReadQueue } from './read-queue.ts'
import { slotOf } from './slots.ts'

/** Commands written together. More would hold Redis up for the others. */
const BATCH_LIMIT = 128

/** Reads of single keys from one member of a cluster: as the reader of a Redis by itself, with one command for each slot, all in one write. */
export class ClusterReader {
  readonly #primaries: () => Primaries
  readonly #primary: () => Primary
  readonly #queue = new ReadQueue(BATCH_LIMIT, (keys, readers, onAnswered) => void this.#send(keys, readers, onAnswered))

  constructor(primaries: () => Primaries, primary: () => Primary) {
    this.#primaries = primaries
    this.#primary = primary
  }

  /** Asks for the bytes under `redisKey`, or null. A share of 1 Redis round trip, 2 when the key is elsewhere by now. Fails with a RedisFault. */
  ask(redisKey: string, reader: BytesReader): void {
    this.#queue.add(redisKey, reader)
  }

  async #send(keys: readonly string[], readers: readonly BytesReader[], onAnswered: () => void): Promise<void> {
    const groups = groupBySlot(keys)
    const commands = groups.map(places => ['mgetBuffer', ...places.map(place => keys[place]!)])
    let replies: readonly unknown[]
    try {
      replies = await this.#primary().link.sendTogether('read', commands)
    } catch (error) {
      for (const reader of readers) reader.onFault(error)
      return
    } finally {
      onAnswered()
    }
    groups.forEach((places, i) => {
      const answer = replies[i]
      const reply =
        answer instanceof RedisFault || isAnswerTo(places, answer) ? answer : new RedisFault('refused', 'MGET was not answered with its values')
      places.forEach((place, n) => {
        if (reply instanceof RedisFault) void this.#askElsewhere(keys[place]!, readers[place]!, reply)
        else readers[place]!.onBytes(reply[n] ?? null)
      })
    })
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

/** Something between here and Redis may have lost bytes; then no answer of this connection can be believed. */
function isAnswerTo(places: readonly number[], answer: unknown): answer is readonly (Buffer | null)[] {
  return Array.isArray(answer) && answer.length === places.length
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
