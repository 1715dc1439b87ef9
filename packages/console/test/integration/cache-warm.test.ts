import { randomUUID } from 'node:crypto'
import { createTieredCache, createWarming } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import { afterEach, expect, it } from 'vitest'
import { createConsole, remoteInstance } from '../../src/index.ts'

const TOKEN = 'a-token-that-is-long-enough'
const ends: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function openCache(namespace: string) {
  const cache = createTieredCache({ namespace, redisBudget: '2s' }, { redis: process.env.HOLDFAST_TEST_REDIS_URL!, registry: createRegistry() })
  await cache.start()
  ends.push(() => cache.stop())
  return cache
}

it('has the running services warm their cache, by POST, and says what nobody can warm', async () => {
  const namespace = `warm-${randomUUID().slice(0, 8)}`
  const service = await openCache(namespace)
  const console = createConsole({
    sources: [remoteInstance('http://127.0.0.1:9', TOKEN)],
    cache: await openCache(namespace),
    auth: { kind: 'token', token: TOKEN },
  })
  ends.push(() => console.stop())
  const warm = async (body: unknown) => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const request = new Request('http://127.0.0.1/api/v1/performance/cache/warm', { method: 'POST', headers, body: JSON.stringify(body) })
    const response = await console.fetch(request)
    return { status: response.status, body: (await response.json()) as object }
  }
  expect(await warm({})).toMatchObject({ status: 503, body: { code: 'HF_CACHE_NO_WARMER' } })
  const warming = createWarming(service, {
    sources: [{ name: 'agents', on: [], keys: () => ['agent:1', 'agent:2'], load: ({ key }) => `the ${key}` }],
  })
  await warming.start()
  ends.push(() => warming.stop())
  expect(await warm({ sources: ['agents'] })).toMatchObject({
    status: 200,
    body: { schema: 'holdfast.cache-warming/1', processes: 1, sources: [{ source: 'agents', outcome: 'warmed', failed: 0 }] },
  })
  expect(await service.get('agent:2')).toBe('the agent:2')
  expect(await warm({ sources: ['carriers'] })).toMatchObject({ status: 404, body: { code: 'HF_CACHE_NO_SUCH_SOURCE' } })
  expect(await warm({ sources: 'agents' })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
  expect(console.overview(60).events.map(({ text }) => text)).toEqual(['warmed the cache: agents'])
})
