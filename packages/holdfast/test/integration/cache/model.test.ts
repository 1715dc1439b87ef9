import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../cache/seeded-random.ts'
import { newNamespace, openCache, pause, REDIS_URL, type TestCache, until } from './harness.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** How long after an acknowledged change another cache may still answer with what was before: one delivery, with room for a busy machine. */
const DELIVERY_MS = 100
/** The documented bound in a fault, with the same room. */
const FAULT_BOUND_MS = 1500
const KEYS = ['a', 'b', 'c']
const STEPS = 60

interface Change {
  readonly version: number
  readonly atMs: number
  readonly by: number
}

/** A run of random reads, writes and invalidations over several caches, against the one rule: a read that begins after a change was acknowledged
 *  (in the same cache: at once; in another: after a delivery) must not give what was there before. */
async function runHistory(seed: number, caches: readonly TestCache[], graceMs: number, fault?: (random: () => number) => void): Promise<number> {
  const random = seededRandom(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  // The database: what a loader reads. Versions only grow.
  const truth = new Map(KEYS.map(key => [key, 0]))
  const changes = new Map<string, Change[]>(KEYS.map(key => [key, []]))
  const pending: Promise<void>[] = []
  let reads = 0

  const floor = (key: string, reader: number, atMs: number): number =>
    Math.max(
      0,
      ...changes
        .get(key)!
        .filter(change => (change.by === reader ? change.atMs <= atMs : change.atMs + graceMs <= atMs))
        .map(change => change.version),
    )

  const read = async (reader: number, key: string, loadMs: number): Promise<void> => {
    const startedAtMs = performance.now()
    const least = floor(key, reader, startedAtMs)
    const load = async (): Promise<number> => {
      const version = truth.get(key)!
      // The value is read first and returned late: the window in which a change makes it old.
      if (loadMs > 0) await pause(loadMs)
      return version
    }
    const version = await caches[reader]!.cache.getOrSet(key, load, { tags: [`t:${key}`], ttl: '10s' })
    reads++
    expect(version, `seed ${seed}: cache ${reader} read ${key}`).toBeGreaterThanOrEqual(least)
  }
  const change = async (writer: number, key: string, kind: number): Promise<void> => {
    const version = truth.get(key)! + 1
    truth.set(key, version)
    const { cache } = caches[writer]!
    if (kind === 0) await cache.delete(key)
    else if (kind === 1) await cache.invalidateTags(`t:${key}`)
    else await cache.clear()
    changes.get(key)!.push({ version, atMs: performance.now(), by: writer })
  }

  for (let step = 0; step < STEPS; step++) {
    const cache = Math.floor(random() * caches.length)
    const key = pick(KEYS)
    const dice = random()
    if (fault !== undefined && dice > 0.96) fault(random)
    else if (dice < 0.7) pending.push(read(cache, key, Math.floor(random() * 3) * 4))
    else pending.push(change(cache, key, random() < 0.45 ? 0 : random() < 0.8 ? 1 : 2))
    if (random() < 0.5) await pause(Math.floor(random() * 6))
  }
  await Promise.all(pending)
  return reads
}

describe.each([['auto'], ['pubsub']] as const)('random histories over three caches, coherence %s', coherence => {
  it('never read what was there before an acknowledged change', { timeout: 60_000 }, async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, coherence })
    await using b = await openCache({ namespace, coherence })
    await using c = await openCache({ namespace, coherence })
    let reads = 0
    for (let seed = 1; seed <= 15; seed++) {
      reads += await runHistory(seed, [a, b, c], DELIVERY_MS)
      await a.cache.clear()
      await pause(10)
    }
    expect(reads).toBeGreaterThan(400)
  })

  it('never read it later than the stated bound while connections are cut and fall silent', { timeout: 60_000 }, async () => {
    const namespace = newNamespace()
    const proxy: TcpProxy = await startTcpProxy(REDIS_URL)
    const beyondFault = async (): Promise<void> => {
      proxy.swallow('invalidation', false)
      await until(() => [b, c].every(one => one.cache.health().status === 'ok'))
    }
    await using a = await openCache({ namespace, coherence })
    await using b = await openCache({ namespace, coherence }, proxy.url)
    await using c = await openCache({ namespace, coherence }, proxy.url)
    for (let seed = 101; seed <= 103; seed++) {
      await runHistory(seed, [a, b, c], FAULT_BOUND_MS, random => {
        const dice = random()
        if (dice < 0.4) proxy.cut('invalidation')
        else if (dice < 0.7) proxy.cut('data')
        else proxy.swallow('invalidation', dice < 0.9)
      })
      await pause(FAULT_BOUND_MS)
      // After the bound everything acknowledged must show, in whatever state the connections are.
      const truth = await a.cache.getOrSet('a', () => 'truth', { tags: ['t:a'] })
      expect(await b.cache.getOrSet('a', () => expect.unreachable())).toBe(truth)
      await beyondFault()
      await a.cache.clear()
      await pause(20)
    }
    await proxy.close()
  })
})
