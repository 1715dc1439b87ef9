import { fakeClock } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, vi } from 'vitest'
import { createTieredCache, type LoadMany } from '../../src/cache/index.ts'

const memoryCache = () => createTieredCache({ jitter: 0 }, { clock: fakeClock(), registry: createRegistry() })

describe('a namespace of a cache', () => {
  it('has keys of its own and a clear of its own', async () => {
    const cache = memoryCache()
    const [seven, eight] = [cache.namespace('tenant:7'), cache.namespace('tenant:8')]
    await seven.set('user', 'a', { tags: ['users'] })
    await seven.getOrSet('plan', () => 'b')
    await eight.set('user', 'c')
    await cache.set('user', 'd')
    expect(await Promise.all([seven.get('user'), eight.get('user'), cache.get('user'), cache.get('tenant:7:user')])).toEqual(['a', 'c', 'd', 'a'])
    await seven.clear()
    expect([seven.peek('user'), seven.peek('plan'), eight.peek('user'), cache.peek('user')]).toEqual([undefined, undefined, 'c', 'd'])
  })

  it('is reached by the tags of its entries, and drops keys and patterns of its own', async () => {
    const cache = memoryCache()
    const [odd, plain] = [cache.namespace('a*'), cache.namespace('ab')]
    for (const view of [odd, plain])
      await view.setMany(
        [
          ['x1', 1],
          ['x2', 2],
          ['y', 3],
        ],
        { tags: ['t'] },
      )
    expect(await odd.deletePattern('x?')).toBe(2)
    expect(await odd.delete('y')).toBe(true)
    expect([plain.peek('x1'), plain.peek('x2'), plain.peek('y')]).toEqual([1, 2, 3])
    await cache.invalidateTags('t')
    expect(plain.peek('x1')).toBeUndefined()
  })

  it('gives loaders of many keys the keys that were asked for', async () => {
    const cache = memoryCache()
    const view = cache.namespace('tenant:7')
    await view.set('a', 'here')
    const load = vi.fn<LoadMany<string>>((keys, ctx) => {
      ctx.skipStore('c')
      return keys.map(key => [key, `loaded ${key}`] as const)
    })
    expect(await view.getOrSetMany(['a', 'b', 'c'], load)).toEqual(
      new Map([
        ['a', 'here'],
        ['b', 'loaded b'],
        ['c', 'loaded c'],
      ]),
    )
    expect(load.mock.calls[0]![0]).toEqual(['b', 'c'])
    expect(await view.getMany(['a', 'b', 'c'])).toEqual(
      new Map([
        ['a', 'here'],
        ['b', 'loaded b'],
      ]),
    )
    await view.clear()
    expect((await view.getMany(['a', 'b'])).size).toBe(0)
  })

  it('needs a name', () => {
    for (const name of ['', 'x'.repeat(201)])
      expect(() => memoryCache().namespace(name)).toThrow(expect.objectContaining({ code: 'HF_CACHE_KEY_INVALID' }))
  })
})
