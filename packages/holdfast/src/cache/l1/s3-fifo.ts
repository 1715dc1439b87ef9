/** What the queue needs of an entry. The fields below `sizeBytes` belong to the queue; start them at 0 and undefined. */
export interface QueueEntry<E> {
  readonly key: string
  /** Estimate; at least 1. */
  readonly sizeBytes: number
  /** Reads since the entry was queued, at most 3, and {@link IN_MAIN} while it is in the main queue: one field, because each costs 8 bytes an entry. */
  heat: number
  newer: E | undefined
  older: E | undefined
}

/** Bounds of a queue. */
export interface S3FifoLimits {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** The reads in a heat: 0 to 3. */
const READS = 3
const IN_MAIN = 4
/** Share of the room given to entries that were not read again yet. @source Yang et al., SOSP 2023, "FIFO queues are all you need", section 4 */
const SMALL_SHARE = 0.1

/** A map bounded by entries and by bytes that evicts by S3-FIFO: one-time reads pass through a small queue and never displace what is read again.
 *  Every operation is O(1) amortised; a read is one map lookup and at most one increment. */
export class S3Fifo<E extends QueueEntry<E>> {
  readonly #index = new Map<string, E>()
  readonly #small = new Fifo<E>()
  readonly #main = new Fifo<E>()
  readonly #ghost: Ghost
  readonly #limits: S3FifoLimits
  readonly #onEvict: (entry: E) => void

  constructor(limits: S3FifoLimits, onEvict: (entry: E) => void) {
    this.#limits = limits
    this.#onEvict = onEvict
    this.#ghost = new Ghost(limits.maxEntries)
  }

  get count(): number {
    return this.#index.size
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  /** The entry, counted as read. */
  get(key: string): E | undefined {
    const entry = this.#index.get(key)
    if (entry !== undefined && (entry.heat & READS) !== READS) entry.heat++
    return entry
  }

  /** The entry, not counted as read. */
  peek(key: string): E | undefined {
    return this.#index.get(key)
  }

  /** Adds or replaces. Returns false, and holds nothing under the key, when the entry alone would take more than an eighth of the room. */
  set(entry: E): boolean {
    const previous = this.#index.get(entry.key)
    if (previous !== undefined) this.#unlink(previous)
    if (entry.sizeBytes > this.#limits.maxBytes / 8) return false
    entry.heat = previous?.heat ?? (this.#ghost.take(entry.key) ? IN_MAIN : 0)
    this.#index.set(entry.key, entry)
    this.#queueOf(entry).push(entry)
    while (this.count > this.#limits.maxEntries || this.bytes > this.#limits.maxBytes) this.#evictOne()
    return true
  }

  /** Removes `entry` if it is still the one under its key. */
  delete(entry: E): boolean {
    if (this.#index.get(entry.key) !== entry) return false
    this.#unlink(entry)
    return true
  }

  /** Removes everything. Does not count as eviction. */
  clear(): void {
    this.#index.clear()
    this.#small.clear()
    this.#main.clear()
    this.#ghost.clear()
  }

  /** All entries, oldest insertion first. */
  entries(): IterableIterator<E> {
    return this.#index.values()
  }

  #queueOf(entry: E): Fifo<E> {
    return (entry.heat & IN_MAIN) !== 0 ? this.#main : this.#small
  }

  #unlink(entry: E): void {
    this.#index.delete(entry.key)
    this.#queueOf(entry).remove(entry)
  }

  #evictOne(): void {
    const { maxEntries, maxBytes } = this.#limits
    const smallIsFull = this.#small.count > maxEntries * SMALL_SHARE || this.#small.bytes > maxBytes * SMALL_SHARE
    if (this.#main.oldest === undefined || (smallIsFull && this.#small.oldest !== undefined)) this.#evictFromSmall()
    else this.#evictFromMain()
  }

  #evictFromSmall(): void {
    const entry = this.#small.oldest!
    this.#small.remove(entry)
    if (entry.heat > 1) {
      entry.heat = IN_MAIN
      this.#main.push(entry)
      return
    }
    this.#ghost.add(entry.key)
    this.#index.delete(entry.key)
    this.#onEvict(entry)
  }

  #evictFromMain(): void {
    for (;;) {
      const entry = this.#main.oldest!
      this.#main.remove(entry)
      if ((entry.heat & READS) === 0) {
        this.#index.delete(entry.key)
        this.#onEvict(entry)
        return
      }
      entry.heat--
      this.#main.push(entry)
    }
  }
}

/** Hashes of the keys evicted last from the small queue. A collision only sends one entry to the wrong queue. A ring beside the map, because to find the
 *  oldest of a Set means to step over all that were deleted from its front: that cost a microsecond for each eviction at a thousand entries. */
class Ghost {
  readonly #limit: number
  /** Place in the ring, by hash. */
  readonly #places = new Map<number, number>()
  readonly #ring: number[] = []
  #next = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(key: string): void {
    const hash = hashOf(key)
    const oldest = this.#ring[this.#next]
    if (oldest !== undefined && this.#places.get(oldest) === this.#next) this.#places.delete(oldest)
    this.#ring[this.#next] = hash
    this.#places.set(hash, this.#next)
    this.#next = this.#next + 1 < this.#limit ? this.#next + 1 : 0
  }

  /** True when the key was remembered; now it is not. */
  take(key: string): boolean {
    return this.#places.delete(hashOf(key))
  }

  clear(): void {
    this.#places.clear()
    this.#ring.length = 0
    this.#next = 0
  }
}

class Fifo<E extends QueueEntry<E>> {
  count = 0
  bytes = 0
  oldest: E | undefined
  #newest: E | undefined

  push(entry: E): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
    this.count++
    this.bytes += entry.sizeBytes
  }

  remove(entry: E): void {
    if (entry.older === undefined) this.oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === undefined) this.#newest = entry.older
    else entry.newer.older = entry.older
    entry.older = undefined
    entry.newer = undefined
    this.count--
    this.bytes -= entry.sizeBytes
  }

  clear(): void {
    this.count = 0
    this.bytes = 0
    this.oldest = undefined
    this.#newest = undefined
  }
}

/** FNV-1a over UTF-16 units, 30 bits so that it stays a small integer. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 2) & 0x3fffffff
}
