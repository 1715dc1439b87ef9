import { randomBytes } from 'node:crypto'
import { type Clock, MAX_TAGS } from '../../core/index.ts'
import type { GlobMatch } from '../glob.ts'
import type { MemoryTier } from '../l1/memory-tier.ts'
import type { CacheMetrics } from '../metrics.ts'
import { checkKey, checkTags, type ResolvedCall, type ResolvedOptions, resolveCall } from '../options.ts'
import { bumpedAtMs, CLOCK_MARGIN_MS } from '../redis/tag-version.ts'
import type { RedisSide } from '../redis-side.ts'
import type { CacheStatistics } from '../statistics/cache-statistics.ts'
import { copyToStored, type StoredValue, sizeOf } from '../stored-value.ts'
import { isCurrent, snapshotTags, type TagSnapshot, type TagTable } from '../tag-table.ts'
import type { Derivation, DerivedEntries, DerivedOutcome, DerivedStoring } from './derived-entries.ts'
import { currentReadTags, type NotedTag, ReadTags } from './read-tags.ts'
import { RecentChanges } from './recent-changes.ts'

/** What deriving needs. */
export interface DerivingDeps {
  readonly clock: Clock
  readonly options: ResolvedOptions
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly metrics: CacheMetrics
  readonly statistics: CacheStatistics
  readonly redis: RedisSide | undefined
  /** Reads an entry as anybody does. */
  read(key: string): unknown
  /** What this process holds of the key is old. */
  forget(key: string): void
  delete(key: string): Promise<boolean>
  /** True while memory may be filled. */
  mayStore(): boolean
}

/** The longest that a value may be in the making. Fences stand twice as long, because the clocks of two processes measure it. */
const MAKING_LIMIT_MS = 60_000
const FENCE_MS = 2 * MAKING_LIMIT_MS
/** Invalidations remembered for one value in the making. Beyond them it is not stored. */
const INVALIDATED_LIMIT = 1000

/** Makes derived entries. A making reads the tags' versions and the key's fence before the work begins; the value carries those versions, and Redis
 *  compares the fence as it stores. */
export class Deriving implements DerivedEntries {
  readonly #deps: DerivingDeps
  readonly #open = new Map<string, Set<Making>>()
  readonly #recent: RecentChanges

  constructor(deps: DerivingDeps) {
    this.#deps = deps
    this.#recent = new RecentChanges(deps.clock)
  }

