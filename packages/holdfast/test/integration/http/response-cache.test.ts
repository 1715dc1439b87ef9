import { randomUUID } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { createResponseCache, type ResponseCache } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import { startTcpProxy } from '../cache/tcp-proxy.ts'

const caches: TieredCache[] = []

afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.stop()
})

/** Redis that is slower than the budget is a miss, so a test of what one process finds of another's gives it the time of a busy machine. */
async function open(namespace: string, redis: string, redisBudget: '10s' | '50ms' = '10s'): Promise<ResponseCache> {
  const registry = createRegistry()
  const cache = createTieredCache({ namespace, redisBudget }, { redis, registry })
  caches.push(cache)
  await cache.start()
  return createResponseCache({}, { cache, registry })
}

/** Asks through `cache`; the handler answers bytes that are no text, varied by language. */
async function ask(
  cache: ResponseCache,
  language: string,
  body: Uint8Array,
  headers: Record<string, string> = {},
  meanwhile: () => Promise<unknown> = async () => undefined,
) {
  const handler = async (): Promise<Response> => {
    await meanwhile()
    return new Response(new Blob([body as Uint8Array<ArrayBuffer>]), {
      headers: { 'cache-control': 'public, max-age=60', vary: 'accept-language', etag: '"1"', 'x-made': `${body[0]}` },
    })
  }
  const response = await cache.fetch(new Request('http://shop.test/a', { headers: { 'accept-language': language, ...headers } }), handler)
  return {
    status: response.status,
    cache: response.headers.get('x-cache'),
    made: response.headers.get('x-made'),
    body: new Uint8Array(await response.arrayBuffer()),
  }
}

const bytes = (first: number): Uint8Array => Uint8Array.from({ length: 300 }, (_, i) => (first + i) % 256)

it('gives one process what another stored, variants and validators included, and purges in both', async () => {
  const namespace = `responses-${randomUUID().slice(0, 8)}`
  const url = process.env.HOLDFAST_TEST_REDIS_URL!
  const [a, b] = [await open(namespace, url), await open(namespace, url)]
  await ask(a, 'en', bytes(1))
  await ask(a, 'de', bytes(2))
  expect(await ask(b, 'en', bytes(9))).toEqual({ status: 200, cache: 'HIT', made: '1', body: bytes(1) })
  expect(await ask(b, 'de', bytes(9))).toEqual({ status: 200, cache: 'HIT', made: '2', body: bytes(2) })
  expect((await ask(b, 'de', bytes(9), { 'if-none-match': '"1"' })).status).toBe(304)
  await b.purge('http://shop.test/a')
  await expect.poll(async () => (await ask(a, 'en', bytes(3))).made).toBe('3')
})

it('gives one process the part that another stored', async () => {
  const namespace = `responses-${randomUUID().slice(0, 8)}`
  const url = process.env.HOLDFAST_TEST_REDIS_URL!
  const [a, b] = [await open(namespace, url), await open(namespace, url)]
  const askPart = async (cache: ResponseCache, range: string): Promise<[number, string | null, string]> => {
    const response = await cache.fetch(new Request('http://shop.test/film', { headers: { range } }), () => {
      return new Response('abcdef', { status: 206, headers: { 'cache-control': 'max-age=60', 'content-range': 'bytes 10-15/9000000' } })
    })
    return [response.status, response.headers.get('x-cache'), await response.text()]
  }
  expect(await askPart(a, 'bytes=10-15')).toEqual([206, 'MISS', 'abcdef'])
  expect(await askPart(b, 'bytes=12-13')).toEqual([206, 'HIT', 'cd'])
})

it('keeps the variants that Redis holds when a process without them in memory adds one', async () => {
  const namespace = `responses-${randomUUID().slice(0, 8)}`
  const url = process.env.HOLDFAST_TEST_REDIS_URL!
  const [a, b] = [await open(namespace, url), await open(namespace, url)]
  await ask(a, 'en', bytes(1))
  // What is in the memory of this process is gone before the handler has answered: somebody else changed the entry meanwhile.
  await ask(a, 'de', bytes(2), {}, () => ask(b, 'fr', bytes(3)))
  for (const [language, made] of [
    ['en', '1'],
    ['de', '2'],
    ['fr', '3'],
  ] as const)
    expect(await ask(b, language, bytes(9))).toMatchObject({ cache: 'HIT', made })
})

it('answers every request while Redis is cut off', async () => {
  const proxy = await startTcpProxy(process.env.HOLDFAST_TEST_REDIS_URL!)
  try {
    const cache = await open(`responses-${randomUUID().slice(0, 8)}`, proxy.url, '50ms')
    expect((await ask(cache, 'en', bytes(1))).made).toBe('1')
    proxy.partition(true)
    for (let i = 2; i < 6; i++) expect((await ask(cache, `l${i}`, bytes(i))).made).toBe(`${i}`)
  } finally {
    await proxy.close()
  }
})
