import { type OwnServer, type RedisCluster, startRedisCluster } from '@holdfast/dev-services'
import { createRegistry } from 'holdfast/telemetry'
import { Cluster } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createKnownIds,
  createTieredCache,
  createWarming,
  derivedEntries,
  type RedisClusterServers,
  requestWarming,
} from '../../../src/cache/index.ts'
import { slotOf } from '../../../src/cache/redis/slots.ts'
import { seededRandom } from '../../cache/seeded-random.ts'
import { type CacheProcess, startCacheProcess } from './cache-process.ts'
import { newNamespace, openCache, pause, settleInMemory, type TestCache, until } from './harness.ts'

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
let cluster: RedisCluster
let redis: RedisClusterServers
beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  cluster = await startRedisCluster()
  redis = { cluster: cluster.servers.slice(0, 2).map(({ url }) => url) }
})
afterAll(async () => {
  await cluster.stop()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

const isHealthy = ({ cache }: TestCache): boolean => cache.health().status === 'ok' && cache.stats().coherence !== 'none'
/** The name of an entry in a cluster. */
const entryName = (namespace: string, key: string): string => `hf:${namespace}:v{:${key}}`

type SlotRow = [from: number, to: number, primary: [host: string, port: number], ...replicas: [host: string, port: number][]]

/** Who serves the slot of a Redis key now. */
async function ownerOf(redisKey: string): Promise<{ primary: OwnServer; replica: OwnServer | undefined }> {
  const slot = slotOf(redisKey)
  const [first] = await cluster.primaries()
  const rows = (await first!.client.call('cluster', 'slots')) as SlotRow[]
  const [, , primary, replica] = rows.find(([from, to]) => from <= slot && slot <= to)!
  const at = (port: number | undefined): OwnServer | undefined => cluster.servers.find(server => server.port === port)
  return { primary: at(primary[1])!, replica: at(replica?.[1]) }
}

/** Lets a killed server come back as a replica, so that the next failover finds one. */
async function bringBack(server: OwnServer): Promise<void> {
  await server.restart()
  await until(async () => /role:slave[\s\S]*master_link_status:up/.test(await server.client.info('replication').catch(() => '')), 15_000)
}

describe.each(['auto', 'pubsub'] as const)('two caches over a cluster, coherence %s', coherence => {
  it('store what is derived while nothing that it was made of changes, and neither drops it, wherever the keys are', async () => {
    const shared = { namespace: newNamespace(), coherence }
    await using a = await openCache(shared, redis)
    await using b = await openCache(shared, redis)
    await until(() => [a, b].every(isHealthy))
    const derived = derivedEntries(a.cache)
    const make = async (key: string, change: () => Promise<unknown>): Promise<string> => {
      const making = await derived.begin(key, [])
      await making.run(() => a.cache.getOrSet(`of ${key}`, () => 1, { tags: [`t:${key}`] }))
      await change()
      const outcome = await making.store('made', { aliveMs: 60_000, tags: ['late'], inherited: [] })
      making.end()
      return outcome
    }
    for (let i = 0; i < 8; i++) {
      expect(await make(`d${i}`, async () => undefined)).toBe('stored')
      expect(await b.cache.get(`d${i}`)).toBe('made')
      expect(await make(`d${i}`, () => derivedEntries(b.cache).drop(`d${i}`))).toBe('outdated')
      expect(await b.cache.get(`d${i}`)).toBe(undefined)
      expect(await make(`d${i}`, () => b.cache.invalidateTags(`t:d${i}`))).toMatch(/stored|outdated/)
      expect(await b.cache.get(`d${i}`)).toBe(undefined)
    }
  })

  it('agree on entries, tags, clear, patterns, counters and locks, wherever the keys are', async () => {
    const shared = { namespace: newNamespace(), coherence }
    await using a = await openCache(shared, redis)
    await using b = await openCache(shared, redis)
    await until(() => [a, b].every(isHealthy))
    const keys = ['}x', '{}', 'a{b}c', '{', 'ключ', ...Array.from({ length: 60 }, (_, i) => `k:${i}`)]
    const owners = new Set(await Promise.all(keys.map(async key => (await ownerOf(entryName(shared.namespace, key))).primary)))
    expect(owners.size).toBe(3)
    for (const key of keys) expect(await a.cache.getOrSet(key, () => `v ${key}`, { tags: [`t:${key}`, 'all'] })).toBe(`v ${key}`)
    expect(await b.cache.getMany(keys)).toEqual(new Map(keys.map(key => [key, `v ${key}`])))
    expect(b.count('holdfast_cache_hits', 'l2')).toBe(keys.length)

    await settleInMemory(b, '}x', 'v }x')
    await a.cache.set('}x', 'new')
    await until(async () => (await b.cache.get('}x')) === 'new', 500)
    await a.cache.invalidateTags('t:{')
    await until(async () => (await b.cache.get('{')) === undefined, 500)
    await a.cache.delete('ключ')
    await until(async () => (await b.cache.get('ключ')) === undefined, 500)
    await b.cache.clear()
    await until(async () => (await a.cache.getMany(keys)).size === 0, 500)

    expect(await a.cache.increment('c', { ttl: '1m' })).toBe(1)
    expect(await b.cache.increment('c', { ttl: '1m' })).toBe(2)
    await expect(a.cache.withLock('l', { ttl: '1s' }, () => b.cache.withLock('l', { ttl: '1s' }, () => 0))).rejects.toMatchObject({
      code: 'HF_CACHE_LOCK_HELD',
    })
  })

  it('carry messages from any member to those who listen at another', async () => {
    // What is shown is the way, not the time: a busy machine must not look like an outage.
    const shared = { namespace: newNamespace(), coherence, redisBudget: '2s' } as const
    await using a = await openCache(shared, redis)
    await using b = await openCache(shared, redis)
    const heard: string[] = []
    const channels = Array.from({ length: 8 }, (_, i) => `channel ${i}`)
    for (const channel of channels) await a.cache.subscribe(channel, message => void heard.push(message))
    for (const channel of channels) await b.cache.publish(channel, channel)
    await until(() => heard.length === channels.length)
    expect(heard.sort()).toEqual(channels)
  })

  it('load a missing key once, and do not store a load that a tag on another member overtook', async () => {
    const shared = { namespace: newNamespace(), coherence }
    await using a = await openCache(shared, redis)
    await using b = await openCache(shared, redis)
    let loads = 0
    const load = async (): Promise<number> => {
      await pause(30)
      return ++loads
    }
    const reads = [a, b].flatMap(({ cache }) => Array.from({ length: 50 }, () => cache.getOrSet('k', load)))
    expect(new Set(await Promise.all(reads))).toEqual(new Set([1]))
    const tag = Array.from({ length: 100 }, (_, i) => `t${i}`).find(name => slotOf(`hf:${shared.namespace}:t:${name}`) < 5000)!
    const key = Array.from({ length: 100 }, (_, i) => `k${i}`).find(name => slotOf(entryName(shared.namespace, name)) > 12_000)!
    const old = b.cache.getOrSet(key, () => pause(60).then(() => 'old'), { tags: [tag] })
    await pause(20)
    await a.cache.invalidateTags(tag)
    await old
    expect(await b.cache.getOrSet(key, () => 'new', { tags: [tag] })).toBe('new')
    expect(await a.cache.getOrSet(key, () => 'newer', { tags: [tag] })).toBe('new')
  })
})

describe('a cache over a cluster', () => {
  it('takes over the start-up nodes and options of an ioredis Cluster, and leaves it alone', async () => {
    const given = new Cluster([{ host: '127.0.0.1', port: cluster.servers[3]!.port }], { lazyConnect: true })
    const cache = createTieredCache({ namespace: newNamespace() }, { redis: given, registry: createRegistry() })
    await cache.start()
    await cache.set('k', 1)
    expect(await cache.get('k')).toBe(1)
    expect([cache.stats().redis, given.status]).toEqual(['usable', 'wait'])
    await cache.stop()
    given.disconnect()
  })

  it('says that a member was given as if it were alone, and how to give the cluster', async () => {
    await using alone = await openCache({ namespace: newNamespace() }, cluster.servers[0]!.url)
    expect(await alone.cache.getOrSet('k', () => 1)).toBe(1)
    expect(alone.cache.stats().redis).toBe('away')
    expect(alone.cache.health().reasons[0]!.why).toMatch(/member of a cluster; give the cache \{ cluster: \[its URL\] \}/)
  })

  it('follows a slot that moves from one member to another', async () => {
    const { namespace } = { namespace: newNamespace() }
    await using a = await openCache({ namespace }, redis)
    await using b = await openCache({ namespace }, redis)
    const name = entryName(namespace, 'moving')
    const slot = slotOf(name)
    await a.cache.set('moving', 'old')
    await settleInMemory(b, 'moving', 'old')
    const { primary: from } = await ownerOf(name)
    const to = (await cluster.primaries()).find(server => server !== from)!
    const [fromId, toId] = (await Promise.all([from, to].map(({ client }) => client.call('cluster', 'myid')))) as [string, string]
    await to.client.call('cluster', 'setslot', slot, 'importing', fromId)
    await from.client.call('cluster', 'setslot', slot, 'migrating', toId)
    // ASK: the slot is still the first one's, and what is not there is at the other.
    expect(await a.cache.get('absent')).toBeUndefined()
    await from.client.call('migrate', '127.0.0.1', to.port, name, 0, 1000)
    expect(await a.cache.get('moving')).toBe('old')
    await a.cache.set('moving', 'new')
    expect(await a.cache.get('moving')).toBe('new')
    await until(async () => (await b.cache.get('moving')) === 'new', 1500)
    // MOVED: from now on it is the other's.
    for (const { client } of [to, from]) await client.call('cluster', 'setslot', slot, 'node', toId)
    await a.cache.set('moving', 'newer')
    expect(await a.cache.get('moving')).toBe('newer')
    await until(async () => (await b.cache.get('moving')) === 'newer', 1500)
    await a.cache.delete('moving')
    await until(async () => (await b.cache.get('moving')) === undefined, 500)
    expect([a, b].map(one => one.count('holdfast_cache_errors', 'outage'))).toEqual([0, 0])
  })
})

describe('a failover in a cluster', () => {
  it('keeps the other members in use, names the one that is away, and makes good a delete that the dead one had acknowledged alone', async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, l1: false }, redis)
    await using b = await openCache({ namespace, l1: false }, redis)
    // The hardest to lose: it has the version of the tag that is on every entry.
    const { primary, replica } = await ownerOf(`hf:${namespace}:t:`)
    const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
    const places = await Promise.all(keys.map(async key => (await ownerOf(entryName(namespace, key))).primary === primary))
    const lost = keys.find((_, i) => places[i])!
    const elsewhere = keys.filter((_, i) => !places[i]).slice(0, 20)
    for (const key of [lost, ...elsewhere]) await a.cache.set(key, 'old')
    expect((await b.cache.getMany(elsewhere)).size).toBe(20)
    await until(async () => Number(await primary.client.call('wait', 1, 100)) === 1)
    process.kill(replica!.pid, 'SIGSTOP')
    // Or the delete would wait for it in the socket.
    await primary.client.call('client', 'kill', 'type', 'replica')
    expect(await a.cache.delete(lost)).toBe(true)
    const beforeMs = Date.now()
    await primary.kill()

    await until(() => [a, b].every(one => one.cache.health().reasons.some(({ why }) => why.includes(`Redis 127.0.0.1:${primary.port} is away`))))
    const reason = a.cache.health().reasons.find(({ why }) => why.includes(String(primary.port)))!
    expect(reason.sinceMs).toBeGreaterThanOrEqual(beforeMs)
    expect(await a.cache.getMany(elsewhere)).toEqual(new Map(elsewhere.map(key => [key, 'old'])))
    await a.cache.set(elsewhere[0]!, 'new')
    expect(await b.cache.get(elsewhere[0]!)).toBe('new')
    expect(await b.cache.getOrSet(lost, () => 'loaded')).toBe('loaded')

    process.kill(replica!.pid, 'SIGCONT')
    const tookMs = await until(() => isHealthy(a) && isHealthy(b), 20_000)
    process.stdout.write(`cluster: replica resumed, promoted and in use again after ${Math.round(tookMs)} ms\n`)
    expect([await a.cache.get(lost), await b.cache.get(lost)]).not.toContain('old')
    await bringBack(primary)
  })

  it('shows no error to two processes and two caches under load, and nothing that was there before an acknowledged change', {
    timeout: 60_000,
  }, async () => {
    const namespace = newNamespace()
    const random = seededRandom(7)
    await using a = await openCache({ namespace }, redis)
    await using b = await openCache({ namespace }, redis)
    const children = await Promise.all([1, 2].map(() => startCacheProcess(redis, { namespace: `${namespace}-load` })))
    const caches = [a, b]
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`)
    const truth = new Map(keys.map(key => [key, 0]))
    const changes = new Map<string, { version: number; atMs: number }[]>(keys.map(key => [key, []]))
    let killedAtMs = Number.POSITIVE_INFINITY
    let recoveredAtMs = Number.POSITIVE_INFINITY
    let isRunning = true
    let reads = 0
    let slowestMs = 0

    // A change is seen by all a second and a half after it was acknowledged; one of the second before the failover, or during it, when all are back.
    const dueAtMs = (atMs: number): number => (atMs < killedAtMs - 1000 || atMs > recoveredAtMs ? atMs : Math.max(atMs, recoveredAtMs)) + 1500
    const read = async ({ cache }: TestCache, key: string): Promise<void> => {
      const startedAtMs = performance.now()
      const known = [...changes.get(key)!]
      const got = await cache.getOrSet(
        key,
        async () => {
          const version = truth.get(key)!
          await pause(2)
          return version
        },
        { tags: [`t:${key}`] },
      )
      reads++
      slowestMs = Math.max(slowestMs, performance.now() - startedAtMs)
      const least = Math.max(0, ...known.filter(({ atMs }) => dueAtMs(atMs) <= startedAtMs).map(({ version }) => version))
      expect(got, `${key} read at ${startedAtMs}, killed at ${killedAtMs}, back at ${recoveredAtMs}`).toBeGreaterThanOrEqual(least)
    }
    const change = async ({ cache }: TestCache, key: string): Promise<void> => {
      const version = truth.get(key)! + 1
      truth.set(key, version)
      await (random() < 0.5 ? cache.delete(key) : cache.invalidateTags(`t:${key}`))
      changes.get(key)!.push({ version, atMs: performance.now() })
    }
    const worker = async (): Promise<void> => {
      while (isRunning) {
        const cache = caches[Math.floor(random() * 2)]!
        const key = keys[Math.floor(random() * keys.length)]!
        await (random() < 0.9 ? read(cache, key) : change(cache, key))
        await pause(1)
      }
    }
    const childWorker = async (child: CacheProcess): Promise<void> => {
      for (let i = 0; isRunning; i++) {
        await pause(3)
        expect(await child.read(`k${i % 50}`, i % 50, { callers: 5, tags: ['t'] })).toEqual([i % 50])
        if (i % 20 === 0) await child.ask({ op: 'delete', key: `k${(i + 7) % 50}` })
        if (i % 100 === 0) await child.ask({ op: 'invalidate', tags: ['t'] })
      }
    }
    const load = Promise.all([...Array.from({ length: 8 }, worker), ...children.map(childWorker)])
    await pause(800)
    const { primary } = await ownerOf(entryName(namespace, 'k0'))
    killedAtMs = performance.now()
    await primary.kill()
    await until(() => caches.some(one => one.cache.health().status === 'degraded'))
    const stats = async (child: CacheProcess): Promise<string> => ((await child.ask({ op: 'stats' })) as { coherence: string }).coherence
    await Promise.race([
      load,
      until(async () => caches.every(isHealthy) && (await Promise.all(children.map(stats))).every(mode => mode === 'tracking'), 20_000),
    ])
    recoveredAtMs = performance.now()
    process.stdout.write(
      `cluster: primary killed, all four back after ${Math.round(recoveredAtMs - killedAtMs)} ms, ${reads} reads until then, the slowest ${Math.round(slowestMs)} ms\n`,
    )
    await Promise.race([load, pause(2500)])
    isRunning = false
    await load
    expect(reads).toBeGreaterThan(300)
    await Promise.all(children.map(child => child.stop()))
    await bringBack(primary)
  })
})

describe('what is built on a cache, over a cluster', () => {
  it('warms once, answers requests, and knows ids', async () => {
    const shared = { namespace: newNamespace() }
    await using a = await openCache(shared, redis)
    await using b = await openCache(shared, redis)
    let loads = 0
    const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
    const load = ({ key }: { key: string }): string => {
      loads++
      return key
    }
    const warmings = [a, b].map(({ cache }) => createWarming(cache, { sources: [{ name: 'all', keys: () => keys, load }] }))
    await Promise.all(warmings.map(warming => warming.start()))
    await Promise.all(warmings.map(warming => warming.idle()))
    expect(loads).toBe(50)
    const asked = await requestWarming(b.cache).catch(() => requestWarming(b.cache))
    expect(asked.sources).toMatchObject([{ outcome: 'warmed', fresh: 50 }])
    const options = { name: 'agents', ids: () => [1, 2, 3], expected: 1000, commitWithin: '50ms' as const }
    const [first, second] = [createKnownIds(a.cache, options), createKnownIds(b.cache, options)]
    await Promise.all([first.start(), second.start()])
    await until(async () => !(await second.mayExist('new')))
    await first.add('new')
    expect([await second.mayExist('new'), await second.mayExist(3), await second.mayExist('other')]).toEqual([true, true, false])
  })
})
