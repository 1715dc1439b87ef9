import type { Clock, ClockTimer, Logger } from '../core/index.ts'
import type { Registry } from '../telemetry/index.ts'
import type { RedisAccess } from './cache-parts.ts'
import { cacheErrors } from './errors.ts'
import { toCodedError } from './redis/fault.ts'
import { type IoRedisLike, limitHandshake } from './redis/port.ts'

/** Options of a subscription. */
export interface SubscribeOptions {
  /** Called when messages may have been lost: the connection was away, and the subscription stands again. Read the state anew then. */
  onGap?(): void
}

/** What is told of each message. What it throws is logged and counted, and reaches nobody else. */
export type MessageHandler = (message: string, channel: string) => void

/** What messages need. */
export interface MessagesDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly registry: Registry
  readonly namespace: string
  /** Absent: messages stay in this process. */
  readonly redis: RedisAccess | undefined
  /** Counts a trouble that callers do not see. */
  onProblem(kind: 'message_handler' | 'message_gap'): void
}

interface Subscription {
  readonly handler: MessageHandler
  readonly options: SubscribeOptions
  /** Ends the wait for Redis' word; gone when it stands. */
  onStanding: (() => void) | undefined
}

/** Subscriptions of one process, and the length of one message. */
const MAX_SUBSCRIPTIONS = 10_000
const MAX_MESSAGE_LENGTH = 1_048_576
const MAX_CHANNEL_LENGTH = 255
/** How long a new subscription waits for Redis. */
const SUBSCRIBE_LIMIT_MS = 2000
/** Pause between heartbeats, and the silence after which the connection is given up: what a half-open socket can hide. */
const PING_MS = 1000
const SILENCE_MS = 2000

/** Messages between processes, at most once: who does not listen at the moment does not get it. On a connection of its own, made with the first
 *  subscription, so that a flood of messages does not hold invalidations up. */
export class Messages {
  readonly #deps: MessagesDeps
  readonly #prefix: string
  readonly #channels = new Map<string, Set<Subscription>>()
  readonly #count: (direction: 'in' | 'out') => void
  #client: IoRedisLike | undefined
  #isStanding = false
  #isStopped = false
  #subscriptionCount = 0
  #pingTimer: ClockTimer | undefined

  constructor(deps: MessagesDeps) {
    this.#deps = deps
    this.#prefix = `hf:${deps.namespace}:m:`
    const family = deps.registry.counter({ name: 'holdfast_cache_messages', help: 'Messages published and received.', labels: ['direction'] })
    const [received, published] = [family.bind('in'), family.bind('out')]
    this.#count = direction => (direction === 'in' ? received : published).add()
  }

