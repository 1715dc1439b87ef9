import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { isHoldfastError } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache, createWarming, type TieredCache, type Warming, type WarmingOptions } from '../../src/cache/index.ts'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

interface Warm {
  readonly cache: TieredCache
  readonly warming: Warming
  readonly clock: FakeClock
  readonly count: (name: string, ...labels: string[]) => number
}

/** Without Redis: each process warms its own memory. */
async function warm(options: WarmingOptions, clock: FakeClock = fakeClock()): Promise<Warm> {
  const registry = createRegistry()
  const cache = createTieredCache({ jitter: 0 }, { registry, clock })
  await cache.start()
  const warming = createWarming(cache, options)
  open.push(cache)
  const count: Warm['count'] = (name, ...labels) =>
    registry
      .snapshot()
      .find(family => family.name === name)
      ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0
  return { cache, warming, clock, count }
}

const upper = async (keys: readonly string[]): Promise<[string, string][]> => keys.map(key => [key, key.toUpperCase()])
/** Lets everything happen that needs no time to pass. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
}

describe('warming', () => {
  it('loads the keys of every source, the highest priority first, and says what became of them', async () => {
    const loads: string[][] = []
    const loadMany = (keys: readonly string[]) => {
      loads.push([...keys])
      return upper(keys.filter(key => key !== 'gone'))
    }
    async function* listed() {
      yield 'x'
      yield 'gone'
      yield 'y'
    }
    const { cache, warming, count } = await warm({
      sources: [
        { name: 'low', keys: () => ['a', 'b', 'a'], loadMany },
        { name: 'high', priority: 10, keys: listed, loadMany, ttl: '10s', tags: key => [`tag-${key}`] },
      ],
    })
    await cache.set('b', 'there already')
    const report = await warming.warm()
    expect(loads).toEqual([['x', 'gone', 'y'], ['a']])
    expect(report).toMatchObject({
      occasion: 'hand',
      sources: [
        { source: 'high', outcome: 'warmed', listed: 3, loaded: 2, absent: 1, fresh: 0, failed: 0, skipped: 0, errors: [] },
        { source: 'low', outcome: 'warmed', listed: 2, loaded: 1, absent: 0, fresh: 1 },
      ],
    })
    expect([cache.peek('x'), cache.peek('a'), cache.peek('b')]).toEqual(['X', 'A', 'there already'])
    await cache.invalidateTags('tag-x')
    expect([cache.peek('x'), cache.peek('y')]).toEqual([undefined, 'Y'])
    expect(warming.lastReport()).toBe(report)
    expect(warming.progress()).toMatchObject([
      { source: 'high', state: 'warmed', total: undefined, loaded: 2 },
      { source: 'low', state: 'warmed', total: 3 },
    ])
    expect(count('holdfast_cache_warming_runs', 'low', 'warmed')).toBe(1)
    expect(count('holdfast_cache_warming_keys', 'high', 'loaded')).toBe(2)
    expect(count('holdfast_cache_warming_keys', 'low', 'fresh')).toBe(1)
  })

  it('goes on with the next source when one fails, and tells the first errors', async () => {
    const broken = new Error('relation does not exist')
    let tries = 0
    const { warming } = await warm({
      sources: [
        { name: 'no-list', keys: () => Promise.reject(broken), loadMany: upper },
        {
          name: 'no-load',
          keys: () => Array.from({ length: 50 }, (_, i) => `k${i}`),
          concurrency: 1,
          load: () => {
            tries++
            throw broken
          },
        },
        { name: 'half', keys: () => ['good', 'bad', '', 'good2'], load: ({ key }) => (key === 'bad' ? Promise.reject(broken) : key) },
        { name: 'good', keys: () => ['g'], loadMany: upper },
      ],
    })
    const { sources } = await warming.warm()
    expect(sources).toMatchObject([
      { outcome: 'failed', listed: 0, errors: ['relation does not exist'] },
      { outcome: 'failed', failed: 5, errors: ['relation does not exist'] },
      { outcome: 'warmed', loaded: 2, failed: 2, errors: ['relation does not exist', expect.stringContaining('HF_CACHE_KEY_INVALID')] },
      { outcome: 'warmed', loaded: 1 },
    ])
    // Five in a row are enough: a database in trouble is not asked 50 times.
    expect(tries).toBe(5)
  })

  it('stops at the budget, aborts what is under way, and leaves the rest to the readers', async () => {
    let signal: AbortSignal | undefined
    const { warming, clock } = await warm({
      sources: [
        {
          name: 'slow',
          keys: () => ['a', 'b', 'c', 'd'],
          concurrency: 2,
          budget: '5s',
          load: ctx => {
            signal = ctx.signal
            return new Promise(() => {})
          },
        },
      ],
    })
    const running = warming.warm()
    await settle()
    expect(warming.progress()).toMatchObject([{ state: 'running', total: 4, listed: 2 }])
    clock.advance(5000)
    expect((await running).sources).toMatchObject([{ outcome: 'budget', listed: 2, loaded: 0, skipped: 2, tookMs: 5000 }])
    expect(signal?.aborted).toBe(true)
  })

  it('starts without waiting, and stops at once although a loader and a list hang', async () => {
    const hang = { name: 'hang', keys: () => ['a'], load: () => new Promise(() => {}) }
    const hung = { name: 'hung-list', keys: () => new Promise<string[]>(() => {}), load: () => 1 }
    const { warming } = await warm({ sources: [hang, { ...hung, priority: 1 }] })
    await warming.start()
    await settle()
    expect(warming.progress()).toMatchObject([{ source: 'hung-list', state: 'running' }, { state: 'idle' }])
    const second = warming.warm({ sources: ['hang'] })
    await settle()
    await warming.stop()
    expect((await second).sources).toMatchObject([{ outcome: 'stopped' }])
    expect(warming.lastReport()?.sources.map(({ outcome }) => outcome)).toEqual(['stopped', 'stopped'])
  })

  it('ends with its cache, and by the signal of the caller', async () => {
    const { cache, warming } = await warm({ sources: [{ name: 'hang', keys: () => ['a'], load: () => new Promise(() => {}) }] })
    const abort = new AbortController()
    const mine = warming.warm({ signal: abort.signal })
    await settle()
    abort.abort()
    expect((await mine).sources).toMatchObject([{ outcome: 'stopped' }])
    await warming.start()
    await cache.stop()
    await warming.idle()
    await expect(warming.start()).rejects.toMatchObject({ code: 'HF_BUG_LIFECYCLE' })
  })

  it('loads anew what is fresh when asked to refresh', async () => {
    let version = 0
    const source = { name: 'r', keys: () => ['k'], loadMany: (keys: readonly string[]) => keys.map(key => [key, ++version] as const) }
    const { cache, warming } = await warm({ sources: [{ ...source, refresh: true }] })
    expect((await warming.warm()).sources).toMatchObject([{ loaded: 1 }])
    expect((await warming.warm()).sources).toMatchObject([{ loaded: 1 }])
    expect(cache.peek('k')).toBe(2)
  })

  it('does not put back what is deleted while its value is loaded', async () => {
    let answer: (value: string) => void = () => {}
    const { cache, warming } = await warm({
      sources: [{ name: 's', keys: () => ['k'], load: () => new Promise<string>(resolve => (answer = resolve)) }],
    })
    const running = warming.warm()
    await settle()
    await cache.delete('k')
    answer('old')
    await running
    expect(cache.peek('k')).toBeUndefined()
  })

  it('names every wrong option at once, and a source nobody has', async () => {
    const problems = await warm({
      deployId: '',
      sources: [
        { name: 'a b', keys: () => [], loadMany: upper, batch: 0, concurrency: 65, budget: '0ms', schedule: { cron: '* * *', timeZone: 'UTC' } },
        { name: 'zone', keys: () => [], loadMany: upper, schedule: { cron: '0 7 * * *', timeZone: 'Mars/Olympus' } },
        { name: 'zone', keys: () => [], loadMany: upper, schedule: { cron: '0 0 31 2 *', timeZone: 'UTC' } },
        { name: 'often', keys: () => [], loadMany: upper, schedule: { every: '10ms' } },
      ],
    }).catch(error => (isHoldfastError(error) ? error.message : ''))
    for (const path of [
      'deployId',
      '[0].name',
      '[0].batch',
      '[0].concurrency',
      '[0].budget',
      '[0].schedule',
      '[1].schedule',
      '[2].name',
      '[2].schedule',
      '[3].schedule.every',
    ])
      expect(problems).toContain(path)
    const { warming, cache } = await warm({ sources: [{ name: 'one', keys: () => [], loadMany: upper }] })
    await expect(warming.warm({ sources: ['two'] })).rejects.toMatchObject({ code: 'HF_CACHE_NO_SUCH_SOURCE', message: 'two; known are one' })
    expect(() => createWarming({ ...cache }, { sources: [] })).toThrow(expect.objectContaining({ code: 'HF_CACHE_OPTION_INVALID' }))
  })
})

describe('a schedule', () => {
  /** Moves the clock in steps short enough for every timer, and returns when the source was warmed. */
  async function dueTimes(schedule: { cron: string; timeZone: string } | { every: '10m' }, from: string, hours: number): Promise<string[]> {
    const clock = fakeClock(Date.parse(from))
    const times: string[] = []
    const keys = () => {
      times.push(new Date(clock.nowMs()).toISOString())
      return []
    }
    const { warming } = await warm({ sources: [{ name: 's', keys, loadMany: upper, schedule }] }, clock)
    await warming.start()
    for (let minute = 0; minute < hours * 60; minute += 5) {
      clock.advance(300_000)
      await settle()
    }
    return times
  }

  it('keeps the local hour when the clocks go forward', async () => {
    const before = await dueTimes({ cron: '30 7 * * *', timeZone: 'Europe/Berlin' }, '2026-03-27T12:00:00Z', 48)
    expect(before).toEqual(['2026-03-28T06:30:00.000Z', '2026-03-29T05:30:00.000Z'])
  })

  it('is due once on the night that has its hour not at all, and once on the night that has it twice', async () => {
    const nightly = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' }
    expect(await dueTimes(nightly, '2026-03-28T22:00:00Z', 6)).toEqual(['2026-03-29T01:00:00.000Z'])
    expect(await dueTimes(nightly, '2026-10-24T22:00:00Z', 6)).toEqual(['2026-10-25T00:30:00.000Z'])
  })

  it('means the same moments in every process', async () => {
    expect(await dueTimes({ every: '10m' }, '2026-01-01T00:05:00Z', 0.5)).toEqual([
      '2026-01-01T00:10:00.000Z',
      '2026-01-01T00:20:00.000Z',
      '2026-01-01T00:30:00.000Z',
    ])
  })

  it('makes up once for what it missed when the wall clock jumps', async () => {
    const clock = fakeClock(Date.parse('2026-01-01T00:00:00Z'))
    let runs = 0
    const keys = () => {
      runs++
      return []
    }
    const { warming } = await warm({ sources: [{ name: 's', keys, loadMany: upper, schedule: { every: '1h' } }] }, clock)
    await warming.start()
    clock.skew(5 * 3_600_000)
    clock.advance(60_000)
    await settle()
    expect(runs).toBe(1)
  })
})
