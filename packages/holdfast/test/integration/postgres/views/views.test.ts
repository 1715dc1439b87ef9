import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { stressLifecycle } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { InvalidationTarget } from '../../../../src/postgres/outbox.ts'
import { createViews, type ViewDefinition, type Views, type ViewsOptions } from '../../../../src/postgres/views/index.ts'
import { bundleChild } from '../../bundle-child.ts'
import { type ArchiveFixture, archiveFixture } from '../archive/fixture.ts'

let fixture: ArchiveFixture
const children: ChildProcess[] = []
beforeAll(async () => {
  fixture = await archiveFixture('views')
  await fixture.app.query(`create table call (id int primary key, fund text not null, amount numeric not null);
    insert into call select n, 'fund ' || n % 7, n from generate_series(1, 700) n;
    create materialized view fund_performance as select fund, count(*) as calls, sum(amount) as amount from call group by fund;
    create unique index on fund_performance (fund);
    create materialized view slow_summary as select fund, count(*) as calls, pg_sleep(0.4) is null as slept from call where id <= 7 group by fund;
    create unique index on slow_summary (fund);
    create materialized view keyless as select fund, id % 10 as digit, count(*) as calls from call group by 1, 2`)
})
afterAll(() => fixture.close())
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

function views(definition: ViewDefinition, options: Partial<ViewsOptions> = {}): Views {
  return createViews({ connect: () => fixture.connect(), views: [definition], ...options })
}
async function processes(count: number, options: object): Promise<ChildProcess[]> {
  const file = await bundleChild(new URL('views-child.ts', import.meta.url))
  const started = Array.from({ length: count }, () =>
    fork(file, [JSON.stringify({ databaseUrl: fixture.database.url, ...options })], { execArgv: [] }),
  )
  children.push(...started)
  await Promise.all(started.map(child => once(child, 'message')))
  return started
}
const log = async (view: string): Promise<Record<string, unknown>[]> =>
  (await fixture.app.query('select outcome, row_count::int as rows, detail from holdfast.view_refresh where view_name = $1 order by id', [view])).rows
/** Sessions that hold the lock of a view. */
const lockHolders = (view: string): Promise<unknown> =>
  fixture.value(
    `select count(*)::int from pg_locks where locktype = 'advisory' and granted and objsubid = 1
     and (classid::bigint << 32) | objid::bigint = hashtextextended('holdfast:view:public.' || $1, 0)`,
    view,
  )

describe('refreshing a view', () => {
  it('shows new data while a reader reads, and records time and rows', async () => {
    await fixture.app.query("insert into call values (1000, 'fund new', 5)")
    const reader = await fixture.connect()
    await reader.query('begin; select * from fund_performance')
    const registry = createRegistry()
    const kept = views({ view: 'fund_performance' }, { registry })
    const report = await kept.refresh('fund_performance')
    expect(report).toMatchObject({ view: 'public.fund_performance', rowCount: 8, isConcurrent: true, invalidation: 'none' })
    await reader.query('commit')
    expect(await fixture.value("select calls::int from fund_performance where fund = 'fund new'")).toBe(1)
    const [state] = (await kept.states()).filter(({ view }) => view === 'public.fund_performance')
    expect(state).toMatchObject({ rowCount: 8, lastOutcome: 'refreshed', isOverdue: false, hasUsableIndex: true })
    expect(state!.durationMs).toBeCloseTo(report.tookMs)
    expect(await fixture.value("select detail from holdfast.audit_log where what = 'refresh' order by id desc limit 1")).toBe(
      'public.fund_performance: 8 rows, concurrently',
    )
    expect(kept.health()).toEqual({ status: 'ok', reasons: [] })
  })

  it('fills a view for the first time, for which it needs no index', async () => {
    await fixture.app.query('create materialized view "First ""one""" as select 1 as a with no data')
    expect(await views({ view: '"First ""one"""' }).refresh('"First ""one"""')).toMatchObject({ isConcurrent: false, rowCount: 1 })
  })

  it('is done once when two processes are asked at the same time', async () => {
    const two = await processes(2, { views: [{ view: 'slow_summary' }] })
    const outcomes = two.map(async child => {
      for (;;) {
        const [message] = (await once(child, 'message')) as [{ line?: string; report?: { rowCount: number }; code?: string }]
        if (message.line === undefined) return message
      }
    })
    for (const child of two) child.send('go')
    await expect.poll(() => lockHolders('slow_summary'), { timeout: 10_000, interval: 5 }).toBe(1)
    const answers = await Promise.all(outcomes)
    expect(answers.find(({ report }) => report !== undefined)?.report).toMatchObject({ rowCount: 7 })
    expect(answers.find(({ code }) => code !== undefined)?.code).toBe('HF_PG_VIEW_BUSY')
    expect(await log('slow_summary')).toMatchObject([{ outcome: 'refreshed', rows: 7 }])
  })

  it('is done once for each moment of the schedule by a fleet, and by another process when the one that began is killed', async () => {
    const fleet = await processes(3, { views: [{ view: 'slow_summary', schedule: { every: '10s' } }], isScheduled: true })
    const begun: ChildProcess[] = []
    for (const child of fleet) child.on('message', () => begun.push(child))
    await expect.poll(() => begun.length, { timeout: 15_000, interval: 5 }).toBe(1)
    begun[0]!.kill('SIGKILL')
    await expect
      .poll(async () => (await log('slow_summary')).map(({ outcome }) => outcome), { timeout: 20_000 })
      .toEqual(expect.arrayContaining(['died', 'refreshed']))
    const rows = await fixture.app.query(
      "select due_at from holdfast.view_refresh where view_name = 'slow_summary' and outcome = 'refreshed' and due_at is not null",
    )
    expect(new Set(rows.rows.map(row => row.due_at.getTime())).size).toBe(rows.rows.length)
  })

  it('drops the tags after the commit, and leaves them to others when Redis does not have them', async () => {
    const dropped: (readonly string[])[] = []
    let isReachable = true
    const target: InvalidationTarget = {
      namespace: 'app',
      isShared: true,
      check: () => undefined,
      isReachable: () => isReachable,
      // Seen from outside the new rows are there already.
      invalidate: async tags => {
        dropped.push(tags)
        if (isReachable) expect(await fixture.value('select amount::int from fund_performance where fund = $1', 'fund tag')).toBe(9)
        return isReachable
      },
      clear: async () => true,
    }
    await fixture.app.query("insert into call values (2000, 'fund tag', 9)")
    const kept = views({ view: 'fund_performance', tags: ['funds', 'größe'] }, { target })
    expect(await kept.refresh('fund_performance')).toMatchObject({ invalidation: 'done' })
    expect(await fixture.value('select count(*)::int from holdfast.invalidation')).toBe(0)
    isReachable = false
    expect(await kept.refresh('fund_performance')).toMatchObject({ invalidation: 'noted' })
    expect(dropped).toEqual([
      ['funds', 'größe'],
      ['funds', 'größe'],
    ])
    expect(JSON.parse(String(await fixture.value('select tags from holdfast.invalidation')))).toEqual(['funds', 'größe'])
    await fixture.app.query('delete from holdfast.invalidation')
  })
})

