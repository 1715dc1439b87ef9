import { describe, expect, it } from 'vitest'
import { byRank, turnEndMs } from '../../../src/postgres/advisor/share-trial-time.ts'

describe('turnEndMs', () => {
  it('gives each table its part of the time by its work, and the last nearly all that is left', () => {
    expect(turnEndMs(1000, 101_000, [30, 10, 10])).toBe(1000 + 100_000 * 0.9 * 0.6)
    expect(turnEndMs(81_000, 101_000, [10])).toBe(81_000 + 20_000 * 0.9)
  })

  it('gives to those after it what a table did not need', () => {
    expect(turnEndMs(1000, 101_000, [10, 10])).toBeGreaterThan(turnEndMs(1000, 51_000, [10, 10]))
  })

  it('gives none when the time is over', () => {
    expect(turnEndMs(5000, 4000, [10, 10])).toBe(5000)
  })
})

describe('byRank', () => {
  it('has the first of every list before the second of any', () => {
    expect(byRank([['a1', 'a2', 'a3'], [], ['c1'], ['d1', 'd2']])).toEqual(['a1', 'c1', 'd1', 'a2', 'd2', 'a3'])
  })
})
