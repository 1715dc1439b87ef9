import { stressLifecycle } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache, createWarming, requestWarming, type SourceProgress, type WarmingReport } from '../../../src/cache/index.ts'
import { type FeatureProcess, forkFeatureProcess, type WarmingPlan } from './feature-process.ts'
import { newNamespace, openCache, REDIS_URL, until } from './harness.ts'

const started: FeatureProcess[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map(one => one.stop()))
})

async function processes(count: number, namespace: string, plan: WarmingPlan): Promise<FeatureProcess[]> {
  const forked = await Promise.all(Array.from({ length: count }, () => forkFeatureProcess(REDIS_URL, namespace, plan)))
  started.push(...forked)
  await Promise.all(forked.map(one => one.start()))
  return forked
}

const sum = (numbers: number[]): number => numbers.reduce((total, n) => total + n)
const outcomes = (reports: WarmingReport[]): string[] => reports.map(({ sources }) => sources[0]!.outcome).sort()

describe('warming a fleet', () => {
  it('loads each key once when two processes start together', async () => {
    const namespace = newNamespace()
    const two = await processes(2, namespace, { keys: 200, loadMs: 2, on: ['start'] })
    const reports = await Promise.all(two.map(one => one.idle()))
    expect(outcomes(reports)).toEqual(['done', 'warmed'])
    expect(sum(await Promise.all(two.map(one => one.loads())))).toBe(200)
    // The budget is not what is tested: a busy machine must not make an entry look absent.
    await using here = await openCache({ namespace, redisBudget: '2s' })
    expect((await here.cache.getMany(Array.from({ length: 200 }, (_, i) => `k${i}`))).size).toBe(200)
  })

  it('goes on in another process when the one that warms is killed', async () => {
    const two = await processes(2, newNamespace(), { keys: 40, loadMs: 20, on: ['start'] })
    await until(async () => sum(await Promise.all(two.map(one => one.loads()))) > 10)
    const loads = await Promise.all(two.map(one => one.loads()))
    const [warmer, other] = loads[0]! > 0 ? two : two.toReversed()
    // One at a time: the other has not begun.
    expect(Math.min(...loads)).toBe(0)
    warmer!.kill()
    const report = await other!.idle()
    expect(report.sources).toMatchObject([{ outcome: 'warmed', listed: 40, failed: 0 }])
    // What was loaded before the death is not loaded again; one load may have been cut off.
    expect(report.sources[0]!.fresh).toBeGreaterThanOrEqual(10)
  })

  it('warms once for each deployed version, however often processes start', async () => {
    const namespace = newNamespace()
    const deploy = { keys: 5, loadMs: 0, on: ['deploy' as const] }
    await using here = await openCache({ namespace })
    const runs: string[] = []
    for (const deployId of ['v1', 'v1', 'v2', 'v1']) {
      const [one] = await processes(1, namespace, { ...deploy, deployId })
      runs.push(...outcomes([await one!.idle()]))
      await here.cache.invalidateTags('all')
    }
    expect(runs).toEqual(['warmed', 'done', 'warmed', 'done'])
  })

  it('warms nothing while Redis is away, and starts all the same', async () => {
    const cache = createTieredCache({ namespace: newNamespace() }, { redis: 'redis://127.0.0.1:1', registry: createRegistry() })
    await cache.start()
    let loads = 0
    const warming = createWarming(cache, { sources: [{ name: 's', keys: () => ['k'], load: () => ++loads, budget: '1ms' }] })
    await warming.start()
    const abort = new AbortController()
    const report = warming.warm({ signal: abort.signal })
    abort.abort()
    expect((await report).sources).toMatchObject([{ outcome: 'stopped' }])
    await cache.stop()
    expect(loads).toBe(0)
    expect(warming.lastReport()?.sources).toMatchObject([{ outcome: 'stopped' }])
  })

  it('keeps the lifecycle contract', async () => {
    await using here = await openCache({ namespace: newNamespace() })
    await stressLifecycle(() => createWarming(here.cache, { sources: [{ name: 's', keys: () => ['k'], load: () => 1 }] }), 3)
  })
})

describe('a request to warm', () => {
  it('has one process warm, tells how far it is, and returns its report', async () => {
    const namespace = newNamespace()
    const two = await processes(2, namespace, { keys: 40, loadMs: 35, on: [] })
    await using here = await openCache({ namespace, l1: false })
    const seen: SourceProgress[] = []
    const warmed = await requestWarming(here.cache, { onProgress: sources => seen.push(...sources) })
    expect(warmed).toMatchObject({ processes: 2, sources: [{ source: 'all', outcome: 'warmed', loaded: 40, failed: 0 }] })
    expect(seen[0]).toMatchObject({ source: 'all', state: 'running', total: 40 })
    expect(sum(await Promise.all(two.map(one => one.loads())))).toBe(40)
    expect((await requestWarming(here.cache, { sources: ['all'] })).sources).toMatchObject([{ outcome: 'warmed', loaded: 0, fresh: 40 }])
    await expect(requestWarming(here.cache, { sources: ['none'] })).rejects.toMatchObject({
      code: 'HF_CACHE_NO_SUCH_SOURCE',
      message: 'none; known are all',
    })
  })

  it('says so when nobody answers', async () => {
    await using here = await openCache({ namespace: newNamespace() })
    await expect(requestWarming(here.cache, { answerWithin: '200ms' })).rejects.toMatchObject({ code: 'HF_CACHE_NO_WARMER' })
    const abort = new AbortController()
    const asked = requestWarming(here.cache, { signal: abort.signal })
    abort.abort(new Error('enough'))
    await expect(asked).rejects.toThrow('enough')
  })
})
