import { fakeClock, stressLifecycle } from '@holdfast/testkit'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it, vi } from 'vitest'
import { type CacheOptions, createTieredCache, type TieredCache } from '../../src/cache/index.ts'

function memoryCache(options: CacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache: TieredCache = createTieredCache({ jitter: 0, ...options }, { clock, registry })
  const count = (name: string, ...labels: string[]): number =>
    registry
      .snapshot()
      .find(family => family.name === name)
      ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0
  return { cache, clock, registry, count }
}

/** A promise with its handles, to hold a loader where the test wants it. */
function gate<T>() {
  let open: (value: T) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { promise, open, fail }
}

describe('a cache without Redis', () => {
  it('loads once and serves the value until its ttl ends', async () => {
    const { cache, clock } = memoryCache()
    const load = vi.fn(() => 'v')
    expect(await cache.getOrSet('k', load, { ttl: '10s' })).toBe('v')
    clock.advance(9_999)
    expect(await cache.getOrSet('k', load, { ttl: '10s' })).toBe('v')
    expect(load).toHaveBeenCalledTimes(1)
    clock.advance(1)
    await cache.getOrSet('k', load, { ttl: '10s' })
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('explains a miss from memory alone', async () => {
    const { cache, clock } = memoryCache()
    expect(await cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'no_redis' })
    await cache.set('k', 'v', { ttl: '10s', grace: '5s', tags: ['t'] })
    expect(await cache.inspect('k', { value: true })).toMatchObject({
      redisState: 'none',
      value: 'v',
      memory: { freshForMs: 10_000, goneInMs: 15_000 },
    })
    clock.advance(10_000)
    expect(await cache.explain('k')).toMatchObject({ outcome: 'stale', reason: 'stale' })
    clock.advance(5_000)
    expect(await cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'expired' })
    await cache.set('k', 'v', { tags: ['t'] })
    await cache.invalidateTags('t')
    expect(await cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'tag_invalidated', movedTags: ['t'] })
  })

  it('cuts a random share off the ttl', async () => {
    const clock = fakeClock()
    const cache = createTieredCache({ jitter: 0.1 }, { clock, registry: createRegistry(), random: () => 0.5 })
    await cache.getOrSet('k', () => 1, { ttl: '100s' })
    clock.advance(94_999)
    expect(cache.peek('k')).toBe(1)
    clock.advance(1)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('joins callers of one key into one load', async () => {
    const { cache, count } = memoryCache()
    const loading = gate<number>()
    const load = vi.fn(() => loading.promise)
    const reads = Array.from({ length: 100 }, () => cache.getOrSet('k', load))
    await Promise.resolve()
    loading.open(7)
    expect(new Set(await Promise.all(reads))).toEqual(new Set([7]))
    expect(load).toHaveBeenCalledTimes(1)
    expect(count('holdfast_cache_coalesced')).toBe(99)
    expect(count('holdfast_cache_loads', 'ok')).toBe(1)
    expect(count('holdfast_cache_misses')).toBe(1)
  })

  it('passes the loader\u2019s own error to every caller of one failing load, and calls it again next time', async () => {
    const { cache, count } = memoryCache()
    const loading = gate<number>()
    const failure = new TypeError('mine')
    const load = vi.fn(() => loading.promise)
    const reads = Array.from({ length: 50 }, () => cache.getOrSet('k', load))
    loading.fail(failure)
    const outcomes = await Promise.allSettled(reads)
    expect(outcomes.every(outcome => outcome.status === 'rejected' && outcome.reason === failure)).toBe(true)
    expect(load).toHaveBeenCalledTimes(1)
    expect(count('holdfast_cache_loads', 'error')).toBe(1)
    expect(await cache.getOrSet('k', () => 2)).toBe(2)
  })

  it('turns a loader that throws at once into a rejection', async () => {
    const { cache } = memoryCache()
    await expect(
      cache.getOrSet('k', () => {
        throw new RangeError('at once')
      }),
    ).rejects.toThrow(RangeError)
  })

  it.each(['delete', 'set', 'tag', 'clear'] as const)('does not let a load that began before a %s put its old value back', async change => {
    const { cache } = memoryCache()
    const loading = gate<string>()
    const reading = cache.getOrSet('k', () => loading.promise, { tags: ['t'] })
    await Promise.resolve()
    if (change === 'delete') await cache.delete('k')
    if (change === 'set') await cache.set('k', 'new')
    if (change === 'tag') await cache.invalidateTags('t')
    if (change === 'clear') await cache.clear()
    const after = cache.getOrSet('k', () => 'new', { tags: ['t'] })
    loading.open('old')
    expect(await reading).toBe('old')
    expect(await after).toBe('new')
    expect(await cache.getOrSet('k', () => 'again')).toBe('new')
  })

  it('stores null, and returns undefined without storing it', async () => {
    const { cache } = memoryCache()
    const nothing = vi.fn(() => null)
    const unknown = vi.fn(() => undefined)
    for (let i = 0; i < 3; i++) {
      expect(await cache.getOrSet('null', nothing)).toBeNull()
      expect(await cache.getOrSet('undefined', unknown)).toBeUndefined()
    }
    expect(nothing).toHaveBeenCalledTimes(1)
    expect(unknown).toHaveBeenCalledTimes(3)
  })

  it('keeps null for its own shorter time', async () => {
    const { cache, clock } = memoryCache()
    await cache.getOrSet('k', () => null, { ttl: '1m', nullTtl: '1s' })
    clock.advance(1000)
    expect(cache.peek('k')).toBeUndefined()
  })

  it('returns a value that cannot be stored, and counts it', async () => {
    const { cache, count } = memoryCache()
    const value = { f: () => 1 }
    expect(await cache.getOrSet('k', () => value)).toBe(value)
    expect(cache.peek('k')).toBeUndefined()
    expect(count('holdfast_cache_errors', 'encode')).toBe(1)
  })

  it('drops everything with a tag and nothing else', async () => {
    const { cache } = memoryCache()
    await cache.set('a', 1, { tags: ['x', 'y'] })
    await cache.set('b', 2, { tags: ['y'] })
    await cache.set('c', 3, { tags: ['z'] })
    await cache.invalidateTags('y')
    expect([cache.peek('a'), cache.peek('b'), cache.peek('c')]).toEqual([undefined, undefined, 3])
  })

  it('says on delete whether there was something', async () => {
    const { cache } = memoryCache()
    await cache.set('k', 1)
    expect([await cache.delete('k'), await cache.delete('k')]).toEqual([true, false])
  })

  it('serves the stale value within its grace while one caller reloads', async () => {
    const { cache, clock, count } = memoryCache()
    await cache.getOrSet('k', () => 'old', { ttl: '1s', grace: '1m' })
    clock.advance(2000)
    const loading = gate<string>()
    const load = vi.fn(() => loading.promise)
    const reads = [cache.getOrSet('k', load, { ttl: '1s', grace: '1m' }), cache.getOrSet('k', load, { ttl: '1s', grace: '1m' })]
    expect(await Promise.all(reads)).toEqual(['old', 'old'])
    loading.open('new')
    await vi.waitFor(() => expect(cache.peek('k')).toBe('new'))
    expect(load).toHaveBeenCalledTimes(1)
    expect(count('holdfast_cache_stale')).toBe(2)
  })

  it('waits for the reload up to the soft time-out', async () => {
    const { cache, clock } = memoryCache()
    const options = { ttl: '1s', grace: '1m', softTimeout: '100ms' } as const
    await cache.getOrSet('k', () => 'old', options)
    clock.advance(2000)
    expect(await cache.getOrSet('k', () => 'new', options)).toBe('new')
    clock.advance(2000)
    const slow = cache.getOrSet('k', () => new Promise<string>(() => undefined), options)
    await Promise.resolve()
    clock.advance(100)
    expect(await slow).toBe('new')
  })

  it('serves the stale value while the loader fails, and asks it again only after a second', async () => {
    const { cache, clock } = memoryCache()
    const options = { ttl: '1s', grace: '1m', softTimeout: '100ms' } as const
    await cache.getOrSet('k', () => 'old', options)
    clock.advance(2000)
    const failing = vi.fn(() => Promise.reject(new Error('down')))
    for (let i = 0; i < 10; i++) expect(await cache.getOrSet('k', failing, options)).toBe('old')
    expect(failing).toHaveBeenCalledTimes(1)
    clock.advance(1000)
    expect(await cache.getOrSet('k', failing, options)).toBe('old')
    expect(failing).toHaveBeenCalledTimes(2)
  })

  it('still has the stale value for those who wait when the key is deleted under them', async () => {
    const { cache, clock } = memoryCache()
    const options = { ttl: '1s', grace: '1m', softTimeout: '100ms' } as const
    await cache.getOrSet('k', () => ({ v: 'old' }), options)
    clock.advance(2000)
    const deletesAndFails = async (): Promise<{ v: string }> => {
      await cache.delete('k')
      throw new Error('down')
    }
    expect(await cache.getOrSet('k', deletesAndFails, options)).toEqual({ v: 'old' })
    expect(cache.peek('k')).toBeUndefined()
  })

  it('ends the grace: then the loader\u2019s error shows', async () => {
    const { cache, clock } = memoryCache()
    await cache.getOrSet('k', () => 'old', { ttl: '1s', grace: '1m' })
    clock.advance(61_000)
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down')
  })

  it('aborts a loader at its hard time-out', async () => {
    const { cache, clock } = memoryCache()
    let signal: AbortSignal | undefined
    const reading = cache.getOrSet(
      'k',
      ctx => {
        signal = ctx.signal
        return new Promise<never>(() => undefined)
      },
      { hardTimeout: '1s' },
    )
    await Promise.resolve()
    await Promise.resolve()
    clock.advance(1000)
    await expect(reading).rejects.toMatchObject({ code: 'HF_CACHE_LOAD_TIMEOUT', retryable: true })
    expect(signal?.aborted).toBe(true)
  })

  it('lets the loader choose the ttl, or not to store', async () => {
    const { cache, clock } = memoryCache()
    await cache.getOrSet('short', ctx => {
      ctx.setTtl('1s')
      return 1
    })
    await cache.getOrSet('never', ctx => {
      ctx.skipStore()
      return 1
    })
    expect([cache.peek('short'), cache.peek('never')]).toEqual([1, undefined])
    clock.advance(1000)
    expect(cache.peek('short')).toBeUndefined()
  })

  it('does not change when a caller changes what it was given', async () => {
    const { cache } = memoryCache()
    const loaded = await cache.getOrSet('plain', () => ({ rows: [1] }))
    expect(() => loaded.rows.push(2)).toThrow(TypeError)
    const rich = await cache.getOrSet('rich', () => ({ rows: new Set([1]) }))
    rich.rows.add(2)
    expect(await cache.getOrSet('rich', () => ({ rows: new Set([9]) }))).toEqual({ rows: new Set([1]) })
  })

  it('counts hits and misses for the request being served', async () => {
    const { cache, count } = memoryCache()
    const scope = createRequestScope()
    await runInRequestScope(scope, async () => {
      await cache.getOrSet('k', () => 1)
      await cache.getOrSet('k', () => 1)
      await cache.get('k')
    })
    expect([scope.cacheHitCount, scope.cacheMissCount, scope.redisMs]).toEqual([2, 1, 0])
    expect(count('holdfast_cache_hits', 'l1')).toBe(2)
  })

  it('stays within its entries, and reports size and evictions', async () => {
    const { cache, count } = memoryCache({ l1: { maxEntries: 100 } })
    for (let i = 0; i < 1000; i++) await cache.set(`k${i}`, i, { tags: [`t${i}`] })
    expect(cache.stats().entries).toBe(100)
    expect(count('holdfast_cache_entries')).toBe(100)
    expect(count('holdfast_cache_bytes')).toBe(cache.stats().bytes)
    expect(count('holdfast_cache_evictions', 'capacity')).toBe(900)
  })

  it('works without a memory tier as a single flight', async () => {
    const { cache } = memoryCache({ l1: false })
    const load = vi.fn(async () => 1)
    await Promise.all([cache.getOrSet('k', load), cache.getOrSet('k', load)])
    await cache.getOrSet('k', load)
    expect(load).toHaveBeenCalledTimes(2)
  })

  it('says that it is degraded, and since when', () => {
    const { cache, clock } = memoryCache()
    expect(cache.health()).toMatchObject({ status: 'degraded', reasons: [{ component: 'redis', sinceMs: clock.nowMs() }] })
  })

  it('keeps the lifecycle contract', () => stressLifecycle(() => memoryCache().cache))
})
