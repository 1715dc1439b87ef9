import { describe, expect, it } from 'vitest'
import { maskLiterals, shapeOf } from '../../src/postgres/statement-shape.ts'

describe('the shape of a statement', () => {
  it.each([
    ['literals of every kind', "select 1, 'a', E'it\\'s', $$x$$, $t$y$t$, b'1', 0x1F, 1.5e-3", 'select 1'],
    ['parameters and literals', 'where id = $1', 'where id = 5'],
    ['lists of any length', 'where id in (1,2,3)', 'where id in ( $1 )'],
    ['rows of any number', "insert into t values (1,'a'),(2,'b'), (3,'c')", 'insert into t values ($1, $2)'],
    ['rows that hold a call', 'insert into t values (default, $1, now()), (default, $2, now())', 'insert into t values (default, $1, now())'],
    ['comments, nested ones too', "select a /* x /* 'y' */ z */ from t -- end", 'select a from t'],
    ['white space', 'select  a\n\tfrom t', 'select a from t'],
    ['doubled quotes', "where a = 'it''s' and b = 1", "where a = 'x' and b = 2"],
  ])('is the same for %s', (_, one, other) => {
    expect(shapeOf(one)).toBe(shapeOf(other))
  })

  it.each([
    ['columns', 'select a from t', 'select b from t'],
    ['quoted names', 'select "a b" from t', 'select "a c" from t'],
    ['neighbouring words', 'select a b', 'select ab'],
    ['operators', 'where a < 1', 'where a > 1'],
    ['digits inside names', 'from t1', 'from t2'],
    ['the number of rows of names', 'values (a), (b)', 'values (a)'],
  ])('differs by %s', (_, one, other) => {
    expect(shapeOf(one)).not.toBe(shapeOf(other))
  })

  it('takes an unterminated literal to be one literal, so that no half of it shows', () => {
    expect(shapeOf("select 'secr")).toBe(shapeOf("select 'x'"))
    expect(maskLiterals("select 'secret")).toBe('select ?')
    expect(maskLiterals('select $$secret')).toBe('select ?')
    expect(maskLiterals('select 1 /* secret')).toBe('select ?')
  })

  it('stays in bounds and linear for megabytes of text', () => {
    const insert = `insert into t values ${Array.from({ length: 100_000 }, (_, n) => `(${n}, 'secret')`).join()}`
    expect(shapeOf(insert).length).toBeLessThan(100)
    expect(shapeOf(`${'('.repeat(32_000)}${')'.repeat(32_000)}`).length).toBeLessThanOrEqual(65_536)
    expect(maskLiterals(`select '${'x'.repeat(1_000_000)}'`)).toBe('select ?')
  })

  it('masks what people should not see and keeps the rest readable', () => {
    expect(maskLiterals("SELECT *\n  FROM lead l -- hot\n WHERE l.zip = '12345'   AND id = $2 LIMIT 20")).toBe(
      'SELECT * FROM lead l WHERE l.zip = ? AND id = $2 LIMIT ?',
    )
  })
})
