import type { Clock } from '../core/index.ts'
import type { MemoryTier, MemoryValue } from './l1/memory-tier.ts'
import type { CacheMetrics } from './metrics.ts'
import { decodePayload, type TagVersion } from './payload.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { snapshotTags, type TagCell, type TagTable } from './tag-table.ts'

/** What Redis holds under a key. `dead`: gone, invalidated or unreadable; `seen` is its checksum, so that a lease can tell it from a newer one. */
export type Found =
  | { readonly kind: 'alive'; readonly value: MemoryValue; readonly seen: Buffer }
  | { readonly kind: 'dead'; readonly seen: Buffer }
  | { readonly kind: 'absent' }

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

/** Reads entries from Redis, each key once at a time, and fills memory with what is still true when it arrives. */
export class Lookup {
  readonly #deps: LookupDeps
  readonly #reads = new Map<string, Read>()

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  /** What Redis holds. 1 round trip, 2 when it has tags whose versions are not known here. @throws RedisFault */
  find(key: string): Promise<Found> {
    const existing = this.#reads.get(key)
    if (existing !== undefined) return existing.promise
    const read: Read = { isTainted: false, promise: Promise.resolve({ kind: 'absent' }) }
    const forget = (): void => {
      if (this.#reads.get(key) === read) this.#reads.delete(key)
    }
    read.promise = this.#read(key, read)
    this.#reads.set(key, read)
    read.promise.then(forget, forget)
    return read.promise
  }

  /** Judges bytes that came another way, and stores nothing. @throws RedisFault */
  async judge(bytes: Buffer): Promise<Found> {
    const { clock, remote, memoryTtlMs, metrics } = this.#deps
    const seen = Buffer.from(bytes.subarray(2, 6))
    const payload = decodePayload(bytes)
    if (payload === undefined) {
      metrics.errors.bind('corrupt').add()
      return { kind: 'dead', seen }
    }
    // Before the versions are asked for: an invalidation that arrives meanwhile makes the snapshot old.
    const tags = snapshotTags(
      this.#deps.tags,
      payload.tags.map(tag => tag.tag),
    )
    if (remote.serverNowMs() >= payload.goneAtMs || !(await this.#hasCurrentVersions(payload.tags, tags.cells))) return { kind: 'dead', seen }
    const nowMs = clock.monotonicMs()
    const toMonotonic = nowMs - remote.serverNowMs()
    const freshUntilMs = Math.min(payload.freshUntilMs + toMonotonic, nowMs + memoryTtlMs)
    return { kind: 'alive', seen, value: { stored: payload.stored, freshUntilMs, goneAtMs: payload.goneAtMs + toMonotonic, tags } }
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
    const bytes = await this.#deps.remote.read(key)
    if (bytes === null) return { kind: 'absent' }
    const found = await this.judge(bytes)
    if (found.kind === 'alive' && !read.isTainted && this.#deps.mayStore()) this.#deps.memory?.set(key, found.value)
    return found
  }

  async #hasCurrentVersions(tags: readonly TagVersion[], cells: readonly TagCell[]): Promise<boolean> {
    const mayKeep = this.#deps.mayKeepVersions()
    const unknown = cells.filter(cell => !mayKeep || cell.version === 0)
    const fetched = new Map<string, number | undefined>()
    if (unknown.length > 0) {
      const generations = unknown.map(cell => cell.generation)
      const versions = await this.#deps.remote.versions(unknown.map(cell => cell.tag))
      unknown.forEach((cell, i) => {
        fetched.set(cell.tag, versions[i])
        if (mayKeep && this.#deps.mayKeepVersions() && cell.generation === generations[i]) cell.version = versions[i] ?? 0
      })
    }
    return tags.every(({ tag, version }, i) => (fetched.has(tag) ? fetched.get(tag) : cells[i]!.version) === version)
  }
}
