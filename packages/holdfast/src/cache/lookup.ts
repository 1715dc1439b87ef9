import type { Clock } from '../core/index.ts'
import { drawRefreshAtMs } from './early-refresh.ts'
import { InFlightReads, type TaintableRead } from './in-flight-reads.ts'
import type { MemoryTier, MemoryValue } from './l1/memory-tier.ts'
import type { CacheMetrics } from './metrics.ts'
import { decodePayload, type Payload, type TagVersion } from './payload.ts'
import type { BytesReader } from './redis/read-queue.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { NO_TAGS, snapshotTags, type TagCell, type TagSnapshot, type TagTable } from './tag-table.ts'

/** What Redis holds under a key. `dead`: gone, invalidated or unreadable; `seen` is its checksum, so that a lease can tell it from a newer one.
 *  `unreachable`: Redis did not say. `judgedAtMs` is on the monotonic clock. */
export type Found =
  | { readonly kind: 'alive'; readonly value: MemoryValue; readonly seen: Buffer; readonly judgedAtMs: number }
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

/** What becomes of a read; `undefined` when Redis did not say. */
type Answer = (read: Read, bytes: Buffer | null | undefined) => void

/** One read under way. An object of a class, because the closures that it replaces were a quarter of what a read allocated. */
class Read implements TaintableRead, BytesReader {
  isTainted = false
  readonly key: string
  readonly promise: Promise<Found>
  resolve!: (found: Found) => void
  table: Map<string, Read> | undefined
  readonly #answer: Answer

  constructor(key: string, answer: Answer) {
    this.key = key
    this.#answer = answer
    this.promise = new Promise<Found>(resolve => {
      this.resolve = resolve
    })
  }

  onBytes(bytes: Buffer | null): void {
    this.#answer(this, bytes)
  }

  onFault(): void {
    this.#answer(this, undefined)
  }
}

const ABSENT: Found = { kind: 'absent' }
const NO_BYTES = Buffer.alloc(0)
const UNREACHABLE: Found = { kind: 'unreachable' }

/** Reads entries from Redis, each key once at a time, and fills memory with what is still true when it arrives. */
export class Lookup {
  readonly #deps: LookupDeps
  readonly #reads = new InFlightReads<Read>()
  /** Of entries without tags of their own, which are most. Replaced when the namespace is cleared. */
  #untagged: TagSnapshot = NO_TAGS

  constructor(deps: LookupDeps) {
    this.#deps = deps
  }

  /** What Redis holds. 1 round trip, 2 when it has tags whose versions are not known here. Never rejects. */
  find(key: string): Promise<Found> {
    const existing = this.#reads.get(key)
    if (existing !== undefined) return existing.promise
    const read = new Read(key, this.#answer)
    read.table = this.#reads.add(key, read)
    this.#deps.remote.ask(key, read)
    return read.promise
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
    const { clock, remote } = this.#deps
    const nowMs = clock.monotonicMs()
    const serverNowMs = remote.serverNowMs(key)
    if (serverNowMs >= payload.goneAtMs) return dead(bytes)
    // Before the versions are asked for: an invalidation that arrives meanwhile makes the snapshot old.
    const tags = this.#snapshot(payload.tags)
    let isCurrent = true
    for (let i = 0; i < tags.cells.length; i++) {
      const { tag, version } = tags.cells[i]!
      if (version === 0 || !remote.mayUseVersion(tag)) return this.#judgeByFetched(key, payload, bytes, tags)
      if (version !== payload.tags[i]!.version) isCurrent = false
    }
    return isCurrent ? this.#alive(payload, bytes, tags, nowMs, serverNowMs) : dead(bytes)
  }

  /** The key changed: what is being read of it now is not to be kept, nor shared with later callers. */
  taint(key: string): void {
    this.#reads.taint(key)
  }

  /** Everything may have changed. */
  taintAll(): void {
    this.#reads.taintAll()
  }

  /** The link has counted the fault. */
  readonly #answer: Answer = (read, bytes) => {
    const found = bytes === undefined ? UNREACHABLE : bytes === null ? ABSENT : this.judge(read.key, bytes)
    if (!(found instanceof Promise)) this.#settle(read, found)
    else
      found.then(
        late => this.#settle(read, late),
        () => this.#settle(read, UNREACHABLE),
      )
  }

  #settle(read: Read, found: Found): void {
    const { memory } = this.#deps
    if (found.kind === 'alive' && memory !== undefined && !read.isTainted && this.#deps.mayStore()) memory.set(read.key, found.value)
    this.#reads.remove(read.key, read, read.table!)
    read.resolve(found)
  }

  #snapshot(tags: readonly TagVersion[]): TagSnapshot {
    const { tags: table } = this.#deps
    if (tags.length > 1 || tags[0]?.tag !== '') return snapshotTags(table, tags.map(tagOf))
    const cell = table.cell('')
    const { cells, generations } = this.#untagged
    if (cells[0] !== cell || generations[0] !== cell.generation) this.#untagged = snapshotTags(table, NAMESPACE)
    return this.#untagged
  }

  async #judgeByFetched(key: string, payload: Payload, bytes: Buffer, tags: TagSnapshot): Promise<Found> {
    const { clock, remote } = this.#deps
    const unknown = tags.cells.filter(({ tag, version }) => version === 0 || !remote.mayUseVersion(tag))
    const generations = unknown.map(cell => cell.generation)
    const versions = await remote.versions(unknown.map(cell => cell.tag))
    const fetched = new Map<TagCell, number | undefined>()
    unknown.forEach((cell, i) => {
      fetched.set(cell, versions[i])
      if (this.#deps.remote.mayNoteVersion(cell.tag) && cell.generation === generations[i]) cell.version = versions[i] ?? 0
    })
    const isCurrent = payload.tags.every(({ version }, i) => {
      const cell = tags.cells[i]!
      return version === (fetched.has(cell) ? fetched.get(cell) : cell.version)
    })
    return isCurrent ? this.#alive(payload, bytes, tags, clock.monotonicMs(), remote.serverNowMs(key)) : dead(bytes)
  }

  #alive(payload: Payload, bytes: Buffer, tags: TagSnapshot, nowMs: number, serverNowMs: number): Found {
    const toMonotonic = nowMs - serverNowMs
    const freshUntilMs = payload.freshUntilMs + toMonotonic
    const refreshAtMs = drawRefreshAtMs(payload.freshUntilMs + toMonotonic, payload.earlyMs, this.#deps.random)
    // Only a stale value, or one to be refreshed early, is reloaded, so only then is it asked what was seen.
    const seen = Math.min(refreshAtMs, freshUntilMs) > nowMs ? NO_BYTES : checksumOf(bytes)
    const value: MemoryValue = { stored: payload.stored, refreshAtMs, freshUntilMs, goneAtMs: payload.goneAtMs + toMonotonic, tags }
    return { kind: 'alive', seen, value, judgedAtMs: nowMs }
  }
}

const NAMESPACE: readonly string[] = ['']

function tagOf({ tag }: TagVersion): string {
  return tag
}

function dead(bytes: Buffer): Found {
  return { kind: 'dead', seen: checksumOf(bytes) }
}

/** The checksum as the lease script cuts it out, copied so that it does not keep the answer's buffer. */
export function checksumOf(bytes: Buffer): Buffer {
  return Buffer.from(bytes.subarray(2, 6))
}
