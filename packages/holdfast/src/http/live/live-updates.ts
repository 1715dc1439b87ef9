import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type CacheParts, findParts } from '../../cache/cache-parts.ts'
import type { TieredCache } from '../../cache/index.ts'
import {
  type ClockTimer,
  collectConfigProblems,
  createLifecycle,
  type Duration,
  type Lifecycle,
  parseDurationMs,
  parseSizeBytes,
  type Size,
} from '../../core/index.ts'
import { httpErrors } from '../errors.ts'
import { EventBuffer } from './event-buffer.ts'
import { checkChannel, createLiveEvent, formatLiveEvent, frameOf, type LiveEvent, parseLiveEvent } from './live-event.ts'
import { createLiveMetrics, type LeaveReason, type LiveMetrics } from './live-metrics.ts'
import { EVENT_STREAM_HEADERS, type LiveSink, nodeSink, streamSink } from './live-sinks.ts'

/** Options of {@link createLiveUpdates}. */
export interface LiveOptions<Asking> {
  /** Sets these updates apart from others, in Redis and in metrics: 1 to 32 letters, digits, `-` or `_`. */
  readonly name: string
  /** Whether who asks may hear this. Asked once for each connection; only `true` lets in, and what it throws or rejects with lets nobody in. There is no
   *  default: nobody is let in who was not asked about. */
  readonly authorize: (asking: Asking, subscription: LiveSubscription) => boolean | Promise<boolean>
  /** Clients of this process at a time. Default 1,000. */
  readonly maxClients?: number
  /** Events kept for clients that come back, in each process; at most 1 MB of them. Default 1,000. */
  readonly bufferSize?: number
  /** What may wait for a client that reads slowly before it is cut off. Default `'64kb'`. */
  readonly maxUnread?: Size
  /** A comment goes out at this pace, so that proxies keep the connection and a dead one is noticed. Default `'15s'`. */
  readonly heartbeat?: Duration
  /** A connection ends after this long. The client comes back by itself, goes on where it was, and is authorised anew. Default `'30m'`. */
  readonly maxAge?: Duration
}

/** What a client hears. The service names it, not the client. */
export interface LiveSubscription {
  /** Channels, as named to `publish`. */
  readonly channels?: readonly string[]
  /** Tags of the cache: an event `invalidated` with `{"tag":"lead:7"}` each time one is dropped, at least once. */
  readonly tags?: readonly string[]
}

/** Server-sent events (HTML 9.2) to the clients of all processes of one Redis. */
export interface LiveUpdates<Asking> extends Lifecycle {
  /** Tells all who hear the channel, in every process. Resolves when Redis has it; while Redis is away, when this process has told its own clients. At most
   *  once for each client, and kept for those who come back. 1 Redis round trip. @throws HF_HTTP_LIVE_INVALID */
  publish(channel: string, event: string, data: unknown): Promise<void>
  /** Answers a request of node by the stream. @throws HF_HTTP_LIVE_FORBIDDEN, HF_HTTP_LIVE_FULL, HF_HTTP_LIVE_INVALID as rejections, before anything is sent */
  serve(request: IncomingMessage & Asking, response: ServerResponse, subscription: LiveSubscription): Promise<void>
  /** The same for the Fetch API. */
  respond(request: Request & Asking, subscription: LiveSubscription): Promise<Response>
  clientCount(): number
}

interface Client {
  readonly sink: LiveSink
  readonly channels: ReadonlySet<string>
  readonly tags: ReadonlySet<string>
  readonly expiresAtMs: number
}

const BUFFER_LIMIT_BYTES = 1024 * 1024
/** What a client waits before it comes back; a fleet of clients spreads over it by itself, because they do not lose their connections in one moment. */
const RETRY_MS = 2000
const HEARTBEAT_FRAME = Buffer.from(':\n\n')
/** Tells a client that events may have passed it by: read the state anew. */
const RESET_FRAME = frameOf({ event: 'reset', data: '{}' })

