import type { Clock } from '../core/index.ts'
import type { MemoryTier, MemoryValue } from './l1/memory-tier.ts'
import type { CacheMetrics } from './metrics.ts'
import { decodePayload, type Payload } from './payload.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { snapshotTags, type TagCell, type TagSnapshot, type TagTable } from './tag-table.ts'

/** What Redis holds under a key. `dead`: gone, invalidated or unreadable; `seen` is its checksum, so that a lease can tell it from a newer one.
 *  `unreachable`: Redis did not say. */
export type Found =
  | { readonly kind: 'alive'; readonly value: MemoryValue; readonly seen: Buffer }
  | { readonly kind: 'dead'; readonly seen: Buffer }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable' }

/** What reading needs. */
export interface LookupDeps {
  readonly clock: Clock
  readonly remote: RemoteTier
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly metrics: CacheMetrics
  readonly memoryTtlMs: number
  /** True while memory may be filled. */
  mayStore(): boolean
  /** True while every change of a tag's version is heard of, so that a version once read stays right. */
  mayKeepVersions(): boolean
}

interface Read {
  /** Set when the key changed while the answer was awaited: it is returned, never stored. */
  isTainted: boolean
  promise: Promise<Found>
}

const ABSENT: Found = { kind: 'absent' }
const NO_BYTES = Buffer.alloc(0)
const UNREACHABLE: Found = { kind: 'unreachable' }
const NOTHING_YET: Promise<Found> = Promise.resolve(ABSENT)

/** Reads entries from Redis, each key once at a time, and fills memory with what is still true when it arrives. */
export class Lookup {
  readonly #deps: LookupDeps
  readonly #reads = new Map<string, Read>()

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  /** What Redis holds. 1 round trip, 2 when it has tags whose versions are not known here. Never rejects. */
  find(key: string): Promise<Found> {
    const existing = this.#reads.get(key)
    if (existing !== undefined) return existing.promise
    const read: Read = { isTainted: false, promise: NOTHING_YET }
    this.#reads.set(key, read)
    read.promise = this.#read(key, read)
    return read.promise
  }

  /** Judges bytes that came another way, and stores nothing. At once when the versions of all tags are known here, else 1 round trip. @throws RedisFault */
  judge(bytes: Buffer): Found | Promise<Found> {
    const payload = decodePayload(bytes)
    if (payload === undefined) {
      this.#deps.metrics.errors.bind('corrupt').add()
      return dead(bytes)
    }
    if (this.#deps.remote.serverNowMs() >= payload.goneAtMs) return dead(bytes)
    // Before the versions are asked for: an invalidation that arrives meanwhile makes the snapshot old.
    const tags = snapshotTags(
      this.#deps.tags,
      payload.tags.map(tag => tag.tag),
    )
    const mayKeep = this.#deps.mayKeepVersions()
    const unknown = tags.cells.filter(cell => !mayKeep || cell.version === 0)
    if (unknown.length > 0) return this.#judgeByFetched(payload, bytes, tags, unknown)
    return payload.tags.every(({ version }, i) => version === tags.cells[i]!.version) ? this.#alive(payload, bytes, tags) : dead(bytes)
  }

  /** The key changed: what is being read of it now is not to be kept, nor shared with later callers. */
  taint(key: string): void {
    const read = this.#reads.get(key)
    if (read === undefined) return
    read.isTainted = true
    this.#reads.delete(key)
  }

  /** Everything may have changed. */
  taintAll(): void {
    for (const read of this.#reads.values()) read.isTainted = true
    this.#reads.clear()
  }

  async #read(key: string, read: Read): Promise<Found> {
    try {
      const bytes = await this.#deps.remote.read(key)
      if (bytes === null) return ABSENT
      const judged = this.judge(bytes)
      const found = judged instanceof Promise ? await judged : judged
      if (found.kind === 'alive' && !read.isTainted && this.#deps.mayStore()) this.#deps.memory?.set(key, found.value)
      return found
    } catch {
      // The link has counted it.
      return UNREACHABLE
    } finally {
      if (this.#reads.get(key) === read) this.#reads.delete(key)
    }
  }

  async #judgeByFetched(payload: Payload, bytes: Buffer, tags: TagSnapshot, unknown: readonly TagCell[]): Promise<Found> {
    const mayKeep = this.#deps.mayKeepVersions()
    const generations = unknown.map(cell => cell.generation)
    const versions = await this.#deps.remote.versions(unknown.map(cell => cell.tag))
    const fetched = new Map<TagCell, number | undefined>()
    unknown.forEach((cell, i) => {
      fetched.set(cell, versions[i])
      if (mayKeep && this.#deps.mayKeepVersions() && cell.generation === generations[i]) cell.version = versions[i] ?? 0
    })
    const isCurrent = payload.tags.every(({ version }, i) => {
      const cell = tags.cells[i]!
      return version === (fetched.has(cell) ? fetched.get(cell) : cell.version)
    })
    return isCurrent ? this.#alive(payload, bytes, tags) : dead(bytes)
  }

  #alive(payload: Payload, bytes: Buffer, tags: TagSnapshot): Found {
    const { clock, remote, memoryTtlMs } = this.#deps
    const nowMs = clock.monotonicMs()
    const toMonotonic = nowMs - remote.serverNowMs()
    const freshUntilMs = Math.min(payload.freshUntilMs + toMonotonic, nowMs + memoryTtlMs)
    // Only a stale value is reloaded, so only then is it asked what was seen.
    const seen = freshUntilMs > nowMs ? NO_BYTES : seenOf(bytes)
    return { kind: 'alive', seen, value: { stored: payload.stored, freshUntilMs, goneAtMs: payload.goneAtMs + toMonotonic, tags } }
  }
}

function dead(bytes: Buffer): Found {
  return { kind: 'dead', seen: seenOf(bytes) }
}

/** The checksum as the lease script cuts it out, copied so that it does not keep the answer's buffer. */
function seenOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(2, 6))
}
