import type { Clock, ClockTimer, HealthReason, Logger } from '../../core/index.ts'
import { RedisFault, toFault } from './fault.ts'
import type { RedisLink } from './link.ts'
import { type IoRedisLike, limitHandshake } from './port.ts'
import type { RedisNames } from './redis-names.ts'
import { parseIdentity } from './server-identity.ts'

/** How processes hear of each other's writes. `tracking`: Redis reports every change by anybody. `pubsub`: Holdfast's own writes only. */
export type CoherenceMode = 'tracking' | 'pubsub'

/** What the channel tells. */
export interface CoherenceEvents {
  onKeyChanged(key: string): void
  onTagChanged(tag: string): void
  /** Somebody drops what matches. */
  onPatternDropped(glob: string): void
  /** Everything may have changed. Called before the channel is trusted, and when Redis was flushed. */
  onEverythingChanged(): void
  onTrustChanged(isTrusted: boolean): void
}

/** What a channel needs. */
export interface CoherenceDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly link: RedisLink
  readonly names: RedisNames
  /** Messages reach every member of a cluster; only those about keys of this server count. */
  isMine(redisKey: string): boolean
  /** Marks our own messages. */
  readonly senderId: string
  /** Skips the probe for tracking. */
  readonly forcePubsub: boolean
  readonly events: CoherenceEvents
}

/** Pause between heartbeats, and the silence after which the channel is not trusted. Together with one round trip they bound how long a change may go unheard. */
const PING_MS = 250
const SILENCE_MS = 500
/** Memory is flushed when the channel stays untrusted this long, so that an outage of all of Redis does not bring old entries back. */
const UNTRUSTED_FLUSH_MS = 1000
/** Arming that takes longer has met a connection that is open and dead. */
const ARM_LIMIT_MS = 1000
const ARM_RETRY_MS = 250
const INVALIDATE_CHANNEL = '__redis__:invalidate'

/** The invalidation channel of one process: a dedicated connection, armed anew after every reconnect of either connection, proved alive by heartbeats. */
export class Coherence {
  readonly #client: IoRedisLike
  readonly #deps: CoherenceDeps
  #mode: CoherenceMode = 'tracking'
  #isTrusted = false
  #isStopped = false
  #isSubscribed = false
  #redirectId = 0
  #arming: Promise<void> | undefined
  #pingTimer: ClockTimer | undefined
  #flushTimer: ClockTimer | undefined
  #retryTimer: ClockTimer | undefined
  #problem: HealthReason | undefined

