import { connect as connectTo, createServer } from 'node:net'
import { type OwnServer, type RedisServers, startRedisServers } from '@holdfast/dev-services'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newNamespace, openCache, settleInMemory, type TestCache, until } from './harness.ts'

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): void => void unhandled.push(reason)
let fleet: RedisServers
beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  fleet = await startRedisServers()
})
afterAll(async () => {
  await fleet.stop()
  process.off('unhandledRejection', onUnhandled)
  expect(unhandled).toEqual([])
})

const isHealthy = ({ cache }: TestCache): boolean => cache.health().status === 'ok' && cache.stats().coherence !== 'none'
const why = ({ cache }: TestCache): string =>
  cache
    .health()
    .reasons.map(reason => reason.why)
    .join()

describe('a cache whose Redis is not the one it should be', () => {
  it('does not use a replica, says so, and uses it when it is promoted; leaves a primary that is demoted', async () => {
    const primary = await fleet.start(['save ""', 'repl-diskless-sync-delay 0'])
    const replica = await fleet.start(['save ""', `replicaof 127.0.0.1 ${primary.port}`])
    await until(async () => (await replica.client.info('replication')).includes('master_link_status:up'))
    await using a = await openCache({ namespace: newNamespace() }, replica.url)
    expect(await a.cache.getOrSet('k', () => 1)).toBe(1)
    await a.cache.delete('k')
    expect(a.cache.stats()).toMatchObject({ redis: 'away', journaled: 1 })
    expect(why(a)).toMatch(/READONLY this server is a replica, and the cache needs the primary/)
    await replica.client.replicaof('NO', 'ONE')
    await until(() => isHealthy(a))
    expect(a.cache.stats().journaled).toBe(0)
    await a.cache.set('k', 2)
    await replica.client.replicaof('127.0.0.1', String(primary.port))
    await a.cache.set('k', 3)
    expect(a.count('holdfast_cache_errors', 'readonly')).toBeGreaterThan(0)
    expect(a.cache.stats().redis).toBe('away')
    await replica.client.replicaof('NO', 'ONE')
    await until(() => isHealthy(a))
    expect(await a.cache.get('k')).toBeUndefined()
  })

  it('names a missing password, and a TLS connection to a server that speaks none', async () => {
    const server = await fleet.start(['save ""'])
    await server.client.config('SET', 'requirepass', 'secret')
    await using a = await openCache({ namespace: newNamespace() }, server.url)
    expect(await a.cache.getOrSet('k', () => 1)).toBe(1)
    await until(() => /NOAUTH/.test(why(a)))
    await server.client.config('SET', 'requirepass', '')
    await until(() => isHealthy(a))
    await using b = await openCache({ namespace: newNamespace() }, server.url.replace('redis:', 'rediss:'))
    expect(await b.cache.getOrSet('k', () => 1)).toBe(1)
    await until(() => /does the server speak TLS\?/.test(why(b)))
  })

  it('uses a Redis older than 6.2, and says that nothing is promised', async () => {
    const server = await fleet.start(['save ""'])
    const proxy = createServer(client => {
      const upstream = connectTo(server.port, '127.0.0.1')
      client.pipe(upstream)
      // Of the same length, or the reply would not be one.
      upstream.on('data', (chunk: Buffer) => client.write(chunk.toString('latin1').replace(/redis_version:\d/, 'redis_version:5'), 'latin1'))
      for (const socket of [client, upstream]) socket.on('error', () => undefined).on('close', () => [client, upstream].map(one => one.destroy()))
    })
    await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve))
    await using a = await openCache({ namespace: newNamespace() }, `redis://127.0.0.1:${(proxy.address() as { port: number }).port}`)
    expect(await a.cache.getOrSet('k', () => 1)).toBe(1)
    expect(a.cache.stats().redis).toBe('usable')
    expect(why(a)).toMatch(/Redis is 5\.\d+\.\d+, and the cache is made for 6\.2 and newer/)
    await a.cache.stop()
    proxy.close()
  })
})

