import { type RedisSentinel, startRedisSentinel } from '@holdfast/dev-services'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RedisOption } from '../../../src/cache/index.ts'
import { newNamespace, openCache, pause, type TestCache, until } from './harness.ts'

const isHealthy = ({ cache }: TestCache): boolean => cache.health().status === 'ok' && cache.stats().coherence !== 'none'

describe('a cache behind Sentinel', () => {
  let sentinel: RedisSentinel
  let redis: RedisOption
  beforeAll(async () => {
    sentinel = await startRedisSentinel()
    redis = { sentinels: sentinel.sentinels.map(({ url }) => url), name: sentinel.name }
  })
  afterAll(() => sentinel.stop())

  it('shows no error in a failover, goes on with the new primary, and makes good a delete that the dead one had acknowledged alone', async () => {
    const namespace = newNamespace()
    const given = new Redis({
      sentinels: sentinel.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: sentinel.name,
      lazyConnect: true,
    })
    await using a = await openCache({ namespace }, redis)
    // The client's sentinels are kept when it is duplicated.
    await using b = await openCache({ namespace }, given)
    await until(() => [a, b].every(isHealthy))
    await a.cache.set('lost', 'old', { tags: ['t'] })
    // By a process that is gone: nobody doubts what it wrote.
    const c = await openCache({ namespace }, redis)
    await c.cache.set('kept', 'old', { tags: ['t'] })
    await c.cache.stop()
    await a.cache.set('tagged', 'old', { tags: ['lost tag'] })
    expect(await b.cache.get('lost')).toBe('old')
    await until(async () => Number(await sentinel.primary.client.call('wait', 1, 100)) === 1)

    let isRunning = true
    let reads = 0
    const load = Promise.all(
      [a, b].map(async ({ cache }) => {
        while (isRunning) {
          expect(await cache.getOrSet(`k${reads++ % 20}`, () => pause(1).then(() => 'v'), { ttl: '50ms', tags: ['t'] })).toBe('v')
          await pause(2)
        }
      }),
    )
    process.kill(sentinel.replica.pid, 'SIGSTOP')
    // Or the delete would wait for it in the socket.
    await sentinel.primary.client.call('client', 'kill', 'type', 'replica')
    expect(await a.cache.delete('lost')).toBe(true)
    await a.cache.invalidateTags('lost tag')
    await sentinel.primary.kill()
    const startedAtMs = performance.now()
    await until(() => a.cache.stats().redis === 'away' && b.cache.stats().redis === 'away')
    process.kill(sentinel.replica.pid, 'SIGCONT')
    await until(() => [a, b].every(one => isHealthy(one) && one.cache.stats().redis === 'usable'), 20_000)
    process.stdout.write(`sentinel: primary killed, in use again after ${Math.round(performance.now() - startedAtMs)} ms, ${reads} reads meanwhile\n`)
    isRunning = false
    await load
    expect(await sentinel.replica.client.role()).toContain('master')
    for (const { cache } of [a, b]) {
      expect(await cache.get('lost')).toBeUndefined()
      expect(await cache.get('tagged')).toBeUndefined()
      expect(await cache.get('kept')).toBe('old')
    }
    await a.cache.set('k', 'after')
    await until(async () => (await b.cache.get('k')) === 'after', 500)
    expect(given.status).toBe('wait')
    given.disconnect()
  })
})
