import { isDeepStrictEqual } from 'node:util'
import { Packr } from 'msgpackr'
import { describe, expect, it } from 'vitest'
import { NOT_READ, readFrozen } from '../../src/cache/msgpack-reader.ts'
import { seededRandom } from './seeded-random.ts'

const OPTIONS = { moreTypes: true, useBigIntExtension: true }
const WRITERS = [
  ['with repeated keys', new Packr({ ...OPTIONS, useRecords: false })],
  ['with records', new Packr({ ...OPTIONS, mapsAsObjects: true })],
] as const
const EDGES = [0, 1, 63, 64, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -1, -32, -33, -128, -129, -32_768, -32_769, -(2 ** 31), -(2 ** 31) - 1, 0.1, 1e300, Number.NaN, Number.NEGATIVE_INFINITY] // biome-ignore format: one line
const TEXTS = ['', 'a', 'twelve chars', 'thirteen char', 'é', '\u{1f511}', 'x'.repeat(31), 'x'.repeat(32), 'é'.repeat(200), 'x'.repeat(70_000)]
const KEYS = ['id', 'name', 'a b', '1', 'ключ', '"', 'constructor', 'x'.repeat(40), 'due', 'amount', '\\', '\u2028']

const bytesOf = (writer: Packr, value: unknown): Buffer => Buffer.from(writer.pack(value))

function randomValue(random: () => number, depth: number): unknown {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const kind = random()
  if (kind < 0.15 && depth > 0) return Array.from({ length: Math.floor(random() * 8) }, () => randomValue(random, depth - 1))
  if (kind < 0.6 && depth > 0) {
    const isDictionary = random() < 0.1
    const keys = Array.from({ length: Math.floor(random() * (isDictionary ? 60 : 6)) }, () =>
      isDictionary ? `k${Math.floor(random() * 1e6)}` : pick(KEYS),
    )
    return Object.fromEntries(keys.map(key => [key, randomValue(random, depth - 1)]))
  }
  return pick<unknown>([pick(EDGES), pick(TEXTS.slice(0, 9)), Math.floor(random() * 1e6), random(), true, false, null, undefined])
}

function isDeeplyFrozen(value: unknown): boolean {
  return typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen))
}

describe.each(WRITERS)('the msgpack reader, %s', (_, writer) => {
  it('reads what msgpackr reads, frozen at every depth, wherever it begins', () => {
    const random = seededRandom(7)
    for (let i = 0; i < 500; i++) {
      const value = randomValue(random, 4)
      const bytes = Buffer.concat([Buffer.alloc(i % 5, 0xff), bytesOf(writer, value)])
      const read = readFrozen(bytes, i % 5)
      // Strict as to prototypes and missing keys, and not misled by a key `constructor`.
      expect(isDeepStrictEqual(read, writer.unpack(bytesOf(writer, value))), `value ${i}`).toBe(true)
      expect(isDeeplyFrozen(read), `value ${i}`).toBe(true)
    }
  })

  it('reads the edges of numbers and texts', () => {
    for (const value of [...EDGES, ...TEXTS])
      expect(readFrozen(bytesOf(writer, { value, again: [value] }), 0)).toStrictEqual({ value, again: [value] })
  })

  it('keeps shapes apart that begin alike, also after code was prepared for them', () => {
    const shapes = [{ id: 1, name: 'a' }, { id: 1, total: 2 }, { id: 1, name: 'a', total: 2 }, { name: 'a', id: 1 }] // biome-ignore format: one line
    for (let i = 0; i < 10; i++)
      for (const shape of shapes) expect(Object.entries(readFrozen(bytesOf(writer, shape), 0)!)).toEqual(Object.entries(shape))
  })

  it('reads right when far more shapes pass than it remembers', () => {
    for (let i = 0; i < 12_000; i++) {
      const value = { [`a${i % 300}`]: i, [`b${i}`]: 'x' }
      if (i % 100 === 0) expect(readFrozen(bytesOf(writer, value), 0)).toStrictEqual(value)
      else readFrozen(bytesOf(writer, value), 0)
    }
  })

  it('refuses bytes that are cut short anywhere', () => {
    const bytes = bytesOf(writer, { rows: Array.from({ length: 5 }, (_, id) => ({ id, name: `row ${id}`, nav: id / 3 })) })
    for (let length = 0; length < bytes.length; length++) expect(() => readFrozen(bytes.subarray(0, length), 0), `${length}`).toThrow(Error)
  })

  it.each([
    ['a BigInt', 1n],
    ['a Date', new Date(5)],
    ['bytes', new Uint8Array([1])],
    ['a key __proto__', JSON.parse('{"__proto__":1}')],
  ])('leaves %s to msgpackr', (_, value) => {
    // biome-ignore format: one line
    expect(() => readFrozen(bytesOf(writer, { value }), 0)).toThrow(NOT_READ)
  })
})
