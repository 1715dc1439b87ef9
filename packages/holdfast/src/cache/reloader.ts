import { type Clock, currentRequestScope, type Logger, MAX_TAGS } from '../core/index.ts'
import type { Bulkhead } from './bulkhead.ts'
import { currentReadTags } from './derived/read-tags.ts'
import { drawRefreshAtMs, earlyMsOf } from './early-refresh.ts'
import type { MemoryTier, MemoryValue } from './l1/memory-tier.ts'
import { callLoader, type Load, type Loaded, type LoadOrder } from './load-context.ts'
import type { CacheMetrics } from './metrics.ts'
import type { ResolvedCall } from './options.ts'
import { encodePayload, type TagVersion } from './payload.ts'
import type { RemoteTier } from './redis/remote-tier.ts'
import { bumpedAtMs, CLOCK_MARGIN_MS } from './redis/tag-version.ts'
import type { CacheStatistics } from './statistics/cache-statistics.ts'
import { readStored, type StoredValue, sizeOf, toStored } from './stored-value.ts'
import { snapshotTags, type TagSnapshot, type TagTable } from './tag-table.ts'
import type { Grant, Turn, Turns } from './turns.ts'

/** What reloading needs. */
export interface ReloaderDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly remote: { readonly tier: RemoteTier; readonly turns: Turns } | undefined
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  readonly metrics: CacheMetrics
  readonly statistics: CacheStatistics
  readonly bulkhead: Bulkhead
  readonly jitter: number
  /** True while memory may be filled. */
  mayStore(): boolean
}

/** Times of a value from its storing on. */
interface Life {
  readonly ttlMs: number
  readonly aliveMs: number
  readonly earlyMs: number
}

/** What is known of the value to be replaced. */
export interface ReloadOrigin {
  /** Checksum of what Redis held. */
  readonly seen?: Buffer | undefined
  /** The value, while it may still be served. */
  readonly previous?: StoredValue
  /** True when the value is still fresh. */
  readonly isEarly?: boolean
}

/** Invalidations remembered for one load under way. Beyond them, a value whose loader chooses tags is not stored. */
const INVALIDATED_LIMIT = 1000

interface Reload {
  readonly tags: readonly string[]
  readonly hasPrevious: boolean
  /** Set when the key or a tag changed: the value goes to those who wait already, and nowhere else. */
  isDetached: boolean
  /** Tags other than its own that were invalidated since it began, because its loader may still choose them; `undefined` when there were too many. */
  invalidated: Set<string> | undefined
  readonly startedAtMs: number
  /** Callers that joined, and the sum of the times at which they did. */
  waiters: number
  joinedAtMs: number
  promise: Promise<unknown>
  /** What the value depends on, once it is there; `undefined` when that is not known or the value is old already. */
  dependsOn: TagSnapshot | undefined
}

/** Loads each key once at a time, in this process and among all processes of one Redis. */
export class Reloader {
  readonly #deps: ReloaderDeps
  readonly #reloads = new Map<string, Reload>()

  constructor(deps: ReloaderDeps) {
    this.#deps = deps
  }

  /** Loads `key`, or joins the load under way. Rejects with the loader's own error. */
  reload(key: string, load: Load<unknown>, call: ResolvedCall, origin: ReloadOrigin): Promise<unknown> {
    const existing = this.#join(key)
    if (existing !== undefined) return existing
    const reload: Reload = {
      tags: call.tags,
      hasPrevious: origin.previous !== undefined,
      isDetached: false,
      invalidated: new Set(),
      startedAtMs: this.#deps.clock.monotonicMs(),
      waiters: 0,
      joinedAtMs: 0,
      promise: Promise.resolve(),
      dependsOn: undefined,
    }
    const forget = (): void => {
      if (this.#reloads.get(key) === reload) this.#reloads.delete(key)
      const { waiters, joinedAtMs } = reload
      if (waiters > 0) this.#deps.statistics.of(key).waited(waiters, waiters * this.#deps.clock.monotonicMs() - joinedAtMs)
    }
    reload.promise = this.#run(key, load, call, origin, reload)
    this.#reloads.set(key, reload)
    reload.promise.then(forget, forget)
    // An early refresh has no reader.
    return origin.isEarly ? reload.promise : this.#read(reload)
  }

  /** The load under way, if there is one that later callers may share and nothing older could be served meanwhile. */
  joinMiss(key: string): Promise<unknown> | undefined {
    return this.#reloads.get(key)?.hasPrevious === false ? this.#join(key) : undefined
  }

  #join(key: string): Promise<unknown> | undefined {
    const existing = this.#reloads.get(key)
    if (existing === undefined) return undefined
    this.#deps.metrics.coalesced.add()
    this.#deps.statistics.of(key).coalesced++
    // With a stale value to give, nobody waits.
    if (!existing.hasPrevious) {
      existing.waiters++
      existing.joinedAtMs += this.#deps.clock.monotonicMs()
    }
    return this.#read(existing)
  }

