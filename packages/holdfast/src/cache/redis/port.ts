import { createRequire } from 'node:module'
import { type Clock, type ClockTimer, collectConfigProblems } from '../../core/index.ts'
import { cacheErrors } from '../errors.ts'

/** An argument of a Redis command. */
export type RedisArg = string | Buffer | number

/** The part of an ioredis client (5.3 to 6) used here. A client that you pass is never used itself: it is duplicated, so its options, its
 *  subscriptions and its end stay yours. */
export interface IoRedisLike {
  readonly status: string
  connect(): Promise<void>
  disconnect(reconnect?: boolean): void
  callBuffer(command: string, args: RedisArg[]): Promise<unknown>
  duplicate(override?: object): IoRedisLike
  on(event: string, listener: (...args: never[]) => void): unknown
}

/** Makes one more connection to the same Redis, not yet connected. */
export type ConnectionFactory = (name: string) => IoRedisLike

/** First pause before a reconnect, doubled up to the last. */
const RETRY_FIRST_MS = 50
const RETRY_LAST_MS = 1000

/** Checks what was given for Redis. @throws HF_CONFIG_INVALID */
export function checkRedis(redis: unknown): void {
  if (redis === undefined) return
  const problems = collectConfigProblems()
  const client = redis as Partial<Record<'callBuffer' | 'duplicate' | 'isCluster', unknown>>
  if (typeof redis === 'string') {
    if (!/^rediss?:\/\//.test(redis)) problems.add('redis', 'must be a URL that starts with redis:// or rediss://')
  } else if (client?.isCluster === true) {
    problems.add('redis', 'is a Redis Cluster client, which the cache does not support yet; give it a single primary')
  } else if (typeof client?.callBuffer !== 'function' || typeof client.duplicate !== 'function') {
    problems.add('redis', 'must be a URL or an ioredis client')
  }
  problems.throwIfAny('cache options')
}

/** Prepares connecting to `redis`, a URL or a client to duplicate.
 *  @throws HF_REDIS_CLIENT_MISSING when a URL is given and ioredis cannot be loaded. */
export function createConnectionFactory(redis: string | IoRedisLike, random: () => number): ConnectionFactory {
  const optionsFor = (connectionName: string): object => ({
    connectionName,
    lazyConnect: true,
    // A command that cannot be sent now must fail now: the caller has a database to ask.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: 1000,
    // A frozen peer never answers the FIN; after this the socket is destroyed.
    disconnectTimeout: 50,
    // ioredis 6 drops RESP3 invalidation pushes.
    protocol: 2,
    keyPrefix: '',
    retryStrategy: (attempt: number) => Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** Math.min(attempt - 1, 10)) * (0.75 + random() / 2),
  })
  if (typeof redis !== 'string') return name => redis.duplicate(optionsFor(name))
  const Redis = loadIoRedis()
  return name => new Redis(redis, optionsFor(name))
}

/** Longest time from an open socket to an answered handshake. ioredis has no such limit: a peer that accepts and says nothing would hold it for ever. */
const HANDSHAKE_LIMIT_MS = 2000

/** Gives a connection up whose handshake is not answered, so that the next attempt can find a Redis that does. */
export function limitHandshake(client: IoRedisLike, clock: Clock): void {
  let timer: ClockTimer | undefined
  client.on('connect', () => {
    timer?.cancel()
    timer = clock.after(HANDSHAKE_LIMIT_MS, () => client.disconnect(true))
  })
  for (const event of ['ready', 'close']) client.on(event, () => timer?.cancel())
}

/** A client's constructor. */
type IoRedisClass = new (url: string, options: object) => IoRedisLike

/** Loaded on first use and at once, because the package is an optional peer and a missing one is a mistake to report at construction.
 *  @throws HF_REDIS_CLIENT_MISSING */
export function loadIoRedis(require: (name: string) => unknown = createRequire(import.meta.url)): IoRedisClass {
  try {
    return (require('ioredis') as { Redis: IoRedisClass }).Redis
  } catch (cause) {
    throw cacheErrors.create('HF_REDIS_CLIENT_MISSING', 'redis is a URL, and ioredis could not be loaded', { cause })
  }
}
