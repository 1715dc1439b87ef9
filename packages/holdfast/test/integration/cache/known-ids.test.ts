import { stressLifecycle } from '@holdfast/testkit'
import type { Redis } from 'ioredis'
import { describe, expect, it } from 'vitest'
import { createKnownIds, type KnownId, type KnownIds, type KnownIdsOptions } from '../../../src/cache/index.ts'
import { forkFeatureProcess } from './feature-process.ts'
import { foreignClient, newNamespace, openCache, pause, REDIS_URL, type TestCache, until } from './harness.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** A process of the fleet, as far as Redis can tell: a cache with its own connections, a member of its own. */
async function member(
  namespace: string,
  options: Partial<KnownIdsOptions> = {},
  url = REDIS_URL,
): Promise<{ known: KnownIds; one: TestCache } & AsyncDisposable> {
  const one = await openCache({ namespace }, url)
  const known = createKnownIds(one.cache, { name: 'agents', ids: () => [1, 2, 3], expected: 1000, commitWithin: '50ms', ...options })
  await known.start()
  return { known, one, [Symbol.asyncDispose]: () => one.cache.stop() }
}

const isClosed = (known: KnownIds): Promise<number> => until(async () => !(await known.mayExist('nobody')))

async function missing(known: KnownIds, ids: readonly KnownId[]): Promise<KnownId[]> {
  const found = await known.whichMayExist(ids)
  return ids.filter(id => !found.has(id))
}

async function withRedis(test: (redis: Redis, key: string, namespace: string) => Promise<void>): Promise<void> {
  const redis = foreignClient()
  const namespace = newNamespace()
  try {
    await test(redis, `hf:${namespace}:i:{agents}`, namespace)
  } finally {
    redis.disconnect()
  }
}

