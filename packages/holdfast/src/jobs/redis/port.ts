import { createRequire } from 'node:module'
import { jobsErrors } from '../errors.ts'

/** The part of an ioredis client (5.3 to 6) used here. A client that you pass is never used itself: it is duplicated, so its options, its
 *  subscriptions and its end stay yours. */
export interface JobsRedisClient {
  readonly status: string
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  call(command: string, ...args: (string | number)[]): Promise<unknown>
  pipeline(commands: unknown[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
  duplicate(override?: object): JobsRedisClient
  on(event: string, listener: (...args: never[]) => void): unknown
}

/** The part of an ioredis `Cluster` (5.3 to 6) used here. All keys of a namespace are in one slot, so they lie on one member: a cluster gives the jobs another server when
 *  theirs fails, and no more room. It is duplicated too. */
export interface JobsRedisCluster {
  readonly isCluster: boolean
  duplicate(startupNodes?: never[], override?: object): unknown
  nodes(role: 'master'): readonly Pick<JobsRedisClient, 'call'>[]
}

/** How to reach the Redis of the jobs: a URL (`redis://`, `rediss://`), or an ioredis client, also one with sentinels, or `Cluster`, which is duplicated. */
export type JobsRedisOption = string | JobsRedisClient | JobsRedisCluster

/** What a client is made with. */
type ClientOptions = Readonly<Record<string, unknown>>

/** True for a client that leads to several servers. */
export function isCluster(redis: JobsRedisOption): redis is JobsRedisCluster {
  return typeof redis !== 'string' && 'isCluster' in redis && redis.isCluster === true
}

/** Makes a client that is not connected yet. @throws HF_JOBS_BULLMQ_MISSING */
export function openClient(
  redis: JobsRedisOption,
  options: ClientOptions,
  require: (name: string) => unknown = createRequire(import.meta.url),
): JobsRedisClient {
  if (isCluster(redis)) return openCluster(redis, options)
  if (typeof redis !== 'string') return redis.duplicate({ ...options, lazyConnect: true })
  try {
    const { Redis } = require('ioredis') as { Redis: new (url: string, options: object) => JobsRedisClient }
    return new Redis(redis, { ...options, lazyConnect: true })
  } catch (cause) {
    throw jobsErrors.create('HF_JOBS_BULLMQ_MISSING', 'ioredis could not be loaded', { cause })
  }
}

/** A cluster keeps the settings of its members apart from its own. */
function openCluster(cluster: JobsRedisCluster, { retryStrategy, ...redisOptions }: ClientOptions): JobsRedisClient {
  const { enableOfflineQueue = true } = redisOptions
  const own = { lazyConnect: true, enableOfflineQueue, clusterRetryStrategy: retryStrategy, redisOptions }
  return cluster.duplicate([], own) as JobsRedisClient
}
