import { describe, expect, it } from 'vitest'
import { hashBinds, hashText } from '../../../src/postgres/repeats/bind-hash.ts'

describe('the hash of parameters', () => {
  const sets: unknown[][] = [
    [],
    [1],
    [2],
    ['1'],
    [1, 2],
    [2, 1],
    [1.5],
    [2 ** 40],
    [null],
    [true],
    [false],
    [10n],
    [''],
    ['abc'],
    ['x'.repeat(1000)],
    [`${'x'.repeat(999)}y`],
    [new Date(0)],
    [new Date(1)],
    [[1, 2]],
    [[1, 3]],
    [Buffer.from('a')],
    [Buffer.from('b')],
  ]

  it('is equal for equal sets and differs for different ones', () => {
    const copies = sets.map(set => structuredClone(set))
    expect(sets.map(hashBinds)).toEqual(copies.map(hashBinds))
    expect(new Set(sets.map(hashBinds)).size).toBe(sets.length)
  })

  it('rarely meets: among 20,000 neighbouring ids at most one pair', () => {
    expect(new Set(Array.from({ length: 20_000 }, (_, n) => hashBinds([n]))).size).toBeGreaterThanOrEqual(19_999)
    const uuids = Array.from({ length: 20_000 }, (_, n) => hashBinds([`0b7f6a1e-9c1d-4b62-8a57-${n.toString(16).padStart(12, '0')}`]))
    expect(new Set(uuids).size).toBeGreaterThanOrEqual(19_999)
  })

  it('sees every character of a text, for its literals are its parameters', () => {
    const text = (n: number): string => `select * from lead where id = ${n} and ${'a = b and '.repeat(50)} true`
    expect(hashText(text(1))).not.toBe(hashText(text(2)))
    expect(hashText(text(1))).toBe(hashText(text(1)))
  })
})
