// The claim: with room for 1 % of the keys, at least 45 % of reads hit, when reads follow a Zipf law of 0.99 and every fifth is of a key that is read once only.
// The limit is Belady's: whoever knows the future drops what is needed last. No time is involved: the same seed gives the same figures everywhere.
import { LRUCache } from 'lru-cache'
import { benchTable } from '../table.mjs'
import { openContender, PEERS } from './contenders.mjs'

const READS = 300_000
const KEYS = 100_000
const ROOM = KEYS / 100
const SCAN_SHARE = 0.2
const SKEW = 0.99
const SEED = 7

function seeded(seed) {
  let state = seed
  // Mulberry32: the low bits of a plain congruential generator would show in the trace.
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Numbers of keys: below KEYS those of the Zipf law, from KEYS on those that are read once. */
function trace() {
  const random = seeded(SEED)
  const cumulated = new Float64Array(KEYS)
  let sum = 0
  for (let i = 0; i < KEYS; i++) {
    sum += 1 / (i + 1) ** SKEW
    cumulated[i] = sum
  }
  let scanned = KEYS
  return Array.from({ length: READS }, () => {
    if (random() < SCAN_SHARE) return scanned++
    const target = random() * sum
    let low = 0
    let high = KEYS - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (cumulated[middle] < target) low = middle + 1
      else high = middle
    }
    return low
  })
}

/** Belady with bypass: what is needed later than everything held is not taken in. */
function optimalHits(reads) {
  const next = new Array(reads.length)
  const lastSeen = new Map()
  for (let at = reads.length - 1; at >= 0; at--) {
    next[at] = lastSeen.get(reads[at]) ?? Number.POSITIVE_INFINITY
    lastSeen.set(reads[at], at)
  }
  // Held keys in the order of their next use; the one needed last is dropped.
  const held = new Map()
  const farthest = new MaxHeap()
  let hits = 0
  for (const [at, key] of reads.entries()) {
    if (held.has(key)) hits++
    held.set(key, next[at])
    farthest.push(next[at], key)
    while (held.size > ROOM) {
      const { rank, key: candidate } = farthest.pop()
      if (held.get(candidate) === rank) held.delete(candidate)
    }
  }
  return hits
}

class MaxHeap {
  #items = []

  push(rank, key) {
    const items = this.#items
    let at = items.push({ rank, key }) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent].rank >= items[at].rank) return
      const swapped = items[parent]
      items[parent] = items[at]
      items[at] = swapped
      at = parent
    }
  }

  pop() {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (items.length === 0) return top
    items[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= items.length) return top
      const larger = left + 1 < items.length && items[left + 1].rank > items[left].rank ? left + 1 : left
      if (items[at].rank >= items[larger].rank) return top
      const swapped = items[larger]
      items[larger] = items[at]
      items[at] = swapped
      at = larger
    }
  }
}

async function measure(name) {
  const cache = await openContender(name, { l1: ROOM })
  const reads = trace()
  let loads = 0
  for (const number of reads) {
    const value = await cache.getOrSet(`key:${number}`, () => {
      loads++
      return { number }
    })
    if (value.number !== number) throw new Error(`wrong value for ${number}`)
  }
  return { hitPercent: (1 - loads / READS) * 100 }
}

function lruCache() {
  const cache = new LRUCache({ max: ROOM })
  let hits = 0
  for (const number of trace()) {
    if (cache.get(number) === undefined) cache.set(number, number)
    else hits++
  }
  return { hitPercent: (hits / READS) * 100 }
}

await benchTable({
  url: import.meta.url,
  about: `${READS} reads, Zipf ${SKEW} over ${KEYS} keys, ${SCAN_SHARE * 100} % read once only, room for ${ROOM} entries, seed ${SEED}`,
  columns: [{ key: 'hitPercent', title: 'hits, %', digits: 1 }],
  candidates: {
    'limit: Belady, who knows the future': async () => ({ hitPercent: (optimalHits(trace()) / READS) * 100 }),
    holdfast: () => measure('holdfast'),
    'lru-cache': async () => lruCache(),
    ...Object.fromEntries(PEERS.map(name => [name, () => measure(name)])),
  },
  claims: [{ candidate: 'holdfast', column: 'hitPercent', atLeast: 45, why: 'one-time reads do not push out what is read again' }],
})
