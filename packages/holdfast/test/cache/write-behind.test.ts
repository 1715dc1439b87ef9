import { type FakeClock, fakeClock, stressLifecycle } from '@holdfast/testkit'
import type { Logger } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache, createWriteBehind, type TieredCache, type WriteBehind, type WriteBehindOptions } from '../../src/cache/index.ts'

const open: TieredCache[] = []
afterEach(async () => {
  for (const cache of open.splice(0)) await cache.stop()
})

interface Target {
  readonly cache: TieredCache
  readonly clock: FakeClock
  readonly behind: WriteBehind<number>
  /** Batches that arrived. */
  readonly batches: [string, number][][]
  /** Called in the place of each flush. */
  answer: () => Promise<void>
  count(name: string, ...labels: string[]): number
}

async function writeBehind(options: Partial<WriteBehindOptions<number>> = {}): Promise<Target> {
  const clock = fakeClock()
  const registry = createRegistry()
  const quiet = (): void => {}
  const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error: quiet }
  const cache = createTieredCache({ jitter: 0 }, { registry, clock, logger, random: () => 0.5 })
  await cache.start()
  open.push(cache)
  const batches: [string, number][][] = []
  const target: Target = {
    ...{ cache, clock, batches },
    answer: async () => {},
    behind: createWriteBehind<number>(cache, {
      name: 'views',
      every: '1s',
      flush: async entries => {
        await target.answer()
        batches.push(entries.map(([key, value]) => [key, value]))
      },
      ...options,
    }),
    count: (name, ...labels) =>
      registry
        .snapshot()
        .find(family => family.name === name)
        ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0,
  }
  return target
}

const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate)
}
const broken = async (): Promise<void> => {
  throw new Error('database is down')
}

