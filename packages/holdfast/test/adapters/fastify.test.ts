import Fastify from 'fastify'
import { expect, it } from 'vitest'
import { fastify as attach, responseCache } from '../../src/adapters/fastify.ts'
import { holdfast } from '../../src/runtime/index.ts'

it('measures requests by their route and says where the time went, also for answers from the cache', async () => {
  const hf = await holdfast()
  const app = Fastify()
  await app.register(attach(hf))
  await app.register(responseCache(hf.responses))
  app.get('/funds/:id', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=60')
    return { units: await hf.cache.getOrSet('fund:7', () => 1) }
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  try {
    for (const cache of ['MISS', 'HIT']) {
      const response = await fetch(`${url}/funds/7`)
      expect([await response.json(), response.headers.get('x-cache')]).toEqual([{ units: 1 }, cache])
      expect(response.headers.get('server-timing')).toMatch(/total;dur=[\d.]+, pool;dur=/)
    }
    await fetch(`${url}/nowhere`)
    const durations = hf.telemetry.snapshot().find(({ name }) => name === 'http_server_request_duration_seconds')!
    await expect
      .poll(() =>
        hf.telemetry
          .snapshot()
          .find(({ name }) => name === durations.name)!
          .series.map(({ labels }) => labels.join(' ')),
      )
      .toEqual(['GET /funds/:id 2xx', 'GET (no route) 4xx'])
  } finally {
    await app.close()
    await hf.stop()
  }
})
