import { describe, expect, it } from 'vitest'
import { isBatch, repeatFormOf } from '../../../src/postgres/repeats/repeat-form.ts'
import { shapeOf } from '../../../src/postgres/statement-shape.ts'

const batch = (text: string, values?: unknown[]): boolean => isBatch(repeatFormOf(shapeOf(text)), text, values)

describe('a call of a statement', () => {
  it.each([
    ['select * from lead where id = any($1)', [[1, 2]]],
    ['select * from lead where id = ANY ($1::int[])', ['{1,2}']],
    ['select * from lead join unnest($1::int[]) as n on n = id', [[1, 2]]],
    ['insert into lead select * from jsonb_to_recordset($1) as r(id int)', ['[{"id":1},{"id":2}]']],
    ['select * from lead where id in ($1, $2)', [1, 2]],
    ['SELECT "public"."lead"."id" FROM "public"."lead" WHERE "public"."lead"."id" IN ($1,$2,$3) OFFSET $4', [1, 2, 3, 0]],
    ["select * from lead where zip in ('a', 'b')", []],
    ['select * from lead where (id, zip) in (($1, $2), ($3, $4))', [1, 'a', 2, 'b']],
    ['insert into lead (id, zip) values ($1, $2), ($3, $4)', [1, 'a', 2, 'b']],
    ['insert into lead (id, zip) values ($1, lower($2)), ($3, lower($4))', [1, 'a', 2, 'b']],
  ])('is a batch: %s', (text, values) => {
    expect(batch(text, values)).toBe(true)
  })

  it.each([
    ['select * from lead where id = any($1)', [[1]]],
    ['select * from lead where id in ($1)', [1]],
    ['select * from lead where id = $1', [1]],
    ['insert into lead (id, tags) values ($1, $2)', [1, ['a', 'b']]],
    ['insert into lead (id, zip) values ($1, lower($2)) returning (id), (zip)', [1, 'a']],
    ['select coalesce(a, $1), (b) from lead where id in ($2)', [0, 1]],
  ])('is no batch: %s', (text, values) => {
    expect(batch(text, values)).toBe(false)
  })

  it('counts when it reads or writes rows, and not when it steers the session', () => {
    const counted = (text: string): boolean => repeatFormOf(shapeOf(text)).counts
    expect(
      ['select 1', '/* a */ with x as (select 1) select * from x', '(select 1) union (select 2)', 'UPDATE t SET a = 1'].map(counted),
    ).not.toContain(false)
    expect(['begin', 'commit', 'savepoint a', "set local x = '1'", 'listen a', 'copy t from stdin', 'discard all'].map(counted)).not.toContain(true)
  })

  it('tells writes from reads that lock', () => {
    const writes = (text: string): boolean => repeatFormOf(shapeOf(text)).isWrite
    expect(['insert into t values (1)', 'with x as (delete from t returning 1) select * from x', 'update t set a = 1'].map(writes)).not.toContain(
      false,
    )
    expect(['select * from t for update', 'select a from t for no key update', 'select updated_at from t'].map(writes)).not.toContain(true)
  })

  it('is looked at in time in proportion to its length, whatever is in it', () => {
    const evil = `select * from t where id in (${"'".repeat(3000)}${'(('.repeat(2000)}`
    const started = performance.now()
    batch(evil, [])
    batch(`insert into t values (${'(),'.repeat(2000)}`, [])
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