describe('known ids', () => {
  it('answer for every process: yes to all that exist, no to nearly all that do not', async () => {
    const namespace = newNamespace()
    let reads = 0
    async function* ids(): AsyncGenerator<KnownId> {
      reads++
      for (let i = 0; i < 3000; i++) yield i
    }
    await using a = await member(namespace, { ids, expected: 3000 })
    await using b = await member(namespace, { ids, expected: 3000 })
    await isClosed(a.known)
    const all = Array.from({ length: 3000 }, (_, i) => i)
    expect((await b.known.whichMayExist(all)).size).toBe(3000)
    const wrong = await b.known.whichMayExist(all.map(i => `other-${i}`))
    expect(wrong.size).toBeLessThan(3000 * 0.02)
    expect(reads).toBe(1)
    expect(b.one.count('holdfast_cache_known_ids_lookups', 'agents', 'absent')).toBe(3000 - wrong.size)
  })

  it('never deny an id once its addition has returned, in another process, while filters are built over and over', async () => {
    const namespace = newNamespace()
    const added: KnownId[] = [1]
    const committed: KnownId[] = [1]
    // As a database: what is committed when the read begins; and the read takes its time.
    async function* ids(): AsyncGenerator<KnownId> {
      yield* [...committed]
      await pause(100)
    }
    await using creator = await member(namespace, { ids, rebuildEvery: '1s' })
    await using reader = await member(namespace, { ids, rebuildEvery: '1s' })
    await isClosed(reader.known)
    const denied: KnownId[] = []
    let absent = 0
    for (const startedAtMs = performance.now(); performance.now() - startedAtMs < 2500; ) {
      const id = `new-${added.length}`
      if (!(await reader.known.mayExist(id))) absent++
      await creator.known.add(id)
      void pause(30).then(() => committed.push(id))
      added.push(id)
      for (const one of await missing(reader.known, added.slice(-100))) denied.push(one)
    }
    await pause(50)
    for (const one of await missing(reader.known, added)) denied.push(one)
    expect(denied).toEqual([])
    // And it did say no to most before they were created.
    expect(absent).toBeGreaterThan(added.length / 2)
  })

  it('fall open for the others before an addition returns that Redis did not hear, and are built anew when it is back', async () => {
    const namespace = newNamespace()
    const proxy: TcpProxy = await startTcpProxy(REDIS_URL)
    const committed: KnownId[] = [1]
    const options = { ids: () => [...committed] }
    try {
      await using creator = await member(namespace, options, proxy.url)
      await using reader = await member(namespace, options)
      await isClosed(reader.known)
      proxy.partition(true)
      expect(await reader.known.mayExist('unheard')).toBe(false)
      await creator.known.add('unheard')
      expect(await reader.known.mayExist('unheard')).toBe(true)
      expect(reader.known.state()).toBe('open')
      committed.push('unheard')
      proxy.partition(false)
      await until(async () => !(await reader.known.mayExist('nobody')), 15_000)
      expect(await reader.known.mayExist('unheard')).toBe(true)
    } finally {
      await proxy.close()
    }
  })

  it('fall open when a bitmap is evicted, the server is another one, or a process died, and deny nothing meanwhile', () =>
    withRedis(async (redis, key, namespace) => {
      await using one = await member(namespace)
      await isClosed(one.known)
      const bitmap = `${key}:${await redis.hget(key, 'gen')}`
      await redis.del(bitmap)
      expect(await one.known.mayExist('nobody')).toBe(true)
      await redis.setbit(bitmap, 5, 1) // as an addition after the eviction would
      expect(await one.known.mayExist('nobody')).toBe(true)
      await redis.hset(key, 'a:dead', Date.now() - 5000)
      await until(async () => (await redis.hget(key, 'gen')) !== null, 8000)
      expect(await one.known.mayExist('nobody')).toBe(true)
      await redis.hset(key, 'a:dead', Date.now() - 12 * 60_000)
      const before = await redis.hget(key, 'gen')
      await until(async () => !(await one.known.mayExist('nobody')), 8000)
      // Built again: the dead may have created ids that nobody heard of.
      expect(await redis.hget(key, 'gen')).not.toBe(before)
      await redis.hset(key, 'run', 'another')
      expect(await one.known.mayExist('nobody')).toBe(true)
    }))

  it('hear of an addition by another process, and fall open when that process is killed', async () => {
    const namespace = newNamespace()
    await using here = await member(namespace)
    const child = await forkFeatureProcess(REDIS_URL, namespace, { keys: 0, loadMs: 0, on: [] })
    try {
      await child.join()
      await isClosed(here.known)
      expect(await here.known.mayExist('fresh')).toBe(false)
      await child.add()
      expect(await here.known.mayExist('fresh')).toBe(true)
      expect(await here.known.mayExist('nobody')).toBe(false)
      child.kill()
      // It may have created something with its last breath: nobody can tell, so nothing is denied.
      await until(() => here.known.mayExist('nobody'))
    } finally {
      child.kill()
      await child.stop()
    }
  })

  it('refuse an addition with HF_CACHE_KNOWN_IDS_AWAY when Redis was never reached', async () => {
    await using one = await member(newNamespace(), {}, 'redis://127.0.0.1:1')
    expect(await one.known.mayExist('nobody')).toBe(true)
    await expect(one.known.add('new')).rejects.toMatchObject({ code: 'HF_CACHE_KNOWN_IDS_AWAY' })
  })

  it('go on after a source that failed, leave in order, and keep the lifecycle contract', () =>
    withRedis(async (redis, key, namespace) => {
      const broken = await member(namespace, { ids: () => Promise.reject(new Error('no table')) })
      await pause(150)
      expect([await broken.known.mayExist('nobody'), await redis.hget(key, 'gen')]).toEqual([true, null])
      await broken[Symbol.asyncDispose]()
      expect((await redis.hkeys(key)).filter(field => field.startsWith('a:'))).toEqual([])
      await using here = await openCache({ namespace })
      await stressLifecycle(() => createKnownIds(here.cache, { name: 'stress', ids: () => [1] }), 3)
    }))
})
