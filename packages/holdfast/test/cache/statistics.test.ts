import { fakeClock } from '@holdfast/testkit'
import { createRegistry, histogramQuantile } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { type CacheOptions, createTieredCache } from '../../src/cache/index.ts'
import { FollowedKeys } from '../../src/cache/statistics/followed-keys.ts'
import { HotKeySketch } from '../../src/cache/statistics/hot-keys.ts'
import { PrefixCounters } from '../../src/cache/statistics/prefix-counters.ts'
import { PREFIX_LIMIT, PrefixTable, prefixOf } from '../../src/cache/statistics/prefix-table.ts'
import { NO_TAGS, snapshotTags, TagTable } from '../../src/cache/tag-table.ts'
import { seededRandom } from './seeded-random.ts'

function countedCache(options: CacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache = createTieredCache({ jitter: 0, ...options }, { clock, registry, random: seededRandom(7) })
  const prefix = (name: string) => cache.stats().prefixes.find(found => found.prefix === name)
  return { cache, clock, registry, prefix }
}

it('counts hits, misses, loads, errors and size by prefix of the key', async () => {
  const { cache, clock, prefix } = countedCache()
  const slow = async () => {
    clock.advance(20)
    return { name: 'A' }
  }
  await cache.getOrSet('fund:1', slow)
  for (let i = 0; i < 100; i++) await cache.getOrSet('fund:1', slow)
  await cache.get('fund:2')
  await cache.getOrSet('rate:1', () => Promise.reject(new Error('down'))).catch(() => undefined)
  await cache.set('6f1c2d', 1)
  const fund = prefix('fund')
  expect(fund).toMatchObject({ memoryHits: 100, misses: 2, redisHits: 0, loadErrors: 0, fills: 1, entries: 1, ttlMs: 60_000, largestKey: 'fund:1' })
  expect(fund?.bytes).toBe(cache.stats().bytes - prefix('(none)')!.bytes)
  expect(histogramQuantile(fund!.loadSeconds, 0.5)).toBeCloseTo(0.02)
  expect(prefix('rate')).toMatchObject({ misses: 1, loadErrors: 1, fills: 0 })
  expect(prefix('(none)')).toMatchObject({ fills: 1, entries: 1 })
  await cache.delete('fund:1')
  expect(prefix('fund')).toMatchObject({ entries: 0, bytes: 0 })
})

it('counts evictions, what is too large for memory, and stale answers', async () => {
  const { cache, clock, prefix } = countedCache({ l1: { maxEntries: 10, maxBytes: '1mb' }, grace: '1m' })
  for (let i = 0; i < 30; i++) await cache.set(`a:${i}`, i)
  await cache.set('big:1', 'x'.repeat(200_000))
  expect(prefix('a')).toMatchObject({ evictions: 20, entries: 10 })
  expect(prefix('big')).toMatchObject({ refused: 1, entries: 0, bytes: 0, largeFills: 1, largestKey: 'big:1' })
  await cache.getOrSet('s:1', () => 1, { ttl: '1s' })
  clock.advance(2000)
  await cache.getOrSet('s:1', () => 2, { ttl: '1s' })
  expect(prefix('s')).toMatchObject({ staleServed: 1, misses: 2 })
})

it('counts who waited for one load, and for how long together', async () => {
  const { cache, clock, prefix } = countedCache()
  let finish = (_: number): void => undefined
  const load = (): Promise<number> => new Promise(resolve => (finish = resolve))
  const first = Array.from({ length: 11 }, () => cache.getOrSet('k:1', load))
  await new Promise(resolve => setImmediate(resolve))
  clock.advance(100)
  const late = cache.getOrSet('k:1', load)
  clock.advance(50)
  finish(1)
  await Promise.all([...first, late])
  // Ten that waited 150 ms and one that came 100 ms later; the one that loads waits for nobody.
  expect(prefix('k')).toMatchObject({ coalesced: 11, herdLoads: 1, herdWaiters: 11, herdWaitedMs: 10 * 150 + 50 })
})

it('tells how long after its fill an expired entry was asked for again, and not when it was dropped on purpose', async () => {
  const { cache, clock, prefix } = countedCache()
  const read = (key: string, tags: string[] = []) => cache.getOrSet(key, () => 1, { ttl: '5s', tags })
  for (let i = 0; i < 20; i++) await read(`fund:${i}`)
  await read('fund:dropped')
  await read('fund:tagged', ['t'])
  clock.advance(3000)
  await cache.delete('fund:dropped')
  await cache.invalidateTags('t')
  clock.advance(37_000)
  for (let i = 0; i < 20; i++) await read(`fund:${i}`)
  await read('fund:dropped')
  await read('fund:tagged', ['t'])
  const { rereadSeconds, sampledMisses } = prefix('fund')!
  expect([rereadSeconds.count, sampledMisses]).toEqual([20, 44])
  expect(histogramQuantile(rereadSeconds, 0.9)).toBeCloseTo(40, 0)
})

