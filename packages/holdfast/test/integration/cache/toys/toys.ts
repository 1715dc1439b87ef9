import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { DATA, INVALIDATION, type MakeSubject, type Site, type Subject } from './subject.ts'

// Ten caches as they are often written. Each looks right, passes the tests that one writes first, and has the one flaw that its doc comment names.

function connect(site: Site, name: string = DATA, options: object = {}): Redis {
  const redis = new Redis(site.url, { connectionName: name, protocol: 2, retryStrategy: () => 20, ...options })
  redis.on('error', () => undefined)
  return redis
}

/** Reads and writes JSON in Redis; the others build on it. Flaw of toy 1: a load that began before a delete puts its old value back. */
export const cacheAside: MakeSubject = async site => new CacheAside(site)

class CacheAside implements Subject {
  readonly redis: Redis
  readonly prefix: string

  constructor(site: Site, options: object = {}) {
    this.redis = connect(site, DATA, options)
    this.prefix = `toy:${site.namespace}:`
  }

  async getOrSet<T>(key: string, load: () => Promise<T> | T, { ttlMs = 60_000, tags = [] }: { ttlMs?: number; tags?: string[] } = {}): Promise<T> {
    const text = await this.redis.get(this.prefix + key)
    if (text !== null) return JSON.parse(text) as T
    const value = await load()
    await this.redis.set(this.prefix + key, JSON.stringify(value), 'PX', ttlMs)
    for (const tag of tags) await this.redis.sadd(`${this.prefix}tag:${tag}`, key)
    return value
  }

  async delete(key: string): Promise<unknown> {
    return this.redis.del(this.prefix + key)
  }

  async invalidateTag(tag: string): Promise<unknown> {
    const keys = await this.redis.smembers(`${this.prefix}tag:${tag}`)
    return Promise.all(keys.map(key => this.delete(key)))
  }

  async stop(): Promise<unknown> {
    return this.redis.disconnect()
  }
}

/** Toy 2. Single flight by a map of promises: one load in each process, not one. */
export const promiseMap: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const flights = new Map<string, Promise<unknown>>()
  return {
    getOrSet<T>(key: string, load: () => Promise<T> | T, options = {}): Promise<T> {
      const flight = flights.get(key) ?? inner.getOrSet(key, load, options).finally(() => flights.delete(key))
      flights.set(key, flight)
      return flight as Promise<T>
    },
    delete: key => inner.delete(key),
    invalidateTag: tag => inner.invalidateTag(tag),
    stop: () => inner.stop(),
  }
}

/** Memory over a slower cache, told of changes by whoever calls `forget`. */
function withMemory(inner: CacheAside, stop: () => unknown): Subject & { readonly memory: Map<string, unknown> } {
  const memory = new Map<string, unknown>()
  return {
    memory,
    async getOrSet<T>(key: string, load: () => Promise<T> | T, options = {}): Promise<T> {
      if (memory.has(key)) return memory.get(key) as T
      const value = await inner.getOrSet(key, load, options)
      memory.set(key, value)
      return value
    },
    async delete(key) {
      memory.delete(key)
      return inner.delete(key)
    },
    invalidateTag: tag => inner.invalidateTag(tag),
    async stop() {
      await stop()
      return inner.stop()
    },
  }
}

/** Toy 3. Memory kept right by publish and subscribe: nobody notices when the channel has fallen silent. */
export const pubsub: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const channel = connect(site, INVALIDATION)
  const subject = withMemory(inner, () => channel.disconnect())
  await channel.subscribe(`${inner.prefix}changed`)
  channel.on('message', (_, key: string) => subject.memory.delete(key))
  return {
    ...subject,
    async delete(key) {
      await subject.delete(key)
      return inner.redis.publish(`${inner.prefix}changed`, key)
    },
  }
}

/** Toy 4. Memory kept right by tracking that is switched on once: a reconnect of either connection ends it. */
export const trackingOnce: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const channel = connect(site, INVALIDATION)
  const subject = withMemory(inner, () => channel.disconnect())
  const id = await channel.client('ID')
  await channel.subscribe('__redis__:invalidate')
  channel.on('message', (_, keys: string) => {
    for (const key of String(keys).split(',')) subject.memory.delete(key.slice(inner.prefix.length))
  })
  await inner.redis.client('TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', inner.prefix)
  return subject
}

/** Toy 5. Survives a Redis that is killed, and waits for one that is frozen. */
export const patient: MakeSubject = async site => {
  const inner = new CacheAside(site, { maxRetriesPerRequest: 1, commandTimeout: 1500 })
  return {
    getOrSet: (key, load, options) => inner.getOrSet(key, load, options).catch(() => load()),
    delete: key => inner.delete(key).catch(() => undefined),
    invalidateTag: tag => inner.invalidateTag(tag).catch(() => undefined),
    stop: () => inner.stop(),
  }
}

