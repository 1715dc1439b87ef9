import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { findParts } from '../../../src/cache/cache-parts.ts'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { gate, newNamespace, openCache, pause, REDIS_URL, until } from './harness.ts'

/** The longest draw: the window is half the ttl. */
async function openEarly(namespace: string, memory: boolean): Promise<TieredCache> {
  const options = { namespace, jitter: 0, earlyRefresh: 100, ttl: '2s', ...(memory ? {} : { l1: false as const }) } as const
  const cache = createTieredCache(options, { redis: REDIS_URL, registry: createRegistry(), random: () => 0.999_999 })
  await cache.start()
  return cache
}

it.each([
  ['from memory', true],
  ['from Redis', false],
] as const)('lets one of three processes refresh early while all serve the value %s', async (_, memory) => {
  const namespace = newNamespace()
  await using a = await openEarly(namespace, memory)
  await using b = await openEarly(namespace, memory)
  await using c = await openEarly(namespace, memory)
  const all = [a, b, c]
  await a.getOrSet('k', async () => {
    // The window is 100 times this, cut to half the ttl.
    await pause(20)
    return 'old'
  })
  for (const cache of all) await cache.getOrSet('k', () => expect.unreachable())
  // Time passes in Redis too, so it has to pass here: half the ttl, after which there is a second of slack.
  await pause(1050)
  const loading = gate<string>()
  let loads = 0
  const refresh = (): Promise<string> => {
    loads++
    return loading.promise
  }
  expect(await Promise.all(all.map(cache => cache.getOrSet('k', refresh)))).toEqual(['old', 'old', 'old'])
  await until(() => loads === 1)
  expect(await Promise.all(all.map(cache => cache.getOrSet('k', refresh)))).toEqual(['old', 'old', 'old'])
  loading.open('new')
  for (const cache of all) await until(async () => (await cache.getOrSet('k', refresh)) === 'new')
  expect(loads).toBe(1)
})

it('lets a feature load anew what is fresh in Redis, once for all processes', async () => {
  const namespace = newNamespace()
  await using a = await openCache({ namespace })
  await using b = await openCache({ namespace })
  await a.cache.getOrSet('k', () => 'old')
  const loading = gate<string>()
  let loads = 0
  const load = (): Promise<string> => {
    loads++
    return loading.promise
  }
  const refreshed = [a, b].map(({ cache }) => findParts(cache).refresh('k', load, {}))
  await until(() => loads === 1)
  expect(await b.cache.getOrSet('k', () => expect.unreachable())).toBe('old')
  loading.open('new')
  expect(await Promise.all(refreshed)).toEqual(['new', 'new'])
  expect(loads).toBe(1)
  for (const { cache } of [a, b]) await until(async () => (await cache.get('k')) === 'new')
})
