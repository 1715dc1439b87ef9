import { fakeClock } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, vi } from 'vitest'
import { createTieredCache, type LoadMany } from '../../src/cache/index.ts'

function memoryCache() {
  const clock = fakeClock()
  return { clock, cache: createTieredCache({ jitter: 0 }, { clock, registry: createRegistry() }) }
}

describe('reading and writing many without Redis', () => {
  it('loads only what is missing, in one call, and leaves out what does not exist', async () => {
    const { cache } = memoryCache()
    await cache.set('a', 1)
    const load = vi.fn<LoadMany<number | null>>(() => [
      ['c', 3],
      ['b', null],
    ])
    const found = await cache.getOrSetMany(['a', 'b', 'c', 'd', 'a'], load)
    expect([...found]).toEqual([
      ['a', 1],
      ['b', null],
      ['c', 3],
    ])
    expect(load.mock.calls.map(([keys]) => keys)).toEqual([['b', 'c', 'd']])
    expect(cache.peek('b')).toBeNull()
    expect(await cache.getMany(['d'])).toEqual(new Map())
  })

  it('waits for a load of one of the keys that is under way, and does not load it again', async () => {
    const { cache, clock } = memoryCache()
    let finish = (_: string): void => undefined
    const single = cache.getOrSet('a', () => new Promise<string>(resolve => (finish = resolve)))
    const load = vi.fn<LoadMany<string>>(keys => keys.map(key => [key, 'bulk'] as const))
    const many = cache.getOrSetMany(['a', 'b'], load)
    // The others are not held up: after the gathering time they are loaded.
    await vi.waitFor(() => {
      clock.advance(5)
      expect(load).toHaveBeenCalledTimes(1)
    })
    finish('single')
    expect(await many).toEqual(
      new Map([
        ['a', 'single'],
        ['b', 'bulk'],
      ]),
    )
    expect(await single).toBe('single')
    expect(load.mock.calls[0]![0]).toEqual(['b'])
  })

  it('gives every caller the loader\u2019s own error', async () => {
    const { cache } = memoryCache()
    const error = new Error('database')
    const failing = () => Promise.reject(error)
    await expect(cache.getOrSetMany(['a', 'b'], failing)).rejects.toBe(error)
    expect(await cache.getOrSetMany(['a'], () => [['a', 1]])).toEqual(new Map([['a', 1]]))
  })

  it('reloads stale values together, and serves them meanwhile', async () => {
    const { cache, clock } = memoryCache()
    const keys = ['a', 'b', 'c']
    let calls = 0
    const load: LoadMany<number> = missing => {
      calls++
      return missing.map(key => [key, calls] as const)
    }
    const options = { ttl: '1s', grace: '1m' } as const
    await cache.getOrSetMany(keys, load, options)
    clock.advance(1000)
    expect([...(await cache.getOrSetMany(keys, load, options)).values()]).toEqual([1, 1, 1])
    await vi.waitFor(() => expect(cache.peek('c')).toBe(2))
    expect(calls).toBe(2)
  })

  it('lets the loader choose ttl, tags and storing for each key', async () => {
    const { cache, clock } = memoryCache()
    await cache.getOrSetMany(['short', 'tagged', 'unstored'], (keys, ctx) => {
      ctx.setTtl('short', '1s')
      ctx.setTags('tagged', 'fund:7')
      ctx.skipStore('unstored')
      ctx.setTtl('no such key', '1s')
      return keys.map(key => [key, key] as const)
    })
    expect(cache.peek('unstored')).toBeUndefined()
    clock.advance(1000)
    expect(cache.peek('short')).toBeUndefined()
    expect(cache.peek('tagged')).toBe('tagged')
    await cache.invalidateTags('fund:7')
    expect(cache.peek('tagged')).toBeUndefined()
  })

  it('writes nothing when one of many entries is bad', async () => {
    const { cache } = memoryCache()
    const bad = [
      ['a', 1],
      ['b', () => 1],
    ] as const
    await expect(cache.setMany(bad)).rejects.toMatchObject({ code: 'HF_CACHE_VALUE_UNENCODABLE' })
    expect(cache.peek('a')).toBeUndefined()
    await cache.setMany(new Map([['a', 1]]), { ttl: '1h' })
    expect(cache.peek('a')).toBe(1)
  })

  it('does not store a value whose loader chooses a tag that was invalidated during the load', async () => {
    const { cache } = memoryCache()
    const load = async (invalidated: string): Promise<string> =>
      cache.getOrSet('k', async ctx => {
        await cache.invalidateTags(invalidated)
        ctx.setTags('fund:7', 'all')
        return 'v'
      })
    expect(await load('fund:7')).toBe('v')
    expect(cache.peek('k')).toBeUndefined()
    await load('fund:8')
    expect(cache.peek('k')).toBe('v')
  })

  it('hands the loader\u2019s bad tag to the caller', async () => {
    const { cache } = memoryCache()
    await expect(cache.getOrSet('k', ctx => ctx.setTags(''))).rejects.toMatchObject({ code: 'HF_CACHE_TAG_INVALID' })
  })
})