  async begin(key: string, tags: readonly string[], agoMs = 0): Promise<Derivation> {
    checkKey(key)
    const call = resolveCall(key, { tags }, this.#deps.options)
    const startedAtMs = this.#deps.clock.monotonicMs() - agoMs
    const changed = agoMs > 0 ? this.#recent.since(startedAtMs) : []
    const making = new Making(key, call, this.#deps, startedAtMs, changed, () => this.#close(making))
    const open = this.#open.get(key) ?? new Set()
    this.#open.set(key, open.add(making))
    await making.fetchBeginning()
    return making
  }

  async drop(key: string): Promise<void> {
    checkKey(key)
    this.#void(key)
    // Before the delete, so that what is stored between the two is deleted and what comes after it is refused.
    const fenced = this.#deps.redis?.fences.put(key, randomBytes(8).toString('hex'), FENCE_MS).catch(() => undefined)
    await Promise.all([fenced, this.#deps.delete(key)])
  }

  spoil(): void {
    currentReadTags()?.spoil(this.#deps.tags)
  }

  /** A tag was invalidated. O(values in the making). */
  onTagChanged(tag: string): void {
    this.#recent.add(tag)
    for (const open of this.#open.values()) for (const making of open) making.onTagChanged(tag)
  }

  onPatternDropped(matches: GlobMatch): void {
    this.#recent.addAll()
    for (const key of this.#open.keys()) if (matches(key)) this.#void(key)
  }

  /** Everything may have changed. */
  onEverythingChanged(): void {
    this.#recent.addAll()
    for (const key of this.#open.keys()) this.#void(key)
  }

  #void(key: string): void {
    for (const making of this.#open.get(key) ?? []) making.isVoid = true
  }

  #close(making: Making): void {
    const open = this.#open.get(making.key)
    open?.delete(making)
    if (open?.size === 0) this.#open.delete(making.key)
  }
}

/** What Redis held before the work began. */
interface Beginning {
  readonly fence: Buffer | null
  /** In the order of the snapshot. */
  readonly versions: readonly number[]
}

class Making implements Derivation {
  readonly key: string
  isVoid = false
  readonly #call: ResolvedCall
  readonly #deps: DerivingDeps
  readonly #onEnd: () => void
  readonly #startedAtMs: number
  readonly #snapshot: TagSnapshot
  readonly #reads: ReadTags
  #current: ReadTags | undefined
  #beginning: Beginning | undefined
  /** Tags invalidated since it began; `undefined` when there were too many. */
  #invalidated: Set<string> | undefined

  constructor(
    key: string,
    call: ResolvedCall,
    deps: DerivingDeps,
    startedAtMs: number,
    invalidated: readonly string[] | undefined,
    onEnd: () => void,
  ) {
    this.key = key
    this.#call = call
    this.#deps = deps
    this.#onEnd = onEnd
    this.#startedAtMs = startedAtMs
    this.#invalidated = invalidated && new Set(invalidated)
    this.#snapshot = snapshotTags(deps.tags, ['', ...call.tags])
    this.#reads = new ReadTags(deps.tags, deps.redis?.tier)
  }

  async fetchBeginning(): Promise<void> {
    const { redis } = this.#deps
    if (!redis?.tier.isUsableFor(this.key)) return
    const [versions, fence] = await Promise.all([redis.versioned(this.#snapshot), redis.fences.read(this.key).catch(() => undefined)])
    if (versions !== undefined && fence !== undefined) this.#beginning = { fence, versions: versions.map(({ version }) => version) }
  }

  run<T>(work: () => T): T {
    return this.#reads.run(work)
  }

  get tags(): readonly string[] {
    return [...new Set([...this.#call.tags, ...this.#reads.noted.keys()])]
  }

  async readCurrent<T>(): Promise<T | undefined> {
    this.#current?.close()
    this.#current = new ReadTags(this.#deps.tags, this.#deps.redis?.tier)
    return (await this.#current.run(() => this.#deps.read(this.key))) as T | undefined
  }

  onTagChanged(tag: string): void {
    if (this.#invalidated !== undefined && this.#invalidated.add(tag).size > INVALIDATED_LIMIT) this.#invalidated = undefined
  }

  end(): void {
    this.#reads.close()
    this.#current?.close()
    this.#onEnd()
  }

  async store(value: unknown, storing: DerivedStoring): Promise<DerivedOutcome> {
    const stored = copyToStored(value, this.#call.clone)
    if (stored === undefined) return 'refused'
    try {
      const carried = this.#carried(storing)
      return typeof carried === 'string' ? carried : await this.#store(stored, carried, Math.max(1, Math.round(storing.aliveMs)))
    } catch {
      // A tag that is none.
      return 'refused'
    }
  }

  /** All tags of the value, as they stood when what they stand for was read. */
  #carried({ tags, inherited }: DerivedStoring): NotedTag[] | 'outdated' | 'refused' {
    if (this.isVoid || this.#reads.isUntrackable || this.#invalidated === undefined) return 'outdated'
    const { cells, generations } = this.#snapshot
    const carried = new Map<string, NotedTag>()
    cells.forEach((cell, i) => {
      carried.set(cell.tag, { cell, generation: generations[i]!, version: this.#beginning?.versions[i] ?? 0 })
    })
    for (const [tag, noted] of this.#reads.noted) if (!carried.has(tag)) carried.set(tag, noted)
    for (const tag of inherited) {
      const noted = this.#current?.noted.get(tag)
      if (noted === undefined) return 'outdated'
      if (!carried.has(tag)) carried.set(tag, noted)
    }
    for (const tag of checkTags(tags)) {
      if (carried.has(tag)) continue
      if (this.#invalidated.has(tag)) return 'outdated'
      const cell = this.#deps.tags.cell(tag)
      carried.set(tag, { cell, generation: cell.generation, version: 0 })
    }
    // The namespace's own tag comes on top.
    return carried.size > MAX_TAGS + 1 ? 'refused' : [...carried.values()]
  }

  async #store(stored: StoredValue, carried: readonly NotedTag[], aliveMs: number): Promise<DerivedOutcome> {
    const { redis, clock, memory, statistics, forget, metrics, mayStore } = this.#deps
    const snapshot: TagSnapshot = { cells: carried.map(({ cell }) => cell), generations: carried.map(({ generation }) => generation) }
    if (!isCurrent(snapshot) || this.#agoMs() > MAKING_LIMIT_MS) return 'outdated'
    if (redis !== undefined && this.#beginning !== undefined) {
      const outcome = await this.#storeInRedis(redis, stored, carried, aliveMs, this.#beginning.fence)
      if (outcome !== undefined) {
        if (outcome === 'stored') statistics.filled(this.key, sizeOf(stored), aliveMs, snapshot)
        // Read back from Redis when it is next asked for, as after any write.
        if (outcome === 'stored') forget(this.key)
        return outcome
      }
    }
    if (redis?.tier.isUsableFor(this.key)) {
      // Redis is back: what is not known of its past may have changed the value.
      metrics.errors.bind('unleased').add()
      return 'refused'
    }
    if (this.isVoid || !mayStore() || !isCurrent(snapshot)) return 'outdated'
    const goneAtMs = clock.monotonicMs() + aliveMs
    statistics.filled(this.key, sizeOf(stored), aliveMs, snapshot)
    memory?.set(this.key, { stored, freshUntilMs: goneAtMs, goneAtMs, tags: snapshot })
    return 'stored'
  }

  /** `undefined` when Redis went away. */
  async #storeInRedis(
    redis: RedisSide,
    stored: StoredValue,
    carried: readonly NotedTag[],
    aliveMs: number,
    fence: Buffer | null,
  ): Promise<DerivedOutcome | undefined> {
    const { tier } = redis
    const unknown = carried.filter(({ version }) => version === 0).map(({ cell }) => cell.tag)
    const fetched: readonly (number | undefined)[] = unknown.length === 0 ? [] : await tier.ensuredVersions(unknown).catch(() => [undefined])
    if (fetched.includes(undefined)) return undefined
    const agoMs = this.#agoMs() + CLOCK_MARGIN_MS
    // Invalidated by another process since, and its message may still be on its way.
    if (unknown.some((tag, i) => bumpedAtMs(fetched[i]!) >= tier.tagNowMs(tag) - agoMs)) return 'outdated'
    let next = 0
    const tags = carried.map(({ cell, version }) => ({ tag: cell.tag, version: version === 0 ? fetched[next++]! : version }))
    const { compressFromBytes } = this.#call
    const isStored = await redis.writeUnfenced(this.key, stored, { aliveMs, compressFromBytes }, tags, fence)
    return isStored === undefined ? undefined : isStored ? 'stored' : 'outdated'
  }

  #agoMs(): number {
    return this.#deps.clock.monotonicMs() - this.#startedAtMs
  }
}
