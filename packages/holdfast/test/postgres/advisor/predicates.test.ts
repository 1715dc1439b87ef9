import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser, type ParsedStatement, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import { rewriteForLab } from '../../../src/postgres/advisor/rewrite.ts'

beforeAll(loadParser)

function parse(text: string): ParsedStatement {
  const parsed = parseStatement(text)
  if (parsed === undefined || parsed.kind === 'insert') throw new Error(`not a read or change: ${text}`)
  return parsed
}

/** Conditions of all scopes as `kind:column`. */
function conditions(text: string): string[] {
  return parse(text).scopes.flatMap(scope => scope.conditions.map(({ kind, column }) => `${kind}:${column.name}`))
}

describe('parseStatement', () => {
  it.each([
    ['select * from t where a = $1 and b in ($2, $3) and c > $4', ['equal:a', 'in:b', 'range:c']],
    ['select * from t where a = any($1) and $2 < b', ['in:a', 'range:b']],
    ['select * from t where a between $1 and $2 and b is null', ['range:a', 'null:b']],
    ['select * from t where flag and not gone', ['equal:flag', 'equal:gone']],
    ['select * from t where (a, b) < ($1, $2)', ['range:a']],
    ['select * from t where name like $1', ['pattern:name']],
    ['select * from t where name ~ $1', ['unservable:name']],
    ['select * from t where doc @> $1', ['contains:doc']],
    ['select * from t where doc->>$1 = $2', ['unservable:doc']],
    ['select * from t where b is not null', ['not-null:b']],
    ['select * from t where lower(name) = $1', ['equal:name']],
    ['select * from t where date_trunc($1, at) = $2', ['unservable:at']],
    ['select * from t where a::text = $1', ['equal:a']],
    ['select * from t where a::date = $1', ['unservable:a']],
    ['select * from t where body @@ to_tsquery($2, $1)', ['contains:body']],
    ['select * from t where to_tsvector($2, body) @@ to_tsquery($2, $1)', ['unservable:body']],
    ['select * from t where doc ? $1', ['contains:doc']],
    ['select * from t where $1 = any(tags)', ['unservable:tags']],
    ['select * from t where a in (select id from u where k = $1) and b not in (select id from u)', ['join:a', 'equal:k']],
    ['SELECT "app"."T"."id" FROM "app"."T" WHERE ("app"."T"."aB" = $1 AND 1=1)', ['equal:aB']],
    ['select * from t where a = $1 or b = $2', []],
    ['select * from t join u on u.t_id = t.id where t.a = $1', ['join:t_id', 'equal:a']],
    ['select * from t where exists (select from u where u.t_id = t.id and u.k = $1)', ['join:t_id', 'equal:k']],
    ['update t set x = $1 where y = $2', ['equal:y']],
    ['delete from t where y = $1 and z <= $2', ['equal:y', 'range:z']],
    ['select * from t where a in ($1 /*, ... */) and b <> $2', ['in:a']],
  ])('reads the conditions of %s', (text, expected) => {
    expect(conditions(text)).toEqual(expected)
  })

  it('compares each element of an array that is written out with the column, also under a cast', () => {
    const { params } = parse('select * from t where tags @> array[$1, $2]::text[] and a = any (array[$3]::bigint[])')
    expect([...params.values()].map(use => (use.kind === 'column' ? `${use.column.name} ${use.operator}` : use.kind))).toEqual([
      'tags @>',
      'tags @>',
      'a any',
    ])
  })

  it('reads order, direction and where NULLs go', () => {
    expect(parse('select * from t where a = $1 order by b desc, c nulls first limit $2').scopes[0]?.orderBy).toEqual([
      { column: { name: 'b' }, descending: true, nulls: 'first' },
      { column: { name: 'c' }, descending: false, nulls: 'first' },
    ])
  })

  it('takes the column of a lone max() for an order, read from the end', () => {
    expect(parse('select max(at) from t where a = $1').scopes[0]?.orderBy).toEqual([{ column: { name: 'at' }, descending: true, nulls: 'first' }])
    expect(parse('select a, max(at) from t group by a').scopes[0]?.orderBy).toEqual([])
  })

  it.each([
    ['like $1 || $2', 'prefix'],
    ['like $2 || $1 || $3', 'infix'],
    ['ilike $2 || $1', 'infix'],
    ['like $1', 'unknown'],
  ])('tells by the numbers of %s what is a constant of the text, and so where the wildcard stands', (text, pattern) => {
    expect(parse(`select * from t where name ${text}`).scopes[0]?.conditions).toMatchObject([{ kind: 'pattern', pattern }])
  })

  it('keeps what is the same for every call, as SQL', () => {
    const always = parse('select * from t where a is null and b is not null and c and not d').scopes[0]?.conditions.map(condition => condition.always)
    expect(always).toEqual(['% IS NULL', '% IS NOT NULL', '%', 'NOT %'])
  })

  it('takes an OR apart only when an index could serve every branch', () => {
    const branches = (text: string): unknown =>
      parse(`select * from t where ${text}`).scopes[0]?.alternatives.map(group => group.map(branch => branch.map(({ column }) => column.name)))
    expect(branches('(a = $1 or b = $2) and c = $3')).toEqual([[['a'], ['b']]])
    expect(branches('a = $1 or (b = $2 and c > $3)')).toEqual([[['a'], ['b', 'c']]])
    expect(branches('a = $1 or b::date = $2')).toEqual([])
  })

  it('takes no order from expressions or grouped rows', () => {
    expect(parse('select * from t order by lower(b)').scopes[0]?.orderBy).toEqual([])
    expect(parse('select b, count(*) from t group by b order by b').scopes[0]?.orderBy).toEqual([])
  })

  it('knows what every parameter stands for', () => {
    const text = `select date_trunc($1, c), $2 from t where a = $3 and b = any($4::int[]) and c > now() - interval $5 limit $6 offset $7`
    const uses = [...parse(text).params]
      .sort(([a], [b]) => a - b)
      .map(([, use]) => (use.kind === 'column' ? `${use.column.name} ${use.operator}` : use.kind))
    expect(uses).toEqual(['unit', 'assumed', 'a =', 'b any', 'assumed', 'limit', 'offset'])
  })

  it('does not take a WITH query for a table', () => {
    const tables = parse('with recent as (select * from t where a = $1) select * from recent').scopes.flatMap(scope =>
      scope.tables.map(table => table.name),
    )
    expect(tables).toEqual(['t'])
  })

  it.each([
    ['with gone as (delete from t where a = $1 returning *) select * from gone', /writes/],
    ['select * into u from t', /creates a table/],
  ])('marks %s as not to be run on trial', (text, why) => {
    expect(parse(text).unsafe).toMatch(why)
  })

  it('names the columns an update sets and the table an insert fills', () => {
    expect(parse('update public.t set a = $1, b = b + 1 where id = $2').setColumns).toEqual(['a', 'b'])
    expect(parseStatement('insert into app.t (a) values ($1)')).toMatchObject({ kind: 'insert', target: { schema: 'app', name: 't' } })
  })

  it.each(['create index on t (a)', 'not sql at all', 'explain select 1', 'begin'])('leaves %s alone', text => {
    expect(parseStatement(text)).toBeUndefined()
  })
})

