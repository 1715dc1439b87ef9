import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ArchiveFixture, archiveFixture } from './fixture.ts'

let fixture: ArchiveFixture
beforeAll(async () => {
  fixture = await archiveFixture('archive_partitions')
})
afterAll(() => fixture.close())

/** Months before now, each with 100 rows; the last one is the current month. */
async function partitioned(name: string, type = 'timestamptz'): Promise<void> {
  await fixture.app.query(
    `create table ${name} (id bigint generated always as identity, at ${type} not null, v int, primary key (id, at)) partition by range (at)`,
  )
  for (let back = 4; back >= 0; back -= 1) {
    const from = `date_trunc('month', now()) - interval '${back} months'`
    const { rows } = await fixture.app.query(`select (${from})::${type}::text as low, (${from} + interval '1 month')::${type}::text as high`)
    await fixture.app.query(`create table ${name}_${back} partition of ${name} for values from ('${rows[0].low}') to ('${rows[0].high}')`)
    await fixture.app.query(`insert into ${name} (at, v) select (${from})::${type}, n from generate_series(1, 100) n`)
  }
}
const attached = async (table: string): Promise<string[]> =>
  (await fixture.app.query(`select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1`, [table])).rows.map(
    row => row.name,
  )

describe('a table in ranges of the time that its rows are old by', () => {
  it.each(['timestamptz', 'timestamp', 'date'])('has its old partitions detached while it is used, not its rows moved (%s)', async type => {
    const table = `moved_${type}`
    await partitioned(table, type)
    const archive = fixture.archive({ name: table, table, action: 'move', olderThan: { column: 'at', age: '62d' } })
    const preview = await archive.preview(table)
    expect(preview.partitions.length).toBeGreaterThanOrEqual(2)
    const reader = await fixture.connect()
    await reader.query(`begin; select count(*) from ${table} where at > now() - interval '1 day'; commit`)
    const report = await archive.run(table)
    expect(report).toMatchObject({ partitions: preview.partitions, rowCount: preview.partitions.length * 100, batchCount: 0 })
    expect(await attached(table)).toHaveLength(5 - preview.partitions.length)
    // Each is a table of its own now.
    for (const partition of report.partitions) expect(await fixture.value(`select count(*)::int from ${partition}`)).toBe(100)
    expect(await archive.run(table)).toMatchObject({ partitions: [], rowCount: 0 })
  })

  it('has them dropped for delete, and finishes a detach that a killed process left', async () => {
    await partitioned('dropped')
    const archive = fixture.archive({ name: 'dropped', table: 'dropped', action: 'delete', olderThan: { column: 'at', age: '62d' } })
    const oldest = 'dropped_4'
    // As the process would have left it: its row says which partition, and the detach waits for a reader.
    const reader = await fixture.connect()
    await reader.query('begin; select count(*) from dropped')
    const detaching = await fixture.connect()
    await detaching.query("set lock_timeout = '300ms'")
    await expect(detaching.query(`alter table dropped detach partition ${oldest} concurrently`)).rejects.toMatchObject({ code: '55P03' })
    expect(await fixture.value('select count(*)::int from pg_inherits where inhdetachpending')).toBe(1)
    await reader.query('commit')
    const report = await archive.run('dropped')
    expect(report.partitions[0]).toBe(`public.${oldest}`)
    expect(await fixture.value(`select to_regclass('${oldest}')`)).toBeNull()
    expect(await fixture.value('select count(*)::int from pg_inherits where inhdetachpending')).toBe(0)
    expect(report.rowCount).toBe(report.partitions.length * 100)
  })

  it('goes by rows when there is a condition besides', async () => {
    await partitioned('conditional')
    const archive = fixture.archive({
      name: 'conditional',
      table: 'conditional',
      action: 'move',
      olderThan: { column: 'at', age: '1d' },
      where: 'v <= 10',
    })
    const report = await archive.run('conditional')
    expect(report).toMatchObject({ partitions: [], into: 'public.conditional_archive' })
    expect(report.rowCount).toBeGreaterThanOrEqual(40)
    expect(await attached('conditional')).toHaveLength(5)
  })

  it('HF_PG_ARCHIVE_PARTITIONS: says when they cannot be detached without blocking', async () => {
    await partitioned('defaulted')
    await fixture.app.query('create table defaulted_rest partition of defaulted default')
    const archive = fixture.archive({ name: 'defaulted', table: 'defaulted', action: 'move', olderThan: { column: 'at', age: '62d' } })
    await expect(archive.run('defaulted')).rejects.toMatchObject({
      code: 'HF_PG_ARCHIVE_PARTITIONS',
      message: expect.stringContaining('default partition'),
    })
    expect(await attached('defaulted')).toHaveLength(6)
  })

  it('HF_PG_ARCHIVE_EVERYTHING: would leave no partition', async () => {
    await partitioned('all_old')
    await fixture.app.query('drop table all_old_0, all_old_1')
    const archive = fixture.archive({ name: 'all_old', table: 'all_old', action: 'delete', olderThan: { column: 'at', age: '1d' } })
    await expect(archive.run('all_old')).rejects.toMatchObject({ code: 'HF_PG_ARCHIVE_EVERYTHING' })
    expect(await attached('all_old')).toHaveLength(3)
  })
})