describe('a refresh that fails', () => {
  it('HF_PG_VIEW_FAILED: is reported in log, health and metrics, leaves the view as it was and no lock, and is over with the next good one', async () => {
    await fixture.app.query(`create materialized view fragile as select id, 100 / (amount - 3.5) as x from call; create unique index on fragile (id);
      create or replace function fragile_count() returns bigint language sql as 'select count(*) from fragile'`)
    const before = await fixture.value('select fragile_count()::int')
    const registry = createRegistry()
    const kept = views({ view: 'fragile', tags: ['x'] }, { registry })
    await fixture.app.query("insert into call values (3000, 'fund bad', 3.5)")
    await expect(kept.refresh('fragile')).rejects.toMatchObject({ code: 'HF_PG_VIEW_FAILED', message: expect.stringContaining('division by zero') })
    expect(await fixture.value('select fragile_count()::int')).toBe(before)
    // The server takes a moment to end a session.
    await expect.poll(() => lockHolders('fragile')).toBe(0)
    expect(kept.health()).toMatchObject({
      status: 'degraded',
      reasons: [{ component: 'postgres', why: expect.stringContaining('fragile could not be refreshed') }],
    })
    expect((await kept.states()).find(({ view }) => view === 'public.fragile')).toMatchObject({
      lastOutcome: 'HF_PG_VIEW_FAILED',
      lastDetail: expect.stringContaining('division'),
    })
    const counted = registry.snapshot().find(({ name }) => name === 'holdfast_pg_view_refreshes')?.series
    expect(counted).toMatchObject([{ labels: ['fragile', 'HF_PG_VIEW_FAILED'], value: 1 }])
    await fixture.app.query('delete from call where id = 3000')
    await kept.refresh('fragile')
    expect(kept.health().status).toBe('ok')
  })

  it('HF_PG_VIEW_LOCKED, HF_PG_VIEW_TIMEOUT: gives up in time, and is cancelled in the server by its signal', async () => {
    const holder = await fixture.connect()
    await holder.query('begin; refresh materialized view fund_performance')
    await expect(views({ view: 'fund_performance', lockTimeout: '50ms' }).refresh('fund_performance')).rejects.toMatchObject({
      code: 'HF_PG_VIEW_LOCKED',
      retryable: true,
    })
    await holder.query('rollback')
    // A process that was killed while it refreshed holds its lock until its statement is over.
    await expect.poll(() => lockHolders('slow_summary'), { timeout: 10_000 }).toBe(0)
    await expect(views({ view: 'slow_summary', statementTimeout: '100ms' }).refresh('slow_summary')).rejects.toMatchObject({
      code: 'HF_PG_VIEW_TIMEOUT',
    })
    const abort = new AbortController()
    const reason = new Error('enough')
    const stopped = views({ view: 'slow_summary' }).refresh('slow_summary', { signal: abort.signal, onProgress: () => abort.abort(reason) })
    await expect(stopped).rejects.toBe(reason)
    expect((await log('slow_summary')).at(-1)).toMatchObject({ outcome: 'stopped' })
    // The server takes a moment to end a session.
    await expect.poll(() => lockHolders('slow_summary')).toBe(0)
  })

  it('HF_PG_VIEW_NO_UNIQUE_INDEX: says the SQL to make one, over columns that are unique', async () => {
    const error = await views({ view: 'keyless' })
      .refresh('keyless')
      .catch(thrown => thrown)
    expect(error).toMatchObject({ code: 'HF_PG_VIEW_NO_UNIQUE_INDEX', hint: 'CREATE UNIQUE INDEX CONCURRENTLY ON public.keyless (fund, digit)' })
    await fixture.app.query(error.hint)
    expect(await views({ view: 'keyless' }).refresh('keyless')).toMatchObject({ rowCount: expect.any(Number) })
    // A partial one, one over an expression: PostgreSQL takes neither.
    await fixture.app.query(
      'drop index keyless_fund_digit_idx; create unique index on keyless (fund, digit) where calls > 0; create unique index on keyless ((fund || digit))',
    )
    await expect(views({ view: 'keyless' }).refresh('keyless')).rejects.toMatchObject({ code: 'HF_PG_VIEW_NO_UNIQUE_INDEX' })
  })

  it('HF_PG_VIEW_UNKNOWN, HF_PG_VIEW_KIND, HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_CONFIG_INVALID: names what is wrong', async () => {
    await expect(views({ view: 'fund_performance' }).refresh('other')).rejects.toMatchObject({
      code: 'HF_PG_VIEW_UNKNOWN',
      message: 'other; known are fund_performance',
    })
    await expect(views({ view: 'call' }).refresh('call')).rejects.toMatchObject({ code: 'HF_PG_VIEW_KIND' })
    await expect(views({ view: 'gone' }).refresh('gone')).rejects.toMatchObject({ code: 'HF_PG_TABLE_UNKNOWN' })
    const role = await fixture.role()
    await fixture.app.query(`grant usage on schema holdfast to ${role.name}; grant all on all tables in schema holdfast to ${role.name}`)
    const limited = createViews({ connect: () => fixture.connect(role.url), views: [{ view: 'fund_performance' }] })
    const owner = await fixture.value('select current_user')
    await expect(limited.refresh('fund_performance')).rejects.toMatchObject({
      code: 'HF_PG_NOT_ALLOWED',
      message: expect.stringContaining(`GRANT ${owner} TO ${role.name}`),
    })
    const bad = [
      { view: 'a.b.c' },
      { view: 'x', schedule: { every: '0s' }, maxAge: 'soon', often: true },
      { view: 'x' },
    ] as unknown as ViewDefinition[]
    expect(() => createViews({ connect: () => fixture.connect(), views: bad })).toThrow(
      expect.objectContaining({
        code: 'HF_CONFIG_INVALID',
        message: expect.stringMatching(/\[0\]\.view.*\[1\]\.often.*\[1\]\.schedule.*\[1\]\.maxAge.*\[2\]\.view/),
      }),
    )
  })
})

