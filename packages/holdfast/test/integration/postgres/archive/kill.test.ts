import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ArchivePolicy, ArchiveReport } from '../../../../src/postgres/archive/index.ts'
import { bundleChild } from '../../bundle-child.ts'
import { type ArchiveFixture, archiveFixture } from './fixture.ts'

/** `HOLDFAST_TEST_ARCHIVE_ROWS=1000000` for the long run. */
const ROWS = Number(process.env.HOLDFAST_TEST_ARCHIVE_ROWS ?? 20_000)
const SEED = Number(process.env.HOLDFAST_TEST_ARCHIVE_SEED ?? 7)
const KILLS = 10
/** Two thirds are old. */
const OLD = ROWS - Math.floor(ROWS / 3)

let fixture: ArchiveFixture
beforeAll(async () => {
  fixture = await archiveFixture('archive_kill')
  await fixture.app.query('create table event (id bigint primary key, at timestamptz not null, kind text not null, payload text not null)')
  await fixture.app.query(`insert into event select n, now() - case when n % 3 = 0 then interval '0' else interval '1 year' end, 'k' || n % 7, md5(n::text)
    from generate_series(1, ${ROWS}) n`)
  await fixture.app.query('vacuum analyze event')
}, 300_000)
afterAll(() => fixture.close())

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

async function start(options: object): Promise<ChildProcess> {
  return fork(await bundleChild(new URL('archive-child.ts', import.meta.url)), [JSON.stringify({ databaseUrl: fixture.database.url, ...options })], {
    execArgv: [],
  })
}

it(`loses and doubles no row when its process is killed at ${KILLS} points, and says how many it moved (seed ${SEED}, ${ROWS} rows)`, async () => {
  const random = seeded(SEED)
  const policy: ArchivePolicy = { name: 'events', table: 'event', action: 'move', olderThan: { column: 'at', age: '30d' } }
  const options = { policies: [policy], maxLockTime: '5s', share: 1, maxBatch: Math.max(50, Math.floor(OLD / 130)) }
  const whole = `select count(*)::int as count, count(distinct id)::int as ids, sum(hashtextextended((id, at, kind, payload)::text, 0))::text as checksum,
    count(*) filter (where is_old)::int as archived, (select coalesce(sum(row_count), 0)::int from holdfast.archive_run) as noted
    from (select id, at, kind, payload, false from event union all select id, at, kind, payload, true from event_archive) as r(id, at, kind, payload, is_old)`
  const before = (await fixture.app.query('select sum(hashtextextended((id, at, kind, payload)::text, 0))::text as checksum from event')).rows[0]
  let last = 0
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const child = await start(options)
    const at = Math.floor(((kill - random()) / (KILLS + 1)) * OLD)
    const exit = once(child, 'exit')
    while (child.exitCode === null) {
      const [message] = (await Promise.race([once(child, 'message'), exit])) as [{ rowCount?: number }]
      if (message?.rowCount === undefined || message.rowCount >= at) break
    }
    // Anywhere in the batch that follows: nothing to wait for, so a time of the seed.
    await new Promise(resolve => setTimeout(resolve, random() * 8))
    child.kill('SIGKILL')
    expect((await exit)[1]).toBe('SIGKILL')
    const { rows } = await fixture.app.query(whole)
    expect(rows[0]).toMatchObject({ count: ROWS, ids: ROWS, checksum: before.checksum, noted: rows[0].archived })
    expect(rows[0].archived).toBeGreaterThanOrEqual(Math.max(last, at))
    expect(rows[0].archived).toBeLessThan(OLD)
    last = rows[0].archived
  }
  const child = await start(options)
  let report: ArchiveReport | undefined
  child.on('message', (message: { report?: ArchiveReport }) => (report ??= message.report))
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(report).toMatchObject({ isResumed: true, rowCount: OLD, leftCount: 0 })
  expect((await fixture.app.query(whole)).rows[0]).toEqual({ count: ROWS, ids: ROWS, checksum: before.checksum, archived: OLD, noted: OLD })
  expect(await fixture.value("select count(*)::int from event where at < now() - interval '30 days'")).toBe(0)
  // One run, which eleven processes worked on.
  expect(await fixture.value('select count(*)::int from holdfast.archive_run')).toBe(1)
}, 600_000)

it('is run by one process of a fleet when it is due, and by another when that one dies', async () => {
  await fixture.app.query('create table tick as select n as id, false as done from generate_series(1, 4000) n; alter table tick add primary key (id)')
  const policy: ArchivePolicy = { name: 'ticks', table: 'tick', action: 'move', where: 'not done', allowEverything: true, schedule: { every: '1s' } }
  const options = { policies: [policy], isScheduled: true, maxLockTime: '5s', share: 0.5, maxBatch: 100 }
  const fleet = await Promise.all(Array.from({ length: 3 }, () => start(options)))
  const workers = new Set<ChildProcess>()
  for (const child of fleet) child.on('message', () => workers.add(child))
  await expect.poll(() => workers.size, { timeout: 20_000 }).toBe(1)
  const [first] = [...workers]
  first!.kill('SIGKILL')
  await expect.poll(() => fixture.value('select count(*)::int from tick'), { timeout: 20_000 }).toBe(0)
  for (const child of fleet) child.kill('SIGKILL')
  expect(workers.size).toBe(2)
  expect(await fixture.value('select count(*)::int from tick_archive')).toBe(4000)
  // The run that was begun by the dead one, taken up; later moments found nothing to do.
  const { rows } = await fixture.app.query("select row_count::int as rows from holdfast.archive_run where policy = 'ticks' order by id")
  expect(rows[0]).toEqual({ rows: 4000 })
  expect(rows.slice(1).every(({ rows: count }) => count === 0)).toBe(true)
})
