import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ArchivePolicy, createArchive } from '../../../../src/postgres/archive/index.ts'
import { type ArchiveFixture, archiveFixture } from './fixture.ts'

let fixture: ArchiveFixture
beforeAll(async () => {
  fixture = await archiveFixture('archive_refusals')
  await fixture.app.query(`create table lead (id int primary key, at timestamptz not null, status text);
    insert into lead select n, now() - n * interval '1 day', 'open' from generate_series(1, 100) n`)
})
afterAll(() => fixture.close())

const refusal = (policy: Omit<ArchivePolicy, 'name'>, options?: object): Promise<unknown> =>
  fixture
    .archive(policy, options)
    .run('p')
    .then(
      report => report,
      error => error,
    )
const old = { olderThan: { column: 'at', age: '50d' } } as const

describe('a policy that does not fit', () => {
  it('HF_CONFIG_INVALID: hears of everything that can be seen without the database, at once', () => {
    const policies = [
      { name: 'A b', table: 'a.b.c', action: 'drop', olderThan: { column: '', age: '0d' }, into: '', referenced: 'cascade' },
      { name: 'x', table: 'lead', action: 'delete', into: 'other' },
      { name: 'x', table: 'lead', action: 'delete', where: ' ', older: '3d', schedule: { cron: 'never' } },
    ] as unknown as ArchivePolicy[]
    const error = (() => {
      try {
        createArchive({ connect: () => fixture.connect(), policies, share: 0, maxBatch: 1, maxLockTime: '1ms' })
        return undefined
      } catch (thrown) {
        return thrown as { code: string; message: string }
      }
    })()
    expect(error?.code).toBe('HF_CONFIG_INVALID')
    for (const part of [
      '[0].name',
      '[0].table',
      '[0].action',
      '[0].olderThan.column',
      '[0].olderThan.age',
      '[0].into',
      '[0].referenced',
      '[1]: needs',
      '[1].into',
      '[2].name',
      '[2].where',
      '[2].older',
      '[2].schedule',
      'share',
      'maxBatch',
      'maxLockTime',
    ]) {
      expect(error!.message).toContain(part)
    }
  })

  it('HF_PG_ARCHIVE_POLICY_UNKNOWN: lists those that there are', async () => {
    await expect(fixture.archive({ table: 'lead', action: 'copy', ...old }).run('q')).rejects.toMatchObject({
      code: 'HF_PG_ARCHIVE_POLICY_UNKNOWN',
      message: 'q; known are p',
    })
  })

  it.each([
    ['more than a condition', { table: 'lead', where: "status = 'open') ; drop table lead; select (true" }],
    ['unknown column', { table: 'lead', where: "stattus = 'open'" }],
    ['no condition', { table: 'lead', where: 'id + 1' }],
    ['no time', { table: 'lead', olderThan: { column: 'status', age: '1d' } }],
    ['no such column', { table: 'lead', olderThan: { column: 'created', age: '1d' } }],
    ['a view', { table: 'lead_view', where: 'true' }],
  ] as const)('HF_PG_ARCHIVE_POLICY: %s', async (_, policy) => {
    await fixture.app.query('create or replace view lead_view as select * from lead')
    expect(await refusal({ action: 'delete', ...policy })).toMatchObject({ code: 'HF_PG_ARCHIVE_POLICY' })
    expect(await fixture.value('select count(*)::int from lead')).toBe(100)
  })

  it('takes a condition with a comment and a subquery', async () => {
    expect(
      await refusal({ table: 'lead', action: 'copy', into: 'lead_some', where: 'id in (select id from lead where id < 5) -- few' }),
    ).toMatchObject({ rowCount: 4 })
  })

  it.each(['no_such_table', 'no_schema.lead', 'a.b.c.d', 'pg_catalog."no"'])('HF_PG_TABLE_UNKNOWN: %s', async table => {
    const made = (async () => fixture.archive({ table, action: 'delete', ...old }).run('p'))()
    await expect(made).rejects.toMatchObject({ code: table === 'a.b.c.d' ? 'HF_CONFIG_INVALID' : 'HF_PG_TABLE_UNKNOWN' })
  })

  it('HF_PG_ARCHIVE_EVERYTHING: is refused unless it says that it means it', async () => {
    await fixture.app.query(
      "create table all_old as select n as id, now() - interval '1 year' as at from generate_series(1, 50) n; alter table all_old add primary key (id)",
    )
    const policy = { table: 'all_old', action: 'delete' as const, ...old }
    expect(await fixture.archive(policy).preview('p')).toMatchObject({ isEverything: true, matchCount: 50 })
    expect(await refusal(policy)).toMatchObject({ code: 'HF_PG_ARCHIVE_EVERYTHING' })
    expect(await refusal({ ...policy, action: 'move' })).toMatchObject({ code: 'HF_PG_ARCHIVE_EVERYTHING' })
    expect(await fixture.value('select count(*)::int from all_old')).toBe(50)
    expect(await refusal({ ...policy, allowEverything: true })).toMatchObject({ rowCount: 50 })
    // Of nothing, nothing is everything.
    expect(await refusal(policy)).toMatchObject({ rowCount: 0 })
  })

  it('HF_PG_ARCHIVE_NO_KEY: a table without a primary key', async () => {
    await fixture.app.query("create table keyless as select now() - interval '1 year' as at")
    expect(await refusal({ table: 'keyless', action: 'move', ...old })).toMatchObject({ code: 'HF_PG_ARCHIVE_NO_KEY' })
  })

  it.each([
    ['', 'refers to it', 'refuse'],
    ['on delete cascade', 'would change rows beside', 'skip'],
    ['on delete set null', 'would change rows beside', 'skip'],
  ] as const)('HF_PG_ARCHIVE_REFERENCED: names the table that refers, by a key %s', async (rule, words, referenced) => {
    await fixture.app.query(`create table "Call" (id int primary key, lead_id int references lead ${rule}); insert into "Call" values (1, 90)`)
    const error = await refusal({ table: 'lead', action: 'move', ...old, referenced })
    expect(error).toMatchObject({ code: 'HF_PG_ARCHIVE_REFERENCED', message: expect.stringMatching(new RegExp(`public."Call".*${words}`)) })
    expect(await refusal({ table: 'lead', action: 'copy', into: 'lead_copies', ...old })).not.toMatchObject({ code: expect.anything() })
    await fixture.app.query('drop table "Call"')
  })
})

