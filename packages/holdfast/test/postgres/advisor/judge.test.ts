import { describe, expect, it } from 'vitest'
import { asLive, judgeHarm, judgeTrial, levelUntold, meansOf, type TrialPair } from '../../../src/postgres/advisor/judge.ts'
import { planRounds } from '../../../src/postgres/advisor/trial.ts'

/** Weights are filled in by `equally`. */
function pair(beforeMs: number | undefined, afterMs: number, kind: TrialPair['kind'] = 'typical'): TrialPair {
  return { kind, beforeMs, afterMs, weight: 1 }
}

function equally(pairs: readonly TrialPair[]): TrialPair[] {
  return pairs.map(each => ({ ...each, weight: 1 / pairs.length }))
}

describe('asLive', () => {
  it('takes the time left down where the sets drawn ask for more than live calls, and leaves it where they ask for less', () => {
    const means = { ratio: 0.1, beforeMs: 20, afterMs: 2 }
    expect(asLive(means, 5)).toEqual({ ratio: 0.1, beforeMs: 5, afterMs: 0.5 })
    expect(asLive(means, 50)).toEqual(means)
  })
})

describe('judgeTrial', () => {
  it('offers what takes clearly less time over all sets', () => {
    expect(judgeTrial({ used: true, pairs: equally([pair(30, 1), pair(30, 2)]) })).toMatchObject({ offer: true, ratio: 0.05 })
  })

  it.each([
    ['not used', { used: false, pairs: [pair(30, 30)] }, 'not-used'],
    ['too little gained', { used: true, pairs: [pair(30, 25)] }, 'no-gain'],
    ['gained less than the noise', { used: true, pairs: [pair(0.08, 0.01)] }, 'no-gain'],
    ['one set is slower', { used: true, pairs: [pair(100, 1), pair(100, 1), pair(5, 18, 'rare')] }, 'regresses'],
  ] as const)('refuses when %s', (_what, { used, pairs }, reason) => {
    expect(judgeTrial({ used, pairs: equally(pairs) })).toMatchObject({ offer: false, reason })
  })

  it('does not believe that a set got slower which read a small part of the pages that it read before', () => {
    const noisy = (pagesRatio: number): TrialPair[] => equally([pair(30, 1), pair(30, 1), { ...pair(5, 9), pagesRatio }])
    expect(judgeTrial({ used: true, pairs: noisy(0.05) })).toMatchObject({ offer: true })
    expect(judgeTrial({ used: true, pairs: noisy(0.9) })).toMatchObject({ offer: false, reason: 'regresses' })
  })

  it('does not take noise of a fast set for a regression', () => {
    expect(judgeTrial({ used: true, pairs: equally([pair(30, 1), pair(0.05, 0.12)]) })).toMatchObject({ offer: true })
  })
})

describe('judgeHarm', () => {
  it('sees none where a state that most rows have takes a little longer, because an index of another statement is read for it', () => {
    expect(judgeHarm(equally([pair(16, 20, 'frequent'), pair(16, 0.1), pair(16, 0.2)]))).toBeUndefined()
  })

  it.each([
    ['the statement takes longer as a whole', [pair(10, 13), pair(10, 13)]],
    ['one set takes more than twice as long', [pair(10, 25, 'rare'), pair(10, 0.1), pair(10, 0.1), pair(10, 0.1)]],
  ])('sees it where %s', (_what, pairs) => {
    expect(judgeHarm(equally(pairs))).toMatchObject({ offer: false, reason: 'regresses' })
  })
})

describe('meansOf', () => {
  it('weighs the sets, and lets one that was not run before count with those that were', () => {
    const pairs = [
      { ...pair(30, 1), weight: 0.25 },
      { ...pair(undefined, 4), weight: 0.75 },
    ]
    expect(meansOf(pairs)).toEqual({ beforeMs: 30, afterMs: 3.25, ratio: 3.25 / 30 })
  })
})

describe('levelUntold', () => {
  it('takes the middle between geometric and arithmetic mean of sets that return as many rows, and leaves the others as they are', () => {
    const pairs = equally([pair(40, 1), pair(10, 9), pair(30, 5)])
    expect(levelUntold(pairs, [20, 20, 3]).map(({ beforeMs, afterMs }) => [beforeMs, afterMs].map(ms => Number(ms?.toFixed(6))))).toEqual([
      [22.5, 4],
      [22.5, 4],
      [30, 5],
    ])
  })

  it('leaves the time before absent where the set was not run before', () => {
    expect(levelUntold(equally([pair(10, 1), pair(undefined, 4)]), [1, 1])).toMatchObject([
      { beforeMs: expect.closeTo(10), afterMs: expect.closeTo(2.25) },
      { beforeMs: undefined, afterMs: expect.closeTo(2.25) },
    ])
  })
})

describe('planRounds', () => {
  it('runs slow statements seldom and fast ones often', () => {
    expect(planRounds(0.1, 8)).toEqual({ rounds: 6, setCount: 8 })
    expect(planRounds(20, 8)).toEqual({ rounds: 2, setCount: 8 })
    expect(planRounds(400, 8)).toEqual({ rounds: 1, setCount: 3 })
    expect(planRounds(400, 8, 5)).toEqual({ rounds: 1, setCount: 5 })
    expect(planRounds(5000, 8)).toEqual({ rounds: 1, setCount: 2 })
  })
})
