import { describe, expect, it } from 'vitest'
import type { WorkloadFigures } from '../../../src/postgres/advisor/ledger.ts'
import { decideVerdict, ratioInterval, type VerdictInput } from '../../../src/postgres/advisor/verdict.ts'
import { statementWindow } from './facts.ts'

function figures(calls: number, meanMs: number, changes: Partial<WorkloadFigures> & { deviationMs?: number } = {}): WorkloadFigures {
  const { deviationMs, ...rest } = changes
  return { windowMs: 60_000, totalCalls: calls * 2, target: statementWindow('7', calls, meanMs, deviationMs), others: [], controls: [], ...rest }
}

const fixed: VerdictInput = {
  claimedRatio: 0.05,
  before: figures(360, 33),
  after: figures(400, 1.5),
  indexScans: 400,
  planUses: undefined,
  writers: new Set(['update']),
  reset: false,
  minCalls: 200,
}

describe('decideVerdict', () => {
  it.each<[string, Partial<VerdictInput>, string, RegExp]>([
    ['the mean fell as claimed', {}, 'fixed', /33\.0 ms x 360 -> 1\.5 ms x 400/],
    ['half of the claim was gained', { after: figures(400, 16) }, 'fixed', /ratio/],
    ['less than half of the claim was gained', { after: figures(400, 20) }, 'no effect', /less than half/],
    ['the difference is noise', { after: figures(400, 32, { deviationMs: 60 }) }, 'no effect', /noise/],
    ['the index was never used', { indexScans: 0, after: figures(400, 33) }, 'no effect', /not used once in 400 calls/],
    ['it was never used although the time fell', { indexScans: 0, after: figures(400, 1) }, 'no effect', /not used once/],
    ['use may not be counted yet', { indexScans: 0, after: figures(400, 1, { windowMs: 2000 }) }, 'undecided', /lag/],
    [
      'the time fell by chance, for no plan reads the index',
      { indexScans: 0, planUses: false, after: figures(400, 1, { windowMs: 2000 }) },
      'no effect',
      /not used/,
    ],
    ['the target got slower', { after: figures(400, 50) }, 'regressed', /33\.0 ms -> 50\.0 ms/],
    ['it got slower by less than a fifth', { after: figures(400, 36) }, 'no effect', /noise|half/],
    ['too few calls', { after: figures(150, 1.5) }, 'undecided', /150 calls since the build \(300 of all statements\), 50 more/],
    ['few calls in three days', { after: figures(35, 1.5, { windowMs: 73 * 3_600_000 }) }, 'fixed', /x 35/],
    ['hardly a call in three days', { after: figures(20, 1.5, { windowMs: 73 * 3_600_000 }) }, 'undecided', /10 more/],
    ['no calls at all', { after: { windowMs: 1, totalCalls: 0, target: undefined, others: [], controls: [] } }, 'undecided', /200 more/],
    ['counters were reset', { reset: true }, 'undecided', /reset/],
    ['the index is gone', { indexScans: undefined }, 'undecided', /no longer there/],
    ['the traffic has another shape', { after: figures(400, 1.5, { totalCalls: 4000 }) }, 'undecided', /another shape/],
    [
      'nothing was measured before',
      { before: { windowMs: 0, totalCalls: 0, target: undefined, others: [], controls: [] } },
      'undecided',
      /before the build/,
    ],
  ])('when %s', (_what, changes, verdict, why) => {
    const output = decideVerdict({ ...fixed, ...changes })
    expect(output.verdict).toBe(verdict)
    expect(output.why).toMatch(why)
  })

  it('finds another statement on the table that got slower, though the target is fixed', () => {
    const before = figures(360, 33, { others: [statementWindow('update', 300, 0.2)] })
    const after = figures(400, 1.5, { others: [statementWindow('update', 300, 0.6)] })
    const output = decideVerdict({ ...fixed, before, after })
    expect(output.verdict).toBe('regressed')
    expect(output.regressed).toEqual([{ queryId: 'update', beforeMs: 0.2, afterMs: 0.6 }])
  })

  it('does not blame an index that nothing reads for reads that got slower, but for writes', () => {
    const before = figures(360, 33, { others: [statementWindow('select', 300, 2), statementWindow('update', 300, 0.2)] })
    const slowReads = figures(400, 66, { others: [statementWindow('select', 300, 5), statementWindow('update', 300, 0.2)] })
    const slowWrites = figures(400, 33, { others: [statementWindow('select', 300, 2), statementWindow('update', 300, 0.6)] })
    const unread = { ...fixed, before, indexScans: 0, planUses: false }
    expect(decideVerdict({ ...unread, after: slowReads }).verdict).toBe('no effect')
    expect(decideVerdict({ ...unread, after: slowWrites }).verdict).toBe('regressed')
  })

  it('takes what statements on other tables lost for the drift of the machine', () => {
    const before = figures(360, 33, { controls: [statementWindow('elsewhere', 300, 1)] })
    const after = figures(400, 60, { controls: [statementWindow('elsewhere', 300, 2)] })
    expect(decideVerdict({ ...fixed, before, after }).verdict).toBe('no effect')
    expect(decideVerdict({ ...fixed, before, after: { ...after, controls: [statementWindow('elsewhere', 300, 1)] } }).verdict).toBe('regressed')
  })

  it('does not judge another statement by a few calls or a hundredth of a millisecond', () => {
    const few = {
      before: figures(360, 33, { others: [statementWindow('u', 5, 0.2)] }),
      after: figures(400, 1.5, { others: [statementWindow('u', 5, 9)] }),
    }
    const small = {
      before: figures(360, 33, { others: [statementWindow('u', 500, 0.01)] }),
      after: figures(400, 1.5, { others: [statementWindow('u', 500, 0.02)] }),
    }
    expect(decideVerdict({ ...fixed, ...few }).verdict).toBe('fixed')
    expect(decideVerdict({ ...fixed, ...small }).verdict).toBe('fixed')
  })

  it('asks a quarter of a planted index, which claims nothing', () => {
    expect(decideVerdict({ ...fixed, claimedRatio: undefined, after: figures(400, 20) }).verdict).toBe('fixed')
    expect(decideVerdict({ ...fixed, claimedRatio: undefined, after: figures(400, 30) }).verdict).toBe('no effect')
  })
})

describe('ratioInterval', () => {
  it('narrows with the number of calls and holds the ratio', () => {
    const few = ratioInterval(statementWindow('1', 10, 30), statementWindow('1', 10, 15))
    const many = ratioInterval(statementWindow('1', 1000, 30), statementWindow('1', 1000, 15))
    expect(many.high - many.low).toBeLessThan(few.high - few.low)
    expect(few.low).toBeLessThan(0.5)
    expect(few.high).toBeGreaterThan(0.5)
  })

  it('says nothing after a single call', () => {
    expect(ratioInterval(statementWindow('1', 1, 30, 0), statementWindow('1', 500, 15)).high).toBeGreaterThan(1)
  })
})
