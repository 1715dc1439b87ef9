import { randomBytes } from 'node:crypto'
import type { Clock, ClockTimer, HealthReason, Logger } from '../core/index.ts'
import type { RedisAccess } from './cache-parts.ts'
import { Fences } from './derived/fences.ts'
import type { MemoryTier } from './l1/memory-tier.ts'
import { type Found, Lookup } from './lookup.ts'
import type { CacheMetrics } from './metrics.ts'
import type { ResolvedOptions } from './options.ts'
import { encodePayload, type TagVersion } from './payload.ts'
import { BatchReader } from './redis/batch-reader.ts'
import { ClusterPrimaries } from './redis/cluster-primaries.ts'
import { ClusterReader } from './redis/cluster-reader.ts'
import { addressText, type ServerAddress } from './redis/cluster-view.ts'
import { Coherence } from './redis/coherence.ts'
import { type Connections, createConnections, DATA_CONNECTION } from './redis/connections.ts'
import { Journal } from './redis/journal.ts'
import { RedisLink } from './redis/link.ts'
import { type Primaries, type Primary, SinglePrimary } from './redis/primary.ts'
import { RecentWrites } from './redis/recent-writes.ts'
import { type RedisNames, redisNames } from './redis/redis-names.ts'
import type { RedisOption } from './redis/redis-option.ts'
import { RemoteTier } from './redis/remote-tier.ts'
import { Router } from './redis/router.ts'
import type { StoredValue } from './stored-value.ts'
import type { TagSnapshot, TagTable } from './tag-table.ts'
import { Turns } from './turns.ts'

/** What the parts on the side of Redis share with the rest. */
export interface SharedParts {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: CacheMetrics
  readonly memory: MemoryTier | undefined
  readonly tags: TagTable
  mayStore(): boolean
}

/** What the cache is told. */
export interface RedisSideEvents {
  onKeyChanged(key: string): void
  onTagChanged(tag: string): void
  onPatternDropped(glob: string): void
  onEverythingChanged(): void
  /** `isMemoryOpen` is false while Redis answers and changes are not heard of: then Redis is the only tier that can be right. */
  onStateChanged(isMemoryOpen: boolean): void
}

/** How a value is written. */
export interface WriteLife {
  readonly ttlMs: number
  readonly aliveMs: number
  readonly compressFromBytes: number
}

/** A write that Redis refused (out of memory, no permission) is tried again after this. */
const RETRY_REFUSED_MS = 1000

/** How long healing waits for the invalidation channel. */
const ARM_WAIT_MS = 100

/** Everything that needs Redis, wired: for each server the data connection with its breaker and the invalidation channel; the journal, leases and reads. */
export class RedisSide {
  readonly tier: RemoteTier
  readonly turns: Turns
  readonly fences: Fences
  /** For features beside the cache. */
  readonly access: RedisAccess
  readonly #primaries: Primaries
  readonly #router: Router
  readonly #lookup: Lookup
  readonly #journal = new Journal()
  readonly #parts: SharedParts
  readonly #events: RedisSideEvents
  readonly #options: ResolvedOptions
  readonly #connections: Connections
  readonly #names: RedisNames
  readonly #senderId = randomBytes(8).toString('hex')
  /** The run in which the server at each place was last in use. As many as the cluster ever had members. */
  readonly #runs = new Map<string, string>()
  #replaying: Promise<void> | undefined
  #retryTimer: ClockTimer | undefined