  async publish(channel: string, message: string): Promise<void> {
    checkChannel(channel)
    if (typeof message !== 'string' || message.length > MAX_MESSAGE_LENGTH) {
      const found = typeof message === 'string' ? `${message.length} characters` : typeof message
      throw cacheErrors.create(
        'HF_CACHE_MESSAGE_INVALID',
        `the message for ${JSON.stringify(channel)} is ${found} (limit ${MAX_MESSAGE_LENGTH} characters)`,
      )
    }
    const { redis } = this.#deps
    if (redis === undefined) {
      queueMicrotask(() => this.#deliver(channel, message))
    } else {
      await redis
        .send('publish', [this.#prefix + channel, message])
        .catch(error => Promise.reject(toCodedError(error, `publishing to ${JSON.stringify(channel)}`)))
    }
    this.#count('out')
  }

  async subscribe(channel: string, handler: MessageHandler, options: SubscribeOptions): Promise<() => void> {
    checkChannel(channel)
    if (this.#subscriptionCount >= MAX_SUBSCRIPTIONS) {
      throw cacheErrors.create('HF_CACHE_SUBSCRIPTIONS_FULL', `${this.#subscriptionCount} subscriptions (limit ${MAX_SUBSCRIPTIONS})`)
    }
    const subscription: Subscription = { handler, options, onStanding: undefined }
    const subscriptions = this.#channels.get(channel) ?? new Set()
    this.#channels.set(channel, subscriptions.add(subscription))
    this.#subscriptionCount++
    const unsubscribe = (): void => this.#remove(channel, subscription)
    try {
      if (this.#deps.redis !== undefined) await this.#untilStanding(channel, subscription, this.#deps.redis)
    } catch (error) {
      unsubscribe()
      throw error
    }
    return unsubscribe
  }

  stop(): void {
    this.#isStopped = true
    this.#pingTimer?.cancel()
    this.#client?.disconnect()
    this.#channels.clear()
  }

  #remove(channel: string, subscription: Subscription): void {
    const subscriptions = this.#channels.get(channel)
    if (!subscriptions?.delete(subscription)) return
    this.#subscriptionCount--
    if (subscriptions.size > 0) return
    this.#channels.delete(channel)
    if (this.#isStanding) this.#client?.callBuffer('unsubscribe', [this.#prefix + channel]).catch(() => undefined)
  }

  #untilStanding(channel: string, subscription: Subscription, redis: RedisAccess): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#deps.clock.after(SUBSCRIBE_LIMIT_MS, () => {
        const why = this.#isStopped ? 'the cache is stopped' : `Redis did not confirm it within ${SUBSCRIBE_LIMIT_MS} ms`
        reject(cacheErrors.create('HF_CACHE_REDIS_AWAY', `the subscription to ${JSON.stringify(channel)}: ${why}`))
      })
      subscription.onStanding = () => {
        timer.cancel()
        subscription.onStanding = undefined
        resolve()
      }
      if (this.#isStopped) return
      this.#client ??= this.#connect(redis)
      // Else the connection asks for all channels as soon as it is there.
      if (this.#isStanding) this.#ask([channel], this.#client).catch(() => undefined)
    })
  }

  #connect(redis: RedisAccess): IoRedisLike {
    const client = redis.connect('holdfast-cache-messages')
    limitHandshake(client, this.#deps.clock)
    client.on('error', () => undefined)
    client.on('close', () => {
      this.#isStanding = false
      this.#pingTimer?.cancel()
    })
    client.on('ready', () => void this.#onReady(client))
    client.on('messageBuffer', ((name: Buffer, message: Buffer) =>
      this.#deliver(name.toString().slice(this.#prefix.length), message.toString())) as never)
    client.connect().catch(() => undefined)
    return client
  }

  async #onReady(client: IoRedisLike): Promise<void> {
    const interrupted = [...this.#channels.values()].flatMap(subscriptions => [...subscriptions].filter(({ onStanding }) => onStanding === undefined))
    try {
      await this.#ask([...this.#channels.keys()], client)
    } catch {
      // Closed again, or no permission: the next connection asks again.
      client.disconnect(true)
      return
    }
    if (this.#isStopped) return
    this.#isStanding = true
    // Those that came while it was asked.
    const late = [...this.#channels].filter(([, subscriptions]) => [...subscriptions].some(({ onStanding }) => onStanding !== undefined))
    if (late.length > 0)
      this.#ask(
        late.map(([channel]) => channel),
        client,
      ).catch(() => undefined)
    this.#schedulePing(client)
    for (const { options } of interrupted) {
      this.#deps.onProblem('message_gap')
      if (options.onGap !== undefined) this.#guard('onGap', options.onGap)
    }
  }

  async #ask(channels: readonly string[], client: IoRedisLike): Promise<void> {
    if (channels.length === 0) return
    const asked = channels.flatMap(channel => [...(this.#channels.get(channel) ?? [])])
    await client.callBuffer(
      'subscribe',
      channels.map(channel => this.#prefix + channel),
    )
    for (const { onStanding } of asked) onStanding?.()
  }

  #schedulePing(client: IoRedisLike): void {
    this.#pingTimer?.cancel()
    this.#pingTimer = this.#deps.clock.after(PING_MS, () => {
      const silence = this.#deps.clock.after(SILENCE_MS, () => client.disconnect(true))
      client.callBuffer('ping', []).then(
        () => {
          silence.cancel()
          if (this.#isStanding && !this.#isStopped) this.#schedulePing(client)
        },
        () => silence.cancel(),
      )
    })
  }

  #deliver(channel: string, message: string): void {
    for (const { handler } of [...(this.#channels.get(channel) ?? [])]) {
      this.#count('in')
      this.#guard(channel, () => handler(message, channel))
    }
  }

  #guard(what: string, work: () => unknown): void {
    const report = (error: unknown): void => {
      this.#deps.onProblem('message_handler')
      this.#deps.logger.warn({ err: error, what }, 'cache: the handler of a message failed')
    }
    try {
      const returned = work()
      if (returned instanceof Promise) returned.catch(report)
    } catch (error) {
      report(error)
    }
  }
}

function checkChannel(channel: unknown): void {
  if (typeof channel === 'string' && channel.length > 0 && channel.length <= MAX_CHANNEL_LENGTH) return
  throw cacheErrors.create('HF_CACHE_MESSAGE_INVALID', `the channel is not a string of 1 to ${MAX_CHANNEL_LENGTH} characters`)
}
