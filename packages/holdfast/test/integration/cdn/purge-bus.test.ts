import { type ClonedDatabase, cloneDatabase, type FakeApi, startCloudflare, startFastly } from '@holdfast/testkit'
import { silentLogger, systemClock } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { type CdnOptions, type CdnProvider, cloudflare, createPurgeBus, createPurgeQueue, fastly, type PurgeBus } from '../../../src/cdn/index.ts'
import { newNamespace, pause, REDIS_URL, until } from '../cache/harness.ts'
import { startTcpProxy } from '../cache/tcp-proxy.ts'

let database: ClonedDatabase
let pool: pg.Pool
let cache: TieredCache

beforeAll(async () => {
  database = await cloneDatabase({ name: 'cdn' })
  pool = new pg.Pool({ connectionString: database.url, max: 6 })
  cache = createTieredCache({ namespace: newNamespace(), redisBudget: '3s' }, { redis: REDIS_URL, registry: createRegistry() })
  await cache.start()
})
afterAll(async () => {
  await cache.stop()
  await pool.end()
  await database.drop()
})

const cloudflareAt = (api: FakeApi, plan: 'free' | 'pro' = 'pro', token = 'cf-token'): CdnProvider =>
  cloudflare({ zone: 'z1', token, api: api.url, plan })

