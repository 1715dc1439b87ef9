import { describe, expect, it } from 'vitest'
import { type QueueEntry, S3Fifo } from '../../src/cache/l1/s3-fifo.ts'
import { seededRandom } from './seeded-random.ts'

interface Entry extends QueueEntry<Entry> {
  readonly key: string
}

const entry = (key: string, sizeBytes = 1): Entry => ({ key, sizeBytes, heat: 0, newer: undefined, older: undefined })

function queue(maxEntries: number, maxBytes = Number.MAX_SAFE_INTEGER): { queue: S3Fifo<Entry>; evicted: string[] } {
  const evicted: string[] = []
  return { queue: new S3Fifo<Entry>({ maxEntries, maxBytes }, ({ key }) => evicted.push(key)), evicted }
}

describe('S3Fifo', () => {
  it('never holds more entries or bytes than its limits', () => {
    const random = seededRandom(1)
    const { queue: held } = queue(50, 2000)
    for (let i = 0; i < 20_000; i++) {
      const key = `k${Math.floor(random() * 200)}`
      if (random() < 0.1) {
        const found = held.peek(key)
        if (found !== undefined) held.delete(found)
      } else if (held.get(key) === undefined) held.set(entry(key, 1 + Math.floor(random() * 200)))
      expect(held.count).toBeLessThanOrEqual(50)
      expect(held.bytes).toBeLessThanOrEqual(2000)
    }
    const sum = [...held.entries()].reduce((bytes, one) => bytes + one.sizeBytes, 0)
    expect(held.bytes).toBe(sum)
  })

  it('keeps what was read again through a scan of keys read once', () => {
    const { queue: held } = queue(100)
    for (let i = 0; i < 50; i++) held.set(entry(`hot${i}`))
    for (let round = 0; round < 3; round++) for (let i = 0; i < 50; i++) held.get(`hot${i}`)
    for (let i = 0; i < 10_000; i++) held.set(entry(`scan${i}`))
    const kept = Array.from({ length: 50 }, (_, i) => held.peek(`hot${i}`)).filter(Boolean)
    expect(kept).toHaveLength(50)
  })

  it('refuses an entry of more than an eighth of the room, and what it would have replaced is gone', () => {
    const { queue: held } = queue(10, 800)
    expect(held.set(entry('k', 100))).toBe(true)
    expect(held.set(entry('k', 101))).toBe(false)
    expect(held.peek('k')).toBeUndefined()
    expect(held.bytes).toBe(0)
  })

  it('replaces an entry without counting it twice', () => {
    const { queue: held, evicted } = queue(10)
    held.set(entry('k', 5))
    held.set(entry('k', 7))
    expect([held.count, held.bytes, evicted]).toEqual([1, 7, []])
  })

  it('does not delete an entry that was replaced meanwhile', () => {
    const { queue: held } = queue(10)
    const old = entry('k')
    held.set(old)
    held.set(entry('k'))
    expect(held.delete(old)).toBe(false)
    expect(held.count).toBe(1)
  })

  it('treats __proto__ and unicode as ordinary keys', () => {
    const { queue: held } = queue(10)
    for (const key of ['__proto__', 'constructor', 'ключ', '\u{1f511}']) {
      expect(held.get(key)).toBeUndefined()
      held.set(entry(key))
      expect(held.get(key)?.key).toBe(key)
    }
  })

  it('hits at least 45 % of zipf 0.99 traffic with a fifth of it scans, at 1 % of the keys', () => {
    const random = seededRandom(42)
    const keys = 100_000
    const cumulative = new Float64Array(keys)
    let sum = 0
    for (let i = 0; i < keys; i++) cumulative[i] = sum += 1 / (i + 1) ** 0.99
    const zipf = (): number => {
      const target = random() * sum
      let low = 0
      let high = keys - 1
      while (low < high) {
        const middle = (low + high) >> 1
        if (cumulative[middle]! < target) low = middle + 1
        else high = middle
      }
      return low
    }
    const { queue: held } = queue(1000)
    let hits = 0
    let scan = 0
    const reads = 400_000
    for (let i = 0; i < reads; i++) {
      const key = random() < 0.2 ? `scan${scan++}` : `k${zipf()}`
      if (held.get(key) !== undefined) hits++
      else held.set(entry(key))
    }
    expect(hits / reads).toBeGreaterThan(0.45)
  })
})
