import { createRequire } from 'node:module'
import { isHoldfastError } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { type CacheOptions, createTieredCache } from '../../src/cache/index.ts'
import { loadIoRedis } from '../../src/cache/redis/port.ts'

const code = (work: () => unknown): string | undefined => {
  try {
    work()
  } catch (error) {
    return isHoldfastError(error) ? error.code : String(error)
  }
  return undefined
}
const cacheWith = (options: object, redis?: unknown) =>
  createTieredCache(options as CacheOptions, { registry: createRegistry(), ...(redis === undefined ? {} : { redis: redis as string }) })

describe('options of the cache', () => {
  it('are refused with every problem at once', () => {
    const bad = {
      namespace: 'a b',
      ttl: '0ms',
      grace: 5,
      jitter: 2,
      redisBudget: 'soon',
      outageLoads: 0,
      coherence: 'hope',
      l1: { maxEntries: 0, maxBytes: '64', ttl: '1 h', size: 1 },
      tll: '1m',
    }
    try {
      cacheWith(bad)
      expect.unreachable()
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      expect(error.code).toBe('HF_CONFIG_INVALID')
      const paths = (error.context.problems as { path: string }[]).map(problem => problem.path).sort()
      expect(paths).toEqual(
        [
          'coherence',
          'grace',
          'jitter',
          'l1.maxBytes',
          'l1.maxEntries',
          'l1.size',
          'l1.ttl',
          'namespace',
          'outageLoads',
          'redisBudget',
          'tll',
          'ttl',
        ].map(name => `cache.${name}`),
      )
    }
  })

  it('refuse what is not Redis, naming what is wrong with servers of a cluster or of Sentinel', () => {
    for (const redis of [
      'localhost:6379',
      {},
      null,
      { isCluster: true },
      { cluster: [] },
      { cluster: ['redis://h:1', 'h:2'] },
      { cluster: ['redis://h:1/2'] },
      { cluster: ['redis://h:1'], password: 'p' },
      { sentinels: ['redis://h:1'] },
      { sentinels: ['redis://h:1'], name: 'm', db: -1 },
      { sentinels: 'redis://h:1', name: 'm' },
    ]) {
      expect(code(() => cacheWith({}, redis))).toBe('HF_CONFIG_INVALID')
    }
  })
})

describe('a Redis URL', () => {
  it('is refused at once where ioredis is not installed', () => {
    // From the root of the disk there is no node_modules to be found.
    expect(code(() => loadIoRedis(createRequire('/index.js')))).toBe('HF_REDIS_CLIENT_MISSING')
    expect(loadIoRedis()).toBeTypeOf('function')
  })
})

describe('arguments of a call', () => {
  const load = () => 1

  it.each([[''], ['k'.repeat(1025)], [7], [undefined], [null]])('are refused at once when the key is %s', key => {
    expect(code(() => cacheWith({}).getOrSet(key as string, load))).toBe('HF_CACHE_KEY_INVALID')
  })

  it.each([[['']], [['t'.repeat(256)]], [[7]], [Array.from({ length: 65 }, (_, i) => `t${i}`)]])('are refused at once when the tags are %j', tags => {
    expect(code(() => cacheWith({}).getOrSet('k', load, { tags: tags as string[] }))).toBe('HF_CACHE_TAG_INVALID')
  })

  it.each([[{ ttl: '1' }], [{ ttl: '0s' }], [{ grace: 'long' }], [{ hardTimeout: '0ms' }], [{ nullTtl: '-1s' }]])(
    'are refused at once when the options are %j',
    options => {
      expect(code(() => cacheWith({}).getOrSet('k', load, options as object))).toBe('HF_CACHE_OPTION_INVALID')
    },
  )

  it('reject for writes: key, tag, value', async () => {
    const cache = cacheWith({})
    await expect(cache.set('', 1)).rejects.toMatchObject({ code: 'HF_CACHE_KEY_INVALID' })
    await expect(cache.delete('')).rejects.toMatchObject({ code: 'HF_CACHE_KEY_INVALID' })
    await expect(cache.invalidateTags('')).rejects.toMatchObject({ code: 'HF_CACHE_TAG_INVALID' })
    await expect(cache.invalidateTags(undefined as never)).rejects.toMatchObject({ code: 'HF_CACHE_TAG_INVALID' })
    // The limit is for one entry: what changes together may be more.
    expect(await cache.invalidateTags(...Array.from({ length: 1000 }, (_, i) => `t${i}`))).toBe(true)
    await expect(cache.set('k', { f: () => 1 })).rejects.toMatchObject({ code: 'HF_CACHE_VALUE_UNENCODABLE' })
  })
})