describe.each(['postgres', 'redis'] as const)('purges that wait in %s', store => {
  interface Opened extends AsyncDisposable {
    readonly bus: PurgeBus
    count(name: string, ...labels: string[]): number
  }
  async function open(options: CdnOptions, namespace = newNamespace()): Promise<Opened> {
    const registry = createRegistry()
    const queue = createPurgeQueue(namespace, store === 'postgres' ? pool : undefined, cache)
    const bus = createPurgeBus(
      { collectFor: '100ms', secondPurgeAfter: '0ms', ...options },
      // Never at random: half of each pause.
      { queue, registry, clock: systemClock, logger: silentLogger, random: () => 0 },
    )
    await bus.start()
    return {
      bus,
      count: (name, ...labels) =>
        registry
          .snapshot()
          .find(family => family.name === name)
          ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0,
      [Symbol.asyncDispose]: () => bus.stop(),
    }
  }
  const isEmpty = (bus: PurgeBus) => async () => (await bus.counts()).every(({ waiting, dead }) => waiting === 0 && dead === 0)

  it('go out together, each once, to every CDN, and once more after the lag of the origin', async () => {
    await using api = await startCloudflare()
    await using other = await startFastly()
    await using opened = await open({
      providers: [cloudflareAt(api), fastly({ service: 's1', token: 'fastly-token', api: other.url })],
      secondPurgeAfter: '150ms',
    })
    const { bus, count } = opened
    // A bus alone with its first write would have nobody to share it with.
    await bus.purge({ kind: 'tag', tags: ['warm'] })
    await until(isEmpty(bus))
    api.purged.length = api.seen.length = other.purged.length = 0
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => bus.purge({ kind: 'tag', tags: [`fund:${i % 20}`] })))
    expect(all.every(Boolean)).toBe(true)
    await until(isEmpty(bus))
    expect(api.seen).toHaveLength(2)
    const names = Array.from({ length: 20 }, (_, i) => `tag fund:${i}`)
    expect([...api.purged].sort()).toEqual([...names, ...names].sort())
    expect([...other.purged].sort()).toEqual([...names, ...names].map(name => `soft ${name}`).sort())
    expect(count('holdfast_cdn_purges', 'cloudflare', 'merged')).toBe(40)
    expect(count('holdfast_cdn_requests', 'cloudflare', 'ok')).toBe(4)
    expect(bus.health().status).toBe('ok')
  })

  it('that come one after the other go out once in each stretch of time, and not one by one', async () => {
    await using api = await startCloudflare()
    await using opened = await open({ providers: [cloudflareAt(api)], collectFor: '400ms' })
    const startedAtMs = performance.now()
    let count = 0
    while (performance.now() - startedAtMs < 900) {
      await opened.bus.purge({ kind: 'tag', tags: [`t${count++}`] })
      // A trickle: a quick machine would else reach the limit of the CDN.
      await pause(10)
    }
    await until(isEmpty(opened.bus))
    expect(api.purged).toHaveLength(count)
    // Four stretches at most, each a request for every 100.
    expect(api.seen.length).toBeLessThanOrEqual(4 + Math.ceil(count / 100))
    expect(count).toBeGreaterThan(8)
  })

  it('wait as long as the CDN says, and are sent again after a fault', async () => {
    await using api = await startCloudflare()
    await using opened = await open({ providers: [cloudflareAt(api)], attempts: 2 })
    const limited = { status: 429, body: {}, headers: { 'retry-after': '1' } }
    api.next.push(limited, 'cut')
    const startedAtMs = performance.now()
    await opened.bus.purge({ kind: 'tag', tags: ['a'] })
    await until(isEmpty(opened.bus), 8000)
    // A wait of a second that counts as no attempt, and half a second after the fault.
    expect(performance.now() - startedAtMs).toBeGreaterThan(1500)
    expect(api.purged).toEqual(['tag a'])
    expect(opened.count('holdfast_cdn_requests', 'cloudflare', 'limited')).toBe(1)
    expect(opened.count('holdfast_cdn_purges', 'cloudflare', 'retried')).toBe(1)
  })

  it('are given up with the reason after the last attempt, listed, told by health, and replayed', async () => {
    await using api = await startCloudflare()
    await using opened = await open({ providers: [cloudflareAt(api)], attempts: 2 })
    const down = { status: 503, body: 'down for repairs' }
    api.next.push(down, down)
    await opened.bus.purge({ kind: 'url', urls: ['https://zone.test/a'] })
    await until(async () => (await opened.bus.dead()).length === 1)
    expect(await opened.bus.dead()).toEqual([
      {
        ...{ id: expect.any(String), provider: 'cloudflare', kind: 'url', subject: 'https://zone.test/a', attempts: 2 },
        ...{ reason: expect.stringContaining('503: down for repairs'), diedAtMs: expect.any(Number) },
      },
    ])
    await until(() => opened.bus.health().status === 'degraded', 6000)
    expect(opened.bus.health().reasons[0]!.why).toContain('1 purges for cloudflare were given up')
    expect(await opened.bus.replay({ ids: ['999999', 'no-number'] })).toBe(0)
    expect(await opened.bus.replay({ provider: 'fastly' })).toBe(0)
    expect(await opened.bus.replay()).toBe(1)
    await until(isEmpty(opened.bus))
    expect(api.purged).toEqual(['url https://zone.test/a'])
  })

  it('take none of the others with them when one is refused', async () => {
    await using api = await startCloudflare()
    await using opened = await open({ providers: [cloudflareAt(api)] })
    const urls = ['https://zone.test/a', 'https://elsewhere.test/b', 'https://zone.test/c']
    await opened.bus.purge({ kind: 'url', urls })
    await until(async () => (await opened.bus.counts())[0]!.waiting === 0)
    expect(api.purged.sort()).toEqual(['url https://zone.test/a', 'url https://zone.test/c'])
    const [lost] = await opened.bus.dead({ provider: 'cloudflare' })
    expect(lost!.subject).toBe('https://elsewhere.test/b')
    expect(await opened.bus.dead({ provider: 'fastly' })).toEqual([])
    // No second attempt helps it: forgotten, it is told by health no more.
    expect(await opened.bus.discard({ ids: [lost!.id] })).toBe(1)
    expect([await opened.bus.dead(), opened.bus.health().status]).toEqual([[], 'ok'])
  })

  it('are counted beside what the CDN still takes, and how long it asked to be left alone', async () => {
    await using api = await startCloudflare()
    const provider = { ...cloudflareAt(api, 'free'), name: newNamespace() }
    await using opened = await open({ providers: [provider] })
    const bucketOfTags = async () => (await opened.bus.status())[0]!.buckets.find(({ kinds }) => kinds.includes('tag'))!
    expect(await bucketOfTags()).toEqual({ kinds: ['tag', 'all'], counts: 'requests', tokens: 25, burst: 25, perSec: 5 / 60, pausedForMs: 0 })
    await opened.bus.purge({ kind: 'tag', tags: ['a'] })
    await until(isEmpty(opened.bus))
    const after = await bucketOfTags()
    expect(after.tokens).toBeGreaterThanOrEqual(24)
    expect(after.tokens).toBeLessThan(25)
    api.next.push({ status: 429, body: {}, headers: { 'retry-after': '60' } })
    await opened.bus.purge({ kind: 'tag', tags: ['b'] })
    await until(async () => (await bucketOfTags()).pausedForMs > 50_000)
    expect((await opened.bus.status())[0]).toMatchObject({ isSoft: false, waiting: 1, dead: 0 })
    await expect(opened.bus.purge({ kind: 'url', urls: ['javascript:1'] })).rejects.toMatchObject({ code: 'HF_HTTP_CDN_REJECTED' })
  })

  it('share the limit of the CDN among all processes: two never send more than one may', async () => {
    await using api = await startCloudflare({ burst: 3, perSec: 5 })
    const provider = { ...cloudflareAt(api), name: `narrow-${store}` }
    const limit = { perRequest: 1, bucket: 'requests', counts: 'requests' as const, burst: 3, perSec: 5 }
    const providers = [{ ...provider, limits: { tag: limit, url: limit, all: limit } }]
    const namespace = newNamespace()
    await using one = await open({ providers }, namespace)
    await using two = await open({ providers }, namespace)
    await Promise.all([one, two].map(({ bus }, at) => bus.purge({ kind: 'tag', tags: [1, 2, 3].map(i => `${at}:${i}`) })))
    await until(isEmpty(one.bus), 8000)
    expect(api.purged).toHaveLength(6)
    // A bucket that both had for themselves would have been refused three times.
    const limited = [one, two].reduce((sum, { count }) => sum + count('holdfast_cdn_requests', provider.name, 'limited'), 0)
    expect(limited).toBe(0)
  })

  it('become one purge of everything on demand, and wait for nobody at a stop', async () => {
    await using api = await startCloudflare()
    const namespace = newNamespace()
    const queue = createPurgeQueue(namespace, store === 'postgres' ? pool : undefined, cache)
    await queue.open()
    await queue.add(
      [1, 2, 3].map(i => ({ provider: 'cloudflare', lane: 'tag' as const, subject: `t${i}` })),
      60_000,
    )
    await queue.fold('cloudflare')
    await using opened = await open({ providers: [cloudflareAt(api)] }, namespace)
    await until(isEmpty(opened.bus))
    expect(api.purged).toEqual(['all'])
  })
})

