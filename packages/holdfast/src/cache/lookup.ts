import type { Clock } from '../core/index.ts'
import { drawRefreshAtMs } from './early-refresh.ts'
import { InFlightReads, type TaintableRead } from './in-flight-reads.ts'
import type { MemoryTier, MemoryValue } from './l1/memory-tier.ts'
import type { CacheMetrics } from './metrics.ts'
import { decodePayload, type Payload } from './payload.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import type { TagCell, TagSnapshot, TagTable } from './tag-table.ts'

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
  readonly random: () => number
  readonly remote: RemoteTier
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly metrics: CacheMetrics
  /** True while memory may be filled. */
  mayStore(): boolean
}

interface Read extends TaintableRead {
  readonly promise: Promise<Found>
}

const ABSENT: Found = { kind: 'absent' }
const NO_BYTES = Buffer.alloc(0)
const UNREACHABLE: Found = { kind: 'unreachable' }

/** Reads entries from Redis, each key once at a time, and fills memory with what is still true when it arrives. */
export class Lookup {
  readonly #deps: LookupDeps
  readonly #reads = new InFlightReads<Read>()

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  /** What Redis holds. 1 round trip, 2 when it has tags whose versions are not known here. Never rejects. */
  find(key: string): Promise<Found> {
    const existing = this.#reads.get(key)
    if (existing !== undefined) return existing.promise
    let resolve!: (found: Found) => void
    const promise = new Promise<Found>(fulfil => {
      resolve = fulfil
    })
    const read: Read = { isTainted: false, promise }
    const home = this.#reads.add(key, read)
    const settle = (found: Found): void => {
      if (found.kind === 'alive' && !read.isTainted && this.#deps.mayStore()) this.#deps.memory?.set(key, found.value)
      this.#reads.remove(key, read, home)
      resolve(found)
    }
    this.#deps.remote.ask(key, {
      onBytes: bytes => {
        const found = bytes === null ? ABSENT : this.judge(key, bytes)
        // The link has counted the fault.
        if (found instanceof Promise) found.then(settle, () => settle(UNREACHABLE))
        else settle(found)
      },
      onFault: () => settle(UNREACHABLE),
    })
    return promise
  }

  /** Judges bytes that came another way, and stores nothing. At once when the versions of all tags are known here, else 1 round trip. @throws RedisFault */
  judge(key: string, bytes: Buffer): Found | Promise<Found> {
    const payload = decodePayload(bytes)
    return payload instanceof Promise ? payload.then(expanded => this.#judge(key, expanded, bytes)) : this.#judge(key, payload, bytes)
  }

  #judge(key: string, payload: Payload | undefined, bytes: Buffer): Found | Promise<Found> {
    if (payload === undefined) {
      this.#deps.metrics.errors.bind('corrupt').add()
      return dead(bytes)
    }
    const { remote } = this.#deps
    const serverNowMs = remote.serverNowMs(key)
    if (serverNowMs >= payload.goneAtMs) return dead(bytes)
    const cells: TagCell[] = []
    // Before the versions are asked for: an invalidation that arrives meanwhile makes the snapshot old.
    const generations: number[] = []
    let hasUnknown = false
    let isCurrent = true
    for (const { tag, version } of payload.tags) {
      const cell = this.#deps.tags.cell(tag)
      cells.push(cell)
      generations.push(cell.generation)
      if (cell.version === 0 || !remote.mayUseVersion(tag)) hasUnknown = true
      else if (cell.version !== version) isCurrent = false
    }
    const tags: TagSnapshot = { cells, generations }
    if (hasUnknown) {
      const unknown = cells.filter(({ tag, version }) => version === 0 || !remote.mayUseVersion(tag))
      return this.#judgeByFetched(key, payload, bytes, tags, unknown)
    }
    return isCurrent ? this.#alive(payload, bytes, tags, serverNowMs) : dead(bytes)
  }

  /** The key changed: what is being read of it now is not to be kept, nor shared with later callers. */
  taint(key: string): void {
    this.#reads.taint(key)
  }

  /** Everything may have changed. */
  taintAll(): void {
    this.#reads.taintAll()
  }

  async #judgeByFetched(key: string, payload: Payload, bytes: Buffer, tags: TagSnapshot, unknown: readonly TagCell[]): Promise<Found> {
    const generations = unknown.map(cell => cell.generation)
    const versions = await this.#deps.remote.versions(unknown.map(cell => cell.tag))
    const fetched = new Map<TagCell, number | undefined>()
    unknown.forEach((cell, i) => {
      fetched.set(cell, versions[i])
      if (this.#deps.remote.mayNoteVersion(cell.tag) && cell.generation === generations[i]) cell.version = versions[i] ?? 0
    })
    const isCurrent = payload.tags.every(({ version }, i) => {
      const cell = tags.cells[i]!
      return version === (fetched.has(cell) ? fetched.get(cell) : cell.version)
    })
    return isCurrent ? this.#alive(payload, bytes, tags, this.#deps.remote.serverNowMs(key)) : dead(bytes)
  }

  #alive(payload: Payload, bytes: Buffer, tags: TagSnapshot, serverNowMs: number): Found {
    const { clock, random } = this.#deps
    const nowMs = clock.monotonicMs()
    const toMonotonic = nowMs - serverNowMs
    const freshUntilMs = payload.freshUntilMs + toMonotonic
    const refreshAtMs = drawRefreshAtMs(payload.freshUntilMs + toMonotonic, payload.earlyMs, random)
    // Only a stale value, or one to be refreshed early, is reloaded, so only then is it asked what was seen.
    const seen = Math.min(refreshAtMs, freshUntilMs) > nowMs ? NO_BYTES : seenOf(bytes)
    return { kind: 'alive', seen, value: { stored: payload.stored, refreshAtMs, freshUntilMs, goneAtMs: payload.goneAtMs + toMonotonic, tags } }
  }
}

function dead(bytes: Buffer): Found {
  return { kind: 'dead', seen: seenOf(bytes) }
}

/** The checksum as the lease script cuts it out, copied so that it does not keep the answer's buffer. */
function seenOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(2, 6))
}
