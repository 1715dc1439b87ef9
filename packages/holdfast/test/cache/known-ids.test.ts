import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { createKnownIds, createTieredCache } from '../../src/cache/index.ts'
import { filterSize, hashIds } from '../../src/cache/known-ids/id-hash.ts'

describe('the hashes of a filter', () => {
  it('keep the promised share of false positives, in a model of the filter', () => {
    for (const promised of [0.1, 0.01, 0.001]) {
      const ids = 4000
      const { bits, hashes } = filterSize(ids, promised)
      const set = new Uint8Array(bits)
      const placesOf = (id: string): number[] => {
        const [first, step] = hashIds([id]) as [number, number]
        return Array.from({ length: hashes }, (_, i) => (first + i * step) % bits)
      }
      for (let i = 0; i < ids; i++) for (const place of placesOf(`id-${i}`)) set[place] = 1
      let wrong = 0
      for (let i = 0; i < ids; i++) if (placesOf(`other-${i}`).every(place => set[place] === 1)) wrong++
      expect(wrong / ids).toBeLessThan(promised * 2)
      expect(wrong / ids).toBeGreaterThan(promised / 4)
    }
  })

  it('take a number and its text for the same id', () => {
    expect(hashIds([7])).toEqual(hashIds(['7']))
  })
})

describe('known ids without Redis', () => {
  it('say that everything may exist, and take additions', async () => {
    const cache = createTieredCache({}, { registry: createRegistry() })
    await cache.start()
    const known = createKnownIds(cache, { name: 'agents', ids: () => [1] })
    await known.start()
    await known.add(2)
    expect([await known.mayExist(1), await known.mayExist(99), known.state()]).toEqual([true, true, 'open'])
    await cache.stop()
  })

  it('name every wrong option at once', () => {
    const cache = createTieredCache({}, { registry: createRegistry() })
    const create = (): unknown =>
      createKnownIds(cache, { name: '', ids: 1 as never, expected: 0, falsePositives: 0.9, rebuildEvery: '1ms', commitWithin: 'x' as never })
    for (const option of ['name', 'ids', 'expected', 'falsePositives', 'rebuildEvery', 'commitWithin']) expect(create).toThrow(`knownIds.${option}`)
  })
})