  /** Connects nothing yet. @throws HF_REDIS_CLIENT_MISSING */
  constructor(redis: RedisOption, options: ResolvedOptions, parts: SharedParts, events: RedisSideEvents) {
    this.#parts = parts
    this.#events = events
    this.#options = options
    const { clock, metrics } = parts
    this.#connections = createConnections(redis, parts.random)
    const { seeds } = this.#connections
    this.#names = redisNames(options.namespace, seeds !== undefined)
    this.#primaries = seeds === undefined ? new SinglePrimary(this.#createPrimary(undefined)) : this.#createCluster(seeds)
    this.#router = new Router(this.#primaries)
    this.tier = new RemoteTier({
      clock,
      metrics,
      names: this.#names,
      senderId: this.#senderId,
      primaries: this.#primaries,
      router: this.#router,
      journal: this.#journal,
      recent: new RecentWrites(clock),
      onRefused: () => this.#retryLater(),
    })
    this.fences = new Fences({
      names: this.#names,
      senderId: this.#senderId,
      primaries: this.#primaries,
      router: this.#router,
      journal: this.#journal,
    })
    this.#lookup = new Lookup({ ...parts, remote: this.tier })
    this.turns = new Turns({ clock, metrics, tier: this.tier, lookup: this.#lookup })
    this.access = this.#createAccess()
  }

  /** True when at least one server answers. */
  get isUsable(): boolean {
    for (const { link } of this.#primaries.all()) if (link.isUsable) return true
    return false
  }

  /** What is less than it should be, server by server. */
  get problems(): readonly HealthReason[] {
    const all = this.#primaries.all().map(({ link, coherence }) => (link.isUsable ? (coherence.problem ?? link.problem) : link.problem))
    return [this.#primaries.problem, ...all].filter(problem => problem !== undefined)
  }

  /** `none` when one of the servers in use is not heard. */
  get coherence(): 'none' | 'tracking' | 'pubsub' {
    const all = this.#primaries.all().map(primary => primary.coherence)
    if (all.length === 0 || !all.every(coherence => coherence.isTrusted)) return 'none'
    return all.every(coherence => coherence.mode === 'tracking') ? 'tracking' : 'pubsub'
  }

  get journaledCount(): number {
    return this.#journal.size
  }

  /** Resolves when Redis is usable, or failed for the first time, or after `limitMs`. Never rejects. */
  start(limitMs: number): Promise<void> {
    return this.#primaries.start(limitMs)
  }

  /** Tries once to send what the journal holds, then closes the connections. */
  async stop(): Promise<void> {
    this.#retryTimer?.cancel()
    if (this.#journal.size > 0) await this.#replay().catch(() => undefined)
    this.#primaries.stop()
  }

  /** What Redis holds; `undefined` when it cannot be asked. */
  find(key: string): Promise<Found> | undefined {
    return this.isUsable ? this.#lookup.find(key) : undefined
  }

  /** Writes a value; false when it was not written, and the key was noted for deletion instead. Never rejects. */
  async write(key: string, stored: StoredValue, { ttlMs, aliveMs, compressFromBytes }: WriteLife, tags: TagSnapshot): Promise<boolean> {
    const versioned = await this.versioned(tags)
    const serverNowMs = this.tier.serverNowMs(key)
    const bytes =
      versioned &&
      (await encodePayload(
        { stored, freshUntilMs: serverNowMs + ttlMs, goneAtMs: serverNowMs + aliveMs, loadMs: 0, earlyMs: 0, tags: versioned },
        compressFromBytes,
      ))
    if (bytes !== undefined) return this.tier.set(key, bytes, aliveMs)
    // The old value must go all the same.
    await this.tier.delete(key)
    return false
  }

  /** The tags with their versions, asking for those that are not known; `undefined` when one cannot be had. 1 round trip at most. Never rejects. */
  async versioned({ cells, generations }: TagSnapshot): Promise<TagVersion[] | undefined> {
    const known = cells.map(({ tag, version }) => (this.tier.mayUseVersion(tag) ? version : 0))
    const unknown = cells.filter((_, i) => known[i] === 0).map(({ tag }) => tag)
    const asked: (number | undefined)[] = unknown.length === 0 ? [] : await this.tier.ensuredVersions(unknown).catch(() => [undefined])
    if (asked.includes(undefined)) return undefined
    let next = 0
    return cells.map((cell, i) => {
      const version = known[i] === 0 ? asked[next++]! : known[i]!
      if (this.tier.mayNoteVersion(cell.tag) && cell.generation === generations[i]) cell.version = version
      return { tag: cell.tag, version }
    })
  }

  /** Writes a derived value if `fence` still stands; whether it did. `undefined` when it cannot be encoded or Redis did not take it. Never rejects. */
  async writeUnfenced(
    key: string,
    stored: StoredValue,
    { aliveMs, compressFromBytes }: Omit<WriteLife, 'ttlMs'>,
    tags: readonly TagVersion[],
    fence: Buffer | null,
  ): Promise<boolean | undefined> {
    const goneAtMs = this.tier.serverNowMs(key) + aliveMs
    const bytes = await encodePayload({ stored, freshUntilMs: goneAtMs, goneAtMs, loadMs: 0, earlyMs: 0, tags }, compressFromBytes)
    return bytes && this.fences.store(key, bytes, aliveMs, fence)
  }

  /** The key changed, here or elsewhere. */
  onKeyChanged(key: string): void {
    this.#lookup.taint(key)
    this.turns.wake(key)
  }

  onEverythingChanged(): void {
    this.#lookup.taintAll()
    this.turns.wakeAll()
  }

  #createAccess(): RedisAccess {
    const isUsable = (): boolean => this.isUsable
    return {
      get isUsable() {
        return isUsable()
      },
      serverNowMs: redisKey => this.#primaries.ownerOf(redisKey)?.link.serverNowMs() ?? 0,
      run: (script, keys, args) => this.#router.run('control', script, keys, args),
      send: (command, args, at = String(args[0] ?? '')) => this.#router.send('control', command, at, args),
      scan: (match, count) => this.tier.scanNames(match, count),
      names: this.#names,
      connect: name => this.#connections.open(name, this.#primaries.all().find(({ link }) => link.isUsable)?.address ?? this.#connections.seeds?.[0]),
    }
  }

  #createPrimary(address: ServerAddress | undefined): Primary {
    const name = address === undefined ? '' : addressText(address)
    const link: RedisLink = new RedisLink(this.#connections.open(DATA_CONNECTION, address), {
      ...this.#parts,
      budgetMs: this.#options.redisBudgetMs,
      name,
      onOpen: lostConnection => {
        if (lostConnection) coherence.onDataConnectionLost()
        if (this.#primaries instanceof ClusterPrimaries) this.#primaries.lookSoon()
        this.#reportState()
      },
      onHeal: () => this.#onHeal(primary),
      onUsable: () => this.#onUsable(primary),
    })
    const coherence: Coherence = new Coherence(this.#connections.open('holdfast-cache-invalidation', address), {
      ...this.#parts,
      names: this.#names,
      isMine: redisKey => this.#primaries.ownerOf(redisKey) === primary,
      link,
      senderId: this.#senderId,
      forcePubsub: this.#options.coherence === 'pubsub',
      events: { ...this.#events, onTrustChanged: () => this.#reportState() },
    })
    const reader =
      address === undefined
        ? new BatchReader(link)
        : new ClusterReader(
            () => this.#primaries,
            () => primary,
          )
    const primary: Primary = { address, link, coherence, reader }
    return primary
  }

  #createCluster(seeds: readonly ServerAddress[]): ClusterPrimaries {
    return new ClusterPrimaries({
      ...this.#parts,
      seeds,
      create: address => this.#createPrimary(address),
      openScout: address => this.#connections.open('holdfast-cache-scout', address),
      onMemberAdded: () => this.#reportState(),
      onMemberDropped: () => {
        // What it did not come to tell is not told by its successor.
        this.#events.onEverythingChanged()
        this.#reportState()
      },
    })
  }

  async #onHeal(primary: Primary): Promise<void> {
    await this.#makeGood(primary)
    // First what we owe the others, then our own ears, then business.
    while (this.tier.owes(primary)) await this.#replayAt(primary)
    await this.#withinBudget(primary.coherence.arm())
  }

  /** After a failover or a restart Redis may have less than it acknowledged. */
  async #makeGood(primary: Primary): Promise<void> {
    const { identity } = primary.link
    const place = primary.address === undefined ? '' : addressText(primary.address)
    const lastRunId = this.#runs.get(place)
    if (identity === undefined || identity.runId === lastRunId) return
    this.tier.repeatRecent(primary)
    // Nothing in a snapshot of unknown age can be told from what was dropped after it.
    if (lastRunId !== undefined && identity.hasLoadedSnapshot && !(await this.tier.wasClearedSince(identity.uptimeMs))) this.#journal.addTag('')
    this.#runs.set(place, identity.runId)
  }

