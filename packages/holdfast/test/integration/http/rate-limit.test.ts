import { randomUUID } from 'node:crypto'
import { afterEach, expect, it } from 'vitest'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { createRateLimiter } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import { startTcpProxy } from '../cache/tcp-proxy.ts'

const caches: TieredCache[] = []

afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.stop()
})

async function open(namespace: string, redis: string): Promise<TieredCache> {
  const cache = createTieredCache({ namespace }, { redis, registry: createRegistry() })
  caches.push(cache)
  await cache.start()
  return cache
}

it('counts over all processes of one Redis', async () => {
  const namespace = `rate-${randomUUID().slice(0, 8)}`
  const url = process.env.HOLDFAST_TEST_REDIS_URL!
  const limiters = [await open(namespace, url), await open(namespace, url)].map(cache =>
    createRateLimiter({ name: 'api', limit: 10, per: '1h' }, cache),
  )
  const decisions = await Promise.all(Array.from({ length: 40 }, (_, i) => limiters[i % 2]!.check('somebody')))
  expect(decisions.filter(({ isAllowed }) => isAllowed).length).toBe(10)
  const { isAllowed, remaining, retryAfterMs } = await limiters[0]!.check('somebody')
  expect([isAllowed, remaining]).toEqual([false, 0])
  expect(retryAfterMs).toBeGreaterThan(300_000)
  expect(retryAfterMs).toBeLessThanOrEqual(360_000)
})

it('goes on counting from what it last heard when Redis is cut off', async () => {
  const proxy = await startTcpProxy(process.env.HOLDFAST_TEST_REDIS_URL!)
  try {
    const cache = await open(`rate-${randomUUID().slice(0, 8)}`, proxy.url)
    const limiter = createRateLimiter({ name: 'api', limit: 5, per: '1h' }, cache)
    for (let i = 0; i < 3; i++) expect((await limiter.check('somebody')).isAllowed).toBe(true)
    proxy.partition(true)
    const allowed = []
    for (let i = 0; i < 5; i++) allowed.push((await limiter.check('somebody')).isAllowed)
    expect(allowed).toEqual([true, true, false, false, false])
    expect((await limiter.check('another')).isAllowed).toBe(true)
  } finally {
    await proxy.close()
  }
})
