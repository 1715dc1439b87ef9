import type { Clock } from '../../core/index.ts'
import type { PrefixCounters } from '../statistics/prefix-counters.ts'
import { readShared, type StoredValue } from '../stored-value.ts'
import { isCurrent, NO_TAGS, type TagSnapshot, withoutNamespaceTag } from '../tag-table.ts'
import { type QueueEntry, S3Fifo, type S3FifoLimits } from './s3-fifo.ts'

/** A rich value whose decoded form some readers share. */
class SharedBody {
  readonly body: Buffer
  readonly value: unknown

  constructor(body: Buffer) {
    this.body = body
    this.value = readShared(body)
  }
}

/** One entry in this process. Times are on the monotonic clock, in whole milliseconds, and there is no object between the entry and its value:
 *  both save memory. @source bench/results/cache/does-memory-stay-flat.json */
export class MemoryEntry implements QueueEntry<MemoryEntry> {
  readonly key: string
  readonly sizeBytes: number
  /** From here on a read is no mere hit: it begins a reload, early or because the entry is stale. Moved to `freshUntilMs` when an early one has begun. */
  refreshAtMs: number
  readonly freshUntilMs: number
  readonly goneAtMs: number
  tags: TagSnapshot
  /** Of the key's prefix; held here, so that a hit looks nothing up to be counted. */
  readonly counters: PrefixCounters
  /** What readers of a plain value get; kept, so that a hit allocates nothing. */
  promise: Promise<unknown> | undefined
  heat = 0
  newer: MemoryEntry | undefined = undefined
  older: MemoryEntry | undefined = undefined
  /** The value; without a promise of it a Buffer with its bytes, or a SharedBody. */
  #content: unknown

  constructor(key: string, value: MemoryValue, freshUntilMs: number, counters: PrefixCounters) {
    const { stored, refreshAtMs = freshUntilMs, goneAtMs } = value
    const isPlain = stored.kind === 'plain'
    this.key = key
    this.sizeBytes = ENTRY_BYTES + key.length + (isPlain ? stored.sizeBytes : stored.body.length)
    this.refreshAtMs = Math.floor(Math.min(refreshAtMs, freshUntilMs))
    this.freshUntilMs = Math.floor(freshUntilMs)
    this.goneAtMs = Math.floor(goneAtMs)
    this.tags = withoutNamespaceTag(value.tags)
    this.counters = counters
    this.promise = isPlain ? Promise.resolve(stored.value) : undefined
    this.#content = isPlain ? stored.value : stored.body
  }

  /** The value as it was put in. */
  get stored(): StoredValue {
    if (this.promise === undefined)
      return { kind: 'rich', body: this.#content instanceof SharedBody ? this.#content.body : (this.#content as Buffer) }
    return { kind: 'plain', value: this.#content, sizeBytes: this.sizeBytes - ENTRY_BYTES - this.key.length }
  }

  /** The value, the same object for all who ask here. */
  get shared(): unknown {
    if (this.promise !== undefined) return this.#content
    if (!(this.#content instanceof SharedBody)) this.#content = new SharedBody(this.#content as Buffer)
    return (this.#content as SharedBody).value
  }

  /** Lets go of the value, after which nobody may ask the entry for anything. The tables that a busy Map leaves behind keep the entries that were in them
   *  until the next major collection; without this they would keep the values too, and every value that passed would be copied to the old generation. */
  empty(): void {
    this.tags = NO_TAGS
    this.promise = undefined
    this.#content = undefined
  }
}

/** What is put in. */
export interface MemoryValue {
  readonly stored: StoredValue
  /** Absent: no early refresh. */
  readonly refreshAtMs?: number
  readonly freshUntilMs: number
  readonly goneAtMs: number
  readonly tags: TagSnapshot
}

/** From when on a reload of the value may begin. */
export function refreshMomentOf({ refreshAtMs, freshUntilMs }: MemoryValue): number {
  return Math.min(refreshAtMs ?? freshUntilMs, freshUntilMs)
}

/** Why an entry left before its end. */
export type EvictionReason = 'capacity' | 'too_large' | 'expired' | 'invalidated'

/** Map slot, entry object, promise and queue links of one entry. @source bench/results/cache/does-memory-stay-flat.json */
const ENTRY_BYTES = 150

/** What the tier needs. */
export interface MemoryTierDeps {
  readonly clock: Clock
  onEvict(reason: EvictionReason): void
  countersOf(key: string): PrefixCounters
  /** Longest time an entry is fresh in this tier; 0: it is not held here. */
  ttlMsOf(key: string): number
}

/** The first tier: bounded, in this process. */
export class MemoryTier {
  readonly #queue: S3Fifo<MemoryEntry>
  readonly #onEvict: (reason: EvictionReason) => void
  readonly #countersOf: (key: string) => PrefixCounters
  readonly #clock: Clock
  readonly #ttlMsOf: (key: string) => number

  constructor(limits: S3FifoLimits, { onEvict, countersOf, clock, ttlMsOf }: MemoryTierDeps) {
    this.#onEvict = onEvict
    this.#countersOf = countersOf
    this.#clock = clock
    this.#ttlMsOf = ttlMsOf
    this.#queue = new S3Fifo(limits, entry => {
      release(entry)
      entry.counters.evictions++
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

  /** The entry in whatever state, untouched. */
  peek(key: string): MemoryEntry | undefined {
    return this.#queue.peek(key)
  }

  /** Stores, unless a tag was invalidated after `value.tags` was taken, or the key has no place in memory. */
  set(key: string, value: MemoryValue): void {
    if (!isCurrent(value.tags)) return
    const ttlMs = this.#ttlMsOf(key)
    if (ttlMs === 0) return void this.delete(key)
    const freshUntilMs = ttlMs === Number.POSITIVE_INFINITY ? value.freshUntilMs : Math.min(value.freshUntilMs, this.#clock.monotonicMs() + ttlMs)
    const previous = this.#queue.peek(key)
    if (previous !== undefined) release(previous)
    const entry = new MemoryEntry(key, value, freshUntilMs, previous?.counters ?? this.#countersOf(key))
    hold(entry)
    if (this.#queue.set(entry)) return
    release(entry)
    entry.counters.refused++
    this.#onEvict('too_large')
  }

  delete(key: string): boolean {
    const entry = this.#queue.peek(key)
    if (entry === undefined) return false
    this.#queue.delete(entry)
    release(entry)
    return true
  }

  /** How many keys match. O(entries). */
  countMatching(matches: (key: string) => boolean): number {
    let count = 0
    for (const { key } of this.#queue.entries()) if (matches(key)) count++
    return count
  }

  /** Removes what matches; how many. O(entries). */
  deleteMatching(matches: (key: string) => boolean): number {
    let count = 0
    for (const { key } of this.#queue.entries()) if (matches(key) && this.delete(key)) count++
    return count
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

function hold(entry: MemoryEntry): void {
  for (const cell of entry.tags.cells) cell.uses++
  entry.counters.entries++
  entry.counters.bytes += entry.sizeBytes
}

function release(entry: MemoryEntry): void {
  entry.counters.entries--
  entry.counters.bytes -= entry.sizeBytes
  for (const cell of entry.tags.cells) cell.uses--
  entry.empty()
}
