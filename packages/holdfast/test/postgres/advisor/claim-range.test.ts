import { describe, expect, it } from 'vitest'
import { claimRange } from '../../../src/postgres/advisor/claim-range.ts'
import { meansOf, type TrialPair } from '../../../src/postgres/advisor/judge.ts'

function pairs(...afterMs: readonly number[]): TrialPair[] {
  return afterMs.map(ms => ({ kind: 'typical', beforeMs: 100, afterMs: ms, weight: 1 / afterMs.length }))
}

describe('claimRange', () => {
  it('reaches from the cheapest to the dearest set where nobody has seen what is asked for, and as far again as the clock may err', () => {
    const drawn = pairs(0.1, 1, 10)
    expect(claimRange(drawn, false, meansOf(drawn))).toEqual({
      low: expect.closeTo(0.001 / 1.5 - 0.0002, 5),
      high: expect.closeTo(0.1502),
      parameters: 'drawn',
    })
  })

  it('leaves out sets that hardly any call can have by the rows that calls return', () => {
    const drawn = pairs(0.1, 1, 10).map((pair, at) => ({ ...pair, weight: [0.01, 0.98, 0.01][at]! }))
    const { low, high } = claimRange(drawn, false, { ratio: 0.01, afterMs: 1 })
    expect([low, high]).toEqual([expect.closeTo(0.01 / 1.5 - 0.0002), expect.closeTo(0.0152)])
  })

  it('narrows with the number of sets that were seen, and is about their mean', () => {
    const few = pairs(1, 2, 3, 4)
    const many = pairs(...Array.from({ length: 16 }, (_, at) => 1 + (at % 4)))
    const width = (seen: readonly TrialPair[]): number => {
      const { low, high } = claimRange(seen, true, meansOf(seen))
      return high / low
    }
    expect(width(many)).toBeLessThan(width(few))
    expect(width(many)).toBeGreaterThan(1.5 ** 2)
    const { ratio } = meansOf(many)
    const { low, high, parameters } = claimRange(many, true, meansOf(many))
    expect(parameters).toBe('seen')
    expect(Math.sqrt(low * high)).toBeCloseTo(ratio, 3)
  })

  it('always holds the claim itself', () => {
    const one = pairs(2)
    const { low, high } = claimRange(one, true, { ratio: 0.5, afterMs: 50 })
    expect(low).toBeLessThanOrEqual(0.5)
    expect(high).toBeGreaterThanOrEqual(0.5)
  })
})