describe('rewriteForLab', () => {
  const rewrite = (text: string): ReturnType<typeof rewriteForLab> => rewriteForLab(parse(text), ref => ref.name !== 'other')

  it('takes the schema from copied tables only, also after text that is not ASCII', () => {
    expect(rewrite(`select 'é', * from public."T" x join app.other o on o.id = x.id where x.a = $1`)?.text).toBe(
      `select 'é', * from "T" x join app.other o on o.id = x.id where x.a = $1`,
    )
  })

  it('takes the schema from the columns of copied tables as well, as Prisma writes them', () => {
    expect(
      rewrite('SELECT "app"."T"."id", app.other.id FROM "app"."T" JOIN app.other ON app.other.id = "app"."T"."id" WHERE ("app"."T"."x" = $1)')?.text,
    ).toBe('SELECT "T"."id", app.other.id FROM "T" JOIN app.other ON app.other.id = "T"."id" WHERE ("T"."x" = $1)')
  })

  it('makes a list again of one that pg_stat_statements shows by its first value', () => {
    expect(rewrite('select * from t where é in ($1 /*, ... */) and b not in ($2 /*, ... */) and c = $3')?.text).toBe(
      'select * from t where é = ANY ($1) and b <> ALL ($2) and c = $3',
    )
  })

  it('makes an update the select of its rows and numbers the parameters anew', () => {
    const rewritten = rewrite(
      'update public.t set x = $1, y = (select max(z) from u where k = $2) from u where t.id = u.id and t.a = $4 and u.b = $3 returning t.id',
    )
    expect(rewritten?.text.replace(/\s+/g, ' ')).toBe('SELECT 1 FROM t , u WHERE t.id = u.id and t.a = $1 and u.b = $2 ')
    expect(rewritten?.params).toEqual([4, 3])
  })

  it('makes a delete the select of its rows', () => {
    expect(rewrite('delete from app.t z using u where z.id = u.id and z.a = $1')?.text.replace(/\s+/g, ' ')).toBe(
      'SELECT 1 FROM t z , u WHERE z.id = u.id and z.a = $1',
    )
  })

  it.each([
    ['select * from t where a = $1 limit $2 for update skip locked', 'select * from t where a = $1 limit $2'],
    ['select * from t join u on true for no key update of t, u nowait limit 1', 'select * from t join u on true limit 1'],
    [
      'update t set x = $1 where id = (select id from t order by at limit 1 for update)',
      'SELECT 1 FROM t WHERE id = (select id from t order by at limit 1 )',
    ],
    ['select substring(a for 3) from t for share', 'select substring(a for 3) from t'],
  ])('lets %s lock nothing', (text, expected) => {
    expect(rewrite(text)?.text.replace(/\s+/g, ' ').trim()).toBe(expected)
    expect(parse(text).locksRows).toBe(true)
  })

  it('refuses a change without a condition', () => {
    expect(rewrite('update t set a = $1')).toBeUndefined()
  })

  it('turns a typed literal that became a parameter into a cast', () => {
    expect(rewrite('select * from t where a > now() - interval $1')?.text).toBe('select * from t where a > now() - $1::interval')
  })
})