it('keeps purges in this process while PostgreSQL takes none, says so, and writes them down afterwards', async () => {
  await using api = await startCloudflare()
  const proxy = await startTcpProxy(database.url)
  const broken = new pg.Pool({ connectionString: proxy.url, max: 2, connectionTimeoutMillis: 300 })
  broken.on('error', () => undefined)
  proxy.partition(true)
  const bus = createPurgeBus(
    { providers: [cloudflareAt(api)], collectFor: '100ms', secondPurgeAfter: '0ms' },
    {
      queue: createPurgeQueue(newNamespace(), broken, cache),
      registry: createRegistry(),
      clock: systemClock,
      logger: silentLogger,
      random: Math.random,
    },
  )
  await bus.start()
  expect(await bus.purge({ kind: 'tag', tags: ['a'] })).toBe(false)
  expect(
    bus
      .health()
      .reasons.map(({ why }) => why)
      .join(),
  ).toMatch(/cannot be written down.*1 purges for CDNs are in this process only/)
  await expect(bus.dead()).rejects.toMatchObject({ code: 'HF_HTTP_CDN_QUEUE_AWAY' })
  proxy.partition(false)
  await until(() => api.purged.includes('tag a'), 8000)
  await bus.stop()
  await broken.end()
  await proxy.close()
})
