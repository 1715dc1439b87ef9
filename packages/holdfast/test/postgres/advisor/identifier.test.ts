import { describe, expect, it } from 'vitest'
import { quoteIdent, quoteQualified } from '../../../src/postgres/advisor/identifier.ts'
import { causeOf, exactCauseOf, findingIdFor, indexNameFor, keyListSql, shapeSql } from '../../../src/postgres/advisor/index-definition.ts'

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

  it('writes method, included columns, options and predicate', () => {
    const [agent] = keys
    expect(shapeSql({ keys: [agent], include: ['order'], where: ['NOT gone', 'seen IS NULL'] })).toBe(
      'USING btree (agent_id) INCLUDE ("order") WHERE NOT gone AND seen IS NULL',
    )
    expect(shapeSql({ keys: [agent], method: 'brin' })).toBe('USING brin (agent_id) WITH (pages_per_range = 32)')
    expect(shapeSql({ keys: [{ ...agent, expression: 'lower(name)', opclass: 'text_pattern_ops' }] })).toBe(
      'USING btree (lower(name) text_pattern_ops)',
    )
  })

  it('names a plain index and a partial one on the same columns apart', () => {
    const [agent] = keys
    expect(indexNameFor('lead', { keys: [agent] })).toBe('hf_lead_agent_id_idx')
    expect(indexNameFor('lead', { keys: [agent], where: ['NOT gone'] })).toMatch(/^hf_lead_agent_id_[0-9a-f]{4}_idx$/)
  })

  it('keeps index names within 63 bytes and two cut names apart', () => {
    const a = indexNameFor('t'.repeat(60), { keys: [{ name: 'a', descending: false, nulls: 'last' }] })
    const b = indexNameFor('t'.repeat(60), { keys: [{ name: 'b', descending: false, nulls: 'last' }] })
    expect(Buffer.byteLength(a)).toBeLessThanOrEqual(63)
    expect(Buffer.byteLength(indexNameFor('ü'.repeat(40), { keys }))).toBeLessThanOrEqual(63)
    expect(a).not.toBe(b)
  })

  it('takes two indexes for one cause when they begin with the same key', () => {
    const [agent, order] = keys
    const cause = causeOf('public', 'lead', { keys: [agent] })
    expect(causeOf('public', 'lead', { keys: [agent, order] })).toBe(cause)
    expect(causeOf('public', 'lead', { keys: [order] })).not.toBe(cause)
    expect(exactCauseOf('public', 'lead', { keys: [agent, order] })).not.toBe(exactCauseOf('public', 'lead', { keys: [agent] }))
  })

  it('gives the same cause the same short id', () => {
    expect(findingIdFor('cause')).toBe(findingIdFor('cause'))
    expect(findingIdFor('cause')).toMatch(/^I-[0-9a-f]{4}$/)
    expect(findingIdFor('cause', 6).startsWith(findingIdFor('cause'))).toBe(true)
  })
})
