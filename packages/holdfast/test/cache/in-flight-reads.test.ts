import { describe, expect, it } from 'vitest'
import { InFlightReads } from '../../src/cache/in-flight-reads.ts'

const manyKeys = Array.from({ length: 500 }, (_, i) => `k${i}`)

function addMany() {
  const reads = new InFlightReads<{ isTainted: boolean }>()
  const added = manyKeys.map(key => {
    const read = { isTainted: false }
    return { key, read, home: reads.add(key, read) }
  })
  return { reads, added }
}

describe('reads in flight', () => {
  it('are found until they are removed, however many there are', () => {
    const { reads, added } = addMany()
    for (const { key, read } of added) expect(reads.get(key)).toBe(read)
    for (const { key, read, home } of added) {
      reads.remove(key, read, home)
      expect(reads.get(key)).toBeUndefined()
    }
  })

  it('are tainted and no longer shared when their key changes, and leave the others alone', () => {
    const { reads, added } = addMany()
    reads.taint('k7')
    expect(reads.get('k7')).toBeUndefined()
    expect(added.filter(({ read }) => read.isTainted).map(({ key }) => key)).toEqual(['k7'])
  })

  it('are not removed by an older read of the same key', () => {
    const { reads, added } = addMany()
    const older = added[7]!
    reads.taint('k7')
    const newer = { isTainted: false }
    reads.add('k7', newer)
    reads.remove('k7', older.read, older.home)
    expect(reads.get('k7')).toBe(newer)
  })

  it('are all tainted when everything may have changed', () => {
    const { reads, added } = addMany()
    reads.taintAll()
    expect(added.every(({ read }) => read.isTainted)).toBe(true)
    expect(reads.get('k1')).toBeUndefined()
  })
})