describe('an archive table that does not fit', () => {
  it.each([
    ['lacks a column', 'create table bad (id int primary key, at timestamptz)', 'ADD COLUMN status text'],
    ['has another type', 'create table bad (id bigint primary key, at timestamptz, status text)', 'TYPE integer'],
    ['has no key to know copies by', 'create table bad (id int, at timestamptz, status text)', 'ADD PRIMARY KEY (id)'],
    ['is no table', 'create view bad as select * from lead', 'no table'],
    ['cannot be made', 'create domain bad as int', 'cannot be made'],
  ])('HF_PG_ARCHIVE_TARGET: %s, and the SQL that mends it', async (_, create, sql) => {
    await fixture.app.query(create)
    expect(await refusal({ table: 'lead', action: 'copy', into: 'bad', ...old })).toMatchObject({
      code: 'HF_PG_ARCHIVE_TARGET',
      message: expect.stringContaining(sql),
    })
    await fixture.app.query(`drop ${/create (\w+)/.exec(create)![1]} bad`)
  })

  it('HF_PG_ARCHIVE_TARGET: is the table itself', async () => {
    expect(await refusal({ table: 'lead', action: 'move', into: 'public.lead', ...old })).toMatchObject({ code: 'HF_PG_ARCHIVE_TARGET' })
  })

  it('HF_PG_ARCHIVE_CONFLICT: a key that was used twice; the batch stays where it was', async () => {
    await fixture.app.query("create table twice (like lead including all); insert into twice values (80, now(), 'another')")
    expect(await refusal({ table: 'lead', action: 'move', into: 'twice', ...old })).toMatchObject({
      code: 'HF_PG_ARCHIVE_CONFLICT',
      message: expect.stringContaining('duplicate key'),
    })
    expect(await fixture.value('select count(*)::int from lead')).toBe(100)
    expect(await fixture.value('select count(*)::int from twice')).toBe(1)
  })
})

