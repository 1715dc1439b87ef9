import { stressLifecycle } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ArchiveProgress } from '../../../../src/postgres/archive/index.ts'
import { type ArchiveFixture, archiveFixture } from './fixture.ts'

let fixture: ArchiveFixture
beforeAll(async () => {
  fixture = await archiveFixture('archive')
})
afterAll(() => fixture.close())

const ROWS = 3000
/** A third of the rows is older than 90 days. */
async function leads(table: string): Promise<void> {
  await fixture.app.query(`create table ${table} (id bigint generated always as identity primary key, status text not null, score int not null,
    doubled int generated always as (score * 2) stored, created_at timestamptz not null, note text)`)
  await fixture.app.query(`insert into ${table} (status, score, created_at, note) select case when n % 2 = 0 then 'closed' else 'open' end, n,
    now() - (n % 3) * interval '60 days', nullif(repeat('ä', n % 4), '') from generate_series(1, ${ROWS}) n`)
}
/** Count and checksum of rows that are in a table and its archive together, and whether any is in both. */
async function together(table: string, archive: string): Promise<unknown> {
  const columns = 'id, status, score, doubled, created_at, note'
  const { rows } =
    await fixture.app.query(`select count(*)::int as count, count(distinct id)::int as ids, sum(hashtextextended(r::text, 0))::text as checksum
    from (select ${columns} from ${table} union all select ${columns} from ${archive}) r`)
  return rows[0]
}
const checksum = (table: string): Promise<unknown> =>
  fixture.value(`select sum(hashtextextended((id, status, score, doubled, created_at, note)::text, 0))::text from ${table}`)

