import { describe, expect, it } from 'vitest'
import { compileGlob } from '../../../src/cache/glob.ts'
import { foreignClient, gate, newNamespace, openCache, REDIS_URL, settleInMemory, until } from './harness.ts'
import { startTcpProxy } from './tcp-proxy.ts'

describe.each([['auto'], ['pubsub']] as const)('a drop by pattern, coherence %s', coherence => {
  it('drops what matches in Redis and in all memories, counts it, and touches nothing else', async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, coherence })
    await using b = await openCache({ namespace, coherence })
    await using neighbour = await openCache({ namespace: `${namespace}-2`, coherence })
    await a.cache.setMany(Array.from({ length: 300 }, (_, i) => [`user:${i}`, i] as const))
    await a.cache.set('users:7', 'stays')
    await neighbour.cache.set('user:1', 'stays')
    await settleInMemory(b, 'user:7', 7)
    const seen: number[] = []
    expect(await a.cache.deletePattern('user:*', { dryRun: true })).toBe(300)
    expect(await b.cache.get('user:7')).toBe(7)
    expect(await a.cache.deletePattern('user:*', { onProgress: ({ dropped }) => seen.push(dropped) })).toBe(300)
    expect(seen.at(-1)).toBe(300)
    await until(() => b.cache.peek('user:7') === undefined, 1000)
    for (const { cache } of [a, b]) {
      expect((await cache.getMany(Array.from({ length: 300 }, (_, i) => `user:${i}`))).size).toBe(0)
      expect(await cache.get('users:7')).toBe('stays')
    }
    expect(await neighbour.cache.get('user:1')).toBe('stays')
    const client = foreignClient()
    expect(await client.keys(`hf:${namespace}:[vl]:user:*`)).toEqual([])
    client.disconnect()
  })

  it.each(['here', 'elsewhere'] as const)('does not let a load that began before it %s put its value back', async where => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, coherence })
    await using b = await openCache({ namespace, coherence })
    const loading = gate<string>()
    let hasBegun = false
    const reading = a.cache.getOrSet('user:7', () => {
      hasBegun = true
      return loading.promise
    })
    await until(() => hasBegun)
    expect(await (where === 'here' ? a : b).cache.deletePattern('user:*')).toBe(0)
    loading.open('old')
    expect(await reading).toBe('old')
    for (const { cache } of [a, b]) expect(await cache.getOrSet('user:7', () => 'new')).toBe('new')
  })

  it('drops copies in other memories of what Redis has lost', async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, coherence: 'pubsub' })
    await using b = await openCache({ namespace, coherence: 'pubsub' })
    await a.cache.set('user:7', 'old')
    await settleInMemory(b, 'user:7', 'old')
    const client = foreignClient()
    await client.del(`hf:${namespace}:v:user:7`)
    client.disconnect()
    expect(b.cache.peek('user:7')).toBe('old')
    expect(await a.cache.deletePattern('user:?')).toBe(0)
    await until(() => b.cache.peek('user:7') === undefined, 1000)
  })
})

describe('a drop by pattern', () => {
  it('reads patterns as Redis does', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    const keys = ['a', 'ab', 'a*', 'a-b', 'a\\', '[x]', 'b]c', 'ü1', 'caf\u00e9', '^a']
    const globs = ['a*', 'a?', 'a\\*', '[ab]*', '[^a]*', '[a-c]*', '*]*', '\\[x\\]', '*\\\\', 'ü*', 'a[*-]*', '[', '[a', '[^', '*1']
    await a.cache.setMany(keys.map(key => [key, 1] as const))
    for (const glob of globs) {
      const matches = compileGlob(glob)
      expect(await a.cache.deletePattern(glob, { dryRun: true }), glob).toBe(keys.filter(matches).length)
    }
  })

  it('ends between two batches when its signal aborts', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    await a.cache.set('k', 1)
    await expect(a.cache.deletePattern('*', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    expect(await a.cache.get('k')).toBe(1)
  })

  it('works on memory alone without Redis, and refuses what is no pattern', async () => {
    const { createTieredCache } = await import('../../../src/cache/index.ts')
    const { createRegistry } = await import('holdfast/telemetry')
    const cache = createTieredCache({}, { registry: createRegistry() })
    await cache.setMany([
      ['a:1', 1],
      ['a:2', 2],
      ['b:1', 3],
    ])
    expect(await cache.deletePattern('a:*', { dryRun: true })).toBe(2)
    expect(await cache.deletePattern('a:*')).toBe(2)
    expect(await cache.get('a:1')).toBeUndefined()
    expect(await cache.get('b:1')).toBe(3)
    await expect(cache.deletePattern('')).rejects.toMatchObject({ code: 'HF_CACHE_KEY_INVALID' })
  })

  it('says so when Redis is away, and has dropped what is here', async () => {
    const proxy = await startTcpProxy(REDIS_URL)
    await using a = await openCache({ namespace: newNamespace() }, proxy.url)
    await a.cache.set('k', 1)
    await proxy.close()
    await until(() => a.cache.stats().redis === 'away')
    await a.cache.set('k', 2)
    expect(a.cache.peek('k')).toBe(2)
    await expect(a.cache.deletePattern('*')).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY' })
    expect(a.cache.peek('k')).toBeUndefined()
  })
})
