import { Redis } from 'ioredis'
import { DevServicesError, reasonOf } from '../errors.ts'
import { isSettledWithin } from '../service-child.ts'

/** How long a server that is not ours may take to answer. */
const PROBE_LIMIT_MS = 5000

/** What a server says about itself. */
export interface RedisIdentity {
  readonly version: string
  readonly flavour: 'redis' | 'valkey'
}

/** Connects and asks INFO. 1 connection. Rejects within `limitMs` with what the driver said. */
export async function identifyRedis(url: string, limitMs: number = PROBE_LIMIT_MS): Promise<RedisIdentity> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: limitMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    reconnectOnError: () => false,
    // INFO is asked below anyway, and the check would retry while a server loads its data.
    enableReadyCheck: false,
  })
  // The reason of a failed connection comes as an event; the call itself only says that the connection is closed.
  let reason: unknown
  redis.on('error', error => {
    reason ??= error
  })
  try {
    const asked = askInfo(redis)
    if (!(await isSettledWithin(asked, limitMs))) throw new Error(`no answer within ${limitMs} ms`)
    return await asked
  } catch (error) {
    throw reason ?? error
  } finally {
    redis.disconnect()
  }
}

/** Checks REDIS_URL or REDIS_JOBS_URL.
 *  @throws HF_REDIS_UNREACHABLE within 5 s. */
export async function probeRedisUrl(url: string, variable: string, limitMs: number = PROBE_LIMIT_MS): Promise<RedisIdentity> {
  if (!/^rediss?:\/\//.test(url)) {
    throw new DevServicesError('HF_REDIS_UNREACHABLE', `${variable} is not a URL of Redis`, {
      hint: `write ${variable}=redis://[user:password@]host:6379`,
    })
  }
  try {
    return await identifyRedis(url, limitMs)
  } catch (error) {
    throw new DevServicesError('HF_REDIS_UNREACHABLE', `${variable} (${hostOf(url)}): ${reasonOf(error)}`, {
      cause: error,
      hint: `correct ${variable}, or unset it to use a private Redis`,
    })
  }
}

/** Reads version and kind from the text of INFO. Valkey also reports the Redis version that it is compatible with. */
export function parseInfo(info: string): RedisIdentity {
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1]
  if (valkey !== undefined) return { version: valkey, flavour: 'valkey' }
  return { version: /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown', flavour: 'redis' }
}

async function askInfo(redis: Redis): Promise<RedisIdentity> {
  await redis.connect()
  return parseInfo(await redis.info('server'))
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return 'not a URL'
  }
}