/** Makes live updates over the messages of a cache. `start` subscribes, at most 2 s long, and again where Redis is away; the cache's stop ends them, and so does
 *  `stop`, which a server that waits for its connections calls first. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createLiveUpdates<Asking = object>(options: LiveOptions<Asking>, cache: TieredCache): LiveUpdates<Asking> {
  return new Live(resolve(options), cache)
}

class Live<Asking> implements LiveUpdates<Asking> {
  readonly #options: ResolvedOptions<Asking>
  readonly #cache: TieredCache
  readonly #parts: CacheParts
  readonly #metrics: LiveMetrics
  readonly #buffer: EventBuffer
  readonly #clients = new Set<Client>()
  readonly #lifecycle: Lifecycle
  /** Ids are unique over all processes; their order is that in which Redis sends them. */
  readonly #origin = randomBytes(6).toString('hex')
  #sequence = 0
  #heartbeat: ClockTimer | undefined
  #unsubscribe: (() => void) | undefined
  #retry: ClockTimer | undefined
  #isStopped = false
  #openingCount = 0

  constructor(options: ResolvedOptions<Asking>, cache: TieredCache) {
    this.#options = options
    this.#cache = cache
    this.#parts = findParts(cache)
    this.#metrics = createLiveMetrics(this.#parts.registry, options.name, () => this.#clients.size)
    this.#buffer = new EventBuffer(options.bufferSize, BUFFER_LIMIT_BYTES)
    const onTag = (tag: string): void => this.#onTag(tag)
    this.#lifecycle = createLifecycle({
      name: `live updates ${options.name}`,
      clock: this.#parts.clock,
      start: async () => {
        this.#parts.stopFirst.add(this.#lifecycle.stop)
        this.#parts.onTagChanged.add(onTag)
        await this.#subscribe()
      },
      stop: async () => {
        this.#isStopped = true
        this.#parts.stopFirst.delete(this.#lifecycle.stop)
        this.#parts.onTagChanged.delete(onTag)
        this.#heartbeat?.cancel()
        this.#retry?.cancel()
        this.#unsubscribe?.()
        for (const client of [...this.#clients]) this.#leave(client, 'stopped')
        this.#metrics.stop()
      },
    })
  }

  /** Resolves also while Redis is away: it is asked again, and what other processes sent meanwhile is a gap. */
  async #subscribe(): Promise<void> {
    try {
      const unsubscribe = await this.#cache.subscribe(this.#messageChannel, message => this.#onMessage(message), { onGap: () => this.#onGap() })
      if (this.#isStopped) unsubscribe()
      else this.#unsubscribe = unsubscribe
    } catch (error) {
      this.#parts.logger.warn({ err: error, live: this.#options.name }, 'live updates: events of other processes are not heard yet')
      if (this.#isStopped) return
      this.#retry = this.#parts.clock.after(RETRY_MS, () => void this.#subscribe().then(() => this.#unsubscribe && this.#onGap()))
    }
  }

  get #messageChannel(): string {
    return `live:${this.#options.name}`
  }

  start(): Promise<void> {
    return this.#lifecycle.start()
  }

  stop(): Promise<void> {
    return this.#lifecycle.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lifecycle.stop()
  }

  clientCount(): number {
    return this.#clients.size
  }

  async publish(channel: string, event: string, data: unknown): Promise<void> {
    const made = createLiveEvent(`${this.#origin}-${(this.#sequence++).toString(36)}`, channel, event, data)
    this.#metrics.published.add()
    try {
      await this.#cache.publish(this.#messageChannel, formatLiveEvent(made))
    } catch {
      this.#metrics.local.add()
      this.#deliver(made)
    }
  }

  async serve(request: IncomingMessage & Asking, response: ServerResponse, subscription: LiveSubscription): Promise<void> {
    const lastId = request.headers['last-event-id']
    await this.#admit(request, subscription, Array.isArray(lastId) ? lastId[0] : lastId, onClose =>
      response.destroyed ? undefined : nodeSink(response, this.#options.maxUnreadBytes, onClose),
    )
  }

  async respond(request: Request & Asking, subscription: LiveSubscription): Promise<Response> {
    let body: ReadableStream<Uint8Array> | undefined
    await this.#admit(request, subscription, request.headers.get('last-event-id') ?? undefined, onClose => {
      const made = streamSink(this.#options.maxUnreadBytes, onClose)
      body = made.body
      return made.sink
    })
    return new Response(body ?? null, { headers: EVENT_STREAM_HEADERS })
  }

  async #admit(
    asking: Asking,
    subscription: LiveSubscription,
    lastId: string | undefined,
    open: (onClose: () => void) => LiveSink | undefined,
  ): Promise<void> {
    const channels = new Set((subscription.channels ?? []).map(checkChannel))
    const tags = new Set((subscription.tags ?? []).map(checkChannel))
    const { maxClients, maxAgeMs } = this.#options
    if (this.#isStopped || this.#clients.size + this.#openingCount >= maxClients) {
      this.#metrics.refused('full')
      throw httpErrors.create('HF_HTTP_LIVE_FULL', `${this.#clients.size} clients receive ${this.#options.name} (limit ${maxClients})`)
    }
    this.#openingCount++
    try {
      if (!(await this.#isAllowed(asking, subscription))) {
        this.#metrics.refused('forbidden')
        throw httpErrors.create('HF_HTTP_LIVE_FORBIDDEN', `this client may not receive ${this.#options.name}`)
      }
    } finally {
      this.#openingCount--
    }
    const sink = open(() => this.#leave(client, 'closed'))
    if (sink === undefined || this.#isStopped) return sink?.end(false)
    const client: Client = { sink, channels, tags, expiresAtMs: this.#parts.clock.monotonicMs() + maxAgeMs }
    this.#clients.add(client)
    this.#armHeartbeat()
    this.#send(client, this.#opening(client, lastId))
  }

  async #isAllowed(asking: Asking, subscription: LiveSubscription): Promise<boolean> {
    try {
      return (await this.#options.authorize(asking, subscription)) === true
    } catch (error) {
      this.#parts.logger.warn({ err: error, live: this.#options.name }, 'live updates: a client was refused because its authorisation failed')
      return false
    }
  }

  /** In one piece, so that what a client missed is not held back behind the settings. */
  #opening(client: Client, lastId: string | undefined): Buffer {
    const settings = Buffer.from(`retry: ${RETRY_MS}\n\n`)
    if (lastId === undefined || lastId === '') return settings
    const missed = this.#buffer.after(lastId)
    if (missed === undefined) return Buffer.concat([settings, RESET_FRAME])
    const frames = missed.filter(({ channel }) => client.channels.has(channel)).map(({ frame }) => frame)
    // What was dropped meanwhile is not kept.
    return Buffer.concat([settings, ...frames, ...(client.tags.size > 0 ? [RESET_FRAME] : [])])
  }

  #onMessage(message: string): void {
    const event = parseLiveEvent(message)
    if (event !== undefined) this.#deliver(event)
  }

  #deliver(event: LiveEvent): void {
    if (this.#isStopped) return
    const frame = frameOf(event)
    this.#buffer.add({ id: event.id, channel: event.channel, frame })
    for (const client of [...this.#clients]) if (client.channels.has(event.channel)) this.#send(client, frame)
  }

  #onTag(tag: string): void {
    let frame: Buffer | undefined
    for (const client of [...this.#clients]) {
      if (!client.tags.has(tag)) continue
      frame ??= frameOf({ event: 'invalidated', data: JSON.stringify({ tag }) })
      this.#send(client, frame)
    }
  }

  /** The connection to Redis was away. */
  #onGap(): void {
    this.#metrics.gaps.add()
    this.#buffer.clear()
    for (const client of [...this.#clients]) this.#send(client, RESET_FRAME)
  }

  #send(client: Client, frame: Buffer): void {
    if (!client.sink.write(frame)) this.#leave(client, 'slow')
  }

  #leave(client: Client, reason: LeaveReason): void {
    if (!this.#clients.delete(client)) return
    this.#metrics.left(reason)
    if (reason !== 'closed') client.sink.end(reason === 'slow')
  }

  #armHeartbeat(): void {
    this.#heartbeat ??= this.#parts.clock.after(this.#options.heartbeatMs, () => {
      this.#heartbeat = undefined
      const nowMs = this.#parts.clock.monotonicMs()
      for (const client of [...this.#clients]) {
        if (nowMs >= client.expiresAtMs) this.#leave(client, 'expired')
        else this.#send(client, HEARTBEAT_FRAME)
      }
      if (this.#clients.size > 0 && !this.#isStopped) this.#armHeartbeat()
    })
  }
}

interface ResolvedOptions<Asking> extends Pick<LiveOptions<Asking>, 'name' | 'authorize'> {
  readonly maxClients: number
  readonly bufferSize: number
  readonly maxUnreadBytes: number
  readonly heartbeatMs: number
  readonly maxAgeMs: number
}

function resolve<Asking>(options: LiveOptions<Asking>): ResolvedOptions<Asking> {
  const { name, authorize, maxClients = 1000, bufferSize = 1000, maxUnread = '64kb', heartbeat = '15s', maxAge = '30m' } = options
  const problems = collectConfigProblems()
  if (!/^[\w-]{1,32}$/.test(name)) problems.add('name', 'must be 1 to 32 letters, digits, "-" or "_"')
  if (typeof authorize !== 'function') problems.add('authorize', 'must be a function that says who may listen')
  for (const [option, value] of Object.entries({ maxClients, bufferSize })) {
    if (!(Number.isSafeInteger(value) && value >= 1 && value <= 100_000))
      problems.add(option, `must be a whole number from 1 to 100,000, is ${value}`)
  }
  const resolved = {
    ...{ name, authorize, maxClients, bufferSize },
    maxUnreadBytes: problems.attempt('maxUnread', () => parseSizeBytes(maxUnread), 1),
    heartbeatMs: problems.attempt('heartbeat', () => parseDurationMs(heartbeat), 1),
    maxAgeMs: problems.attempt('maxAge', () => parseDurationMs(maxAge), 1),
  }
  problems.throwIfAny('createLiveUpdates()')
  return resolved
}
