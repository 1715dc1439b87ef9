import { describe, expect, it } from 'vitest'
import { maskForeignLiterals, textsOf } from '../../../src/postgres/plans/mask-literals.ts'

const given = new Set(['open', '7', 'a', 'b', "it's"])

describe('literals of a plan', () => {
  it.each([
    ["(status = 'open'::text)", "(status = 'open'::text)"],
    ["(status = 'closed'::text)", '(status = ?::text)'],
    ['((k = 7) AND (v = 8))', '((k = 7) AND (v = ?))'],
    ["(x = ANY ('{a,b}'::text[]))", "(x = ANY ('{a,b}'::text[]))"],
    ["(x = ANY ('{a,secret}'::text[]))", '(x = ANY (?::text[]))'],
    ["(note = 'it''s'::text)", "(note = 'it''s'::text)"],
    [`("it's" = 'secret'::text)`, `("it's" = ?::text)`],
    ["(note = E'sec\\'ret'::text)", '(note = ?::text)'],
    ['(city_2 = $1)', '(city_2 = $1)'],
  ])('%s becomes %s', (condition, shown) => {
    expect(maskForeignLiterals(condition, given)).toBe(shown)
  })

  it('of the caller include those in lists', () => {
    expect(textsOf(['a', 7, null, ['b', [true]]])).toEqual(['a', '7', 'b', 'true'])
  })
})