describe('a write-behind', () => {
  it('sends the last value of each key, together, once the time is up', async () => {
    const { behind, batches, clock, count } = await writeBehind()
    for (const value of [1, 2, 3]) await behind.set('a', value)
    await behind.set('b', 9)
    expect(behind.stats()).toEqual({ pending: 2, oldestMs: 0, failuresInRow: 0 })
    clock.advance(999)
    await settle()
    expect(batches).toEqual([])
    expect(count('holdfast_cache_write_behind_pending', 'views')).toBe(2)
    expect(count('holdfast_cache_write_behind_age_seconds', 'views')).toBe(0.999)
    clock.advance(1)
    await settle()
    expect(batches).toEqual([
      [
        ['a', 3],
        ['b', 9],
      ],
    ])
    expect(behind.stats().pending).toBe(0)
    expect(count('holdfast_cache_write_behind_writes', 'views', 'coalesced')).toBe(2)
    expect(count('holdfast_cache_write_behind_writes', 'views', 'flushed')).toBe(2)
  })

  it('sends a full batch at once', async () => {
    const { behind, batches, clock } = await writeBehind({ maxBatch: 2 })
    for (const key of ['a', 'b', 'c']) await behind.set(key, 1)
    clock.advance(0)
    await settle()
    expect(batches).toEqual([
      [
        ['a', 1],
        ['b', 1],
      ],
    ])
    await behind.flushNow()
    expect(batches[1]).toEqual([['c', 1]])
  })

  it('shows readers the value that waits, also when the cache forgot it and the loader finds the old one', async () => {
    const { behind, cache, clock } = await writeBehind({ tags: ['t'] })
    await behind.set('a', 2)
    expect(await cache.get('a')).toBe(2)
    await cache.invalidateTags('t')
    expect(await behind.get('a')).toBe(2)
    expect(await behind.getOrSet('a', () => 1)).toBe(2)
    const during = await behind.getOrSet('late', async () => {
      await behind.set('late', 8)
      return 7
    })
    expect(during).toBe(8)
    // A reader beside it keeps the old value; the flush drops it.
    await cache.getOrSet('a', () => 1)
    clock.advance(1000)
    await settle()
    expect(await behind.getOrSet('a', () => 2)).toBe(2)
  })

  it('keeps a value that was set while an earlier one was on its way', async () => {
    const target = await writeBehind()
    const { behind, batches, clock, cache } = target
    let arrive: () => void = () => {}
    target.answer = () => new Promise(resolve => (arrive = resolve))
    await behind.set('a', 1)
    clock.advance(1000)
    await settle()
    await behind.set('a', 2)
    target.answer = async () => {}
    clock.advance(300)
    arrive()
    await settle()
    expect(batches).toEqual([[['a', 1]]])
    expect(await cache.get('a')).toBe(2)
    // It waits since it was set, no longer since its predecessor was.
    expect(behind.stats()).toMatchObject({ pending: 1, oldestMs: 300 })
    clock.advance(1000)
    await settle()
    expect(batches[1]).toEqual([['a', 2]])
  })

  it('tries a failed batch again with growing pauses, and with what changed meanwhile', async () => {
    const target = await writeBehind()
    const { behind, batches, clock, count } = target
    let tries = 0
    target.answer = () => {
      tries++
      return broken()
    }
    await behind.set('a', 1)
    for (const pauseMs of [1000, 100, 200, 400]) {
      clock.advance(pauseMs - 1)
      await settle()
      const before = tries
      clock.advance(1)
      await settle()
      expect(tries).toBe(before + 1)
    }
    expect(behind.stats().failuresInRow).toBe(4)
    await expect(behind.flushNow()).rejects.toThrow('database is down')
    await behind.set('a', 2)
    target.answer = async () => {}
    clock.advance(1600)
    await settle()
    expect(batches).toEqual([[['a', 2]]])
    expect(behind.stats()).toEqual({ pending: 0, oldestMs: 0, failuresInRow: 0 })
    expect(count('holdfast_cache_write_behind_flushes', 'views', 'error')).toBe(5)
  })

  it('makes writers wait when full, takes them when there is room, and else refuses with HF_CACHE_WRITE_BEHIND_FULL', async () => {
    const target = await writeBehind({ maxEntries: 2, wait: '5s' })
    const { behind, clock, batches, count } = target
    target.answer = broken
    await behind.set('a', 1)
    await behind.set('b', 1)
    await behind.set('a', 2) // no new key
    const refused = expect(behind.set('c', 1)).rejects.toMatchObject({ code: 'HF_CACHE_WRITE_BEHIND_FULL', retryable: true })
    for (let second = 0; second < 5; second++) {
      clock.advance(1000)
      await settle()
    }
    await refused
    const taken = behind.set('d', 1)
    target.answer = async () => {}
    clock.advance(3000)
    await settle()
    await taken
    await behind.flushNow()
    expect(batches.flat()).toEqual([
      ['a', 2],
      ['b', 1],
      ['d', 1],
    ])
    expect(count('holdfast_cache_write_behind_writes', 'views', 'refused')).toBe(1)
  })

  it('gives a batch up after the retries it was given, and says which', async () => {
    const dropped: unknown[] = []
    const target = await writeBehind({ retries: 1, onDropped: (entries, error) => dropped.push([entries, (error as Error).message]) })
    const { behind, clock, cache } = target
    target.answer = broken
    await behind.set('a', 1)
    clock.advance(1000)
    await settle()
    clock.advance(100)
    await settle()
    expect(dropped).toEqual([[[['a', 1]], 'database is down']])
    expect(behind.stats().pending).toBe(0)
    expect(await cache.get('a')).toBeUndefined()
  })

  it('flushes when its cache stops, and takes nothing afterwards', async () => {
    const { behind, batches, cache } = await writeBehind({ maxBatch: 1 })
    for (const key of ['a', 'b', 'c']) await behind.set(key, 1)
    await cache.stop()
    expect(batches.flat()).toEqual([
      ['a', 1],
      ['b', 1],
      ['c', 1],
    ])
    await expect(behind.set('d', 1)).rejects.toMatchObject({ code: 'HF_CACHE_WRITE_BEHIND_STOPPED' })
  })

  it('stops within its bound when the database hangs, and counts what is lost', async () => {
    let signal: AbortSignal | undefined
    const { behind, clock, count, cache } = await writeBehind({
      stopWithin: '2s',
      flush: (_, ctx) => {
        signal = ctx.signal
        return new Promise(() => {})
      },
    })
    await behind.set('a', 1)
    // Under way already, and one more that has not begun.
    clock.advance(1000)
    await settle()
    await behind.set('b', 1)
    const stopping = behind.stop()
    await settle()
    clock.advance(2000)
    await stopping
    expect(signal?.reason).toMatchObject({ code: 'HF_CACHE_WRITE_BEHIND_STOPPED' })
    expect(count('holdfast_cache_write_behind_writes', 'views', 'lost')).toBe(2)
    await cache.stop()
  })

  it('refuses bad options together, and bad values', async () => {
    const bad = await writeBehind({ name: '', maxEntries: 0, maxBatch: 0.5, every: '0ms', retries: -1, wait: '1x' as never, tags: [''] }).catch(
      error => error,
    )
    expect(bad).toMatchObject({ code: 'HF_CONFIG_INVALID' })
    for (const option of ['name', 'maxEntries', 'maxBatch', 'every', 'retries', 'wait', 'tags'])
      expect(bad.message).toContain(`writeBehind.${option}`)
    const { behind } = await writeBehind()
    await expect(behind.set('a', (() => 1) as never)).rejects.toMatchObject({ code: 'HF_CACHE_VALUE_UNENCODABLE' })
    await expect(behind.set('', 1)).rejects.toMatchObject({ code: 'HF_CACHE_KEY_INVALID' })
  })

  it('keeps the lifecycle contract', async () => {
    await stressLifecycle(async () => (await writeBehind()).behind, 3)
  })
})
