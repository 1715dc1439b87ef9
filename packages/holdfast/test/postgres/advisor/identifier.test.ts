import { describe, expect, it } from 'vitest'
import { quoteIdent, quoteQualified } from '../../../src/postgres/advisor/identifier.ts'
import { causeOf, exactCauseOf, findingIdFor, indexNameFor, keyListSql } from '../../../src/postgres/advisor/index-definition.ts'

describe('quoteIdent', () => {
  it.each([
    ['lead_assignment', 'lead_assignment'],
    ['_x1', '_x1'],
    ['Lead', '"Lead"'],
    ['order', '"order"'],
    ['user', '"user"'],
    ['1st', '"1st"'],
    ['with space', '"with space"'],
    ['say "x"', '"say ""x"""'],
    ['', '""'],
    ['größe', '"größe"'],
  ])('writes %j as %j', (name, sql) => {
    expect(quoteIdent(name)).toBe(sql)
  })

  it('quotes both parts of a qualified name on their own', () => {
    expect(quoteQualified('my.schema', 'Table')).toBe('"my.schema"."Table"')
  })
})

describe('index definitions', () => {
  const keys = [
    { name: 'agent_id', descending: false, nulls: 'last' },
    { name: 'order', descending: true, nulls: 'first' },
    { name: 'seen', descending: true, nulls: 'last' },
  ] as const

  it('writes directions and NULLS only where they are not the default', () => {
    expect(keyListSql(keys)).toBe('agent_id, "order" DESC, seen DESC NULLS LAST')
  })

  it('keeps index names within 63 bytes and two cut names apart', () => {
    const a = indexNameFor('t'.repeat(60), [{ name: 'a', descending: false, nulls: 'last' }])
    const b = indexNameFor('t'.repeat(60), [{ name: 'b', descending: false, nulls: 'last' }])
    expect(Buffer.byteLength(a)).toBeLessThanOrEqual(63)
    expect(Buffer.byteLength(indexNameFor('ü'.repeat(40), keys))).toBeLessThanOrEqual(63)
    expect(a).not.toBe(b)
  })

  it('takes two indexes for one cause when they compare the same columns for equality', () => {
    const [agent, order] = keys
    const cause = causeOf('public', 'lead', { keys: [agent], equalCount: 1 })
    expect(causeOf('public', 'lead', { keys: [agent, order], equalCount: 1 })).toBe(cause)
    expect(causeOf('public', 'lead', { keys: [order], equalCount: 0 })).not.toBe(cause)
    expect(exactCauseOf('public', 'lead', [agent, order])).not.toBe(exactCauseOf('public', 'lead', [agent]))
  })

  it('gives the same cause the same short id', () => {
    expect(findingIdFor('cause')).toBe(findingIdFor('cause'))
    expect(findingIdFor('cause')).toMatch(/^I-[0-9a-f]{4}$/)
    expect(findingIdFor('cause', 6).startsWith(findingIdFor('cause'))).toBe(true)
  })
})
