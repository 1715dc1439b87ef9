import type { ServerAddress } from './cluster-view.ts'
import { type IoRedisLike, loadIoRedis } from './port.ts'
import type { IoRedisClusterLike, RedisClusterServers, RedisOption, RedisSentinelServers } from './redis-option.ts'

/** Makes connections, not yet connected. */
export interface Connections {
  /** Members of a cluster to begin with; `undefined` when it is no cluster. */
  readonly seeds: readonly ServerAddress[] | undefined
  /** One more connection; to the member at `address`, in a cluster. */
  open(name: string, address?: ServerAddress): IoRedisLike
}

/** The connection that carries commands is also the one that watches the sentinels. */
export const DATA_CONNECTION = 'holdfast-cache'

/** First pause before a reconnect. */
const RETRY_FIRST_MS = 50
/** Pauses are doubled up to this first, so that a restarted Redis is used again within 300 ms. */
const RETRY_SOON_MS = 200
/** After so many attempts, some five seconds, it is no restart: then a fleet must not knock so often. */
const SOON_ATTEMPTS = 25
const RETRY_LAST_MS = 1000

/** Pause before the reconnect number `attempt`, from 1 on. `random` is 0 up to 1.
 *  @source bench/results/cache/does-an-outage-of-redis-hurt-readers.json */
export function reconnectPauseMs(attempt: number, random: number): number {
  const pauseMs = attempt > SOON_ATTEMPTS ? RETRY_LAST_MS : Math.min(RETRY_SOON_MS, RETRY_FIRST_MS * 2 ** (attempt - 1))
  return pauseMs * (0.75 + random / 2)
}

/** Prepares connecting to `redis`, which was checked. @throws HF_REDIS_CLIENT_MISSING when ioredis is needed and cannot be loaded. */
export function createConnections(redis: RedisOption, random: () => number): Connections {
  const optionsFor = (connectionName: string): object => ({
    connectionName,
    lazyConnect: true,
    // A command that cannot be sent now must fail now: the caller has a database to ask.
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    maxRetriesPerRequest: 0,
    // The link asks INFO itself, and says what a server that is still loading answers.
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    connectTimeout: 1000,
    // A frozen peer never answers the FIN; after this the socket is destroyed.
    disconnectTimeout: 50,
    // ioredis 6 drops RESP3 invalidation pushes.
    protocol: 2,
    keyPrefix: '',
    // Only heeded with sentinels: a primary that was cut off still answers, and only they know that it was replaced.
    failoverDetector: connectionName === DATA_CONNECTION,
    retryStrategy: (attempt: number) => reconnectPauseMs(attempt, random()),
  })
  // A client first: it also has commands by the names of the other forms.
  if (typeof redis !== 'string' && 'duplicate' in redis && !isClusterClient(redis)) {
    return { seeds: undefined, open: name => redis.duplicate(optionsFor(name)) }
  }
  const Redis = loadIoRedis()
  if (typeof redis === 'string') return { seeds: undefined, open: name => new Redis(redis, optionsFor(name)) }
  if (isClusterClient(redis)) return connectionsTo(takenOver(redis), optionsFor)
  if ('sentinels' in redis) {
    const own = sentinelOptions(redis)
    return { seeds: undefined, open: name => new Redis({ ...own, ...optionsFor(name) }) }
  }
  return connectionsTo(membersOf(redis as RedisClusterServers), optionsFor)
}

function connectionsTo({ seeds, shared, map }: Members, optionsFor: (name: string) => object): Connections {
  const Redis = loadIoRedis()
  return { seeds, open: (name, address) => new Redis({ ...shared, ...map(address!), ...optionsFor(name) }) }
}

function isClusterClient(redis: object): redis is IoRedisClusterLike {
  return (redis as { isCluster?: unknown }).isCluster === true
}

interface Members {
  readonly seeds: readonly ServerAddress[]
  /** ioredis options of every connection. */
  readonly shared: object
  /** Where a member is reached that calls itself so. */
  map(address: ServerAddress): ServerAddress
}

function membersOf({ cluster }: RedisClusterServers): Members {
  const urls = cluster.map(url => new URL(url))
  return { seeds: urls.map(url => toAddress(url, 6379)), shared: accountOf(urls[0]!), map: address => address }
}

function sentinelOptions({ sentinels, name, username, password, db = 0, tls = false }: RedisSentinelServers): object {
  const urls = sentinels.map(url => new URL(url))
  const account = accountOf(urls[0]!)
  return {
    sentinels: urls.map(url => toAddress(url, 26_379)),
    name,
    role: 'master',
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {}, enableTLSForSentinelMode: true } : {}),
    ...(account.username === undefined ? {} : { sentinelUsername: account.username }),
    ...(account.password === undefined ? {} : { sentinelPassword: account.password }),
    ...(account.tls === undefined ? {} : { sentinelTLS: account.tls }),
  }
}

/** What an ioredis Cluster was made with. Its start-up nodes are no part of its types; the members it has found by now are. */
function takenOver(redis: IoRedisClusterLike): Members {
  const { redisOptions = {}, natMap } = redis.options as {
    redisOptions?: object
    natMap?: ((address: string) => ServerAddress | null | undefined) | Record<string, ServerAddress>
  }
  const startupNodes = (redis as unknown as { startupNodes?: readonly unknown[] }).startupNodes ?? []
  const found = redis.nodes().map(node => (node as { options?: unknown }).options)
  const entries = [...startupNodes, ...found].filter(entry => entry !== undefined)
  const seeds = entries.map(entry => {
    if (typeof entry === 'number') return { host: '127.0.0.1', port: entry }
    if (typeof entry === 'string') return toAddress(new URL(entry.includes('://') ? entry : `redis://${entry}`), 6379)
    const { host = '127.0.0.1', port = 6379 } = entry as { host?: string; port?: number | string }
    return { host, port: Number(port) }
  })
  const first = entries.find(entry => typeof entry === 'string' && entry.includes('://')) as string | undefined
  return {
    seeds,
    shared: { ...(first === undefined ? {} : accountOf(new URL(first))), ...redisOptions },
    map: address => {
      const text = `${address.host}:${address.port}`
      return (typeof natMap === 'function' ? natMap(text) : natMap?.[text]) ?? address
    },
  }
}

function toAddress(url: URL, defaultPort: number): ServerAddress {
  return { host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1', port: Number(url.port || defaultPort) }
}

function accountOf(url: URL): { username?: string; password?: string; tls?: object } {
  return {
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
  }
}
