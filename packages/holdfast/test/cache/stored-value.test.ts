import { describe, expect, it } from 'vitest'
import { bodyOf, copyToStored, fromBody, readStored, toStored } from '../../src/cache/stored-value.ts'

const RICH: readonly (readonly [name: string, value: unknown])[] = [
  ['Date', new Date(1_700_000_000_123)],
  ['invalid Date', new Date(Number.NaN)],
  ['Map', new Map<unknown, unknown>([[1, { a: 1 }], ['x', new Date(5)]])], // biome-ignore format: one line each
  ['Set', new Set([1, 'a', null])],
  ['bytes', new Uint8Array([1, 2, 255])],
  ['Buffer', Buffer.from('abc')],
  ['nested', { rows: [{ at: new Date(1), tags: new Set(['x']) }] }],
]
const PLAIN: readonly (readonly [name: string, value: unknown])[] = [
  ['null', null],
  ['false', false],
  ['empty string', ''],
  ['BigInt', { small: 1n, large: 2n ** 70n, negative: -(2n ** 63n) }],
  ['numbers', [0, 0.1, -1, 2 ** 53, 1e300, Number.NaN, Number.POSITIVE_INFINITY]],
  ['undefined inside', { a: undefined, b: [undefined, null] }],
  ['many rows of one shape', Array.from({ length: 100 }, (_, id) => ({ id, name: `row ${id}`, parts: [{ nav: id / 3 }, { nav: 64 + id }] }))],
  ['unicode', { 'ключ \u{1f511}': '值' }],
]

describe('stored values', () => {
  it.each([...RICH, ...PLAIN])('come back alike from memory and from bytes: %s', (_, value) => {
    const stored = toStored(value)!
    const again = fromBody(bodyOf(stored)!, stored.kind === 'rich')
    expect(readStored(stored)).toEqual(value)
    expect(readStored(again)).toEqual(value)
  })

  it('are plain and frozen at every depth when they hold only objects, arrays and primitives', () => {
    const stored = toStored({ rows: [{ id: 1 }] })!
    const value = readStored(stored) as { rows: { id: number }[] }
    expect(stored.kind).toBe('plain')
    expect(() => value.rows.push({ id: 2 })).toThrow(TypeError)
    expect(() => {
      value.rows[0]!.id = 2
    }).toThrow(TypeError)
  })

  it('are decoded anew for each reader when they cannot be frozen', () => {
    const stored = toStored(new Map([['a', 1]]))!
    ;(readStored(stored) as Map<string, number>).set('a', 2)
    expect(readStored(stored)).toEqual(new Map([['a', 1]]))
  })

  it('gives class instances back as plain objects from memory too', () => {
    class Fund {
      id = 7
    }
    expect(readStored(toStored(new Fund())!)).toStrictEqual({ id: 7 })
  })

  it('leaves the object given to a copying store unfrozen', () => {
    const mine = { a: { b: 1 } }
    const stored = copyToStored(mine)!
    mine.a.b = 2
    expect(readStored(stored)).toEqual({ a: { b: 1 } })
  })

  it.each([
    ['a function', { f: () => 1 }],
    ['a symbol', [Symbol('s')]],
    ['a function in a Map', new Map([['f', () => 1]])],
    ['a cycle', (() => { const a: { a?: unknown } = {}; a.a = a; return a })()], // biome-ignore format: one line each
  ])('refuses %s', (_, value) => {
    expect(toStored(value)).toBeUndefined()
    expect(copyToStored(value)).toBeUndefined()
  })

  it('never lets a key named __proto__ reach a prototype', () => {
    const stored = toStored(JSON.parse('{"__proto__":{"polluted":true}}'))!
    const value = readStored(stored) as Record<string, unknown>
    expect(value.polluted).toBeUndefined()
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})
