import { expect, it } from 'vitest'
import { createTieredCache, surveyCache } from '../../../src/cache/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import { foreignClient, newNamespace, openCache } from './harness.ts'

it('counts what Redis holds by prefix, with sizes and times left, and foreign keys not', async () => {
  const namespace = newNamespace()
  await using a = await openCache({ namespace, jitter: 0 })
  await a.cache.setMany(
    Array.from({ length: 500 }, (_, i) => [`fund:${i}`, 'x'.repeat(100)] as const),
    { ttl: '1m', tags: ['fund'] },
  )
  await a.cache.set('rate*:1', 1, { ttl: '1h' })
  await a.cache.set('rate*:2', 1, { ttl: '5m' })
  await a.cache.increment('fund:counter', { ttl: '1m' })
  const redis = foreignClient()
  await redis.set(`hf:${namespace}:v:foreign:1`, 'of another program')
  redis.disconnect()

  const whole = await surveyCache(a.cache, { tag: 'fund' })
  expect(whole).toMatchObject({ scannedCount: 503, isComplete: true, taggedCount: 500 })
  expect(whole.prefixes.map(({ prefix, entryCount, staleCount }) => [prefix, entryCount, staleCount])).toEqual([
    ['fund', 500, 0],
    ['rate*', 2, 0],
  ])
  const [fund, rate] = whole.prefixes
  expect(fund?.sizedCount).toBe(20)
  expect(fund?.meanBytes).toBeGreaterThan(127)
  expect(rate?.freshForMs?.least).toBeGreaterThan(290_000)
  expect(rate?.freshForMs?.most).toBeGreaterThan(3_500_000)
  expect(await surveyCache(a.cache, { prefix: 'rate*' })).toMatchObject({ scannedCount: 2, taggedCount: undefined })

  const part = await surveyCache(a.cache, { limit: 100, tag: 'fund' })
  expect(part).toMatchObject({ scannedCount: 100, isComplete: false })
  expect(part.taggedCount).toBeGreaterThan(90)
})

it('counts no entry that a tag has dropped already, and all as stale after a clear', async () => {
  await using a = await openCache({ namespace: newNamespace() })
  const tags = Array.from({ length: 60 }, (_, i) => `${'long'.repeat(20)}${i}`)
  await a.cache.set('k:1', 1, { tags: [...tags, 't'] })
  expect(await surveyCache(a.cache, { tag: 't' })).toMatchObject({ taggedCount: 1 })
  await a.cache.invalidateTags('t')
  expect(await surveyCache(a.cache, { tag: 't' })).toMatchObject({ taggedCount: 0, scannedCount: 1 })
  await a.cache.clear()
  expect((await surveyCache(a.cache)).prefixes[0]).toMatchObject({ staleCount: 1 })
})

it('refuses with a code when there is no Redis to look into', async () => {
  const alone = createTieredCache({}, { registry: createRegistry() })
  await expect(surveyCache(alone)).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY' })
  await expect(surveyCache(alone, { limit: 0 })).rejects.toMatchObject({ code: 'HF_CACHE_OPTION_INVALID' })
  await using away = await openCache({ namespace: newNamespace() }, 'redis://127.0.0.1:1')
  await expect(surveyCache(away.cache)).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY' })
})
