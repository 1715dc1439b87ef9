import { describe, expect, it } from 'vitest'
import { compileGlob, escapeGlob } from '../../src/cache/glob.ts'

describe('a glob', () => {
  it.each([
    ['user:*', 'user:7', true],
    ['user:*', 'user:', true],
    ['user:*', 'users:7', false],
    ['*:7', 'a:b:7', true],
    ['a*b*c', 'a1b2b3c', true],
    ['a*b*c', 'a1c2b', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['[ab]x', 'bx', true],
    ['[^ab]x', 'bx', false],
    ['[a-c]x', 'bx', true],
    ['[c-a]x', 'bx', true],
    ['[a-c]x', 'dx', false],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['[\\]]', ']', true],
    ['a[bc', 'ac', true],
    ['**', 'anything\nat all', true],
    ['', '', true],
    ['.', 'x', false],
    ['__proto__', '__proto__', true],
  ])('%j on %j: %s, as Redis says', (glob, key, expected) => {
    expect(compileGlob(glob)(key)).toBe(expected)
  })

  it('needs no more than the product of the lengths for many stars', () => {
    // With backtracking over every star this would not end.
    expect(compileGlob(`${'*a'.repeat(200)}b`)('a'.repeat(1024))).toBe(false)
  })

  it('is escaped to stand for itself', () => {
    const text = 'a*b?[c-d]^\\e'
    expect(compileGlob(escapeGlob(text))(text)).toBe(true)
    expect(compileGlob(escapeGlob('a*'))('ab')).toBe(false)
  })
})