describe('a view that nobody refreshes', () => {
  it('is overdue in its state, and is refreshed at once by a process that starts', async () => {
    const kept = views({ view: 'fund_performance', maxAge: '1ms', schedule: { every: '1h' } })
    await kept.refresh('fund_performance')
    const overdue = async (): Promise<boolean | undefined> => (await kept.states()).find(({ view }) => view === 'public.fund_performance')?.isOverdue
    await expect.poll(overdue).toBe(true)
    expect(kept.health().reasons[0]?.why).toMatch(/fund_performance shows data of \d+ s ago/)
    const before = (await log('fund_performance')).length
    const starting = views({ view: 'fund_performance', schedule: { every: '1h' } })
    await starting.start()
    await expect.poll(async () => (await log('fund_performance')).length, { timeout: 10_000 }).toBe(before + 1)
    await expect.poll(overdue, { timeout: 10_000 }).toBe(false)
    await starting.stop()
  })

  it('keeps the lifecycle contract, also when the database is away', async () => {
    await stressLifecycle(() => views({ view: 'fund_performance', schedule: { every: '1h' } }), 2)
    const away = async (): Promise<pg.Client> => {
      throw new Error('away')
    }
    await stressLifecycle(() => views({ view: 'fund_performance', schedule: { every: '1h' } }, { connect: away }), 2)
  })
})
