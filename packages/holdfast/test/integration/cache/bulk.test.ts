import { describe, expect, it, vi } from 'vitest'
import type { LoadMany } from '../../../src/cache/index.ts'
import { foreignClient, newNamespace, openCache, pause, settleInMemory, until } from './harness.ts'

const HUNDRED = Array.from({ length: 100 }, (_, i) => `k${i}`)

describe.each([['auto'], ['pubsub']] as const)('many at once over one Redis, coherence %s', coherence => {
  it('read what another process set, and load each other key once; that process finds them', async () => {
    const options = { namespace: newNamespace(), coherence }
    await using a = await openCache(options)
    await using b = await openCache(options)
    await a.cache.setMany(HUNDRED.slice(0, 10).map(key => [key, `set ${key}`] as const))
    const load = vi.fn<LoadMany<string>>(keys => keys.map(key => [key, `loaded ${key}`] as const))
    const found = await b.cache.getOrSetMany(HUNDRED, load, { tags: ['all'] })
    expect(found.size).toBe(100)
    expect([found.get('k9'), found.get('k10')]).toEqual(['set k9', 'loaded k10'])
    // In one call, when Redis has decided on all of them within 5 ms of the first: a matter of the machine, and of the test with a clock that stands.
    expect(load.mock.calls.flatMap(([keys]) => keys).toSorted()).toEqual(HUNDRED.slice(10).toSorted())
    expect((await a.cache.getMany(HUNDRED)).size).toBe(100)
    await a.cache.invalidateTags('all')
    await until(async () => (await b.cache.getMany(HUNDRED)).size === 10, 1000)
  })

  it('load each key once when two processes ask for overlapping keys', async () => {
    const options = { namespace: newNamespace(), coherence }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const loaded: string[] = []
    const load: LoadMany<string> = async keys => {
      loaded.push(...keys)
      // Long enough for the other process to find the leases taken.
      await pause(50)
      return keys.map(key => [key, key] as const)
    }
    const [inA, inB] = await Promise.all([
      a.cache.getOrSetMany(HUNDRED.slice(0, 60), load),
      b.cache.getOrSetMany([...HUNDRED.slice(40)].reverse(), load),
    ])
    expect([inA.size, inB.size]).toEqual([60, 60])
    expect(loaded.sort()).toEqual([...HUNDRED].sort())
  })

  it('drops what the loader tagged, for all processes', async () => {
    const options = { namespace: newNamespace(), coherence }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const read = () =>
      a.cache.getOrSet(
        'k',
        ctx => {
          ctx.setTags('fund:7')
          return 'v'
        },
        { tags: ['known'] },
      )
    await read()
    await settleInMemory(b, 'k', 'v')
    await b.cache.invalidateTags('fund:7')
    expect(await b.cache.get('k')).toBeUndefined()
    // Loaded again at once, it is returned and not stored: the invalidation may have been during this load, for all the clocks say.
    expect(await read()).toBe('v')
    expect(await b.cache.get('k')).toBeUndefined()
  })

  it('do not store under a tag of the loader\u2019s choice that another process invalidated during the load', async () => {
    const options = { namespace: newNamespace(), coherence }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const value = await a.cache.getOrSet('k', async ctx => {
      await b.cache.invalidateTags('fund:7')
      ctx.setTags('fund:7')
      return 'old'
    })
    expect(value).toBe('old')
    expect(a.cache.peek('k')).toBeUndefined()
    expect(await b.cache.get('k')).toBeUndefined()
    expect(a.count('holdfast_cache_errors', 'tag_moved')).toBe(1)
    const redis = foreignClient()
    expect(await redis.exists(`hf:${options.namespace}:l:k`)).toBe(0)
    redis.disconnect()
  })
})

describe('many at once while Redis is away', () => {
  it('are loaded by calls of at most `outageLoads` keys, one after another', async () => {
    await using a = await openCache({ namespace: newNamespace(), outageLoads: 32 }, 'redis://127.0.0.1:1')
    const load = vi.fn<LoadMany<string>>(keys => keys.map(key => [key, key] as const))
    expect((await a.cache.getOrSetMany(HUNDRED, load)).size).toBe(100)
    const sizes = load.mock.calls.map(([keys]) => keys.length)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(32)
    expect(load.mock.calls.flatMap(([keys]) => keys)).toHaveLength(100)
    await a.cache.setMany([['x', 1]])
    expect(a.cache.peek('x')).toBe(1)
  })
})
