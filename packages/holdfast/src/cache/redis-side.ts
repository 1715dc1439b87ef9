import { randomBytes } from 'node:crypto'
import type { Clock, ClockTimer, HealthReason, Logger } from '../core/index.ts'
import type { RedisAccess } from './cache-parts.ts'
import type { MemoryTier } from './l1/memory-tier.ts'
import { type Found, Lookup } from './lookup.ts'
import type { CacheMetrics } from './metrics.ts'
import type { ResolvedOptions } from './options.ts'
import { encodePayload } from './payload.ts'
import { Coherence } from './redis/coherence.ts'
import { Journal } from './redis/journal.ts'
import { RedisLink } from './redis/link.ts'
import { createConnectionFactory, type IoRedisLike } from './redis/port.ts'
import { RemoteTier, redisNames } from './redis/remote-tier.ts'
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

/** Everything that needs Redis, wired: the data connection with its breaker, the invalidation channel, the journal, leases and reads. */
export class RedisSide {
  readonly tier: RemoteTier
  readonly turns: Turns
  /** For features beside the cache. */
  readonly access: RedisAccess
  readonly #link: RedisLink
  readonly #coherence: Coherence
  readonly #lookup: Lookup
  readonly #journal = new Journal()
  readonly #parts: SharedParts
  readonly #events: RedisSideEvents
  #replaying: Promise<void> | undefined
  #retryTimer: ClockTimer | undefined

  /** Connects nothing yet. @throws HF_REDIS_CLIENT_MISSING */
  constructor(redis: string | IoRedisLike, options: ResolvedOptions, parts: SharedParts, events: RedisSideEvents) {
    this.#parts = parts
    this.#events = events
    const { clock, metrics } = parts
    const connect = createConnectionFactory(redis, parts.random)
    const names = redisNames(options.namespace)
    const senderId = randomBytes(8).toString('hex')
    const mayKeepVersions = (): boolean => this.#coherence.isTrusted && this.#coherence.mode === 'tracking'
    this.#link = new RedisLink(connect('holdfast-cache'), {
      ...parts,
      budgetMs: options.redisBudgetMs,
      onOpen: lostConnection => this.#onOpen(lostConnection),
      onHeal: () => this.#onHeal(),
      onUsable: () => this.#onUsable(),
    })
    this.#coherence = new Coherence(connect('holdfast-cache-invalidation'), {
      ...parts,
      ...names,
      link: this.#link,
      senderId,
      forcePubsub: options.coherence === 'pubsub',
      events: { ...events, onTrustChanged: () => this.#reportState() },
    })
    this.tier = new RemoteTier({
      clock,
      metrics,
      names,
      senderId,
      link: this.#link,
      journal: this.#journal,
      needsMessages: () => this.#coherence.mode === 'pubsub',
      onRefused: () => this.#retryLater(),
    })
    this.#lookup = new Lookup({ ...parts, remote: this.tier, mayKeepVersions })
    this.turns = new Turns({ clock, metrics, tier: this.tier, lookup: this.#lookup, mayKeepVersions })
    const link = this.#link
    this.access = {
      get isUsable() {
        return link.isUsable
      },
      serverNowMs: () => link.serverNowMs(),
      run: (script, keys, args) => link.run('control', script, keys, args),
      send: (command, args) => link.send('control', command, args),
      connect,
    }
  }

  get isUsable(): boolean {
    return this.#link.isUsable
  }

  get problem(): HealthReason | undefined {
    return this.#link.problem ?? this.#coherence.problem
  }

  get coherence(): 'none' | 'tracking' | 'pubsub' {
    return this.#coherence.isTrusted ? this.#coherence.mode : 'none'
  }

  get journaledCount(): number {
    return this.#journal.size
  }

  /** Resolves when Redis is usable, or failed for the first time, or after `limitMs`. Never rejects. */
  async start(limitMs: number): Promise<void> {
    this.#coherence.start()
    await this.#link.start(limitMs)
  }

  /** Tries once to send what the journal holds, then closes the connections. */
  async stop(): Promise<void> {
    this.#retryTimer?.cancel()
    if (this.isUsable && this.#journal.size > 0) await this.#replay().catch(() => undefined)
    this.#coherence.stop()
    this.#link.stop()
  }

  /** What Redis holds; `undefined` when it cannot be asked. */
  find(key: string): Promise<Found> | undefined {
    return this.isUsable ? this.#lookup.find(key) : undefined
  }

  /** Writes a value; false when it was not written, and the key was noted for deletion instead. Never rejects. */
  async write(key: string, stored: StoredValue, { ttlMs, aliveMs, compressFromBytes }: WriteLife, tags: TagSnapshot): Promise<boolean> {
    const names = tags.cells.map(cell => cell.tag)
    const versions: (number | undefined)[] = await this.tier.ensuredVersions(names).catch(() => [undefined])
    const serverNowMs = this.tier.serverNowMs()
    const versioned = versions.includes(undefined) ? undefined : names.map((tag, i) => ({ tag, version: versions[i]! }))
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

  /** The key changed, here or elsewhere. */
  onKeyChanged(key: string): void {
    this.#lookup.taint(key)
    this.turns.wake(key)
  }

  onEverythingChanged(): void {
    this.#lookup.taintAll()
    this.turns.wakeAll()
  }

  #onOpen(lostConnection: boolean): void {
    if (lostConnection) this.#coherence.onDataConnectionLost()
    this.#reportState()
  }

  async #onHeal(): Promise<void> {
    // First what we owe the others, then our own ears, then business.
    while (this.#journal.size > 0) await this.#replay()
    await this.#withinBudget(this.#coherence.arm())
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

  #onUsable(): void {
    this.#reportState()
    // Noted in the moment between the replay and now.
    if (this.#journal.size > 0) void this.#replay().catch(() => this.#retryLater())
  }

  #replay(): Promise<void> {
    this.#replaying ??= this.tier.replay().finally(() => {
      this.#replaying = undefined
    })
    return this.#replaying
  }

  #retryLater(): void {
    this.#parts.metrics.errors.bind('write_refused').add()
    this.#retryTimer?.cancel()
    this.#retryTimer = this.#parts.clock.after(RETRY_REFUSED_MS, () => {
      if (this.isUsable && this.#journal.size > 0) this.#replay().catch(() => this.#retryLater())
    })
  }

  #reportState(): void {
    this.#events.onStateChanged(this.#coherence.isTrusted || !this.#link.isUsable)
  }
}
