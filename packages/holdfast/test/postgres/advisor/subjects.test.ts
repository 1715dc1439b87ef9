import { describe, expect, it } from 'vitest'
import { isPrefixByTime, likelyMs, likelyOf, paceOf } from '../../../src/postgres/advisor/subjects.ts'
import { supersededBy } from '../../../src/postgres/advisor/superseded.ts'
import { indexFacts, statementWindow, tableFacts } from './facts.ts'

describe('isPrefixByTime', () => {
  it.each([
    ['live calls are as fast as those with fixed text first', 22, 20, 60, true],
    ['live calls are as slow as those with a wildcard first', 55, 20, 60, false],
    ['live calls lie between the two', 35, 20, 60, false],
    ['the two kinds take about the same', 20, 20, 25, false],
    ['nothing was measured', 20, 0, 0, false],
    ['live calls stop long before either', 5, 20, 60, false],
  ])('when %s', (_what, liveMs, prefixMs, infixMs, expected) => {
    expect(isPrefixByTime(liveMs, prefixMs, infixMs)).toBe(expected)
  })
})

describe('likelyOf', () => {
  const sets = (share: number) => [
    { kind: 'frequent', values: [], share } as const,
    ...[1, 2, 3].map(() => ({ kind: 'typical', values: [] }) as const),
  ]
  const shareOfFrequent = (share: number, isTold: boolean): number => {
    const likely = likelyOf(sets(share), isTold)
    return likely[0]! / likely.reduce((sum, one) => sum + one, 0)
  }

  it('takes the value that most rows have for as likely as all others where the rows returned do not tell, as those of a count', () => {
    expect(shareOfFrequent(0.93, false)).toBeCloseTo(0.5)
    expect(shareOfFrequent(0.93, true)).toBeCloseTo(0.05)
  })

  it('counts a value that few rows have by their share', () => {
    expect(shareOfFrequent(0.02, false)).toBeCloseTo(0.02)
    expect(shareOfFrequent(0.3, false)).toBeCloseTo(0.05)
  })
})

describe('likelyMs', () => {
  const parsed = {
    kind: 'select',
    text: '',
    scopes: [],
    params: new Map(),
    functions: [],
    unsafe: undefined,
    locksRows: false,
    setColumns: [],
  } as const
  const prepared = (calls: number) => ({
    examined: { parsed, window: statementWindow('1', calls, 90), shareOfTime: 1 },
    before: { ms: [10, 10], usualMs: [10, 20], rows: [], plans: [], rounds: 1 },
  })

  it('believes the copy more than a single call, which met cold caches, and many calls more than the copy', () => {
    expect(likelyMs(prepared(1), 1)).toBeCloseTo(40)
    expect(likelyMs(prepared(1000), 1)).toBeGreaterThan(89)
  })

  it('knows by how much the live machine is slower than the copy, at its usual and at its best, by those that take long enough to tell', () => {
    expect(paceOf([prepared(10)])).toBeCloseTo(6)
    expect(paceOf([prepared(10)], 'best')).toBeCloseTo(9)
    expect(paceOf([{ ...prepared(10), before: { ...prepared(10).before, ms: [0.1] } }])).toBe(1)
  })

  it('takes the times of the copy at the pace of live calls', () => {
    expect(likelyMs(prepared(1), 3)).toBeCloseTo(60)
  })
})

describe('supersededBy', () => {
  const key = (name: string, descending = false) => ({ name, descending, nulls: descending ? ('first' as const) : ('last' as const) })
  const table = tableFacts(
    'lead',
    { agent: 1, status: 1 },
    {
      indexes: [
        indexFacts('short', ['agent']),
        indexFacts('other', ['status']),
        indexFacts('backwards', ['-agent']),
        indexFacts('unique', ['agent'], { isUnique: true }),
        indexFacts('partial', ['agent'], { isPartial: true }),
        indexFacts('as_long', ['agent', 'status']),
      ],
    },
  )

  it('names the indexes that the new one begins with, and none that enforces something or holds a part of the rows only', () => {
    expect(supersededBy({ table, keys: [key('agent'), key('status')], equalCount: 2 }, table)).toEqual(['short'])
  })

  it('names none for a partial index, which does not hold all rows', () => {
    expect(supersededBy({ table, keys: [key('agent'), key('status')], equalCount: 2, where: ['NOT gone'] }, table)).toEqual([])
  })
})