  constructor(client: IoRedisLike, deps: CoherenceDeps) {
    this.#client = client
    this.#deps = deps
    if (deps.forcePubsub) this.#mode = 'pubsub'
    limitHandshake(client, deps.clock)
    client.on('error', (() => this.#distrust('the invalidation connection failed')) as never)
    client.on('close', () => {
      this.#isSubscribed = false
      this.#distrust('the invalidation connection closed')
    })
    client.on('ready', () => void this.arm())
    client.on('messageBuffer', ((channel: Buffer, message: Buffer | readonly Buffer[] | null) =>
      this.#onMessage(channel.toString(), message)) as never)
  }

  get isTrusted(): boolean {
    return this.#isTrusted
  }

  get mode(): CoherenceMode {
    return this.#mode
  }

  /** Why memory is not used although Redis answers. */
  get problem(): HealthReason | undefined {
    return this.#problem
  }

  /** Begins connecting and does not wait for it. */
  start(): void {
    this.#client.connect().catch(() => undefined)
  }

  stop(): void {
    this.#isStopped = true
    this.#isTrusted = false
    this.#pingTimer?.cancel()
    this.#flushTimer?.cancel()
    this.#retryTimer?.cancel()
    this.#client.disconnect()
  }

  /** The data connection was lost, and with it the tracking that was switched on over it. */
  onDataConnectionLost(): void {
    this.#distrust('the data connection was lost')
  }

  /** Subscribes and switches tracking on, as far as both connections are up; then memory is flushed and trusted. Does nothing when trusted already.
   *  Never rejects: what fails is tried again. */
  arm(): Promise<void> {
    if (this.#isTrusted || this.#isStopped || this.#client.status !== 'ready') return Promise.resolve()
    this.#arming ??= this.#armWithin()
    return this.#arming
  }

  async #armWithin(): Promise<void> {
    const limit = this.#deps.clock.after(ARM_LIMIT_MS, () => this.#client.disconnect(true))
    try {
      await this.#arm()
    } catch {
      this.#retryTimer?.cancel()
      this.#retryTimer = this.#deps.clock.after(ARM_RETRY_MS, () => void this.arm())
    } finally {
      limit.cancel()
      this.#arming = undefined
    }
  }

  async #arm(): Promise<void> {
    // The order matters: a connection that is subscribed may not ask for its id, and tracking that starts before the subscription would speak to nobody.
    if (!this.#isSubscribed) {
      await this.#checkServer()
      this.#redirectId = Number(await this.#client.callBuffer('client', ['id']))
      await this.#client.callBuffer('subscribe', [INVALIDATE_CHANNEL, this.#deps.names.channel])
      this.#isSubscribed = true
    }
    if (this.#mode === 'tracking') await this.#track()
    if (this.#isStopped || !this.#isSubscribed) return
    this.#deps.events.onEverythingChanged()
    this.#isTrusted = true
    this.#problem = undefined
    this.#flushTimer?.cancel()
    this.#deps.events.onTrustChanged(true)
    this.#schedulePing()
  }

  /** After a failover the two connections may lead to different servers, and the number of one means nothing to the other. */
  async #checkServer(): Promise<void> {
    const expected = this.#deps.link.identity?.runId
    if (expected === undefined) return
    const found = parseIdentity(String(await this.#client.callBuffer('info', ['server'])))?.runId
    if (found === expected) return
    this.#client.disconnect(true)
    throw new RedisFault('disconnected', 'the invalidation connection leads to another server')
  }

  async #track(): Promise<void> {
    const { link, names, logger } = this.#deps
    try {
      await link.sendUngated('control', 'client', ['tracking', 'off'])
      const prefixes = ['prefix', names.keyPrefix, 'prefix', names.tagPrefix]
      await link.sendUngated('control', 'client', ['tracking', 'on', 'redirect', this.#redirectId, 'bcast', ...prefixes, 'noloop'])
    } catch (error) {
      const fault = toFault(error)
      if (fault.kind !== 'forbidden' && fault.kind !== 'unsupported') throw fault
      this.#mode = 'pubsub'
      logger.warn({ why: fault.message }, 'cache: this Redis does not report changes; writes by others than Holdfast are seen when entries expire')
    }
  }

  #distrust(why: string): void {
    this.#pingTimer?.cancel()
    if (this.#isStopped || !this.#isTrusted) return
    this.#isTrusted = false
    this.#problem = { component: 'redis', why: `${why}; reads bypass this process's memory`, sinceMs: this.#deps.clock.nowMs() }
    this.#deps.events.onTrustChanged(false)
    this.#flushTimer?.cancel()
    this.#flushTimer = this.#deps.clock.after(UNTRUSTED_FLUSH_MS, () => {
      if (this.#deps.link.isUsable) this.#deps.events.onEverythingChanged()
    })
    // Only the data connection may have gone; then this one is still there to be armed again.
    if (this.#deps.link.isUsable) void this.arm()
  }

  #schedulePing(): void {
    this.#pingTimer?.cancel()
    this.#pingTimer = this.#deps.clock.after(PING_MS, () => {
      const silence = this.#deps.clock.after(SILENCE_MS, () => setImmediate(() => setImmediate(onSilence)))
      let isAnswered = false
      const onSilence = (): void => {
        if (isAnswered || this.#isStopped) return
        this.#client.disconnect(true)
        this.#distrust(`no heartbeat on the invalidation connection for ${SILENCE_MS} ms`)
      }
      this.#client.callBuffer('ping', []).then(
        () => {
          isAnswered = true
          silence.cancel()
          if (this.#isTrusted) this.#schedulePing()
        },
        () => silence.cancel(),
      )
    })
  }

  #onMessage(channel: string, message: Buffer | readonly Buffer[] | null): void {
    if (channel === INVALIDATE_CHANNEL) {
      if (message === null) this.#deps.events.onEverythingChanged()
      else for (const name of Array.isArray(message) ? (message as readonly Buffer[]) : [message as Buffer]) this.#onRedisKeyChanged(name.toString())
      return
    }
    if (channel !== this.#deps.names.channel || !Buffer.isBuffer(message)) return
    const text = message.toString()
    const senderEnd = text.indexOf(' ')
    if (text.slice(0, senderEnd) === this.#deps.senderId) return
    const name = text.slice(senderEnd + 1)
    const { names, events, isMine } = this.#deps
    const { patternPrefix, channel: ownChannel } = names
    // Patterns come by message in either mode: Redis' own tracking knows none.
    if (name.startsWith(patternPrefix)) {
      if (isMine(ownChannel)) events.onPatternDropped(name.slice(patternPrefix.length))
    } else if (this.#mode === 'pubsub' && isMine(name)) this.#onRedisKeyChanged(name)
  }

  #onRedisKeyChanged(name: string): void {
    const { events } = this.#deps
    const { keyPrefix, keySuffix, tagPrefix } = this.#deps.names
    if (name.startsWith(keyPrefix)) events.onKeyChanged(name.slice(keyPrefix.length, name.length - keySuffix.length))
    else if (name.startsWith(tagPrefix)) events.onTagChanged(name.slice(tagPrefix.length))
  }
}
