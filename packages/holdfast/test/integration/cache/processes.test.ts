import { afterEach, describe, expect, it } from 'vitest'
import { type CacheProcess, startCacheProcess } from './cache-process.ts'
import { newNamespace, openCache, pause, REDIS_URL, until } from './harness.ts'

const started: CacheProcess[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map(one => one.stop()))
})

async function processes(count: number, namespace: string): Promise<CacheProcess[]> {
  const opened = await Promise.all(Array.from({ length: count }, () => startCacheProcess(REDIS_URL, { namespace, redisBudget: '2s' })))
  started.push(...opened)
  return opened
}

describe('several processes over one Redis', () => {
  it('load once for 1,000 callers in each of four', async () => {
    const four = await processes(4, newNamespace())
    const values = await Promise.all(four.map((one, i) => one.read('k', `from ${i}`, { callers: 1000, loadMs: 100 })))
    expect(new Set((values as string[][]).flat()).size).toBe(1)
    const loads = (await Promise.all(four.map(one => one.ask({ op: 'loads' })))) as number[]
    expect(loads.reduce((sum, n) => sum + n)).toBe(1)
  })

  it('load again within the lease when the one that loads is killed', async () => {
    const [holder, waiter] = await processes(2, newNamespace())
    const lost = holder!.read('k', 'lost', { loadMs: 60_000 }).catch(() => 'killed')
    await until(async () => (await holder!.ask({ op: 'loads' })) === 1)
    const startedAtMs = performance.now()
    const waiting = waiter!.read('k', 'found', { callers: 100 })
    await pause(50)
    holder!.kill()
    expect(await lost).toBe('killed')
    expect(await waiting).toEqual(['found'])
    expect(performance.now() - startedAtMs).toBeLessThan(3000)
    expect(await waiter!.ask({ op: 'loads' })).toBe(1)
  })

  it('keep the lease of a load that takes longer than the lease', async () => {
    const [holder, waiter] = await processes(2, newNamespace())
    const slow = holder!.read('k', 'slow', { loadMs: 3500 })
    await until(async () => (await holder!.ask({ op: 'loads' })) === 1)
    expect(await waiter!.read('k', 'impatient')).toEqual(['slow'])
    expect(await slow).toEqual(['slow'])
    expect(await waiter!.ask({ op: 'loads' })).toBe(0)
  })

  it('serve nothing old after a delete in one while another loads', async () => {
    const namespace = newNamespace()
    const [loader, other] = await processes(2, namespace)
    await using here = await openCache({ namespace })
    for (const change of ['delete', 'invalidate'] as const) {
      const key = `key-${change}`
      const reading = loader!.read(key, 'old', { loadMs: 300, tags: ['t'] })
      await pause(100)
      await other!.ask(change === 'delete' ? { op: 'delete', key } : { op: 'invalidate', tags: ['t'] })
      await pause(30)
      const after = other!.read(key, 'new', { tags: ['t'] })
      expect(await reading).toEqual(['old'])
      expect(await after).toEqual(['new'])
      expect(await loader!.read(key, 'new', { tags: ['t'] })).toEqual(['new'])
      expect(await here.cache.get(key)).toBe('new')
    }
  })

  it('take over the lease of one that is stopped longer than the lease, and ignore what it brings when it goes on', async () => {
    const [holder, other] = await processes(2, newNamespace())
    const late = holder!.read('k', 'late', { loadMs: 200 })
    await until(async () => (await holder!.ask({ op: 'loads' })) === 1)
    process.kill(holder!.pid, 'SIGSTOP')
    // Answered only when the lease of 2 s has ended, so the holder has been stopped for longer than that.
    expect(await other!.read('k', 'found')).toEqual(['found'])
    process.kill(holder!.pid, 'SIGCONT')
    expect(await late).toEqual(['late'])
    expect(await other!.ask({ op: 'get', key: 'k' })).toBe('found')
    await until(async () => (await holder!.ask({ op: 'get', key: 'k' })) === 'found')
  })
})
