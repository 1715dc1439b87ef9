import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PlansFixture, plansFixture } from './fixture.ts'

let fixture: PlansFixture
let before: unknown
beforeAll(async () => {
  fixture = await plansFixture('refusals', 3000)
  before = await fixture.state()
})
afterAll(() => fixture.close())

/** The code that an analysis ends with; and nothing may have changed. */
async function refusal(sql: string, more: { params?: unknown[]; analyze?: boolean } = { analyze: true }): Promise<string> {
  const code = await fixture.analyze({ sql, ...more }).then(
    () => 'answered',
    error => (error as { code: string }).code,
  )
  expect(await fixture.state(), sql).toEqual(before)
  return code
}

describe('a statement that cannot be explained', () => {
  it.each([
    ['selec 1', 'HF_PG_EXPLAIN_SYNTAX'],
    ['', 'HF_PG_EXPLAIN_SYNTAX'],
    ['-- only a comment', 'HF_PG_EXPLAIN_SYNTAX'],
    ['select 1; select 2', 'HF_PG_EXPLAIN_SEVERAL'],
    ['select 1; delete from parcel', 'HF_PG_EXPLAIN_SEVERAL'],
    ['commit; delete from parcel', 'HF_PG_EXPLAIN_SEVERAL'],
    ['drop table parcel', 'HF_PG_EXPLAIN_KIND'],
    ['explain analyze delete from parcel', 'HF_PG_EXPLAIN_KIND'],
    ['create table copied as select * from parcel', 'HF_PG_EXPLAIN_KIND'],
    ['set transaction read write', 'HF_PG_EXPLAIN_KIND'],
    ['do $$ begin delete from parcel; end $$', 'HF_PG_EXPLAIN_KIND'],
    ['call something()', 'HF_PG_EXPLAIN_KIND'],
    ['select * from gone', 'HF_PG_EXPLAIN_MISSING'],
    ['select gone from parcel', 'HF_PG_EXPLAIN_MISSING'],
    ['select gone(1)', 'HF_PG_EXPLAIN_MISSING'],
    ['select * from gone.parcel', 'HF_PG_EXPLAIN_MISSING'],
    ['select 1 / (weight - weight) from parcel', 'HF_PG_EXPLAIN_FAILED'],
  ])('%s: %s', async (sql, code) => {
    expect(await refusal(sql)).toBe(code)
  })

  it('HF_PG_EXPLAIN_SYNTAX: a text too long to parse', async () => {
    expect(await refusal(`select ${'1,'.repeat(100_000)}1`)).toBe('HF_PG_EXPLAIN_SYNTAX')
  })

  it('takes no quote trick: the text is read by the server as it was parsed', async () => {
    const connect = async () => {
      const client = await fixture.connect()
      await client.query('set standard_conforming_strings = off; set backslash_quote = on; set escape_string_warning = off')
      return client
    }
    // With standard_conforming_strings off the string would end later, and what follows would be a statement of its own.
    const sql = `select '\\', ' ; delete from parcel; commit; --'`
    await fixture.analyze({ sql, analyze: true }, { connect })
    expect(await fixture.state()).toEqual(before)
  })
})

