// Every cache of the benches behind one shape, each made as its own documentation says and with its defaults. Only what a bench asks for is loaded.
import { createRequire } from 'node:module'

const noop = () => undefined

/**
 * @typedef {object} Contender
 * @property {(options: { ttlMs?: number, tags?: string[] }) => unknown} options in the library's own form, made once outside of what is measured
 * @property {(key: string, load: () => unknown, options?: unknown) => Promise<any>} getOrSet
 * @property {(key: string) => Promise<any>} get
 * @property {(key: string, value: unknown, options?: unknown) => Promise<unknown>} set
 * @property {(key: string) => Promise<unknown>} delete
 * @property {((tag: string) => Promise<unknown>) | undefined} invalidateTag absent: the library has no tags
 * @property {((keys: string[]) => Promise<unknown[]>) | undefined} getMany values in the order of the keys; absent: the library reads one at a time
 * @property {() => Promise<unknown>} clear
 * @property {() => Promise<unknown>} close
 */

/** The peers, in the order of the tables. */
export const PEERS = ['bentocache', 'cacheable', 'cache-manager', 'layered-loader']

/**
 * @param {string} name `holdfast` or one of PEERS
 * @param {object} [options]
 * @param {string} [options.url] of Redis; absent: memory only
 * @param {string} [options.syncUrl] of Redis for the channel of invalidations, when that goes another way; default `url`
 * @param {false | number} [options.l1] entries held in memory; false: none, every read asks Redis. Default 10,000
 * @param {number} [options.ttlMs] default one hour
 * @param {boolean} [options.tags] cacheable has to be told that tags will be used
 * @param {string} [options.namespace]
 * @param {number} [options.refreshAfterMs] entries older than this are served while they are reloaded; not with cacheable, which has nothing of the kind
 * @param {object} [options.holdfast] further options of Holdfast
 * @returns {Promise<Contender>}
 */
export function openContender(name, options = {}) {
  const settings = { l1: 10_000, ttlMs: 3_600_000, tags: false, namespace: 'bench', ...options, syncUrl: options.syncUrl ?? options.url }
  return OPEN[name](settings)
}

/** ioredis as Holdfast uses it, for the limits: the peers bring an older one. */
export function ioredis() {
  return createRequire(new URL('../../packages/holdfast/package.json', import.meta.url))('ioredis').Redis
}

const OPEN = {
  holdfast: openHoldfast,
  bentocache: openBentocache,
  cacheable: openCacheable,
  'cache-manager': openCacheManager,
  'layered-loader': openLayeredLoader,
}

async function openHoldfast({ url, l1, ttlMs, namespace, refreshAfterMs, holdfast }) {
  const { createTieredCache } = await import('../../packages/holdfast/dist/cache/index.js')
  const { createRegistry } = await import('../../packages/holdfast/dist/telemetry/index.js')
  const memory = l1 === false ? false : { maxEntries: l1, maxBytes: '1gb' }
  const life = refreshAfterMs === undefined ? { ttl: `${ttlMs}ms` } : { ttl: `${refreshAfterMs}ms`, grace: `${ttlMs}ms` }
  const cache = createTieredCache({ namespace, l1: memory, ...life, ...holdfast }, { redis: url, registry: createRegistry() })
  await cache.start()
  return {
    native: cache,
    options: ({ ttlMs: ownTtlMs, tags }) => ({
      ...(ownTtlMs === undefined ? {} : { ttl: `${ownTtlMs}ms` }),
      ...(tags === undefined ? {} : { tags }),
    }),
    getOrSet: (key, load, options) => cache.getOrSet(key, load, options),
    get: key => cache.get(key),
    set: (key, value, options) => cache.set(key, value, options),
    delete: key => cache.delete(key),
    invalidateTag: tag => cache.invalidateTags(tag),
    getMany: async keys => {
      const found = await cache.getMany(keys)
      return keys.map(key => found.get(key))
    },
    clear: () => cache.clear(),
    close: () => cache.stop(),
  }
}

function connectionOf(url) {
  const { hostname, port, password } = new URL(url)
  return { host: hostname, port: Number(port), password: decodeURIComponent(password) }
}

async function openBentocache({ url, syncUrl, l1, ttlMs, namespace, refreshAfterMs }) {
  const { BentoCache, bentostore } = await import('bentocache')
  const { memoryDriver } = await import('bentocache/drivers/memory')
  let store = bentostore()
  if (l1 !== false) store = store.useL1Layer(memoryDriver({ maxItems: l1 }))
  if (url !== undefined) {
    const { redisDriver, redisBusDriver } = await import('bentocache/drivers/redis')
    const { Redis } = await import('ioredis')
    const quiet = target => new Redis(connectionOf(target)).on('error', noop)
    store = store.useL2Layer(redisDriver({ connection: quiet(url) }))
    if (l1 !== false) store = store.useBus(redisBusDriver({ connection: { ...connectionOf(syncUrl) } }))
  }
  const life = refreshAfterMs === undefined ? { ttl: ttlMs } : { ttl: refreshAfterMs, grace: ttlMs, timeout: 0 }
  const cache = new BentoCache({ default: 'main', prefix: namespace, ...life, stores: { main: store } })
  return {
    native: cache,
    options: ({ ttlMs: ttl, tags }) => ({ ...(ttl === undefined ? {} : { ttl }), ...(tags === undefined ? {} : { tags }) }),
    getOrSet: (key, factory, options) => cache.getOrSet({ ...options, key, factory }),
    get: key => cache.get({ key }),
    set: (key, value, options) => cache.set({ ...options, key, value }),
    delete: key => cache.delete({ key }),
    invalidateTag: tag => cache.deleteByTag({ tags: [tag] }),
    getMany: undefined,
    clear: () => cache.clear(),
    close: () => cache.disconnectAll(),
  }
}

