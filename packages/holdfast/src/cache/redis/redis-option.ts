import { type ConfigProblems, collectConfigProblems } from '../../core/index.ts'
import type { IoRedisLike } from './port.ts'

/** Servers of a Redis Cluster. User, password and TLS of the first URL hold for all members. */
export interface RedisClusterServers {
  /** URLs of one or more members, `redis://` or `rediss://`; the others are found through them. A cluster has database 0 only. */
  readonly cluster: readonly string[]
}

/** A Redis whose primary Sentinel knows. */
export interface RedisSentinelServers {
  /** URLs of the sentinels, such as `redis://10.0.0.1:26379`. User, password and TLS of the first URL are those of the sentinels. */
  readonly sentinels: readonly string[]
  /** What the sentinels call the primary, often `mymaster`. */
  readonly name: string
  /** User and password of Redis itself. Default: none. */
  readonly username?: string
  readonly password?: string
  /** Database number, 0 or more. Default 0. */
  readonly db?: number
  /** True: TLS to Redis itself. Default false. */
  readonly tls?: boolean
}

/** The part of an ioredis `Cluster` that is used: where it begins, and how it connects. It is never used itself and stays yours. */
export interface IoRedisClusterLike {
  readonly isCluster: boolean
  readonly options: object
  nodes(): readonly unknown[]
}

/** How to reach Redis. A URL (`redis://`, `rediss://`); an ioredis client, also one with sentinels, which is duplicated and stays yours; an ioredis
 *  `Cluster`, whose start-up nodes and options are taken over; or the servers of a cluster or of Sentinel. */
export type RedisOption = string | IoRedisLike | IoRedisClusterLike | RedisClusterServers | RedisSentinelServers

const SENTINEL_FIELDS: readonly string[] = ['sentinels', 'name', 'username', 'password', 'db', 'tls']

/** @throws HF_CONFIG_INVALID naming all that is wrong with it */
export function checkRedis(redis: unknown): void {
  const problems = collectConfigProblems()
  addRedisProblems(redis, problems)
  problems.throwIfAny('cache options')
}

/** Adds what is wrong with the option `redis`. */
export function addRedisProblems(redis: unknown, problems: ConfigProblems): void {
  if (redis === undefined) return
  if (typeof redis === 'string') {
    addUrlProblem(redis, 'redis', problems)
    return
  }
  const object = (typeof redis === 'object' && redis !== null ? redis : {}) as Record<string, unknown>
  if (object.isCluster === true) {
    if (typeof object.nodes !== 'function' || typeof object.options !== 'object') problems.add('redis', 'is not an ioredis Cluster')
  } else if (typeof object.callBuffer === 'function' && typeof object.duplicate === 'function') {
    // A client, which also has commands of the names below.
    return
  } else if ('cluster' in object) addServersProblems(object, 'cluster', ['cluster'], problems)
  else if ('sentinels' in object) addSentinelProblems(object, problems)
  else {
    problems.add('redis', "must be a URL, an ioredis client, { cluster: ['redis://...'] } or { sentinels: ['redis://...'], name }")
  }
}

function addSentinelProblems(option: Record<string, unknown>, problems: ConfigProblems): void {
  addServersProblems(option, 'sentinels', SENTINEL_FIELDS, problems)
  const { name, db = 0, tls = false } = option
  if (typeof name !== 'string' || name === '') problems.add('redis.name', 'must be what the sentinels call the primary, often mymaster')
  for (const field of ['username', 'password'] as const) {
    if (option[field] !== undefined && typeof option[field] !== 'string') problems.add(`redis.${field}`, 'must be a string')
  }
  if (!Number.isSafeInteger(db) || (db as number) < 0) problems.add('redis.db', 'must be a whole number of 0 or more')
  if (typeof tls !== 'boolean') problems.add('redis.tls', 'must be true or false')
}

function addServersProblems(option: Record<string, unknown>, field: string, known: readonly string[], problems: ConfigProblems): void {
  for (const key of Object.keys(option)) if (!known.includes(key)) problems.add(`redis.${key}`, `is not known beside ${field}`)
  const servers = option[field]
  if (!Array.isArray(servers) || servers.length === 0) {
    problems.add(`redis.${field}`, 'must be a list of one or more URLs')
    return
  }
  servers.forEach((url, i) => {
    const path = `redis.${field}[${i}]`
    if (addUrlProblem(url, path, problems) && !/^\/?(0?)$/.test(new URL(url).pathname)) problems.add(path, 'must name no database')
  })
}

function addUrlProblem(url: unknown, path: string, problems: ConfigProblems): url is string {
  const isUrl = typeof url === 'string' && /^rediss?:\/\//.test(url) && (path === 'redis' || URL.canParse(url))
  if (!isUrl) problems.add(path, 'must be a URL that starts with redis:// or rediss://')
  return isUrl
}
