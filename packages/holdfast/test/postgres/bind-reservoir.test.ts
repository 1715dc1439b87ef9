import { describe, expect, it } from 'vitest'
import { BindReservoir } from '../../src/postgres/bind-reservoir.ts'

/** A repeatable sequence of numbers from 0 to 1. */
function seeded(): () => number {
  let state = 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('the reservoir of parameters', () => {
  it('keeps sixteen sets where all calls are as fast', () => {
    const reservoir = new BindReservoir()
    const random = seeded()
    for (let n = 0; n < 10_000; n++) reservoir.offer([n], 0.2, random)
    expect(reservoir.samples()).toHaveLength(16)
    expect(reservoir.samples()[0]!.callCount).toBe(10_000 / 16)
  })

  it('gives up to four places to each stratum of duration, so that one slow call among ten thousand fast ones is still there, and stands for one', () => {
    const reservoir = new BindReservoir()
    const random = seeded()
    for (let n = 0; n < 10_000; n++) reservoir.offer([n], n === 5000 ? 250 : 0.2, random)
    expect(reservoir.samples()).toHaveLength(16)
    expect(reservoir.samples().at(-1)).toEqual({ values: [5000], durationMs: 250, callCount: 1 })
    expect(reservoir.samples()[0]!.callCount).toBe(9999 / 15)
    for (let n = 0; n < 100; n++) reservoir.offer([n], [2, 20, 200][n % 3]!, random)
    const inStratum = (low: number, high: number): number =>
      reservoir.samples().filter(({ durationMs }) => durationMs >= low && durationMs < high).length
    expect([inStratum(0, 1), inStratum(1, 10), inStratum(10, 100), inStratum(100, 1000)]).toEqual([4, 4, 4, 4])
  })

  it('gives late calls the same chance as early ones', () => {
    let lateCount = 0
    const random = seeded()
    for (let round = 0; round < 200; round++) {
      const reservoir = new BindReservoir()
      for (let n = 0; n < 100; n++) reservoir.offer([n], 0.2, random)
      lateCount += reservoir.samples().filter(({ values }) => (values[0] as number) >= 50).length
    }
    // 3,200 samples, half of them expected from the later half; 140 is five standard deviations.
    expect(Math.abs(lateCount - 1600)).toBeLessThan(140)
  })

  it('gives late calls the same chance as early ones where slow ones took places of theirs', () => {
    let lateCount = 0
    let keptCount = 0
    const random = seeded()
    for (let round = 0; round < 400; round++) {
      const reservoir = new BindReservoir()
      for (let n = 0; n < 100; n++) reservoir.offer([n], n % 10 === 9 ? 200 : 0.2, random)
      const fast = reservoir.samples().filter(({ durationMs }) => durationMs < 1)
      keptCount += fast.length
      lateCount += fast.filter(({ values }) => (values[0] as number) >= 50).length
    }
    // Five standard deviations of a coin thrown so often.
    expect(Math.abs(lateCount - keptCount / 2)).toBeLessThan(2.5 * Math.sqrt(keptCount))
  })

  it('keeps a copy, so that the caller may change what was given afterwards', () => {
    const reservoir = new BindReservoir()
    const values = [1, [2, 3]] as [number, number[]]
    reservoir.offer(values, 1, () => 0)
    values[0] = 2
    values[1][0] = 4
    expect(reservoir.samples()[0]!.values).toEqual([1, [2, 3]])
  })

  it('keeps lists, and objects as the JSON that is sent for them', () => {
    const reservoir = new BindReservoir()
    reservoir.offer([['open', 'review'], { plan: 'a', of: [1] }], 1, () => 0)
    expect(reservoir.samples()[0]!.values).toEqual([['open', 'review'], '{"plan":"a","of":[1]}'])
  })

  it('keeps no large sets, no long lists, no bytes and no objects of a class', () => {
    const reservoir = new BindReservoir()
    const itself: { me?: unknown } = {}
    itself.me = itself
    const money = { toPostgres: () => '1' }
    const refused = [
      ['x'.repeat(2000)],
      Array(33).fill(1),
      [Buffer.alloc(1)],
      [new Map()],
      [money],
      [Array(2000).fill(1)],
      [itself],
      [{ a: 'x'.repeat(2000) }],
    ]
    for (const values of refused) reservoir.offer(values, 1, () => 0)
    expect(reservoir.samples()).toEqual([])
    reservoir.offer([null, true, new Date(0), 5n], 1, () => 0)
    expect(reservoir.samples()).toHaveLength(1)
  })

  it('keeps the texts that were sent, a long one only where it is always the same', () => {
    const reservoir = new BindReservoir()
    const offer = (text: string): void => reservoir.offer([], 1, () => 0, text)
    for (const text of ['a', 'a']) offer('select '.repeat(500) + text)
    offer(`${'select '.repeat(500)}b`)
    offer('select 1')
    expect(reservoir.sentSamples().map(({ text }) => text.slice(-8))).toEqual(['select a', 'select a', 'select 1'])
    expect(reservoir.samples()).toEqual([])
  })
})
