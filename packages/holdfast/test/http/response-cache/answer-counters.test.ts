import type { AddressInfo } from 'node:net'
import { fakeClock } from '@holdfast/testkit'
import expressFramework, { Router } from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { describe, expect, it } from 'vitest'
import { responseCache as forExpress, express as observe } from '../../../src/adapters/express.ts'
import { responseCache as forFastify } from '../../../src/adapters/fastify.ts'
import { responseCache as forHono } from '../../../src/adapters/hono.ts'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createRequestMonitor, createResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry, type Registry } from '../../../src/telemetry/index.ts'

const PUBLIC = { 'cache-control': 'public, max-age=60', etag: '"1"' }

function open(options: ResponseCacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  return { clock, registry, cache: createResponseCache(options, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock }) }
}

/** Answers by route and outcome. */
function answersOf(registry: Registry): Record<string, number> {
  const family = registry.snapshot().find(({ name }) => name === 'holdfast_http_cache_answers')!
  return Object.fromEntries(family.series.map(({ labels, value }) => [labels.join(' | '), value!]))
}

describe('answers of the response cache are counted', () => {
  it('by how they came about, with the reason of each bypass', async () => {
    const { clock, registry, cache } = open({
      rules: [
        { path: '/off', cache: false },
        { path: '/own', identity: () => undefined },
      ],
    })
    const ask = async (path: string, answer: () => Response, headers: Record<string, string> = {}, method = 'GET') =>
      cache.fetch(new Request(`http://shop.test${path}`, { headers, method }), answer)
    const page = (headers: Record<string, string>) => () => new Response('page', { headers })
    await ask('/a', page({ ...PUBLIC, 'cache-control': 'public, max-age=60, stale-while-revalidate=60' }))
    await ask('/a', page(PUBLIC))
    clock.advance(200_000)
    await ask('/a', () => new Response(null, { status: 304 }))
    clock.advance(61_000)
    await ask('/a', page(PUBLIC))
    await cache.idle()
    await ask('/b', page({}))
    await ask('/b', page({ 'cache-control': 'private' }))
    await ask('/c', page({ 'cache-control': 'max-age=9' }), { cookie: 'sid=1' })
    await ask('/d', page({}), { 'cache-control': 'only-if-cached' })
    await ask('/d', page({}), { 'if-match': '"1"' })
    await ask('/d', page({}), { 'x-original-url': '/admin' })
    await ask('/d', page({}), {}, 'POST')
    await ask('/off', page(PUBLIC))
    await ask('/own', page(PUBLIC))
    expect(answersOf(registry)).toEqual({
      '* | miss': 2,
      '* | hit': 1,
      '* | revalidated': 1,
      '* | stale': 1,
      '* | bypass:no-lifetime': 1,
      '* | bypass:private': 1,
      '* | bypass:cookie': 1,
      '* | refused': 1,
      '* | bypass:precondition': 1,
      '* | bypass:override': 1,
      '* | bypass:method': 1,
      '/off | bypass:rule': 1,
      '/own | bypass:identity': 1,
    })
  })

  it("under the handler's route in Express, hits too, and so are the requests themselves", async () => {
    const { registry, cache } = open()
    const app = expressFramework().use(observe({ requests: createRequestMonitor(registry) }), forExpress(cache))
    const routes = Router().get('/leads/:id', (_request, response) => void response.set(PUBLIC).send('lead'))
    app.use('/api', routes)
    const server = app.listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/leads/`
    for (const id of [1, 2, 1, 2, 1]) await (await fetch(url + id, { headers: { connection: 'close' } })).text()
    await new Promise(resolve => server.close(resolve))
    expect(answersOf(registry)).toEqual({ 'GET /api/leads/:id | miss': 2, 'GET /api/leads/:id | hit': 3 })
    const requests = registry.snapshot().find(({ name }) => name === 'http_server_request_duration_seconds')!
    expect(requests.series.map(({ labels, histogram }) => [...labels, histogram!.count])).toEqual([['GET /api/leads/:id', '2xx', 5]])
  })

  it("under the handler's route in Fastify", async () => {
    const { registry, cache } = open()
    const app = Fastify()
    await app.register(forFastify(cache))
    app.get('/leads/:id', async (_request, reply) => reply.headers(PUBLIC).send('lead'))
    for (const id of [1, 1]) expect((await app.inject(`/leads/${id}`)).body).toBe('lead')
    await app.close()
    expect(answersOf(registry)).toEqual({ 'GET /leads/:id | miss': 1, 'GET /leads/:id | hit': 1 })
  })

  it("under the handler's route in Hono, also where it is mounted as a part, and under the rule where no route answered", async () => {
    const { registry, cache } = open()
    const app = new Hono()
    app.use(forHono(cache, app))
    app.use('/api/*', async (context, next) => (context.req.path === '/api/none' ? context.text('', 401) : next()))
    app.route(
      '/api',
      new Hono().get('/leads/:id', context => context.text('lead', 200, PUBLIC)),
    )
    for (const path of ['leads/1', 'leads/1', 'none', 'gone']) await app.request(`http://shop.test/api/${path}`)
    expect(answersOf(registry)).toEqual({
      'GET /api/leads/:id | miss': 1,
      'GET /api/leads/:id | hit': 1,
      '* | bypass:no-lifetime': 2,
    })
  })

  it('in the statistics of the cache too: one read an answer, a hit or a miss', async () => {
    const { registry, cache } = open()
    for (let i = 0; i < 4; i++) await (await cache.fetch(new Request('http://shop.test/a'), () => new Response('page', { headers: PUBLIC }))).text()
    const reads = registry.snapshot().find(({ name }) => name === 'holdfast_cache_prefix_reads')!.series
    expect(Object.fromEntries(reads.filter(({ value }) => value! > 0).map(({ labels, value }) => [labels.join(' '), value]))).toEqual({
      'http l1': 3,
      'http miss': 1,
    })
  })

  it('under other beyond 200 routes', async () => {
    const { registry, cache } = open({ rules: Array.from({ length: 250 }, (_, i) => ({ path: `/r${i}`, cache: false })) })
    for (let i = 0; i < 250; i++) await cache.fetch(new Request(`http://shop.test/r${i}`), () => new Response('page'))
    const answers = answersOf(registry)
    expect([Object.keys(answers).length, answers['other | bypass:rule']]).toEqual([201, 50])
  })
})
