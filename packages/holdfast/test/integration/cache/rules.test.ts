import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { newNamespace, openCache, pause, REDIS_URL, settleInMemory, until } from './harness.ts'

it('asks Redis, not the loader, when only the time in memory is over', async () => {
  await using a = await openCache({ namespace: newNamespace(), ttl: '5m', l1: { ttl: '40ms' } })
  await a.cache.getOrSet('k', () => 'v')
  await until(async () => {
    await a.cache.get('k')
    return a.cache.peek('k') === 'v'
  })
  const before = a.count('holdfast_cache_hits', 'l2')
  // The time in memory runs on the real clock here.
  await pause(50)
  expect(a.cache.peek('k')).toBeUndefined()
  expect(await a.cache.getOrSet('k', () => expect.unreachable())).toBe('v')
  expect(a.count('holdfast_cache_hits', 'l2')).toBe(before + 1)
  expect(a.count('holdfast_cache_stale')).toBe(0)
})

it('holds values of a rule with l1: false in Redis alone', async () => {
  const namespace = newNamespace()
  await using a = await openCache({ namespace, rules: [{ prefix: 'report:', l1: false }] })
  await using b = await openCache({ namespace })
  await a.cache.getOrSet('report:7', () => 'large')
  for (let i = 0; i < 3; i++) expect(await a.cache.getOrSet('report:7', () => expect.unreachable())).toBe('large')
  expect(a.cache.stats().entries).toBe(0)
  await settleInMemory(b, 'report:7', 'large')
})

it('drops in every process what an event makes old', async () => {
  const options = { namespace: newNamespace(), invalidation: { 'lead.assigned': (e: { leadId: number }) => [`lead:${e.leadId}`, 'dashboard'] } }
  const open = async () => {
    const cache = createTieredCache(options, { redis: REDIS_URL, registry: createRegistry() })
    await cache.start()
    return cache
  }
  await using a = await open()
  await using b = await openCache({ namespace: options.namespace })
  for (const key of ['lead:7', 'lead:8', 'dashboard']) await b.cache.set(key, 'old', { tags: [key] })
  for (const key of ['lead:7', 'lead:8', 'dashboard']) await settleInMemory(b, key, 'old')
  await a.emit('lead.assigned', { leadId: 7 })
  await until(() => b.cache.peek('lead:7') === undefined && b.cache.peek('dashboard') === undefined, 1000)
  expect(await Promise.all(['lead:7', 'dashboard', 'lead:8'].map(key => b.cache.get(key)))).toEqual([undefined, undefined, 'old'])
})

it('clears a namespace of the cache for every process, and gives copies from Redis where the value was stored so', async () => {
  const namespace = newNamespace()
  await using a = await openCache({ namespace, clone: true })
  await using b = await openCache({ namespace })
  await a.cache.namespace('tenant:7').set('k', { rows: [1] })
  await a.cache.set('k', 'stays')
  const view = b.cache.namespace('tenant:7')
  const read = (await view.get<{ rows: number[] }>('k'))!
  read.rows.push(2)
  expect(await view.get('k')).toEqual({ rows: [1] })
  await a.cache.namespace('tenant:7').clear()
  await until(() => view.peek('k') === undefined, 1000)
  expect([await view.get('k'), await b.cache.get('k')]).toEqual([undefined, 'stays'])
})
