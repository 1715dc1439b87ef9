import { describe, expect, it } from 'vitest'
import { chooseSet, type IndexPrice, type StatementChoice, timeWith } from '../../../src/postgres/advisor/choose-set.ts'

const MB = 1024 ** 2

interface Priced extends IndexPrice {
  readonly writeMsPerHour: number
}

function price(changes: Partial<Priced> = {}): Priced {
  return { writeMsPerHour: 0, sizeBytes: MB, columnCount: 1, ...changes }
}

/** A statement of 10 ms; options as `[members, afterMs]`. */
function statement(callsPerHour: number, ...options: (readonly [readonly number[], number])[]): StatementChoice {
  return { callsPerHour, beforeMs: 10, options: options.map(([members, afterMs]) => ({ members, afterMs })) }
}

/** Writers pay for each index apart, if nothing else is said. */
function chosen(
  statements: readonly StatementChoice[],
  prices: readonly Priced[],
  writeMsPerHour = (members: ReadonlySet<number>) => [...members].reduce((sum, member) => sum + prices[member]!.writeMsPerHour, 0),
): number[] {
  return [...chooseSet(statements, prices, { tableBytes: 200 * MB, fixedMsPerHour: 1000, writeMsPerHour })].sort((a, b) => a - b)
}

describe('chooseSet', () => {
  it('prefers one index that serves two statements to two that serve one each as well', () => {
    const shared = [statement(1000, [[0], 0.1], [[2], 0.1]), statement(1000, [[1], 0.1], [[2], 0.1])]
    expect(chosen(shared, [price(), price(), price({ columnCount: 2 })])).toEqual([2])
  })

  it('takes the narrower of two that are as fast', () => {
    expect(chosen([statement(1000, [[0], 0.11], [[1], 0.1])], [price(), price({ columnCount: 2, sizeBytes: 1.2 * MB })])).toEqual([0])
  })

  it('takes the one that wastes no rows of two that are as fast, though it is larger', () => {
    const wasteful = {
      callsPerHour: 1000,
      beforeMs: 10,
      options: [
        { members: [0], afterMs: 0.1, isWasteful: true },
        { members: [1], afterMs: 0.1 },
      ],
    }
    const prices = [price(), price({ sizeBytes: 1.2 * MB })]
    expect(chosen([wasteful], prices)).toEqual([1])
    expect(
      chosen([{ ...wasteful, options: wasteful.options.map(({ members, afterMs }) => ({ members, afterMs, isWasteful: true })) }], prices),
    ).toEqual([0])
  })

  it('takes the wider when it is clearly faster', () => {
    expect(chosen([statement(1000, [[0], 4], [[1], 0.1])], [price(), price({ columnCount: 3, sizeBytes: 3 * MB })])).toEqual([1])
  })

  it('takes both indexes of a pair that helps only together', () => {
    expect(chosen([statement(1000, [[0, 1], 0.2])], [price(), price()])).toEqual([0, 1])
  })

  it('leaves out what writers would pay more for than readers save', () => {
    expect(chosen([statement(100, [[0], 0.1])], [price({ writeMsPerHour: 2000 })])).toEqual([])
  })

  it('takes two indexes for which writers pay once together, where either alone would not be worth it', () => {
    const statements = [statement(1000, [[0], 4]), statement(1000, [[1], 4])]
    const once = (members: ReadonlySet<number>): number => (members.size > 0 ? 8000 : 0)
    expect(chosen(statements, [price(), price()], once)).toEqual([0, 1])
    expect(chosen(statements.slice(0, 1), [price()], once)).toEqual([])
  })

  it('leaves out what is too large for what it saves, and takes it when it saves more', () => {
    const large = [price({ sizeBytes: 100 * MB })]
    expect(chosen([statement(5, [[0], 0.1])], large)).toEqual([])
    expect(chosen([statement(5000, [[0], 0.1])], large)).toEqual([0])
  })

  it('gives up its first choice when others together turn out better', () => {
    // 0 is the best single index; 1 and 2 do each statement better, and writers pay dearly for 0.
    const statements = [statement(1000, [[0], 1], [[1], 0.1]), statement(1000, [[0], 1], [[2], 0.1])]
    expect(chosen(statements, [price({ writeMsPerHour: 3000 }), price(), price()])).toEqual([1, 2])
  })

  it('chooses nothing where nothing helps', () => {
    expect(chosen([statement(1000)], [])).toEqual([])
  })
})

describe('timeWith', () => {
  it('is the best of the options that are there in full', () => {
    const pair = statement(1, [[0], 5], [[0, 1], 1])
    expect([new Set<number>(), new Set([0]), new Set([1]), new Set([0, 1])].map(set => timeWith(pair, set))).toEqual([10, 5, 10, 1])
  })
})
