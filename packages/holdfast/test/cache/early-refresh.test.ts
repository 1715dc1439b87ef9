import { fakeClock } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, vi } from 'vitest'
import { type CacheOptions, createTieredCache, type Load } from '../../src/cache/index.ts'

/** Draws of 0.5 make the window 1 + ln 2 times the load: 1.693 s for a load of a second. */
function earlyCache(options: CacheOptions = { earlyRefresh: true }) {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache = createTieredCache({ jitter: 0, ttl: '1m', ...options }, { clock, registry, random: () => 0.5 })
  const earlyRefreshes = () => registry.snapshot().find(family => family.name === 'holdfast_cache_early_refreshes')?.series[0]?.value
  const slowly = <T>(value: T) =>
    vi.fn<Load<T>>(() => {
      clock.advance(1000)
      return value
    })
  return { cache, clock, earlyRefreshes, slowly }
}

/** Background loads need no timer: their promises run until the next macrotask. */
const background = () => new Promise(resolve => setImmediate(resolve))

describe('early refresh', () => {
  it('serves the fresh value and reloads it once in the background, no earlier than the moment drawn', async () => {
    const { cache, clock, earlyRefreshes, slowly } = earlyCache()
    await cache.getOrSet('k', slowly('old'))
    const refresh = slowly('new')
    clock.advance(60_000 - 1695)
    expect(await cache.getOrSet('k', refresh)).toBe('old')
    expect(refresh).not.toHaveBeenCalled()
    clock.advance(1)
    expect(await Promise.all([cache.getOrSet('k', refresh), cache.getOrSet('k', refresh)])).toEqual(['old', 'old'])
    await background()
    expect(await cache.getOrSet('k', refresh)).toBe('new')
    expect(refresh).toHaveBeenCalledTimes(1)
    expect(earlyRefreshes()).toBe(1)
    clock.advance(59_000 - 1694)
    expect(cache.peek('k')).toBe('new')
  })

  it('tries once and serves the value until its end when the loader fails', async () => {
    const { cache, clock, slowly } = earlyCache()
    await cache.getOrSet('k', slowly('old'))
    const failing = vi.fn(() => Promise.reject(new Error('down')))
    clock.advance(59_000)
    for (let i = 0; i < 3; i++) {
      expect(await cache.getOrSet('k', failing)).toBe('old')
      await background()
    }
    expect(failing).toHaveBeenCalledTimes(1)
    clock.advance(1000)
    await expect(cache.getOrSet('k', failing)).rejects.toThrow('down')
  })

  it('does not put the old value back when the key is deleted during the refresh', async () => {
    const { cache, clock, slowly } = earlyCache()
    await cache.getOrSet('k', slowly('old'))
    clock.advance(59_000)
    await cache.getOrSet('k', slowly('old'))
    await cache.delete('k')
    await background()
    expect(await cache.get('k')).toBeUndefined()
  })

  it('never takes more than half the ttl, however slow the load', async () => {
    const { cache, clock, slowly } = earlyCache({ earlyRefresh: 100, ttl: '8s' })
    await cache.getOrSet('k', slowly('old'))
    const refresh = slowly('new')
    clock.advance(4000)
    await cache.getOrSet('k', refresh)
    expect(refresh).not.toHaveBeenCalled()
  })

  it('is off unless asked for, by the cache or by the call', async () => {
    const { cache, clock, slowly } = earlyCache({})
    await cache.getOrSet('off', slowly('old'))
    await cache.getOrSet('on', slowly('old'), { earlyRefresh: true })
    clock.advance(58_500)
    const refresh = slowly('new')
    await cache.getOrSet('off', refresh)
    expect(refresh).not.toHaveBeenCalled()
    await cache.getOrSet('on', refresh)
    await background()
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  it('refuses what is no factor', async () => {
    expect(() => earlyCache({ earlyRefresh: -1 })).toThrow(/earlyRefresh: must be true, false/)
    expect(() => earlyCache({}).cache.getOrSet('k', () => 'v', { earlyRefresh: 101 })).toThrow(/earlyRefresh of "k" is 101/)
  })
})

describe('a loader that is given the previous value', () => {
  it('keeps it for another life when it was not modified', async () => {
    const { cache, clock, slowly } = earlyCache()
    const first = await cache.getOrSet('k', slowly({ rows: [1, 2] }))
    const ask = vi.fn<Load<{ rows: number[] }>>(ctx => {
      expect(ctx.previous).toBe(first)
      return ctx.notModified()
    })
    clock.advance(59_500)
    await cache.getOrSet('k', ask)
    await background()
    clock.advance(30_000)
    expect(await cache.getOrSet('k', () => expect.unreachable())).toBe(first)
    expect(ask).toHaveBeenCalledTimes(1)
  })

  it('is given a stale one within the grace, and a copy of its own when it holds a Date', async () => {
    const { cache, clock } = earlyCache({ ttl: '10s', grace: '1m' })
    await cache.getOrSet('k', () => ({ at: new Date(5) }))
    clock.advance(11_000)
    const reload: Load<{ at: Date }> = ctx => {
      ;(ctx.previous as { at: Date }).at.setTime(6)
      return ctx.notModified()
    }
    await cache.getOrSet('k', reload)
    await background()
    expect(await cache.getOrSet('k', () => expect.unreachable())).toEqual({ at: new Date(5) })
  })

  it('may not claim that nothing changed when there was nothing', async () => {
    const { cache } = earlyCache()
    const load: Load<string> = ctx => {
      expect(ctx.previous).toBeUndefined()
      return ctx.notModified()
    }
    await expect(cache.getOrSet('k', load)).rejects.toMatchObject({ code: 'HF_CACHE_NO_PREVIOUS' })
  })
})