/** Toy 6. A delete that cannot be sent is dropped. */
export const forgetful: MakeSubject = async site => {
  const inner = new CacheAside(site, { maxRetriesPerRequest: 0, enableOfflineQueue: false })
  if (inner.redis.status !== 'ready') await new Promise(resolve => inner.redis.once('ready', resolve))
  return {
    getOrSet: (key, load, options) => inner.getOrSet(key, load, options).catch(() => load()),
    delete: key => inner.delete(key).catch(() => undefined),
    invalidateTag: tag => inner.invalidateTag(tag).catch(() => undefined),
    stop: () => inner.stop(),
  }
}

/** Toy 7. Tags as times of the writers' clocks: an entry of a host that is ahead outlives its invalidation. */
export const clockTags: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const nowMs = (): number => Date.now() + (site.skewMs ?? 0)
  return {
    async getOrSet<T>(key: string, load: () => Promise<T> | T, { tags = [] }: { tags?: string[] } = {}): Promise<T> {
      const read = async (): Promise<{ value: T; atMs: number }> => ({ value: await load(), atMs: nowMs() })
      const found = await inner.getOrSet(key, read)
      const bumped = await Promise.all(tags.map(tag => inner.redis.get(`${inner.prefix}tag:${tag}`)))
      if (bumped.every(atMs => found.atMs > Number(atMs ?? 0))) return found.value
      await inner.delete(key)
      return (await inner.getOrSet(key, read)).value
    },
    delete: key => inner.delete(key),
    invalidateTag: tag => inner.redis.set(`${inner.prefix}tag:${tag}`, nowMs()),
    stop: () => inner.stop(),
  }
}

/** Toy 8. Memory is filled with a fresh ttl, hands out the object it holds, and knows JSON only. */
export const freshTtl: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const memory = new Map<string, { value: unknown; goneAtMs: number }>()
  return {
    async getOrSet<T>(key: string, load: () => Promise<T> | T, options: { ttlMs?: number } = {}): Promise<T> {
      const entry = memory.get(key)
      if (entry !== undefined && performance.now() < entry.goneAtMs) return entry.value as T
      const value = await inner.getOrSet(key, load, options)
      memory.set(key, { value, goneAtMs: performance.now() + (options.ttlMs ?? 60_000) })
      return value
    },
    delete: key => Promise.resolve(memory.delete(key)).then(() => inner.delete(key)),
    invalidateTag: tag => inner.invalidateTag(tag),
    stop: () => inner.stop(),
  }
}

/** Toy 9. A hit in memory passes through options, a context, a span and four promises. */
export const heavyHit: MakeSubject = async site => {
  const inner = new CacheAside(site)
  const subject = withMemory(inner, () => undefined)
  const context = new AsyncLocalStorage<object>()
  return {
    ...subject,
    getOrSet(key, load, options) {
      const span = { id: randomUUID(), name: `cache ${key}`, startedAt: new Date(), attributes: { key, ...options } }
      return context.run(span, async () => {
        const resolved = Object.freeze({ ttlMs: 60_000, tags: [], ...structuredClone(options ?? {}) })
        const value = await subject.getOrSet(key, async () => await load(), resolved)
        Object.assign(span, { endedAt: new Date(), isHit: true })
        return value
      })
    },
  }
}

/** Toy 10. A table beside the cache that never shrinks, and no limit on what a cold start sends to the database. */
export const sideTables: MakeSubject = async site => {
  const inner = new CacheAside(site, { maxRetriesPerRequest: 0, commandTimeout: 50 })
  const memory = new Map<string, unknown>()
  const statistics = new Map<string, { hits: number; misses: number; lastReadAt: number }>()
  return {
    async getOrSet<T>(key: string, load: () => Promise<T> | T, options = {}): Promise<T> {
      const counted = statistics.get(key) ?? { hits: 0, misses: 0, lastReadAt: 0 }
      statistics.set(key, counted)
      counted.lastReadAt = performance.now()
      if (memory.has(key)) return memory.get(key) as T
      counted.misses++
      const value = await inner.getOrSet(key, load, options).catch(() => load())
      memory.set(key, value)
      if (memory.size > (site.maxEntries ?? 10_000)) memory.delete(memory.keys().next().value!)
      return value
    },
    delete: key => inner.delete(key),
    invalidateTag: tag => inner.invalidateTag(tag),
    stop: () => inner.stop(),
  }
}
