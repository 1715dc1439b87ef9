import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { foreignClient, gate, newNamespace, openCache, pause, REDIS_URL, until } from './harness.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

const NOWHERE = 'redis://127.0.0.1:1'

describe('a counter', () => {
  it('loses no increment of any process, and lives from the first one on', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const redis = foreignClient()
    await a.cache.increment('hits', { ttl: '1m' })
    await redis.pexpire(`hf:${options.namespace}:c:hits`, 5_000)
    await Promise.all(Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? a : b).cache.increment('hits', { by: 2, ttl: '1m' })))
    expect(await b.cache.increment('hits', { by: 0, ttl: '1m' })).toBe(201)
    expect(await redis.pttl(`hf:${options.namespace}:c:hits`)).toBeLessThanOrEqual(5_000)
    redis.disconnect()
  })

  it('starts again when its time is over', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    expect(await a.cache.increment('hits', { by: 5, ttl: '20ms' })).toBe(5)
    // Redis' own expiry.
    await pause(30)
    expect(await a.cache.increment('hits', { ttl: '20ms' })).toBe(1)
  })

  it('is apart from the entry of the same name', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    await a.cache.increment('k', { ttl: '1m' })
    expect(await a.cache.get('k')).toBeUndefined()
    await a.cache.clear()
    expect(await a.cache.increment('k', { ttl: '1m' })).toBe(2)
  })

  it('fails with a code when Redis is away, or refuses, or the options are bad', async () => {
    const options = { namespace: newNamespace() }
    await using away = await openCache(options, NOWHERE)
    await expect(away.cache.increment('k', { ttl: '1m' })).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY', retryable: true })
    await using a = await openCache(options)
    const redis = foreignClient()
    await redis.set(`hf:${options.namespace}:c:k`, 'no number')
    redis.disconnect()
    await expect(a.cache.increment('k', { ttl: '1m' })).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_REFUSED', retryable: false })
    for (const bad of [{ ttl: '0ms' }, { ttl: 'soon' }, { ttl: '1m', by: 0.5 }]) {
      await expect(a.cache.increment('k', bad as never)).rejects.toMatchObject({ code: 'HF_CACHE_OPTION_INVALID' })
    }
  })
})

describe('a lock', () => {
  let proxy: TcpProxy
  beforeAll(async () => {
    proxy = await startTcpProxy(REDIS_URL)
  })
  afterAll(() => proxy.close())

  it('lets one of several processes work at a time', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    await using b = await openCache(options)
    let inside = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside)
      await pause(2)
      inside--
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? a : b).cache.withLock('k', { ttl: '2s', wait: '20s' }, work)))
    expect(most).toBe(1)
  })

  it('is refused while somebody else holds it, and free when the work ended or failed', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const working = gate<string>()
    const held = a.cache.withLock('k', { ttl: '2s' }, () => working.promise)
    await until(async () => (await codeOf(b.cache.withLock('k', { ttl: '2s' }, () => 1))) === 'HF_CACHE_LOCK_HELD')
    working.open('done')
    expect(await held).toBe('done')
    const error = new Error('work')
    await expect(b.cache.withLock('k', { ttl: '2s' }, () => Promise.reject(error))).rejects.toBe(error)
    expect(await a.cache.withLock('k', { ttl: '2s' }, () => 'free')).toBe('free')
  })

  it('is prolonged while the work runs', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    await using b = await openCache(options)
    const working = gate<string>()
    const held = a.cache.withLock('k', { ttl: '200ms' }, () => working.promise)
    // Real time, three times the ttl: prolonging is what is shown.
    await pause(600)
    expect(await codeOf(b.cache.withLock('k', { ttl: '200ms' }, () => 1))).toBe('HF_CACHE_LOCK_HELD')
    working.open('done')
    expect(await held).toBe('done')
  })

  it('is never released by one who lost it', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    const redis = foreignClient()
    const lockKey = `hf:${options.namespace}:k:k`
    const lost = a.cache.withLock('k', { ttl: '1m' }, async () => {
      await redis.set(lockKey, 'another holder', 'PX', 60_000)
      return 'done'
    })
    expect(await codeOf(lost)).toBe('HF_CACHE_LOCK_LOST')
    expect(await redis.get(lockKey)).toBe('another holder')
    redis.disconnect()
  })

  it('does not begin the work when Redis is away, or was never given', async () => {
    await using a = await openCache({ namespace: newNamespace() }, NOWHERE)
    const work = vi.fn()
    expect(await codeOf(a.cache.withLock('k', { ttl: '2s' }, work))).toBe('HF_CACHE_REDIS_AWAY')
    expect(await codeOf(a.cache.withLock('k', { ttl: '99ms' }, work))).toBe('HF_CACHE_OPTION_INVALID')
    expect(work).not.toHaveBeenCalled()
  })

  it('aborts the work before its time is over in Redis, when Redis goes away for longer', async () => {
    await using a = await openCache({ namespace: newNamespace() }, proxy.url)
    let abortedAfterMs = Number.POSITIVE_INFINITY
    const startedAtMs = performance.now()
    const work = a.cache.withLock('k', { ttl: '300ms' }, async ({ signal }) => {
      proxy.partition(true)
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      abortedAfterMs = performance.now() - startedAtMs
    })
    expect(await codeOf(work)).toBe('HF_CACHE_LOCK_LOST')
    // A timer may be late on a busy machine; the point is that it comes at about the ttl, without Redis.
    expect(abortedAfterMs).toBeLessThan(450)
    proxy.partition(false)
  })
})

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    error => (error as { code?: string }).code,
  )
}