  /** A deaf invalidation channel keeps memory shut, not Redis. */
  #withinBudget(work: Promise<void>): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#parts.clock.after(ARM_WAIT_MS, resolve, true)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #onUsable(primary: Primary): void {
    this.#reportState()
    // Noted in the moment between the replay and now.
    if (this.tier.owes(primary)) this.#replaySoon()
  }

  #replaySoon(): void {
    void this.#replay().catch(() => this.#retryLater())
  }

  #replay(): Promise<void> {
    this.#replaying ??= this.#replayEverywhere().finally(() => {
      this.#replaying = undefined
    })
    return this.#replaying
  }

  async #replayEverywhere(): Promise<void> {
    const owed = this.#primaries.all().filter(primary => primary.link.isUsable && this.tier.owes(primary))
    await Promise.all(owed.map(primary => this.#replayAt(primary)))
  }

  async #replayAt(primary: Primary): Promise<void> {
    // We do not hear of our own versions, and may have kept those from before.
    for (const tag of await this.tier.replay(primary)) this.#events.onTagChanged(tag)
  }

  #retryLater(): void {
    this.#parts.metrics.errors.bind('write_refused').add()
    this.#retryTimer?.cancel()
    this.#retryTimer = this.#parts.clock.after(RETRY_REFUSED_MS, () => {
      if (this.isUsable && this.#journal.size > 0) this.#replaySoon()
    })
  }

  /** Memory is shut while a server answers and its changes are not heard of: then only Redis can be right. */
  #reportState(): void {
    let isMemoryOpen = true
    for (const { coherence, link } of this.#primaries.all()) if (link.isUsable && !coherence.isTrusted) isMemoryOpen = false
    this.#events.onStateChanged(isMemoryOpen)
  }
}
