import { expect, it } from 'vitest'
import { wireTag } from '../../src/core/index.ts'

it('leaves plain tags as they are and makes all others visible ASCII without separators, each its own', () => {
  expect(['fund:7', 'a/b.c-d_e', 'Lead@7'].map(wireTag)).toEqual(['fund:7', 'a/b.c-d_e', 'Lead@7'])
  const odd = ['a b', 'a,b', 'a%20b', '"', '\\', 'ü', '\u0000', '*', '#', '💶', 'x'.repeat(255), 'ü'.repeat(127), 'ü'.repeat(126), 'ä'.repeat(126)]
  const names = odd.map(wireTag)
  expect(new Set(names).size).toBe(odd.length)
  for (const name of names) expect(name).toMatch(/^[!-+\--~]{1,256}$/)
})