/** By default a failing loader is told to nobody, and its callers get `undefined`. */
const THROW_LOADS = { throwErrors: 'function' }

async function openCacheable({ url, syncUrl, l1, ttlMs, tags: hasTags, namespace }) {
  const { Cacheable, createKeyv } = await import('cacheable')
  const { Keyv } = await import('keyv')
  const layers = {}
  if (l1 !== false) layers.primary = createKeyv({ lruSize: l1 })
  if (url !== undefined) {
    const { default: KeyvRedis } = await import('@keyv/redis')
    const redis = new Keyv({ store: new KeyvRedis(url) })
    redis.on('error', noop)
    layers[l1 === false ? 'primary' : 'secondary'] = redis
    if (l1 !== false) {
      const { RedisMessageProvider } = await import('@qified/redis')
      const provider = new RedisMessageProvider({ uri: syncUrl })
      for (const client of [provider.pub, provider.sub]) client.on('error', noop)
      layers.sync = { qified: provider }
    }
  }
  const cache = new Cacheable({ ...layers, ttl: ttlMs, tags: hasTags, namespace })
  cache.on('error', noop)
  return {
    native: cache,
    options: ({ ttlMs: ttl, tags }) => ({ ...THROW_LOADS, ...(ttl === undefined ? {} : { ttl }), ...(tags === undefined ? {} : { tags }) }),
    // Its getOrSet leaves tags out without a word, so a tagged entry has to be read and written apart.
    getOrSet: async (key, load, options = THROW_LOADS) => {
      if (options.tags === undefined) return cache.getOrSet(key, load, options)
      const found = await cache.get(key)
      if (found !== undefined) return found
      const loaded = await load()
      await cache.set(key, loaded, options)
      return loaded
    },
    get: key => cache.get(key),
    set: (key, value, options) => cache.set(key, value, options),
    delete: key => cache.delete(key),
    invalidateTag: hasTags ? tag => cache.tags.invalidateTag(tag) : undefined,
    getMany: keys => cache.getMany(keys),
    clear: () => cache.clear(),
    close: () => cache.disconnect(),
  }
}

async function openCacheManager({ url, l1, ttlMs, namespace, refreshAfterMs }) {
  const { createCache } = await import('cache-manager')
  const { createKeyv } = await import('cacheable')
  const { Keyv } = await import('keyv')
  const stores = []
  if (l1 !== false) stores.push(createKeyv({ lruSize: l1 }))
  if (url !== undefined) {
    const { default: KeyvRedis } = await import('@keyv/redis')
    const redis = new Keyv({ store: new KeyvRedis(url), namespace })
    redis.on('error', noop)
    stores.push(redis)
  }
  const refresh = refreshAfterMs === undefined ? {} : { refreshThreshold: ttlMs - refreshAfterMs }
  const cache = createCache({ stores, ttl: ttlMs, ...refresh })
  return {
    native: cache,
    options: ({ ttlMs: ttl }) => ({ ...(ttl === undefined ? {} : { ttl }) }),
    getOrSet: (key, load, options) => cache.wrap(key, load, options ?? {}),
    get: key => cache.get(key),
    set: (key, value, options) => cache.set(key, value, options?.ttl),
    delete: key => cache.del(key),
    invalidateTag: undefined,
    getMany: keys => cache.mget(keys),
    clear: () => cache.clear(),
    close: () => cache.disconnect(),
  }
}

async function openLayeredLoader({ url, syncUrl, l1, ttlMs, namespace, refreshAfterMs }) {
  const { Loader, RedisCache, createNotificationPair } = await import('layered-loader')
  const { Redis } = await import('ioredis')
  const clients = []
  const connect = target => {
    const client = new Redis(target).on('error', noop)
    clients.push(client)
    return client
  }
  const refresh = refreshAfterMs === undefined ? {} : { ttlLeftBeforeRefreshInMsecs: ttlMs - refreshAfterMs }
  const layers = { inMemoryCache: l1 === false ? false : { cacheType: 'lru-object', ttlInMsecs: ttlMs, maxItems: l1, ...refresh } }
  if (url !== undefined) {
    layers.asyncCache = new RedisCache(connect(url), { json: true, ttlInMsecs: ttlMs, ...refresh, prefix: namespace })
    if (l1 !== false) {
      const { publisher, consumer } = createNotificationPair({
        channel: `${namespace}-notifications`,
        publisherRedis: connect(url),
        consumerRedis: connect(syncUrl),
        errorHandler: noop,
      })
      layers.notificationPublisher = publisher
      layers.notificationConsumer = consumer
    }
  }
  // The loader is fixed when the cache is made; what each call brings goes through its load parameters.
  const loader = new Loader({
    ...layers,
    logger: { error: noop },
    cacheUpdateErrorHandler: noop,
    loadErrorHandler: noop,
    dataSourceGetOneFn: async (_key, load) => load(),
    dataSourceGetManyFn: async () => [],
  })
  await loader.init()
  return {
    native: loader,
    options: () => undefined,
    getOrSet: (key, load) => loader.get(key, load),
    // It reads through: without a value it asks its source, and keeps that there was none as `null`.
    get: key => (url === undefined || l1 === false ? loader.get(key, absent) : (loader.getInMemoryOnly(key) ?? loader.get(key, absent))),
    set: (key, value) => loader.forceSetValue(key, value),
    delete: key => loader.invalidateCacheFor(key),
    invalidateTag: undefined,
    getMany: keys => loader.getMany(keys, value => value.key),
    clear: () => loader.invalidateCache(),
    close: async () => {
      await loader.close()
      for (const client of clients) client.disconnect()
    },
  }
}

const absent = () => undefined
