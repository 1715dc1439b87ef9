import { describe, expect, it } from 'vitest'
import { parseRange } from '../../../src/http/fields/byte-range.ts'
import { deltaSeconds, namedFields, parseDirectives } from '../../../src/http/fields/directives.ts'
import { noneMatchMatches, stronglyEqual, weaklyEqual } from '../../../src/http/fields/entity-tag.ts'
import { fieldValue, listMembers } from '../../../src/http/fields/fields.ts'
import { formatHttpDate, parseHttpDate } from '../../../src/http/fields/http-date.ts'

const NOW = Date.UTC(2026, 10, 21)

describe('field lines', () => {
  it('joins the lines of a field in their order, whatever the case of its name (RFC 9110 5.3)', () => {
    expect(fieldValue(['Vary', 'a', 'X', '1', 'vary', 'b'], 'vary')).toBe('a, b')
    expect(fieldValue(['Vary', 'a'], 'age')).toBeUndefined()
  })

  it('splits lists at commas outside quotes and drops empty members', () => {
    expect(listMembers('a, "b,c" ,, W/"d\\",e"')).toEqual(['a', '"b,c"', 'W/"d\\",e"'])
  })
})

describe('Cache-Control', () => {
  const cases: [text: string, maxAge: number | undefined][] = [
    ['max-age=10', 10],
    ['MAX-AGE=10', 10],
    ['max-age="10"', 10],
    ['max-age=010', 10],
    [' ,, max-age=10 ,', 10],
    ['foo="max-age=5", max-age=10', 10],
    ['foo="a\\"b, max-age=5", max-age=10', 10],
    ['max-age=10, max-age=5', 10],
    ['max-age=99999999999', 2 ** 31],
    ['max-age=-1', Number.NaN],
    ['max-age=1.5', Number.NaN],
    ["max-age='10'", Number.NaN],
    ['max-age = 10', Number.NaN],
    ['max-age=', Number.NaN],
    ['max-age', Number.NaN],
    ['x-max-age=10', undefined],
    ['', undefined],
  ]
  it.each(cases)('reads the max-age of %j as %j', (text, maxAge) => {
    expect(deltaSeconds(parseDirectives(text), 'max-age')).toBe(maxAge)
  })

  it('finds what forbids also where the rest cannot be read', () => {
    for (const text of ['foo="bar, no-store', 'max-age=10 no-store', 'no-store=', 'a b c private']) {
      const directives = parseDirectives(text)
      expect(directives.has('no-store') || directives.has('private'), text).toBe(true)
    }
  })

  it('reads the field names of no-cache and private', () => {
    const directives = parseDirectives('no-cache="Set-Cookie, X-a", private=x-b')
    expect(namedFields(directives, 'no-cache')).toEqual(['set-cookie', 'x-a'])
    expect(namedFields(directives, 'private')).toEqual(['x-b'])
  })
})

describe('HTTP-date', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'sun, 06 nov 1994 08:49:37 gmt', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads %j',
    text => {
      expect(parseHttpDate(text, NOW)).toBe(Date.UTC(1994, 10, 6, 8, 49, 37))
    },
  )

  it.each([
    '0',
    '-1',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
    '',
  ])('takes %j for no date', text => {
    expect(parseHttpDate(text, NOW)).toBeUndefined()
  })

  it('takes a two-digit year for the one that is not over 50 years ahead (RFC 9110 5.6.7)', () => {
    expect(new Date(parseHttpDate('Sunday, 06-Nov-76 08:49:37 GMT', NOW)!).getUTCFullYear()).toBe(2076)
    expect(new Date(parseHttpDate('Sunday, 06-Nov-77 08:49:37 GMT', NOW)!).getUTCFullYear()).toBe(1977)
  })

  it('writes what it reads', () => {
    expect(parseHttpDate(formatHttpDate(NOW), NOW)).toBe(NOW)
  })
})

describe('entity tags', () => {
  it('compares weakly and strongly (RFC 9110 8.8.3.2)', () => {
    expect([weaklyEqual('W/"1"', '"1"'), stronglyEqual('W/"1"', 'W/"1"'), stronglyEqual('"1"', '"1"')]).toEqual([true, false, true])
  })

  it('matches lists and *', () => {
    expect(noneMatchMatches('"a", W/"b,c"', '"b,c"')).toBe(true)
    expect(noneMatchMatches('"a"', '"b"')).toBe(false)
    expect(noneMatchMatches('*', undefined)).toBe(true)
  })
})

describe('ranges', () => {
  const range = (first: number, last: number) => ({ kind: 'range', range: { first, last } })
  it.each([
    ['bytes=0-3', range(0, 3)],
    ['bytes=8-', range(8, 9)],
    ['bytes=-4', range(6, 9)],
    ['bytes=-40', range(0, 9)],
    ['bytes=0-99', range(0, 9)],
    ['bytes=10-', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
    ['bytes=3-2', { kind: 'ignored' }],
    ['bytes=0-1,3-4', { kind: 'ignored' }],
    ['lines=0-1', { kind: 'ignored' }],
    ['bytes=-', { kind: 'ignored' }],
    ['bytes=a-b', { kind: 'ignored' }],
  ])('reads %j of ten bytes', (text, expected) => {
    expect(parseRange(text, 10)).toEqual(expected)
  })
})
