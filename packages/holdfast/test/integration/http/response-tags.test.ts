import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CacheOptions } from '../../../src/cache/index.ts'
import { type Holdfast, holdfast } from '../../../src/runtime/index.ts'
import { gate, newNamespace, REDIS_URL } from '../cache/harness.ts'
import { startTcpProxy } from '../cache/tcp-proxy.ts'

let database: ClonedDatabase
let pool: pg.Pool
const open: { hf: Holdfast<pg.Pool>; own: pg.Pool }[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'tags' })
  pool = new pg.Pool({ connectionString: database.url, max: 4 })
  await pool.query('create table fund (id int primary key, units int not null); insert into fund values (7, 1)')
})
afterEach(async () => {
  for (const { hf, own } of open.splice(0)) {
    await hf.stop()
    await own.end()
  }
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

/** Two services on one database and one Redis, each with its own connections and memory. */
async function openTwo(cache: CacheOptions = {}, redis = REDIS_URL): Promise<[Holdfast<pg.Pool>, Holdfast<pg.Pool>]> {
  await pool.query('update fund set units = 1')
  const namespace = newNamespace()
  const openOne = async (url: string): Promise<Holdfast<pg.Pool>> => {
    const own = new pg.Pool({ connectionString: database.url, max: 2 })
    const hf = await holdfast({ pg: own, redis: url, cache: { namespace, jitter: 0, ...cache } })
    open.push({ hf, own })
    return hf
  }
  return [await openOne(redis), await openOne(REDIS_URL)]
}

const units = async (hf: Holdfast<pg.Pool>): Promise<number> =>
  hf.cache.getOrSet('fund:7', async () => (await pool.query('select units from fund where id = 7')).rows[0].units as number, { tags: ['fund:7'] })

const ask = async (hf: Holdfast<pg.Pool>, handler?: () => Promise<Response>, method = 'GET') => {
  const made = handler ?? (async () => page(`units ${await units(hf)}`))
  const response = await hf.responses.fetch(new Request('http://shop.test/funds/7', { method }), made)
  return { text: await response.text(), cache: response.headers.get('x-cache'), status: response.headers.get('cache-status') }
}

const page = (text: string): Response => new Response(text, { headers: { 'cache-control': 'public, max-age=600' } })

describe.each(['auto', 'pubsub'] as const)('answers in two processes, told of changes by %s', coherence => {
  it('are both dropped by one transaction of one of them, when it commits', async () => {
    const [a, b] = await openTwo({ coherence })
    await ask(a)
    await expect.poll(async () => (await ask(b)).cache).toBe('HIT')
    await a.pg.transaction(async tx => {
      await tx.query('update fund set units = 2 where id = 7')
      tx.invalidate('fund:7')
      expect([(await ask(a)).text, (await ask(b)).text]).toEqual(['units 1', 'units 1'])
    })
    expect((await ask(a)).text).toBe('units 2')
    await expect.poll(async () => (await ask(b)).text).toBe('units 2')
    expect((await ask(a)).text).toBe('units 2')
  })

  it('are not stored when the other process invalidates or purges while they are made', async () => {
    const [a, b] = await openTwo({ coherence })
    const changes: (() => Promise<unknown>)[] = [
      () => b.cache.invalidateTags('fund:7'),
      () => b.responses.purge('http://shop.test/funds/7'),
      () => ask(b, async () => page('changed'), 'POST'),
      () => b.cache.clear(),
    ]
    for (const change of changes) {
      const [read, go] = [gate<void>(), gate<void>()]
      const slow = ask(a, async () => {
        const seen = await units(a)
        read.open()
        await go.promise
        return page(`slow, units ${seen}`)
      })
      await read.promise
      await change()
      go.open()
      expect(await slow).toMatchObject({ text: 'slow, units 1', status: 'Holdfast; fwd=uri-miss; fwd-status=200; detail=outdated' })
      for (const hf of [a, b]) expect((await ask(hf, async () => page('new'))).text).toBe('new')
      await a.cache.clear()
      // The other one's memory is emptied by the news.
      await expect.poll(async () => (await ask(b, async () => new Response('none', { headers: { 'cache-control': 'no-store' } }))).cache).toBe('MISS')
    }
  })

  it('carry tags that the process has not met before', async () => {
    const [a, b] = await openTwo({ coherence })
    const tagged = async (): Promise<Response> =>
      new Response('old', { headers: { 'cache-control': 'public, max-age=600', 'cache-tag': 'new-here' } })
    await ask(a, tagged)
    await expect.poll(async () => (await ask(b, tagged)).cache).toBe('HIT')
    await b.cache.invalidateTags('new-here')
    await expect.poll(async () => (await ask(a, async () => page('new'))).text).toBe('new')
  })
})

it('lets each variant that two processes store at once stand', async () => {
  const [a, b] = await openTwo()
  const vary = (hf: Holdfast<pg.Pool>, language: string) =>
    hf.responses.fetch(
      new Request('http://shop.test/page', { headers: { 'accept-language': language } }),
      () => new Response(language, { headers: { 'cache-control': 'public, max-age=600', vary: 'accept-language' } }),
    )
  await vary(a, 'en')
  await vary(b, 'de')
  for (const hf of [a, b]) {
    for (const language of ['en', 'de']) await expect.poll(async () => (await vary(hf, language)).headers.get('x-cache')).toBe('HIT')
  }
})

it('keeps answering and invalidating in its own process while Redis is away, and drops in the others when it is back', async () => {
  const proxy = await startTcpProxy(REDIS_URL)
  try {
    const [a, b] = await openTwo({}, proxy.url)
    await ask(a)
    await expect.poll(async () => (await ask(b)).cache).toBe('HIT')
    proxy.partition(true)
    await expect.poll(() => ask(a).then(() => a.cache.stats().redis)).toBe('away')
    await a.pg.query('update fund set units = 2 where id = 7')
    await a.cache.invalidateTags('fund:7')
    expect((await ask(a)).text).toBe('units 2')
    expect((await ask(a)).cache).toBe('HIT')
    proxy.partition(false)
    await expect.poll(async () => (await ask(b)).text, { timeout: 10_000 }).toBe('units 2')
  } finally {
    await proxy.close()
  }
})
