import type { StoredValue } from '../stored-value.ts'
import { isCurrent, type TagSnapshot } from '../tag-table.ts'
import { newQueueFields, type QueueEntry, S3Fifo, type S3FifoLimits } from './s3-fifo.ts'

/** One entry in this process. Times are on the monotonic clock. */
export interface MemoryEntry extends QueueEntry<MemoryEntry> {
  readonly stored: StoredValue
  /** What readers of a plain value get; kept, so that a hit allocates nothing. */
  readonly promise: Promise<unknown> | undefined
  readonly freshUntilMs: number
  readonly goneAtMs: number
  readonly tags: TagSnapshot
}

/** What is put in. */
export interface MemoryValue {
  readonly stored: StoredValue
  readonly freshUntilMs: number
  readonly goneAtMs: number
  readonly tags: TagSnapshot
}

/** Why an entry left before its end. */
export type EvictionReason = 'capacity' | 'too_large' | 'expired' | 'invalidated'

/** Map slot, entry object, promise and queue links of one entry. @source bench/cache/does-the-hit-path-cost-little.bench.mjs, bytes per entry */
const ENTRY_BYTES = 200

/** The first tier: bounded, in this process. */
export class MemoryTier {
  readonly #queue: S3Fifo<MemoryEntry>
  readonly #onEvict: (reason: EvictionReason) => void

  constructor(limits: S3FifoLimits, onEvict: (reason: EvictionReason) => void) {
    this.#onEvict = onEvict
    this.#queue = new S3Fifo(limits, entry => {
      release(entry)
      onEvict('capacity')
    })
  }

  get count(): number {
    return this.#queue.count
  }

  get bytes(): number {
    return this.#queue.bytes
  }

  /** The entry, when its tags stand and it is not gone; it may be stale. */
  get(key: string, nowMs: number): MemoryEntry | undefined {
    const entry = this.#queue.get(key)
    if (entry === undefined) return undefined
    if (nowMs < entry.goneAtMs && isCurrent(entry.tags)) return entry
    this.#drop(entry, nowMs < entry.goneAtMs ? 'invalidated' : 'expired')
    return undefined
  }

  /** Stores, unless a tag was invalidated after `value.tags` was taken. */
  set(key: string, value: MemoryValue): void {
    if (!isCurrent(value.tags)) return
    const { stored } = value
    const sizeBytes = ENTRY_BYTES + key.length + (stored.kind === 'plain' ? stored.sizeBytes : stored.body.length)
    const promise = stored.kind === 'plain' ? Promise.resolve(stored.value) : undefined
    const previous = this.#queue.peek(key)
    if (previous !== undefined) release(previous)
    for (const cell of value.tags.cells) cell.uses++
    const entry: MemoryEntry = { key, ...value, promise, sizeBytes, ...newQueueFields() }
    if (this.#queue.set(entry)) return
    release(entry)
    this.#onEvict('too_large')
  }

  delete(key: string): boolean {
    const entry = this.#queue.peek(key)
    if (entry === undefined) return false
    this.#queue.delete(entry)
    release(entry)
    return true
  }

  clear(): void {
    for (const entry of this.#queue.entries()) release(entry)
    this.#queue.clear()
  }

  #drop(entry: MemoryEntry, reason: EvictionReason): void {
    this.#queue.delete(entry)
    release(entry)
    this.#onEvict(reason)
  }
}

function release(entry: MemoryEntry): void {
  for (const cell of entry.tags.cells) cell.uses--
}