it('finds the key that is read most, also when keys are read in turns', async () => {
  const { cache, clock, registry } = countedCache()
  for (let i = 0; i < 64; i++) await cache.set(`p:${i}`, i)
  const read = async (i: number) => cache.getOrSet(`p:${i}`, () => i)
  for (let round = 0; round < 300; round++) {
    for (let i = 0; i < 64; i++) await read(i)
    for (let i = 0; i < 64; i++) await read(0)
    clock.advance(100)
  }
  expect(cache.stats().hotKeys.memory).toBeUndefined()
  clock.advance(61_000)
  const { memory } = cache.stats().hotKeys
  expect(memory?.keys[0]?.key).toBe('p:0')
  expect(memory!.keys[0]!.reads / memory!.reads).toBeCloseTo(0.508, 1)
  expect(memory!.keys[1]!.reads / memory!.reads).toBeLessThan(0.1)
  expect(memory!.reads / (300 * 128)).toBeCloseTo(1, 0)
  const hits = registry.snapshot().find(family => family.name === 'holdfast_cache_hits')
  expect(hits?.series.find(series => series.labels[0] === 'l1')?.value).toBe(300 * 128)
})

it('holds two hundred prefixes apart, in metrics too, and counts a hundred thousand more together', async () => {
  const { cache, registry } = countedCache({ l1: { maxEntries: 100 } })
  for (let i = 0; i < 100_000; i++) await cache.set(`p${i}:1`, i)
  const { prefixes } = cache.stats()
  expect(prefixes.length).toBe(PREFIX_LIMIT + 1)
  expect(prefixes.find(({ prefix }) => prefix === 'other')).toMatchObject({ fills: 100_000 - PREFIX_LIMIT, entries: 100 })
  for (let i = 0; i < 300; i++) await cache.get(`p${i}:2`)
  const reads = registry.snapshot().find(family => family.name === 'holdfast_cache_prefix_reads')
  expect(reads?.series.length).toBe(PREFIX_LIMIT + 1)
  expect(reads?.series.find(({ labels }) => labels[0] === 'other')?.value).toBe(300 - PREFIX_LIMIT)
})

it('takes the part before the first colon for the prefix, or a plain name', () => {
  const keys = ['fund:1:x', 'dashboard', 'a1b2c3', ':1', '', `${'x'.repeat(65)}:1`, 'x'.repeat(33)]
  expect(keys.map(prefixOf)).toEqual(['fund', 'dashboard', '(none)', '(none)', '(none)', 'other', '(none)'])
  const table = new PrefixTable()
  expect(table.of('fund:1')).toBe(table.of('fund:2'))
})

it('follows at most a thousand keys, evenly among those there are', () => {
  const followed = new FollowedKeys()
  const counters = new PrefixCounters('k')
  for (let i = 0; i < 50_000; i++) followed.filled(`k:${i}`, 1000, NO_TAGS, 0)
  expect(followed.size).toBeLessThanOrEqual(1024)
  expect(followed.size).toBeGreaterThan(300)
  for (let i = 0; i < 50_000; i++) followed.missed(`k:${i}`, counters, 2000)
  expect(counters.snapshot().rereadSeconds.count).toBe(counters.sampledMisses)
  const tags = new TagTable()
  const other = new PrefixCounters('t')
  const few = new FollowedKeys()
  few.filled('t:1', 1000, snapshotTags(tags, ['t']), 0)
  few.filled('t:2', 1000, NO_TAGS, 0)
  few.filled('t:3', 1000, NO_TAGS, 0)
  tags.invalidate('t')
  few.found('t:2', 1500)
  for (const key of ['t:1', 't:2', 't:3']) few.missed(key, other, key === 't:3' ? 500 : 2000)
  // Dropped by its tag, stored anew by another process, and evicted before its time.
  expect([other.sampledMisses, other.snapshot().rereadSeconds.count]).toEqual([3, 0])
})

it('keeps a key that has a quarter of the samples among any number of others', () => {
  const sketch = new HotKeySketch(0)
  for (let i = 0; i < 40_000; i++) sketch.add(i % 4 === 0 ? 'hot' : `k${i}`, 1, 0)
  const window = sketch.window(60_000)
  expect(window?.keys[0]?.key).toBe('hot')
  expect(window?.keys[0]?.leastReads).toBeGreaterThan(9_000)
  expect(window?.keys.length).toBe(8)
})
