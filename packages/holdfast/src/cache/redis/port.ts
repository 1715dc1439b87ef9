import { createRequire } from 'node:module'
import type { Clock, ClockTimer } from '../../core/index.ts'
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
  pipeline(commands: unknown[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
  on(event: string, listener: (...args: never[]) => void): unknown
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
type IoRedisClass = new (...args: [url: string, options: object] | [options: object]) => IoRedisLike

/** Loaded on first use and at once, because the package is an optional peer and a missing one is a mistake to report at construction.
 *  @throws HF_REDIS_CLIENT_MISSING */
export function loadIoRedis(require: (name: string) => unknown = createRequire(import.meta.url)): IoRedisClass {
  try {
    return (require('ioredis') as { Redis: IoRedisClass }).Redis
  } catch (cause) {
    throw cacheErrors.create('HF_REDIS_CLIENT_MISSING', 'a connection to Redis is wanted, and ioredis could not be loaded', { cause })
  }
}
