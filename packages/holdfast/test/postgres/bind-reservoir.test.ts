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
  it('keeps four of each stratum of duration, so that one slow call among ten thousand fast ones is still there, and stands for one', () => {
    const reservoir = new BindReservoir()
    const random = seeded()
    for (let n = 0; n < 10_000; n++) reservoir.offer([n], n === 5000 ? 250 : 0.2, random)
    expect(reservoir.samples()).toHaveLength(5)
    expect(reservoir.samples().at(-1)).toEqual({ values: [5000], durationMs: 250, callCount: 1 })
    expect(reservoir.samples()[0]!.callCount).toBe(9999 / 4)
  })

  it('gives late calls the same chance as early ones', () => {
    let lateCount = 0
    const random = seeded()
    for (let round = 0; round < 200; round++) {
      const reservoir = new BindReservoir()
      for (let n = 0; n < 100; n++) reservoir.offer([n], 0.2, random)
      lateCount += reservoir.samples().filter(({ values }) => (values[0] as number) >= 50).length
    }
    // 800 samples, half of them expected from the later half; 70 is five standard deviations.
    expect(Math.abs(lateCount - 400)).toBeLessThan(70)
  })

  it('keeps a copy, so that the caller may change the list afterwards', () => {
    const reservoir = new BindReservoir()
    const values = [1]
    reservoir.offer(values, 1, () => 0)
    values[0] = 2
    expect(reservoir.samples()[0]!.values).toEqual([1])
  })

  it('keeps no large sets, no long lists and no objects', () => {
    const reservoir = new BindReservoir()
    for (const values of [['x'.repeat(2000)], Array(33).fill(1), [Buffer.alloc(1)], [{ a: 1 }]]) reservoir.offer(values, 1, () => 0)
    expect(reservoir.samples()).toEqual([])
    reservoir.offer([null, true, new Date(0), 5n], 1, () => 0)
    expect(reservoir.samples()).toHaveLength(1)
  })
})
