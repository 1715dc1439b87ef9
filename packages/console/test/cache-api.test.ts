import { fakeClock } from '@holdfast/testkit'
import { createTieredCache } from 'holdfast/cache'
import type { Logger } from 'holdfast/core'
import { createResponseCache } from 'holdfast/http'
import { createRegistry } from 'holdfast/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { type Console, type ConsoleOptions, createConsole, localInstance } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'
import { seconds, settle } from './support/settle.ts'

const TOKEN = 'a-token-that-is-long-enough'
const opened: Console[] = []
afterEach(async () => {
  for (const console of opened.splice(0)) await console.stop()
})

/** A console over a cache in this process alone, asked with a bearer token, or with a role. */
function openConsole(options: Partial<ConsoleOptions> = {}) {
  const registry = createRegistry()
  const cache = createTieredCache({ ttl: '1m' }, { registry })
  const snapshot = {
    ...({ schema: 'holdfast.instance/1', service: 'leads', instanceId: 'leads-1', startedAtMs: 0, atMs: 0, statements: [] } as const),
    health: { status: 'ok', reasons: [] } as const,
  }
  const lines: object[] = []
  const note = (details: object): void => void lines.push(details)
  const logger: Logger = { debug: note, info: note, warn: note, error: note }
  const sources = [localInstance({ snapshot: () => ({ ...snapshot, metrics: registry.snapshot(), cache: cache.stats() }) })]
  const console = createConsole({ sources, cache, logger, auth: { kind: 'token', token: TOKEN }, ...options })
  opened.push(console)
  const ask = async (path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${TOKEN}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await console.fetch(new Request(`http://127.0.0.1/api/v1/performance/cache/${path}`, init))
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return { console, cache, ask, lines }
}

describe('the cache in the API', () => {
  it('answers metrics and hit ratios, and nothing of nothing is no ratio', async () => {
    const { ask } = openConsole()
    const metrics = await ask('metrics?window=60')
    expect(metrics).toMatchObject({ status: 200, body: { schema: 'holdfast.cache-metrics/1', actions: ['inspect', 'value', 'invalidate'] } })
    expect(metrics.body).toMatchObject({ totals: { hitRatio: { value: null, n: 0 }, loadP95Ms: { value: null, n: 0 } }, prefixes: [] })
    expect((await ask('hit-rate')).body).toMatchObject({ schema: 'holdfast.cache-hit-rate/1', hitRatio: { value: null, n: 0 } })
  })

  it('shows the hit ratio of the response cache by route, with what went around it and why', async () => {
    const clock = fakeClock()
    const service = new FakeService(clock)
    const { registry } = service
    const responses = createResponseCache({ rules: [{ path: '/leads*' }] }, { cache: createTieredCache({}, { clock, registry }), registry, clock })
    const get = async (path: string, headers: Record<string, string>) =>
      responses.fetch(new Request(`http://leads.test${path}`), () => new Response('page', { headers }))
    const console = createConsole({ sources: [service], clock, auth: { kind: 'token', token: TOKEN } })
    opened.push(console)
    await console.start()
    await settle()
    for (let i = 0; i < 5; i++) await get('/leads', { 'cache-control': 'max-age=60' })
    await get('/other', { 'cache-control': 'private' })
    await seconds(clock, 1)
    const response = await console.fetch(
      new Request('http://127.0.0.1/api/v1/performance/cache/hit-rate', { headers: { authorization: `Bearer ${TOKEN}` } }),
    )
    const { routes } = (await response.json()) as { routes: object[] }
    expect(routes).toMatchObject([
      { route: '/leads*', answerCount: 5, hitCount: 4, missCount: 1, hitRatio: { value: 0.8, n: 5 }, bypassCount: 0, bypasses: [] },
      { route: '*', answerCount: 1, hitRatio: { value: null, n: 0 }, bypassCount: 1, bypasses: [{ reason: 'private', count: 1 }] },
    ])
  })

  it('shows where a key is, and its value only when asked and allowed', async () => {
    const { ask, cache } = openConsole()
    await cache.set('fund:7', { nav: 12n, at: new Map([['x', 1]]) }, { tags: ['fund'] })
    const found = await ask('key?key=fund%3A7')
    expect(found.body).toMatchObject({ outcome: 'hit', reason: 'in_memory', memory: { tags: [{ tag: 'fund', isCurrent: true }] }, redis: null })
    expect(found.body).not.toHaveProperty('valueText')
    expect((await ask('key?key=fund%3A7&value=1')).body.valueText).toBe("{ nav: 12n, at: Map(1) { 'x' => 1 } }")
    const viewer = openConsole({ auth: { kind: 'custom', verify: async () => 'view' } })
    expect((await viewer.ask('metrics')).body.actions).toEqual(['inspect'])
    expect(await viewer.ask('key?key=k&value=1')).toMatchObject({ status: 403, body: { code: 'HF_CONSOLE_FORBIDDEN' } })
    expect(await viewer.ask('tag-count?tag=t')).toMatchObject({ status: 403 })
    expect(await viewer.ask('invalidate', { tags: ['t'] })).toMatchObject({ status: 403 })
    expect(await ask('key')).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
  })

  it('drops tags and keys, and leaves an audit line and an event', async () => {
    const { ask, cache, console, lines } = openConsole()
    await cache.set('fund:7', 1, { tags: ['fund'] })
    await cache.set('rate:1', 1)
    expect((await ask('tag-count?tag=fund')).body).toMatchObject({ taggedCount: null, why: expect.stringContaining('none was given') })
    expect(await ask('invalidate', { tags: ['fund'], keys: ['rate:1', 'rate:2'] })).toMatchObject({
      status: 200,
      body: { deletedCount: 1, isPending: false },
    })
    expect([await cache.get('fund:7'), await cache.get('rate:1')]).toEqual([undefined, undefined])
    expect(lines).toContainEqual({ audit: 'cache.invalidate', role: 'admin', tags: ['fund'], keys: ['rate:1', 'rate:2'], urls: [] })
    expect(console.overview(60).events.map(({ text }) => text)).toContain('dropped from the cache: tag fund, key rate:1, key rate:2')
  })

  it('purges stored answers of URLs, and says which CDNs hear of tags and URLs', async () => {
    const registry = createRegistry()
    const cache = createTieredCache({ ttl: '1m' }, { registry })
    const purged: string[] = []
    const fields = { fields: [], cacheGroups: false, common: 'holdfast:app' }
    const cdn = { names: ['cloudflare'], fields, purgeUrl: async (url: string) => purged.push(url) }
    const responses = createResponseCache({}, { cache, registry, cdn })
    const { ask, lines } = openConsole({ cache, responses })
    const get = async () => {
      const handler = () => new Response('1', { headers: { 'cache-control': 'public, max-age=60' } })
      return (await responses.fetch(new Request('https://shop.test/a'), handler)).headers.get('x-cache')
    }
    expect([await get(), await get()]).toEqual(['MISS', 'HIT'])
    const urls = ['https://shop.test/a']
    expect(await ask('invalidate', { urls })).toMatchObject({ status: 200, body: { urls, cdns: ['cloudflare'], tags: [], keys: [] } })
    expect([await get(), purged]).toEqual(['MISS', urls])
    expect(lines).toContainEqual({ audit: 'cache.invalidate', role: 'admin', tags: [], keys: [], urls })
    expect((await ask('invalidate', { keys: ['k'] })).body.cdns).toEqual([])
    expect(await openConsole().ask('invalidate', { urls })).toMatchObject({ body: { code: 'HF_CONSOLE_NO_CACHE' } })
    expect(await ask('invalidate', { urls: ['file:///etc'] })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
  })

  it('wants the first name repeated outside development, and refuses what it cannot read', async () => {
    const { ask, cache } = openConsole({ environment: 'production' })
    await cache.set('fund:7', 1, { tags: ['fund'] })
    expect(await ask('invalidate', { tags: ['fund'] })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await cache.get('fund:7')).toBe(1)
    expect(await ask('invalidate', { tags: ['fund'], confirmation: 'fund' })).toMatchObject({ status: 200 })
    for (const body of [{}, { tags: 'fund' }, { keys: [7] }, { tags: [''] }, null, { tags: Array.from({ length: 65 }, (_, i) => `t${i}`) }]) {
      expect(await ask('invalidate', body)).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
    }
    expect(await ask(`key?key=${'x'.repeat(2000)}`)).toMatchObject({ status: 400, body: { code: 'HF_CACHE_KEY_INVALID' } })
  })

  it('says that it was given no cache', async () => {
    const registry = createRegistry()
    const source = { id: 'a', read: () => Promise.reject(new Error(String(registry))) }
    const console = createConsole({ sources: [source], auth: { kind: 'token', token: TOKEN } })
    opened.push(console)
    const response = await console.fetch(
      new Request('http://127.0.0.1/api/v1/performance/cache/key?key=k', { headers: { authorization: `Bearer ${TOKEN}` } }),
    )
    expect(await response.json()).toMatchObject({ status: 404, code: 'HF_CONSOLE_NO_CACHE' })
  })
})
