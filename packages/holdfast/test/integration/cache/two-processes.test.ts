import { describe, expect, it } from 'vitest'
import { foreignClient, gate, newNamespace, openCache, pause, REDIS_URL, settleInMemory, until } from './harness.ts'

describe.each([['auto'], ['pubsub']] as const)('two caches over one Redis, coherence %s', coherence => {
  const options = () => ({ namespace: newNamespace(), coherence })

  it('share what either loads', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    await a.cache.getOrSet('k', () => ({ at: new Date(5), tags: new Set(['x']), big: 2n ** 70n }), { tags: ['t'] })
    // The news of the fill itself; a read that it overtakes is returned and not kept.
    await pause(20)
    const seen = await b.cache.getOrSet('k', () => expect.unreachable())
    expect(seen).toEqual({ at: new Date(5), tags: new Set(['x']), big: 2n ** 70n })
    expect(b.count('holdfast_cache_hits', 'l2')).toBe(1)
    await b.cache.getOrSet('k', () => expect.unreachable())
    expect(b.count('holdfast_cache_hits', 'l1')).toBe(1)
  })

  it('store null for each other', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    await a.cache.getOrSet('k', () => null)
    expect(await b.cache.get('k')).toBeNull()
  })

  it.each(['delete', 'set', 'tag', 'clear'] as const)('drop each other\u2019s memory on %s', async change => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    await a.cache.set('k', 'old', { tags: ['t'] })
    await settleInMemory(b, 'k', 'old')
    if (change === 'delete') await a.cache.delete('k')
    if (change === 'set') await a.cache.set('k', 'new')
    if (change === 'tag') await a.cache.invalidateTags('t')
    if (change === 'clear') await a.cache.clear()
    expect(await until(() => b.cache.peek('k') === undefined, 1000)).toBeLessThan(500)
    expect(await b.cache.get('k')).toBe(change === 'set' ? 'new' : undefined)
    expect(await a.cache.get('k')).toBe(change === 'set' ? 'new' : undefined)
  })

  it.each(['delete', 'set', 'tag', 'clear'] as const)('do not let a load that began before a %s elsewhere put its old value back', async change => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    const loading = gate<string>()
    let hasBegun = false
    const reading = a.cache.getOrSet(
      'k',
      () => {
        hasBegun = true
        return loading.promise
      },
      { tags: ['t'] },
    )
    await until(() => hasBegun)
    if (change === 'delete') await b.cache.delete('k')
    if (change === 'set') await b.cache.set('k', 'new', { tags: ['t'] })
    if (change === 'tag') await b.cache.invalidateTags('t')
    if (change === 'clear') await b.cache.clear()
    // One delivery of a message; a caller that comes before it has no way to know.
    await pause(50)
    const after = a.cache.getOrSet('k', () => 'new', { tags: ['t'] })
    loading.open('old')
    expect(await reading).toBe('old')
    expect(await after).toBe('new')
    for (const { cache } of [a, b]) expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new')
  })

  it('do not let a late background refresh overwrite a newer set', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    await a.cache.set('k', 'first', { ttl: '1ms', grace: '1m' })
    await pause(5)
    const loading = gate<string>()
    let hasBegun = false
    const refresh = (): Promise<string> => {
      hasBegun = true
      return loading.promise
    }
    expect(await a.cache.getOrSet('k', refresh, { grace: '1m' })).toBe('first')
    await until(() => hasBegun)
    await b.cache.set('k', 'newer')
    loading.open('late')
    await pause(50)
    expect([await a.cache.get('k'), await b.cache.get('k')]).toEqual(['newer', 'newer'])
  })

  it('load a missing key once for all callers of both', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    let loads = 0
    const load = async (): Promise<number> => {
      loads++
      await pause(50)
      return 7
    }
    const reads = Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? a : b).cache.getOrSet('k', load))
    expect(new Set(await Promise.all(reads))).toEqual(new Set([7]))
    expect(loads).toBe(1)
  })

  it('hand a load over when the first loader fails', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    const failure = new TypeError('mine')
    const failing = a.cache.getOrSet('k', async () => {
      await pause(50)
      throw failure
    })
    await pause(10)
    const waiting = b.cache.getOrSet('k', () => 'b')
    await expect(failing).rejects.toBe(failure)
    expect(await waiting).toBe('b')
  })

  it('agree on tags although one host\u2019s clock is 5 s ahead', async () => {
    const shared = options()
    await using ahead = await openCache(shared, REDIS_URL, 5000)
    await using b = await openCache(shared)
    await ahead.cache.set('k', 1, { tags: ['t'] })
    expect(await b.cache.get('k')).toBe(1)
    await b.cache.invalidateTags('t')
    await until(() => ahead.cache.peek('k') === undefined)
    expect(await ahead.cache.get('k')).toBeUndefined()
    await b.cache.set('k', 2, { tags: ['t'] })
    await pause(20)
    expect(await ahead.cache.get('k')).toBe(2)
  })

  it('keep keys with commas, spaces, braces and unicode apart', async () => {
    const shared = options()
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    const keys = ['a,b', 'a', 'b', '{x}y', '__proto__', 'ключ \u{1f511}', 'x '.repeat(500)]
    for (const key of keys) await a.cache.set(key, key)
    for (const key of keys) expect(await b.cache.get(key)).toBe(key)
    await a.cache.delete('a,b')
    await until(() => b.cache.peek('a,b') === undefined)
    expect([await b.cache.get('a'), await b.cache.get('b')]).toEqual(['a', 'b'])
  })
})