describe('a statement that is not proven to be read-only', () => {
  it.each([
    'update parcel set weight = 0',
    'delete from parcel',
    'insert into tiny values (999, 1)',
    'merge into tiny t using parcel p on t.k = p.id when matched then delete',
    'with gone as (delete from parcel returning id) select count(*) from gone',
    'select * from parcel for update',
    'select * from (select * from parcel for share) x',
    'select * into copied from parcel',
    'select bump()',
    'select public.bump() from tiny',
    'select * from bump()',
    'select * from parcel_bump limit 1',
    'select count(*) from parcel_deep where bumped > 0',
    "select nextval('s')",
    'select pg_advisory_lock(1)',
    "select set_config('transaction_read_only', 'off', false)",
    'select pg_terminate_backend(pid) from pg_stat_activity',
    "select lo_from_bytea(0, 'x')",
    'select pg_sleep(0.01)',
  ])('HF_PG_EXPLAIN_NOT_READ_ONLY, and is not run: %s', async sql => {
    expect(await refusal(sql)).toBe('HF_PG_EXPLAIN_NOT_READ_ONLY')
  })

  it('hides a volatile function neither in an operator, an aggregate, a cast nor the notation of a field', async () => {
    await fixture.app.query(`
      create function shout(int, int) returns int language sql volatile as 'select bump()';
      create operator @+@ (leftarg = int, rightarg = int, function = shout);
      create aggregate shouted (int) (sfunc = shout, stype = int);
      create function shouts(tiny) returns int language sql volatile as 'select bump()';`)
    for (const sql of [
      'select k @+@ v from tiny',
      'select k operator(public.@+@) v from tiny',
      'select shouted(k) from tiny',
      'select t.shouts from tiny t',
      'select (t).shouts from tiny t',
    ]) {
      await expect(fixture.analyze({ sql, analyze: true }), sql).rejects.toMatchObject({ code: 'HF_PG_EXPLAIN_NOT_READ_ONLY' })
    }
    await fixture.app.query(`create type shouty as (v int); create function to_shouty(int) returns shouty language sql volatile as 'select row(bump())::shouty';
      create cast (int as shouty) with function to_shouty(int) as assignment`)
    await expect(fixture.analyze({ sql: 'select k::shouty from tiny', analyze: true })).rejects.toMatchObject({
      code: 'HF_PG_EXPLAIN_NOT_READ_ONLY',
      message: expect.stringContaining('a cast by to_shouty()'),
    })
    await fixture.app.query('drop type shouty cascade; drop function shout cascade; drop function shouts')
    expect(await fixture.state()).toEqual(before)
  })

  it('looks into the policies of row-level security', async () => {
    await fixture.app.query('alter table tiny enable row level security; create policy loud on tiny using (bump() > 0)')
    expect(await refusal('select * from tiny')).toBe('HF_PG_EXPLAIN_NOT_READ_ONLY')
    await fixture.app.query('drop policy loud on tiny; alter table tiny disable row level security')
  })

  it('cannot write even where an owner has marked a writing function stable', async () => {
    await fixture.app.query("create function lies() returns int language plpgsql stable as 'begin update counter set n = 99; return 1; end'")
    expect(await refusal('select lies()')).not.toBe('answered')
    await fixture.app.query('drop function lies')
  })

  it('may call what only reads, and what is volatile by its nature and harmless', async () => {
    expect(await refusal('select peek(), random(), clock_timestamp(), gen_random_uuid(), now()')).toBe('answered')
  })
})

describe('parameters', () => {
  it.each([
    ['too few', 'select * from parcel where id = $1 and weight = $2', [1]],
    ['too many', 'select * from parcel where id = $1', [1, 2]],
    ['none wanted', 'select 1', [1]],
    ['of another type', 'select * from parcel where id = $1', ['seven']],
    ['out of range', 'select * from parcel where id = $1', ['99999999999']],
  ])('HF_PG_EXPLAIN_PARAMETERS: %s', async (_what, sql, params) => {
    expect(await refusal(sql, { params, analyze: true })).toBe('HF_PG_EXPLAIN_PARAMETERS')
  })

  it('HF_PG_EXPLAIN_PARAMETERS: none given, and none to be taken from the data', async () => {
    expect(await refusal('select * from parcel where sent_at <@ $1::tstzrange', { analyze: true })).toBe('HF_PG_EXPLAIN_PARAMETERS')
  })
})

describe('what stands in the way', () => {
  it('HF_PG_EXPLAIN_NOT_ALLOWED: a role without rights hears which object it is', async () => {
    const url = new URL(fixture.database.url)
    url.username = fixture.outsider
    url.password = 'outsider'
    const analysis = fixture.analyze({ sql: 'select * from parcel where id = 1', analyze: true }, { connect: () => fixture.connect(url.href) })
    await expect(analysis).rejects.toMatchObject({ code: 'HF_PG_EXPLAIN_NOT_ALLOWED', message: expect.stringContaining('parcel') })
  })

  it('HF_PG_EXPLAIN_TIMEOUT: a statement that takes too long is cancelled', async () => {
    const sql = 'select count(*) from parcel a, parcel b, parcel c'
    await expect(fixture.analyze({ sql, analyze: true, statementTimeout: '100ms' })).rejects.toMatchObject({
      code: 'HF_PG_EXPLAIN_TIMEOUT',
      retryable: true,
    })
    expect(await fixture.state()).toEqual(before)
  })

  it('HF_PG_EXPLAIN_LOCKED: a lock is not waited for, and no writer waits for us', async () => {
    const other = await fixture.connect()
    await other.query('begin; lock table parcel in access exclusive mode')
    await expect(fixture.analyze({ sql: 'select * from parcel', lockTimeout: '50ms' })).rejects.toMatchObject({ code: 'HF_PG_EXPLAIN_LOCKED' })
    await other.query('rollback')
  })

  it('leaves no transaction behind, whatever the end was', async () => {
    const client = await fixture.connect()
    const kept = { query: client.query.bind(client), end: async () => undefined }
    for (const sql of ['select 1', 'select * from gone', 'select bump()']) {
      await fixture.analyze({ sql, analyze: true }, { connect: async () => kept as never }).catch(() => undefined)
      const { rows } = await fixture.app.query(
        `select state from pg_stat_activity where pid = ${(client as unknown as { processID: number }).processID}`,
      )
      expect(rows, sql).toEqual([{ state: 'idle' }])
    }
  })
})
