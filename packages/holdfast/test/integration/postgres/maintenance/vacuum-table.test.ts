import { flushStatistics } from '@holdfast/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type VacuumOptions, type VacuumProgress, type VacuumReport, vacuumTable } from '../../../../src/postgres/maintenance/index.ts'
import { type ArchiveFixture, archiveFixture } from '../archive/fixture.ts'

let fixture: ArchiveFixture
beforeAll(async () => {
  fixture = await archiveFixture('vacuum')
  await fixture.app.query(`create table lead (id int primary key, note text) with (autovacuum_enabled = off);
    insert into lead select n, repeat('x', 100) from generate_series(1, 20000) n; create table "Odd.Name" (id int) with (autovacuum_enabled = off); create view v as select 1`)
})
afterAll(() => fixture.close())
beforeEach(async () => {
  await fixture.app.query("update lead set note = note || 'y' where id % 4 = 0")
  await flushStatistics(fixture.app)
})

const vacuum = (options: Partial<VacuumOptions> = {}): Promise<VacuumReport> =>
  vacuumTable({ connect: () => fixture.connect(), table: 'lead', ...options })

describe('a vacuum', () => {
  it('makes room of dead rows, takes statistics anew while the table is used, and leaves a line in the audit log', async () => {
    const writer = await fixture.connect()
    // A moment's transaction: it holds a lock that the vacuum passes.
    await writer.query("begin; insert into lead values (-1, 'busy')")
    const report = await vacuum()
    await writer.query('rollback')
    expect(report).toMatchObject({ table: 'public.lead', isAnalyzed: true })
    expect(report.deadBefore).toBeGreaterThanOrEqual(5000)
    expect(report.deadAfter).toBeLessThan(report.deadBefore! / 10)
    expect(await fixture.value("select last_analyze is not null and last_vacuum is not null from pg_stat_user_tables where relname = 'lead'")).toBe(
      true,
    )
    expect(
      await fixture.value("select what || ' ' || finding_id || ' ' || outcome || ' ' || detail from holdfast.audit_log order by id desc limit 1"),
    ).toMatch(/^vacuum lead done VACUUM \(ANALYZE, TRUNCATE false\) public\.lead; dead rows \d+ before, \d+ after$/)
  })

  it('tells how far it is, and is cancelled by its signal', async () => {
    // Cost limits make a vacuum as slow as they are asked to.
    const slow = async () => {
      const client = await fixture.connect()
      await client.query('set vacuum_cost_delay = 20; set vacuum_cost_limit = 20')
      return client
    }
    const seen: VacuumProgress[] = []
    const abort = new AbortController()
    const reason = new Error('enough')
    const onProgress = (progress: VacuumProgress): void => {
      seen.push(progress)
      abort.abort(reason)
    }
    await expect(vacuum({ connect: slow, signal: abort.signal, onProgress })).rejects.toBe(reason)
    expect(seen[0]).toMatchObject({ phase: expect.any(String), doneRatio: expect.any(Number) })
    await expect(vacuum({ connect: slow, timeout: '100ms' })).rejects.toMatchObject({ code: 'HF_PG_VACUUM_TIMEOUT' })
  })

  it('HF_PG_VACUUM_BLOCKED: names the transaction that would make it vain', async () => {
    const old = await fixture.connect()
    await old.query('begin isolation level repeatable read; select count(*) from lead')
    await expect
      .poll(() =>
        fixture.value("select count(*)::int from pg_stat_activity where state = 'idle in transaction' and xact_start < now() - interval '20 ms'"),
      )
      .toBe(1)
    await expect(vacuum({ maxTransactionAge: '10ms' })).rejects.toMatchObject({
      code: 'HF_PG_VACUUM_BLOCKED',
      message: expect.stringMatching(/pid \d+/),
    })
    await old.query('rollback')
  })

  it('HF_PG_VACUUM_LOCKED, HF_PG_VACUUM_BUSY: gives way to what holds the table', async () => {
    const ddl = await fixture.connect()
    await ddl.query('begin; lock table lead in share update exclusive mode')
    await expect(vacuum({ lockTimeout: '50ms' })).rejects.toMatchObject({ code: 'HF_PG_VACUUM_LOCKED' })
    await ddl.query('rollback')
    await ddl.query("select pg_advisory_lock(hashtextextended('holdfast:vacuum:public.lead', 0))")
    await expect(vacuum()).rejects.toMatchObject({ code: 'HF_PG_VACUUM_BUSY', retryable: true })
    await ddl.end()
    expect(await fixture.value('select outcome from holdfast.audit_log order by id desc limit 1')).toBe('HF_PG_VACUUM_BUSY')
  })

  it.each([
    ['nowhere', 'HF_PG_TABLE_UNKNOWN'],
    ['a.b.c', 'HF_PG_TABLE_UNKNOWN'],
    ['lead; drop table lead', 'HF_PG_TABLE_UNKNOWN'],
    ['v', 'HF_PG_VACUUM_KIND'],
  ])('of %s is refused: %s', async (table, code) => {
    await expect(vacuum({ table })).rejects.toMatchObject({ code })
  })

  it('takes names that need quotes', async () => {
    expect(await vacuum({ table: '"Odd.Name"', analyze: false })).toMatchObject({ table: 'public."Odd.Name"', isAnalyzed: false })
  })

  it('HF_PG_NOT_ALLOWED: names the grant instead of doing nothing', async () => {
    const role = await fixture.role()
    await fixture.app.query(`grant usage on schema holdfast to ${role.name}; grant all on all tables in schema holdfast to ${role.name}`)
    const owner = await fixture.value('select current_user')
    const refused = vacuum({ connect: () => fixture.connect(role.url) })
    await expect(refused).rejects.toMatchObject({ code: 'HF_PG_NOT_ALLOWED', message: expect.stringContaining(`GRANT ${owner} TO ${role.name}`) })
  })

  it('HF_PG_VACUUM_FAILED: lost its connection', async () => {
    const lost = async () => {
      const client = await fixture.connect()
      await client.query('set vacuum_cost_delay = 20; set vacuum_cost_limit = 20')
      return client
    }
    const kill = (): void =>
      void fixture.app.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like 'VACUUM (ANALYZE%' and datname = current_database()",
      )
    await expect(vacuum({ connect: lost, onProgress: kill })).rejects.toMatchObject({ code: 'HF_PG_VACUUM_FAILED' })
  })
})
