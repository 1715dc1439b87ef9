import { describe, expect, it } from 'vitest'
import { ms, msFine, percent, showPerSec, span, speedUp } from '../../web/src/format.ts'

const plain = (text: string | null) => text?.replaceAll('\u00a0', ' ')

describe('numbers for people', () => {
  it.each([
    [0, '0 ms'],
    [0.0312, '0.03 ms'],
    [1.21, '1.2 ms'],
    [83.4, '83 ms'],
    [999.4, '999 ms'],
    [1250, '1.25 s'],
  ])('writes %d ms as %s', (value, text) => {
    expect(plain(ms(value))).toBe(text)
  })

  it.each([
    [33.46, '33.5 ms'],
    [1.214, '1.21 ms'],
    [0.0392, '0.0392 ms'],
    [1250, '1.25 s'],
  ])('writes %d ms finely as %s', (value, text) => {
    expect(plain(msFine(value))).toBe(text)
  })

  it.each([
    [0, '0 %'],
    [0.0004, '<0.1 %'],
    [0.042, '4.2 %'],
    [0.97, '97 %'],
    [0.9996, '99.9 %'],
    [1, '100 %'],
  ])('writes the ratio %d as %s', (value, text) => {
    expect(plain(percent(value))).toBe(text)
  })

  it('writes small rates with one decimal and no rate as 0', () => {
    expect([showPerSec(0), showPerSec(0.4), showPerSec(61.2)].map(shown => shown.text)).toEqual(['0', '0.4', '61'])
  })

  it.each([
    [45, '45 s'],
    [60, '1 min'],
    [98, '98 s'],
    [900, '15 min'],
    [8000, '2 h 13 min'],
  ])('writes %d seconds as %s', (value, text) => {
    expect(plain(span(value))).toBe(text)
  })

  it.each([
    [33.5, 1.21, '28 × faster'],
    [10, 13, '1.30 × slower'],
    [10, 10.05, 'no difference'],
    [10, 0, undefined],
  ])('compares %d ms before with %d ms after', (before, after, text) => {
    expect(plain(speedUp(before, after))).toBe(text)
  })
})