describe('a database that will not', () => {
  it('HF_PG_NOT_ALLOWED: names each grant that is missing, one after the other', async () => {
    const role = await fixture.role()
    // As it is from PostgreSQL 15 on.
    await fixture.app.query('revoke create on schema public from public')
    const run = (): Promise<{ message: string; code: string }> =>
      refusal(
        { table: 'lead', action: 'move', into: 'lead_kept', olderThan: { column: 'at', age: '95.5d' } },
        { connect: () => fixture.connect(role.url) },
      ) as never
    const granted: string[] = []
    for (let step = 0; step < 6; step += 1) {
      const error = await run()
      if (error.code !== 'HF_PG_NOT_ALLOWED') break
      const grant = /GRANT .*/.exec(error.message)![0]
      granted.push(grant)
      await fixture.app.query(grant)
    }
    expect(granted[0]).toMatch(/^GRANT CREATE ON DATABASE|^GRANT USAGE/)
    expect(granted).toContain(`GRANT SELECT, UPDATE, DELETE ON public.lead TO ${role.name}`)
    expect(granted).toContain(`GRANT USAGE, CREATE ON SCHEMA public TO ${role.name}`)
    expect(await fixture.value('select count(*)::int from lead_kept')).toBe(5)
    await fixture.app.query(`insert into lead select * from (select id, at, status from lead_kept) k; drop table lead_kept`)
  })

  it('HF_PG_ARCHIVE_BUSY: is running this policy already', async () => {
    const other = await fixture.connect()
    await other.query("select pg_advisory_lock(hashtextextended('holdfast:archive:p', 0))")
    expect(await refusal({ table: 'lead', action: 'copy', ...old })).toMatchObject({ code: 'HF_PG_ARCHIVE_BUSY', retryable: true })
    await other.end()
  })

  it('HF_PG_READ_ONLY, HF_PG_CONNECT_FAILED, HF_PG_NOT_DIRECT: cannot be written, reached, or held', async () => {
    const policy = { table: 'lead', action: 'copy' as const, ...old }
    const readOnly = async (): Promise<pg.Client> => {
      const client = await fixture.connect()
      await client.query('set default_transaction_read_only = on')
      return client
    }
    expect(await refusal(policy, { connect: readOnly })).toMatchObject({ code: 'HF_PG_READ_ONLY' })
    const away = async (): Promise<pg.Client> => {
      const client = new pg.Client({ connectionString: 'postgres://nobody:secret@127.0.0.1:1/none' })
      await client.connect()
      return client
    }
    const unreachable = await refusal(policy, { connect: away })
    expect(unreachable).toMatchObject({ code: 'HF_PG_CONNECT_FAILED' })
    expect(JSON.stringify(unreachable)).not.toContain('secret')
    // A pooler gives the client a number of its own for its session.
    const pooled = async (): Promise<pg.Client> => Object.assign(await fixture.connect(), { processID: 4711 })
    expect(await refusal(policy, { connect: pooled })).toMatchObject({ code: 'HF_PG_NOT_DIRECT' })
  })

  it('HF_PG_ARCHIVE_FAILED: went away in the middle; the next run goes on', async () => {
    await fixture.app.query(
      "create table many as select n as id, now() - interval '1 year' as at from generate_series(1, 2000) n; alter table many add primary key (id); insert into many values (0, now())",
    )
    const archive = fixture.archive({ table: 'many', action: 'move', ...old }, { maxBatch: 100 })
    const kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'WITH /* holdfast */%'"
    let isKilled = false
    const onProgress = (): void => {
      if (isKilled) return
      isKilled = true
      void fixture.app.query(kill)
    }
    await expect(archive.run('p', { onProgress })).rejects.toMatchObject({ code: 'HF_PG_ARCHIVE_FAILED', retryable: true })
    expect(await archive.run('p')).toMatchObject({ rowCount: 2000, isResumed: true })
  })

  it('HF_PG_ARCHIVE_LOCKED, HF_PG_ARCHIVE_SLOW: gives up after many short attempts', async () => {
    // Pauses between attempts are as short as they may be: the random number is below zero.
    const quick = { maxLockTime: '20ms', random: () => -0.99 }
    await fixture.app.query(`create table slow (like lead including all); insert into slow select * from lead;
      create function wait_long() returns trigger language plpgsql as $$ begin perform pg_sleep(0.2); return old; end $$;
      create trigger wait_long before delete on slow for each row execute function wait_long()`)
    expect(await refusal({ table: 'slow', action: 'delete', ...old }, quick)).toMatchObject({ code: 'HF_PG_ARCHIVE_SLOW' })
    const ddl = await fixture.connect()
    await fixture.app.query('create table locked (like lead including all); insert into locked select * from lead')
    const archive = fixture.archive({ table: 'locked', action: 'move', ...old }, { ...quick, maxLockTime: '400ms', maxBatch: 10 })
    let isLocked = false
    const onProgress = (): void => {
      if (isLocked) return
      isLocked = true
      void ddl.query('begin; lock table locked in access exclusive mode')
    }
    const run = archive.run('p', { onProgress })
    await expect(run).rejects.toMatchObject({ code: 'HF_PG_ARCHIVE_LOCKED', retryable: true })
    await ddl.query('rollback')
  })
})
