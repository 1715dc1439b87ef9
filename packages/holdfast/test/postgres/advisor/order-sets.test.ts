import { describe, expect, it } from 'vitest'
import { orderSets } from '../../../src/postgres/advisor/order-sets.ts'
import { chooseParameterSets, type ParameterSet, TRIED_SETS } from '../../../src/postgres/advisor/parameters.ts'
import { meanOf } from '../../../src/postgres/advisor/weigh-sets.ts'
import { seededRandom } from './facts.ts'

const slots = [{ use: { kind: 'limit' }, type: 'bigint' } as const]
/** Sets as they are drawn, told apart by their first value. */
const drawn: readonly ParameterSet[] = chooseParameterSets(slots, new Map(), '', seededRandom())!.map((set, at) => ({ ...set, values: [at] }))

function rowsOfTried(rows: readonly number[], rowsPerCall: number): number[] {
  const ordered = orderSets(drawn, rows, rowsPerCall).slice(0, TRIED_SETS)
  return ordered.filter(set => set.kind === 'typical').map(set => rows[set.values[0] as number]!)
}

describe('orderSets', () => {
  it('tries those that return what live calls return, wherever they were drawn', () => {
    // Only sets drawn late return the ten rows of a full page, as every live call does.
    const rows = drawn.map((_set, at) => (at >= 12 ? 10 : at % 3))
    expect(rowsOfTried(rows, 10)).toEqual([10, 10, 10, 10])
  })

  it('tries some of each where live calls return something between', () => {
    const rows = drawn.map((_set, at) => (at % 2 === 0 ? 0 : 10))
    expect(meanOf(rowsOfTried(rows, 5), [0.25, 0.25, 0.25, 0.25])).toBe(5)
  })

  it('keeps every set, and the kinds where they were', () => {
    const ordered = orderSets(
      drawn,
      drawn.map((_set, at) => at),
      3,
    )
    expect(ordered.map(set => set.kind)).toEqual(drawn.map(set => set.kind))
    expect(ordered.map(set => set.values[0]).toSorted()).toEqual(drawn.map(set => set.values[0]).toSorted())
  })

  it('changes nothing where nothing is known of the rows', () => {
    expect(orderSets(drawn, [], 10)).toBe(drawn)
    expect(orderSets(drawn, drawn.map(Number), undefined)).toBe(drawn)
  })
})
