import { describe, expect, it } from 'vitest'
import { chooseBest, judgeTrial, type TrialPair } from '../../../src/postgres/advisor/judge.ts'
import { planRounds } from '../../../src/postgres/advisor/trial.ts'

function pair(beforeMs: number, afterMs: number, kind: TrialPair['kind'] = 'typical'): TrialPair {
  return { kind, beforeMs, afterMs }
}

describe('judgeTrial', () => {
  it('offers what takes at most half the time over all sets', () => {
    expect(judgeTrial({ used: true, rounds: 2, pairs: [pair(30, 1), pair(30, 2)] })).toMatchObject({ offer: true, ratio: 0.05 })
  })

  it.each([
    ['not used', { used: false, pairs: [pair(30, 30)] }, 'not-used'],
    ['too little gained', { used: true, pairs: [pair(30, 18)] }, 'no-gain'],
    ['gained less than the noise', { used: true, pairs: [pair(0.08, 0.01)] }, 'no-gain'],
    ['one set is slower', { used: true, pairs: [pair(100, 1), pair(100, 1), pair(5, 8, 'rare')] }, 'regresses'],
  ] as const)('refuses when %s', (_what, result, reason) => {
    expect(judgeTrial({ rounds: 2, ...result })).toMatchObject({ offer: false, reason })
  })

  it('does not take noise of a fast set for a regression', () => {
    expect(judgeTrial({ used: true, rounds: 2, pairs: [pair(30, 1), pair(0.05, 0.12)] })).toMatchObject({ offer: true })
  })
})

describe('chooseBest', () => {
  it('prefers the narrower index when the wider gains next to nothing', () => {
    expect(
      chooseBest([
        { afterMs: 0.1, keyCount: 3 },
        { afterMs: 0.15, keyCount: 2 },
      ])?.keyCount,
    ).toBe(2)
  })

  it('takes the wider when it is clearly faster', () => {
    expect(
      chooseBest([
        { afterMs: 0.1, keyCount: 3 },
        { afterMs: 2, keyCount: 2 },
      ])?.keyCount,
    ).toBe(3)
    expect(chooseBest([])).toBeUndefined()
  })
})

describe('planRounds', () => {
  it('runs slow statements seldom and fast ones often', () => {
    expect(planRounds(0.1, 6)).toEqual({ rounds: 5, setCount: 6 })
    expect(planRounds(33, 6)).toEqual({ rounds: 2, setCount: 6 })
    expect(planRounds(400, 6)).toEqual({ rounds: 1, setCount: 3 })
    expect(planRounds(5000, 6)).toEqual({ rounds: 1, setCount: 2 })
  })
})
