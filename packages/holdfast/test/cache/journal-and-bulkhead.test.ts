import { describe, expect, it } from 'vitest'
import { Bulkhead } from '../../src/cache/bulkhead.ts'
import { Journal } from '../../src/cache/redis/journal.ts'
import { isCurrent, snapshotTags, TagTable } from '../../src/cache/tag-table.ts'

describe('Journal', () => {
  it('holds each key and tag once, and gives them up once', () => {
    const journal = new Journal()
    for (let i = 0; i < 3; i++) {
      journal.addKey('k')
      journal.addTag('t')
    }
    expect(journal.drain(() => true)).toEqual({ keys: ['k'], tags: ['t'] })
    expect(journal.size).toBe(0)
  })

  it('becomes one drop of everything beyond its limit', () => {
    const journal = new Journal(10)
    for (let i = 0; i < 11; i++) journal.addKey(`k${i}`)
    expect(journal.hasOverflowed).toBe(true)
    expect(journal.drain(() => true)).toEqual({ keys: [], tags: [''] })
    expect(journal.hasOverflowed).toBe(false)
  })
})

describe('Bulkhead', () => {
  it('runs at most its limit at once and all in the end', async () => {
    const bulkhead = new Bulkhead(4)
    let running = 0
    let most = 0
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running)
      await new Promise(resolve => setImmediate(resolve))
      running--
    }
    await Promise.all(Array.from({ length: 100 }, () => bulkhead.run(work)))
    expect([most, running]).toEqual([4, 0])
  })

  it('hands its place on when work fails', async () => {
    const bulkhead = new Bulkhead(1)
    await expect(bulkhead.run(() => Promise.reject(new Error('x')))).rejects.toThrow('x')
    expect(await bulkhead.run(async () => 1)).toBe(1)
  })

  it('refuses the 10,001st waiter with HF_CACHE_OVERLOADED', async () => {
    const bulkhead = new Bulkhead(1)
    let release: () => void = () => undefined
    const first = bulkhead.run(() => new Promise<void>(resolve => (release = resolve)))
    const rest = Array.from({ length: 10_000 }, () => bulkhead.run(async () => undefined))
    await expect(bulkhead.run(async () => undefined)).rejects.toMatchObject({ code: 'HF_CACHE_OVERLOADED' })
    release()
    await Promise.all([first, ...rest])
  })
})

describe('TagTable', () => {
  it('makes a snapshot old when one of its tags is invalidated, and no other', () => {
    const table = new TagTable()
    const both = snapshotTags(table, ['a', 'b'])
    const other = snapshotTags(table, ['c'])
    table.invalidate('b')
    expect([isCurrent(both), isCurrent(other)]).toEqual([false, true])
  })

  it('forgets unused tags beyond its limit, and what was taken of them is old then', () => {
    const table = new TagTable()
    const used = table.cell('used')
    used.uses = 1
    const unused = snapshotTags(table, ['unused'])
    for (let i = 0; i < 30_000; i++) table.cell(`t${i}`)
    expect(table.cell('used')).toBe(used)
    expect(isCurrent(unused)).toBe(false)
  })
})
