import { fakeClock } from '@holdfast/testkit'
import { isHoldfastError } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, vi } from 'vitest'
import { type CacheOptions, cachePresets, createTieredCache } from '../../src/cache/index.ts'

function memoryCache<L extends string = never, E extends object = Record<never, never>>(options: CacheOptions<L, E>) {
  const clock = fakeClock()
  return { clock, cache: createTieredCache({ jitter: 0, ...options }, { clock, registry: createRegistry() }) }
}

const freshForMs = async (cache: { inspect(key: string): Promise<{ memory: { freshForMs: number } | undefined }> }, key: string) =>
  (await cache.inspect(key)).memory?.freshForMs

const problemsOf = (options: object): string[] => {
  try {
    createTieredCache(options, { registry: createRegistry() })
  } catch (error) {
    if (isHoldfastError(error)) return (error.context.problems as { path: string }[]).map(({ path }) => path)
    throw error
  }
  return []
}

describe('named lifetimes', () => {
  it('stand wherever a lifetime is asked for, and are checked by the compiler', async () => {
    const { cache } = memoryCache({ lifetimes: { profile: '1h', brief: '5s' }, ttl: 'brief', grace: 'profile' })
    await cache.set('a', 1, { ttl: 'profile' })
    await cache.getOrSet('b', () => null, { nullTtl: 'profile' })
    await cache.set('c', 1)
    await cache.set('d', 1, { ttl: '2s' })
    expect(await Promise.all(['a', 'b', 'c', 'd'].map(key => freshForMs(cache, key)))).toEqual([3_600_000, 3_600_000, 5000, 2000])
    expect((await cache.inspect('d')).memory?.goneInMs).toBe(3_602_000)
    // @ts-expect-error: there is no such lifetime
    await expect(cache.set('e', 1, { ttl: 'forever' })).rejects.toMatchObject({ code: 'HF_CACHE_OPTION_INVALID' })
    // @ts-expect-error: nor in a cache that names none
    expect(() => memoryCache({ ttl: 'profile' })).toThrow(/cache.ttl/)
  })

  it('may not look like durations, and are durations themselves', () => {
    expect(problemsOf({ lifetimes: { '5m': '1h', ok: 'soon', zero: '0s' } })).toEqual([
      'cache.lifetimes.5m',
      'cache.lifetimes.ok',
      'cache.lifetimes.zero',
    ])
  })
})

describe('rules', () => {
  it('are the defaults of the longest prefix that fits, below the options of the call', async () => {
    const { cache } = memoryCache({
      lifetimes: { profile: '1h' },
      rules: [
        { prefix: 'user:', ttl: '10s', grace: '1m' },
        { prefix: 'user:profile:', ttl: 'profile', tags: ['profiles'] },
      ],
    })
    await cache.setMany(['user:7', 'user:profile:7', 'users'].map(key => [key, 1] as const))
    await cache.set('user:profile:8', 1, { ttl: '3s', tags: ['user:8'] })
    expect(await freshForMs(cache, 'user:7')).toBe(10_000)
    expect(await freshForMs(cache, 'users')).toBe(60_000)
    // Not the shorter rule's grace: one rule counts alone.
    expect((await cache.inspect('user:profile:7')).memory).toMatchObject({ freshForMs: 3_600_000, goneInMs: 3_600_000 })
    expect((await cache.inspect('user:profile:8')).memory?.tags.map(({ tag }) => tag)).toEqual(['profiles', 'user:8'])
    expect(await freshForMs(cache, 'user:profile:8')).toBe(3000)
    await cache.invalidateTags('profiles')
    expect([cache.peek('user:profile:7'), cache.peek('user:profile:8'), cache.peek('user:7')]).toEqual([undefined, undefined, 1])
  })

  it('keep values out of memory, or there for a shorter time', async () => {
    const { cache, clock } = memoryCache({
      rules: [
        { prefix: 'report:', l1: false },
        { prefix: 'agent:', l1: { ttl: '1s' } },
      ],
    })
    const load = vi.fn(() => 'v')
    await cache.getOrSet('report:7', load)
    await cache.getOrSet('report:7', load)
    expect(load).toHaveBeenCalledTimes(2)
    await cache.getOrSet('agent:7', () => 'v')
    expect(cache.peek('agent:7')).toBe('v')
    clock.advance(1000)
    expect(cache.peek('agent:7')).toBeUndefined()
  })

  it('are refused with every problem at once', () => {
    const rules = [
      { prefix: '' },
      { prefix: 'a', ttl: 'nope', earlyRefresh: -1, compress: '1', tags: [7], l1: { ttl: '0s' } },
      { prefix: 'a', size: 1 },
    ]
    expect(problemsOf({ rules }).sort()).toEqual([
      'cache.rules[0].prefix',
      'cache.rules[1].compress',
      'cache.rules[1].earlyRefresh',
      'cache.rules[1].l1.ttl',
      'cache.rules[1].tags',
      'cache.rules[1].ttl',
      'cache.rules[2].prefix',
      'cache.rules[2].size',
    ])
    expect(problemsOf({ rules: Array.from({ length: 101 }, (_, i) => ({ prefix: `p${i}` })) })).toEqual(['cache.rules'])
  })
})

describe('presets', () => {
  it.each(Object.entries(cachePresets))('%s is valid', (_, preset) => {
    expect(problemsOf(preset)).toEqual([])
  })

  it('give their names to the options of a call', async () => {
    const { cache } = memoryCache({ ...cachePresets.ordering })
    await cache.set('menu:today', 1, { ttl: 'dailyMenu' })
    expect(await freshForMs(cache, 'menu:today')).toBe(7_200_000)
  })
})

describe('events', () => {
  const withEvents = () =>
    memoryCache({
      invalidation: {
        'lead.assigned': (e: { leadId: string; agentId: string }) => [`lead:${e.leadId}`, `agent:${e.agentId}`],
        'prices.changed': () => ['prices'],
      },
    })

  it('drop what they make old, by tags of their payload', async () => {
    const { cache } = withEvents()
    for (const tag of ['lead:7', 'agent:3', 'lead:8']) await cache.set(tag, 1, { tags: [tag] })
    expect(cache.tagsOf('lead.assigned', { leadId: '7', agentId: '3' })).toEqual(['lead:7', 'agent:3'])
    expect(await cache.emit('lead.assigned', { leadId: '7', agentId: '3' })).toBe(true)
    expect(['lead:7', 'agent:3', 'lead:8'].map(key => cache.peek(key))).toEqual([undefined, undefined, 1])
  })

  it('are checked by the compiler and at run time', () => {
    const { cache } = withEvents()
    // @ts-expect-error: the payload has no agent
    cache.tagsOf('lead.assigned', { leadId: '7' })
    const unknown = (): unknown =>
      // @ts-expect-error: there is no such event
      cache.tagsOf('lead.lost', {})
    expect(unknown).toThrow(expect.objectContaining({ code: 'HF_CACHE_EVENT_UNKNOWN' }))
    expect(problemsOf({ invalidation: { 'lead.assigned': 'lead' } })).toEqual(['cache.invalidation.lead.assigned'])
  })
})