describe('a cache over a Redis that others use too', () => {
  it('hears of a delete by another program', async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace })
    const other = foreignClient()
    await a.cache.set('k', 1)
    await settleInMemory(a, 'k', 1)
    await other.del(`hf:${namespace}:v:k`)
    await until(() => a.cache.peek('k') === undefined, 1000)
    expect(await a.cache.get('k')).toBeUndefined()
    other.disconnect()
  })

  it('reads many keys in a few MGETs, from memory and Redis alike', async () => {
    const shared = { namespace: newNamespace() }
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    for (let i = 0; i < 100; i++) await a.cache.set(`k${i}`, i, { tags: ['t'] })
    await settleInMemory(b, 'k0', 0)
    const other = foreignClient()
    const mgets = async (): Promise<number> => Number(/cmdstat_mget:calls=(\d+)/.exec(await other.info('commandstats'))?.[1] ?? 0)
    const before = await mgets()
    const found = await b.cache.getMany(Array.from({ length: 110 }, (_, i) => `k${i}`))
    expect(found).toEqual(new Map(Array.from({ length: 100 }, (_, i) => [`k${i}`, i])))
    // 109 keys, sixteen in each.
    expect((await mgets()) - before).toBe(7)
    other.disconnect()
  })

  it('spares foreign keys on clear, and other namespaces', async () => {
    const other = foreignClient()
    await using a = await openCache({ namespace: newNamespace() })
    await using b = await openCache({ namespace: newNamespace() })
    await other.set('foreign', 'stays', 'EX', 60)
    await a.cache.set('k', 1)
    await b.cache.set('k', 2)
    await a.cache.clear()
    expect([await a.cache.get('k'), await b.cache.get('k'), await other.get('foreign')]).toEqual([undefined, 2, 'stays'])
    await other.del('foreign')
    other.disconnect()
  })

  it('takes a damaged payload for a miss and replaces it', async () => {
    const namespace = newNamespace()
    const other = foreignClient()
    await using a = await openCache({ namespace })
    for (const damage of ['', 'garbage', '\u0001'.repeat(64)]) {
      await other.set(`hf:${namespace}:v:k`, damage)
      await pause(5)
      expect(await a.cache.getOrSet('k', () => 'loaded')).toBe('loaded')
      expect(await a.cache.get('k')).toBe('loaded')
    }
    expect(a.count('holdfast_cache_errors', 'corrupt')).toBe(3)
    other.disconnect()
  })

  it('drops entries whose tag version was evicted', async () => {
    const namespace = newNamespace()
    const other = foreignClient()
    await using a = await openCache({ namespace })
    await a.cache.set('k', 1, { tags: ['t'] })
    await other.del(`hf:${namespace}:t:t`)
    await pause(20)
    expect(await a.cache.get('k')).toBeUndefined()
    other.disconnect()
  })

  it('does not serve from memory what has expired in Redis', async () => {
    const shared = { namespace: newNamespace() }
    await using a = await openCache(shared)
    await using b = await openCache(shared)
    await a.cache.set('k', 1, { ttl: '300ms' })
    await pause(200)
    expect(await b.cache.get('k')).toBe(1)
    await pause(110)
    expect([b.cache.peek('k'), await b.cache.get('k')]).toEqual([undefined, undefined])
  })

  it('uses a client that it is given by duplicating it, and leaves it alone', async () => {
    const mine = foreignClient()
    const { createTieredCache } = await import('../../../src/cache/index.ts')
    const { createRegistry } = await import('holdfast/telemetry')
    const cache = createTieredCache({ namespace: newNamespace() }, { redis: mine, registry: createRegistry() })
    await cache.start()
    expect(cache.health().status).toBe('ok')
    await cache.set('k', 1)
    await cache.stop()
    expect(await mine.ping()).toBe('PONG')
    mine.disconnect()
  })
})