describe('a cache whose Redis restarts', () => {
  /** Writes, saves, and deletes by another process that is gone before the restart. */
  async function deletedAfterSnapshot(server: OwnServer, a: TestCache, namespace: string): Promise<void> {
    await a.cache.set('k', 'old', { tags: ['t'] })
    await a.cache.set('other', 'old')
    await settleInMemory(a, 'other', 'old')
    await server.client.save()
    const b = await openCache({ namespace }, server.url)
    await b.cache.delete('k')
    await b.cache.stop()
    expect(await a.cache.get('k')).toBeUndefined()
    await server.kill()
    await until(() => a.cache.stats().redis === 'away')
  }

  it('drops everything when the data comes from a snapshot, for nobody knows what was deleted since', async () => {
    const server = await fleet.start(['save ""'])
    const namespace = newNamespace()
    await using a = await openCache({ namespace }, server.url)
    await deletedAfterSnapshot(server, a, namespace)
    await server.restart()
    expect(await server.client.dbsize()).toBeGreaterThan(0)
    await until(() => isHealthy(a))
    expect([await a.cache.get('k'), await a.cache.get('other')]).toEqual([undefined, undefined])
    await a.cache.set('k', 'new')
    expect(await a.cache.get('k')).toBe('new')
  })

  it('forgets its memory when the data is gone', async () => {
    const server = await fleet.start(['save ""'])
    await using a = await openCache({ namespace: newNamespace() }, server.url)
    await a.cache.set('k', 'old')
    await settleInMemory(a, 'k', 'old')
    await server.kill()
    await until(() => a.cache.stats().redis === 'away')
    await server.restart()
    await until(() => isHealthy(a))
    expect([a.cache.peek('k'), await a.cache.get('k')]).toEqual([undefined, undefined])
  })

  it('keeps what an append-only file kept', async () => {
    const server = await fleet.start(['save ""', 'appendonly yes', 'appendfsync always'])
    await using a = await openCache({ namespace: newNamespace() }, server.url)
    await using b = await openCache({ namespace: newNamespace() }, server.url)
    await b.cache.set('k', 'kept')
    await a.cache.set('k', 'own')
    await server.kill()
    await until(() => [a, b].every(one => one.cache.stats().redis === 'away'))
    await b.cache.stop()
    await server.restart()
    await until(() => isHealthy(a))
    expect(await server.client.dbsize()).toBeGreaterThan(0)
    // What this process wrote of late is dropped, because it cannot tell whether it was kept.
    expect(await a.cache.get('k')).toBeUndefined()
  })

  it('serves from the loader and says LOADING while the server reads its data', async () => {
    const server = await fleet.start(['save ""', 'rdbcompression no', 'key-load-delay 40000', 'loading-process-events-interval-bytes 1024'])
    await using a = await openCache({ namespace: newNamespace() }, server.url)
    for (let i = 0; i < 25; i++) await a.cache.set(`k${i}`, 'x'.repeat(2000))
    await server.client.save()
    await server.kill()
    await server.restart()
    await until(() => /LOADING/.test(why(a)))
    expect(await a.cache.getOrSet('k0', () => 'loaded')).toBe('loaded')
    await until(() => isHealthy(a), 10_000)
  })
})

describe('a cache whose Redis refuses', () => {
  it('obeys a set, a tag and a clear although there is no memory for them', async () => {
    const server = await fleet.start(['save ""', 'maxmemory-policy noeviction'])
    const shared = { namespace: newNamespace() }
    await using a = await openCache(shared, server.url)
    await using b = await openCache({ ...shared, l1: false }, server.url)
    await a.cache.set('k', 'old')
    await a.cache.set('tagged', 'old', { tags: ['t'] })
    await a.cache.set('other', 'old')
    await server.client.config('SET', 'maxmemory', '1')
    await a.cache.set('k', 'new')
    expect(['new', undefined]).toContain(await a.cache.get('k'))
    expect(await b.cache.get('k')).toBeUndefined()
    await a.cache.invalidateTags('t')
    expect([await a.cache.get('tagged'), await b.cache.get('tagged')]).toEqual([undefined, undefined])
    expect(await b.cache.get('other')).toBe('old')
    await a.cache.clear()
    expect(await b.cache.get('other')).toBeUndefined()
    await server.client.config('SET', 'maxmemory', '0')
    await until(() => a.cache.stats().journaled === 0)
    await a.cache.set('k', 'newest')
    expect(await b.cache.get('k')).toBe('newest')
  })

  it('sends the text of a script again when Redis forgot it', async () => {
    const server = await fleet.start(['save ""'])
    await using a = await openCache({ namespace: newNamespace() }, server.url)
    for (let i = 0; i < 50; i++) {
      const flushed = server.client.script('FLUSH')
      await a.cache.getOrSet(`k${i}`, () => i, { tags: ['t'] })
      await a.cache.set(`s${i}`, i)
      await a.cache.invalidateTags('u')
      await flushed
    }
    expect((await a.cache.getMany([...Array(50).keys()].flatMap(i => [`k${i}`, `s${i}`]))).size).toBe(100)
    expect(a.count('holdfast_cache_errors', 'no_script')).toBeGreaterThan(0)
    expect([a.count('holdfast_cache_errors', 'write_refused'), a.count('holdfast_cache_errors', 'outage')]).toEqual([0, 0])
  })
})
