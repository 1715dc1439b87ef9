import { beforeAll, describe, expect, it } from 'vitest'
import { identifyStatement, loadParser } from '../../src/postgres/fingerprint.ts'

beforeAll(() => loadParser())

describe('the identity of a statement', () => {
  it('is the same fingerprint for a text and its form in pg_stat_statements', () => {
    const sent = identifyStatement("select id from lead where zip = '12345' and status in ('new', 'sold') limit 20")
    const stored = identifyStatement('select id from lead where zip = $1 and status in ($2 /*, ... */) limit $3')
    expect(sent.fingerprint).toBe(stored.fingerprint)
    expect(sent.text).toBe('select id from lead where zip = $1 and status in ($2, $3) limit $4')
  })

  it.each([
    "alter role app password 'secret'",
    "set application_name = 'secret'",
    "create table t (a text default 'secret')",
    "do $$ begin perform 'secret'; end $$",
    "notify news, 'secret'",
    "copy t from '/secret'",
    'select /* secret */ 1 -- secret',
    "prepare p as select 'secret'",
    "explain select 'secret'",
    "select 'secret' from where",
    "select 'secret",
    "comment on table t is 'secret'",
    "create function f() returns text language sql as 'select ''secret'''",
    "declare c cursor for select 'secret'",
    "create user u with password 'secret' valid until '2030-01-01'",
  ])('never holds a literal: %s', text => {
    expect(identifyStatement(text).text).not.toContain('secret')
  })

  it('is by shape, and marked, where the parser refuses the text', () => {
    const refused = identifyStatement("selct 'a' from t")
    expect(refused.fingerprint).toMatch(/^~[0-9a-f]{15}$/)
    expect(identifyStatement("selct 'b' from t")).toEqual(refused)
    expect(identifyStatement('').fingerprint).toMatch(/^~/)
    expect(identifyStatement("select 'unterminated").fingerprint).toMatch(/^~/)
  })

  it('cuts what is stored to 8,192 characters', () => {
    const columns = Array.from({ length: 3000 }, (_, n) => `column_${n}`).join(', ')
    const { fingerprint, text } = identifyStatement(`select ${columns} from wide where id = 1`)
    expect(text).toHaveLength(8192)
    expect(text.endsWith('…')).toBe(true)
    expect(fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })

  it('survives deeply nested text', () => {
    const nested = `select ${'('.repeat(3500)}1${')'.repeat(3500)}`
    expect(identifyStatement(nested).fingerprint).toMatch(/^[~0-9a-f]/)
    expect(identifyStatement('select 1').fingerprint).toMatch(/^[0-9a-f]{16}$/)
  })
})