describe('moving rows', () => {
  it('takes exactly the old rows, with every value, into a table of the same shape', async () => {
    await leads('lead')
    const before = await checksum('lead')
    const archive = fixture.archive({ table: 'lead', action: 'move', olderThan: { column: 'created_at', age: '90d' } }, { maxBatch: 300 })
    const preview = await archive.preview('p')
    expect(preview).toMatchObject({
      matchCount: 1000,
      tableCount: ROWS,
      isEstimate: false,
      isEverything: false,
      table: 'public.lead',
      into: 'public.lead_archive',
    })
    expect(await fixture.value("select to_regclass('lead_archive')")).toBeNull()
    expect(await fixture.value("select to_regclass('holdfast.archive_run')")).toBeNull()

    const seen: ArchiveProgress[] = []
    const report = await archive.run('p', { onProgress: progress => seen.push(progress) })
    expect(report).toMatchObject({ rowCount: 1000, leftCount: 0, isResumed: false, into: 'public.lead_archive', action: 'move' })
    expect(report.batchCount).toBe(seen.filter(({ phase }) => phase === 'rows').length)
    expect(seen.at(-1)).toMatchObject({ rowCount: 1000, policy: 'p' })
    expect(await together('lead', 'lead_archive')).toEqual({ count: ROWS, ids: ROWS, checksum: before })
    expect(await fixture.value("select count(*)::int from lead where created_at < now() - interval '90 days'")).toBe(0)
    expect(await fixture.value("select count(*)::int from lead_archive where archived_at > now() - interval '1 hour'")).toBe(1000)
    expect(await archive.run('p')).toMatchObject({ rowCount: 0, isResumed: false })

    const { rows } = await fixture.app.query('select what, finding_id, outcome, detail from holdfast.audit_log order by id limit 1')
    expect(rows).toEqual([
      {
        what: 'archive',
        finding_id: 'p',
        outcome: 'done',
        detail: `move 1000 rows of public.lead into public.lead_archive, ${report.batchCount} batches`,
      },
    ])
    expect(await archive.runs()).toMatchObject([
      { rowCount: 0, outcome: 'done' },
      { rowCount: 1000, outcome: 'done' },
    ])
  })

  it('goes on where an aborted run was', async () => {
    await leads('aborted')
    const before = await checksum('aborted')
    const archive = fixture.archive(
      { name: 'aborted', table: 'aborted', action: 'move', olderThan: { column: 'created_at', age: '90d' } },
      { maxBatch: 50 },
    )
    const abort = new AbortController()
    const reason = new Error('enough')
    const onProgress = ({ rowCount }: ArchiveProgress): void => void (rowCount >= 150 && abort.abort(reason))
    await expect(archive.run('aborted', { signal: abort.signal, onProgress })).rejects.toBe(reason)
    expect(await together('aborted', 'aborted_archive')).toEqual({ count: ROWS, ids: ROWS, checksum: before })
    const [half] = await archive.runs()
    expect(half).toMatchObject({ policy: 'aborted', finishedAtMs: null, outcome: null })
    expect(half!.rowCount).toBe(await fixture.value('select count(*)::int from aborted_archive'))
    expect(await archive.run('aborted')).toMatchObject({ isResumed: true, rowCount: 1000 })
    expect(await together('aborted', 'aborted_archive')).toEqual({ count: ROWS, ids: ROWS, checksum: before })
  })

  it('begins anew when the policy was changed in between', async () => {
    await leads('changed')
    const abort = new AbortController()
    const first = fixture.archive({ name: 'changed', table: 'changed', action: 'move', where: "status = 'closed' and score > 100" }, { maxBatch: 50 })
    await expect(first.run('changed', { signal: abort.signal, onProgress: () => abort.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    const moved = await fixture.value('select count(*)::int from changed_archive')
    const second = fixture.archive({ name: 'changed', table: 'changed', action: 'move', where: "status = 'closed'" })
    expect(await second.run('changed')).toMatchObject({ isResumed: false, rowCount: 1500 - Number(moved) })
    expect((await second.runs()).slice(0, 2)).toMatchObject([{ outcome: 'done' }, { outcome: 'replaced', rowCount: moved }])
  })

  it('passes over rows that others hold, and takes them when they are let go', async () => {
    await fixture.app.query('create table held as select n as id, 1 as v from generate_series(1, 500) n; alter table held add primary key (id)')
    const writer = await fixture.connect()
    await writer.query('begin; update held set v = 2 where id in (7, 300)')
    const archive = fixture.archive({ name: 'held', table: 'held', action: 'move', where: 'id <= 400' })
    expect(await archive.run('held')).toMatchObject({ rowCount: 398, leftCount: 2 })
    await writer.query('commit')
    expect(await archive.run('held')).toMatchObject({ rowCount: 2, leftCount: 0 })
    expect(await fixture.value('select count(*)::int from held_archive where v = 2')).toBe(2)
  })

  it('leaves a row that no longer matches when its turn comes', async () => {
    await fixture.app.query(
      "create table turn as select n as id, 'closed' as status from generate_series(1, 300) n; alter table turn add primary key (id)",
    )
    const archive = fixture.archive(
      { name: 'turn', table: 'turn', action: 'delete', where: "status = 'closed'", allowEverything: true },
      { maxBatch: 10 },
    )
    let isReopened = false
    const work = archive.run('turn', {
      onProgress: ({ rowCount }) => {
        if (rowCount < 20 || isReopened) return
        isReopened = true
        void fixture.app.query("update turn set status = 'open' where id > 290")
      },
    })
    expect(await work).toMatchObject({ rowCount: 290 })
    expect(await fixture.value('select count(*)::int from turn')).toBe(10)
  })

  it('takes names that need quotes, keys of several columns, and a time without a zone as UTC', async () => {
    await fixture.app.query(`create schema "Odd "" one"; create table "Odd "" one"."Lead's; drop" ("Key A" text, "select" uuid default gen_random_uuid(),
      "at" timestamp not null, v numeric(10, 3), tags text[], primary key ("select", "Key A"))`)
    await fixture.app.query(`insert into "Odd "" one"."Lead's; drop" ("Key A", at, v, tags) select 'k"' || n,
      (now() at time zone 'UTC') - case when n % 2 = 0 then interval '2 hours' else interval '0' end, n / 7.0, array['a,"b', n::text] from generate_series(1, 200) n`)
    const archive = fixture.archive({
      name: 'odd',
      table: '"Odd "" one"."Lead\'s; drop"',
      into: '"Odd "" one".old',
      action: 'move',
      olderThan: { column: 'at', age: '1h' },
    })
    const watcher = await fixture.connect()
    const name = new URL(fixture.database.url).pathname.slice(1)
    await watcher.query(`alter database ${name} set timezone = 'Pacific/Auckland'`)
    expect(await archive.run('odd')).toMatchObject({ rowCount: 100, table: `"Odd "" one"."Lead's; drop"` })
    expect(await fixture.value(`select count(*)::int from "Odd "" one".old where tags[1] = 'a,"b' and "Key A" like 'k"%'`)).toBe(100)
    await watcher.query(`alter database ${name} reset timezone`)
  })
})

describe('copying and deleting', () => {
  it('copies each row once, however often it runs, and leaves the table as it is', async () => {
    await leads('copied')
    const before = await checksum('copied')
    const archive = fixture.archive({ name: 'copied', table: 'copied', action: 'copy', where: "status = 'closed'" }, { maxBatch: 200 })
    expect(await archive.run('copied')).toMatchObject({ rowCount: 1500, leftCount: 0 })
    await fixture.app.query("insert into copied (status, score, created_at) values ('closed', 1, now())")
    expect(await archive.run('copied')).toMatchObject({ rowCount: 1 })
    await fixture.app.query('delete from copied where id > 3000')
    expect(await checksum('copied')).toBe(before)
    expect(await fixture.value('select count(*)::int from copied_archive')).toBe(1501)
  })

  it('deletes by age and condition together', async () => {
    await leads('deleted')
    const policy = {
      name: 'deleted',
      table: 'deleted',
      action: 'delete' as const,
      olderThan: { column: 'created_at', age: '90d' as const },
      where: "status = 'closed'",
    }
    const archive = fixture.archive(policy)
    expect(await archive.run('deleted')).toMatchObject({ rowCount: 500 })
    expect(await fixture.value("select to_regclass('deleted_archive')")).toBeNull()
    expect(await fixture.value('select count(*)::int from deleted')).toBe(ROWS - 500)
  })

  it('leaves rows that are referred to, and takes referring tables first', async () => {
    await fixture.app.query(`create table parent (id int primary key, done boolean not null);
      create table child (id int primary key, parent_id int not null references parent, done boolean not null); create index on child (parent_id);
      insert into parent select n, n <= 100 from generate_series(1, 200) n;
      insert into child select n, n, n <= 60 from generate_series(1, 80) n`)
    const policies = [
      { name: 'parent', table: 'parent', action: 'move' as const, where: 'done', referenced: 'skip' as const },
      { name: 'child', table: 'child', action: 'move' as const, where: 'done' },
    ]
    const archive = fixture.archive(policies[0]!, { policies })
    const reports = await archive.runAll()
    expect(reports.map(({ policy, rowCount }) => [policy, rowCount])).toEqual([
      ['child', 60],
      ['parent', 80],
    ])
    expect(await fixture.value('select count(*)::int from parent p where done and exists (select from child where parent_id = p.id)')).toBe(20)
  })

  it('takes a tree apart from its leaves', async () => {
    await fixture.app.query(`create table tree (id int primary key, up int references tree, old boolean not null);
      insert into tree select n, case when n > 1 then n / 2 end, n < 16 or n % 2 = 0 from generate_series(1, 31) n; insert into tree values (100, 100, true)`)
    const archive = fixture.archive({ name: 'tree', table: 'tree', action: 'move', where: 'old', referenced: 'skip' })
    const report = await archive.run('tree')
    // What stays: the leaves that are young, and all above them. The row that refers to itself goes.
    expect(report.rowCount).toBe(9)
    expect(await fixture.value('select count(*)::int from tree where id = 100')).toBe(0)
  })
})

describe('the pace', () => {
  it('has the server end a batch that would hold its locks too long, and takes fewer rows then', async () => {
    await fixture.app.query(`create table slow as select n as id from generate_series(1, 400) n; alter table slow add primary key (id);
      create function slow_down() returns trigger language plpgsql as $$ begin perform pg_sleep(0.004); return old; end $$;
      create trigger slow_down before delete on slow for each row execute function slow_down()`)
    const seen: string[] = []
    const archive = fixture.archive({ name: 'slow', table: 'slow', action: 'delete', where: 'id > 200' }, { maxLockTime: '150ms', maxBatch: 1000 })
    // The first hundred rows take 400 ms at least.
    expect(await archive.run('slow', { onProgress: ({ line }) => seen.push(line) })).toMatchObject({ rowCount: 200 })
    expect(seen.some(line => line.includes('made smaller'))).toBe(true)
  })

  it('keeps the lifecycle contract', async () => {
    await stressLifecycle(() => fixture.archive({ table: 'none', action: 'delete', where: 'true', schedule: { every: '1h' } }), 3)
  })
})