  /** The value, noted for whoever derives something from it. */
  #read(reload: Reload): Promise<unknown> {
    const reads = currentReadTags()
    if (reads === undefined) return reload.promise
    return reload.promise.then(value => {
      if (reload.dependsOn === undefined) reads.spoil(this.#deps.tags)
      else reads.note(this.#deps.tags, reload.dependsOn)
      return value
    })
  }

  /** The key changed: a load under way began with the old state. Later callers load anew. */
  detach(key: string): void {
    const reload = this.#reloads.get(key)
    if (reload === undefined) return
    reload.isDetached = true
    this.#reloads.delete(key)
  }

  /** As {@link detach}, for everything with the tag. O(loads under way). */
  detachTag(tag: string): void {
    for (const [key, reload] of this.#reloads) {
      if (reload.tags.includes(tag)) this.detach(key)
      else if (reload.invalidated !== undefined && reload.invalidated.add(tag).size > INVALIDATED_LIMIT) reload.invalidated = undefined
    }
  }

  /** As {@link detach}, for every key that matches. O(loads under way). */
  detachMatching(matches: (key: string) => boolean): void {
    for (const key of [...this.#reloads.keys()]) if (matches(key)) this.detach(key)
  }

  /** Everything may have changed. */
  detachAll(): void {
    for (const key of [...this.#reloads.keys()]) this.detach(key)
  }

  async #run(key: string, load: Load<unknown>, call: ResolvedCall, origin: ReloadOrigin, reload: Reload): Promise<unknown> {
    const { remote, metrics, statistics } = this.#deps
    // Taken before the loader runs: whatever is invalidated from here on keeps the value out of memory. '' is the tag of everything.
    const snapshot = snapshotTags(this.#deps.tags, ['', ...call.tags])
    const turn: Turn = remote?.tier.isUsableFor(key) ? await remote.turns.await(key, origin.seen, snapshot) : { kind: 'load', grant: undefined }
    // An early refresh has answered its caller, and was counted as what it is.
    const scope = origin.isEarly === true ? undefined : currentRequestScope()
    if (turn.kind === 'loaded') {
      if (origin.isEarly !== true) {
        metrics.redisHits.add()
        statistics.redisHit(key)
      }
      if (scope !== undefined) scope.cacheHitCount++
      reload.dependsOn = turn.value.tags
      this.#keepInMemory(key, turn.value, reload)
      return readStored(turn.value.stored)
    }
    if (origin.isEarly !== true) {
      metrics.misses.add()
      statistics.miss(key)
    }
    if (scope !== undefined) scope.cacheMissCount++
    const loaded = await this.#load({ key, load, hardTimeoutMs: call.hardTimeoutMs, previous: origin.previous }, turn.grant)
    return this.#keep(key, loaded, call, turn.grant, snapshot, reload)
  }

  async #load(order: LoadOrder, grant: Grant | undefined): Promise<Loaded> {
    const { remote, metrics, statistics, clock, bulkhead } = this.#deps
    const { key } = order
    const stopRenewing = grant === undefined ? undefined : remote?.turns.renewWhile(key, grant.token)
    const callNow = (): Promise<Loaded> => callLoader(order, clock)
    try {
      // A Redis that is away must not turn into a database that is away.
      const loaded = await (remote !== undefined && !remote.tier.isUsableFor(key) ? bulkhead.run(callNow) : callNow())
      metrics.loadsOk.add()
      metrics.loadSeconds.record(loaded.tookMs / 1000)
      statistics.of(key).loaded(loaded.tookMs)
      return loaded
    } catch (error) {
      metrics.loadsFailed.add()
      statistics.of(key).loadErrors++
      this.#release(key, grant)
      throw error
    } finally {
      stopRenewing?.()
    }
  }

  async #keep(key: string, loaded: Loaded, call: ResolvedCall, grant: Grant | undefined, tags: TagSnapshot, reload: Reload): Promise<unknown> {
    const { remote, clock, jitter, random, metrics, statistics } = this.#deps
    const { value } = loaded
    const stored = value === undefined || !loaded.mayStore ? undefined : (loaded.unmodified ?? toStored(value, call.clone))
    if (stored === undefined) {
      // The versions of tags that the loader chose would have to be compared, as for storing.
      if (loaded.tags.length === 0) reload.dependsOn = tags
      if (value !== undefined && loaded.mayStore) this.#reportUnencodable(key)
      this.#release(key, grant)
      return value
    }
    const chosen = await this.#choose(loaded.tags, call, grant, tags, reload)
    if (chosen === undefined) {
      metrics.errors.bind('tag_moved').add()
      this.#release(key, grant)
      return readStored(stored)
    }
    const ttlMs = (loaded.ttlMs ?? (value === null ? call.nullTtlMs : call.ttlMs)) * (1 - jitter * random())
    const aliveMs = Math.max(1, Math.round(ttlMs + call.graceMs))
    const life: Life = { ttlMs, aliveMs, earlyMs: earlyMsOf(loaded.tookMs, call.earlyFactor, ttlMs) }
    if (grant !== undefined && remote !== undefined) {
      const isRefused =
        grant.tags === undefined ||
        !(await this.#fill(
          key,
          { ...life, loadMs: loaded.tookMs, compressFromBytes: call.compressFromBytes },
          { ...grant, tags: [...grant.tags, ...chosen.versions] },
          stored,
        ))
      if (grant.tags === undefined) this.#release(key, grant)
      // Refused: deleted, written or lost while loading. Whoever waits began before that; nobody else may see it.
      if (isRefused) return readStored(stored)
    } else if (remote?.tier.isUsableFor(key)) {
      // Loaded without a grant, and Redis is back: it may have changed meanwhile, and nobody would have told.
      metrics.errors.bind('unleased').add()
      return readStored(stored)
    }
    reload.dependsOn = chosen.tags
    statistics.filled(key, sizeOf(stored), ttlMs, chosen.tags)
    // Redis 7.0 reports a script's write to its own caller, NOLOOP or not, and that drops this copy again: the next read is then answered by Redis.
    const nowMs = clock.monotonicMs()
    this.#keepInMemory(
      key,
      {
        stored,
        refreshAtMs: drawRefreshAtMs(nowMs + ttlMs, life.earlyMs, random),
        freshUntilMs: nowMs + ttlMs,
        goneAtMs: nowMs + aliveMs,
        tags: chosen.tags,
      },
      reload,
    )
    return readStored(stored)
  }

  /** Adds the tags that the loader chose; `undefined` when one of them may have been invalidated since the load began. */
  async #choose(
    wanted: readonly string[],
    call: ResolvedCall,
    grant: Grant | undefined,
    tags: TagSnapshot,
    reload: Reload,
  ): Promise<{ tags: TagSnapshot; versions: readonly TagVersion[] } | undefined> {
    const late = wanted.filter(tag => !call.tags.includes(tag))
    if (late.length === 0) return { tags, versions: [] }
    if (late.length + call.tags.length > MAX_TAGS || reload.invalidated === undefined) return undefined
    // In one step with the snapshot: what comes later makes the snapshot old.
    if (late.some(tag => reload.invalidated?.has(tag))) return undefined
    const added = snapshotTags(this.#deps.tags, late)
    const all: TagSnapshot = { cells: [...tags.cells, ...added.cells], generations: [...tags.generations, ...added.generations] }
    const { remote } = this.#deps
    if (grant?.tags === undefined || remote === undefined) return { tags: all, versions: [] }
    const versions: readonly (number | undefined)[] = await remote.tier.ensuredVersions(late).catch(() => [undefined])
    // Invalidated by another process, whose message may still be on its way.
    const agoMs = this.#deps.clock.monotonicMs() - reload.startedAtMs + CLOCK_MARGIN_MS
    const hasMoved = versions.some((version, i) => version === undefined || bumpedAtMs(version) >= remote.tier.tagNowMs(late[i]!) - agoMs)
    return hasMoved ? undefined : { tags: all, versions: late.map((tag, i) => ({ tag, version: versions[i]! })) }
  }

  /** False when Redis refused to store. True when it did, and also when it went away: then memory alone keeps the value. */
  async #fill(
    key: string,
    { ttlMs, aliveMs, earlyMs, loadMs, compressFromBytes }: Life & { loadMs: number; compressFromBytes: number },
    grant: { token: string; tags: NonNullable<Grant['tags']> },
    stored: StoredValue,
  ): Promise<boolean> {
    const { tier } = this.#deps.remote!
    const serverNowMs = tier.serverNowMs(key)
    const bytes = await encodePayload(
      {
        stored,
        freshUntilMs: serverNowMs + ttlMs,
        goneAtMs: serverNowMs + aliveMs,
        loadMs,
        earlyMs,
        tags: grant.tags,
      },
      compressFromBytes,
    )
    if (bytes === undefined) {
      this.#reportUnencodable(key)
      await tier.release(key, grant.token)
      return false
    }
    return tier.fill(key, grant.token, bytes, aliveMs).catch(() => true)
  }

  #release(key: string, grant: Grant | undefined): void {
    if (grant !== undefined) void this.#deps.remote?.tier.release(key, grant.token)
  }

  #keepInMemory(key: string, value: MemoryValue, reload: Reload): void {
    if (!reload.isDetached && this.#deps.mayStore()) this.#deps.memory?.set(key, value)
  }

  #reportUnencodable(key: string): void {
    this.#deps.metrics.errors.bind('encode').add()
    this.#deps.logger.warn({ key }, 'cache: a loaded value cannot be stored (function, symbol, cycle or too deep) and was returned uncached')
  }
}
