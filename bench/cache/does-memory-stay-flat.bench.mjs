// The claims: a small entry takes at most 220 bytes of heap more than its key and value, and the heap does not grow with the number of distinct keys and tags
// that ever passed through. Figures are bytes of heap; an entry's key and value are counted by keeping the same in an array. Beside it: a bare lru-cache with
// a time to live, and the peers in memory (those that keep text instead of the value pay for the text as well).
import { LRUCache } from 'lru-cache'
import { createTieredCache } from '../../packages/holdfast/dist/cache/index.js'
import { createRegistry } from '../../packages/holdfast/dist/telemetry/index.js'
import { bench } from '../harness.mjs'
import { openContender, PEERS } from './contenders.mjs'

const ENTRIES = 100_000
const DISTINCT = 1_000_000

function heapBytes() {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

const keyOf = i => `fund:${i}`
const open = maxEntries => createTieredCache({ ttl: '1h', l1: { maxEntries, maxBytes: '1gb' } }, { registry: createRegistry() })

async function bytesPerEntry() {
  const kept = []
  const cache = open(ENTRIES)
  const before = heapBytes()
  for (let i = 0; i < ENTRIES; i++) kept.push({ key: keyOf(i), value: Object.freeze({ id: i }) })
  const withoutCache = heapBytes()
  for (const { key, value } of kept) await cache.getOrSet(key, () => value)
  const withCache = heapBytes()
  if (cache.stats().entries !== ENTRIES || withoutCache <= before) throw new Error('the cache does not hold what it should')
  return (withCache - withoutCache) / ENTRIES
}

async function growthPerDistinctKey() {
  const cache = open(1000)
  const read = async (from, to) => {
    for (let i = from; i < to; i++) await cache.getOrSet(keyOf(i), () => ({ id: i }), { tags: [`tag:${i}`] })
  }
  // Side tables fill up to their limits first; what grows after that would grow for ever.
  await read(0, 100_000)
  const before = heapBytes()
  await read(100_000, DISTINCT)
  if (cache.stats().entries !== 1000) throw new Error('the cache does not hold what it should')
  return Math.max(0, heapBytes() - before) / (DISTINCT - 100_000)
}

/** Also what is set aside when the cache is made: lru-cache takes its arrays at once. The library itself is loaded before. */
async function bytesPerEntryOf(open) {
  await open(1)
  const kept = Array.from({ length: ENTRIES }, (_, i) => ({ key: keyOf(i), value: Object.freeze({ id: i }) }))
  const bytes = () => heapBytes() + process.memoryUsage().arrayBuffers
  const withoutCache = bytes()
  const cache = await open(ENTRIES)
  for (const { key, value } of kept) await cache.set(key, value)
  const withCache = bytes()
  for (const { key, value } of kept) if ((await cache.get(key))?.id !== value.id) throw new Error(`${key} is not held`)
  return (withCache - withoutCache) / ENTRIES
}

const peer = open => ({ check: () => {}, run: () => bytesPerEntryOf(open) })

await bench({
  url: import.meta.url,
  unit: 'bytes of heap',
  baseline: 'limit: 220 an entry',
  candidates: {
    'limit: 220 an entry': { check: () => {}, run: () => 220 },
    'a small entry in memory': { check: () => {}, run: bytesPerEntry },
    'growth for each distinct key': { check: () => {}, run: growthPerDistinctKey },
    'lru-cache': peer(max => new LRUCache({ max, ttl: 3_600_000 })),
    ...Object.fromEntries(PEERS.map(name => [name, peer(l1 => openContender(name, { l1 }))])),
  },
  rounds: 3,
  claims: [
    { candidate: 'a small entry in memory', atMost: 1, why: '220 bytes an entry' },
    { candidate: 'growth for each distinct key', atMost: 0.005, why: 'flat: about one byte a key, which is the noise of the heap' },
  ],
})
