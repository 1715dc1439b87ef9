import { flushStatistics, serverMajor } from '@holdfast/testkit'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Finding } from '../../../../src/core/index.ts'
import type { AdviceReport, Advisor, AdvisorOptions } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture } from './fixture.ts'
import { breakIndexBuild, daysLater, makeTroubles, runTroubledStatements } from './troubled-database.ts'

let fixture: AdvisorFixture
let report: AdviceReport

/** An advisor to whose server more than a month has passed. */
function monthLater(of: AdvisorFixture, options: Partial<AdvisorOptions> = {}): Advisor {
  return of.advisor({ connect: async () => daysLater(await of.connect(), 40), ...options })
}

function found(rule: string, part = ''): Finding | undefined {
  return report.findings.find(finding => finding.rule === rule && finding.title.includes(part))
}

/** What each rule has to find, and a part of its title. */
const EXPECTED: readonly (readonly [string, string])[] = [
  ['pg/unused-index', 'visit_note_idx'],
  ['pg/duplicate-index', 'visit_day_twin'],
  ['pg/invalid-index', 'visit_broken_idx'],
  ['pg/foreign-key-index', 'visit_customer'],
  ['pg/low-hot-ratio', 'tally'],
  ['pg/dead-tuples', 'tally'],
  ['pg/autovacuum-settings', 'off for tally'],
  ['pg/autovacuum-settings', 'comes to log only after'],
  ['pg/stale-statistics', 'fresh'],
  ['pg/wraparound', 'old'],
  ['pg/bloat', 'airy'],
  ['pg/sequence-end', 'ticket_id_seq'],
  ['pg/extended-statistics', 'place by city and zip'],
  ['pg/overdue-view', 'materialized view visits_by_day was refreshed'],
  ['pg/work-mem', 'spills'],
  ['pg/idle-in-transaction', 'forgetful'],
  ['pg/long-transaction', 'patient'],
  ['pg/lock-chain', 'forgetful'],
  ['pg/connection-budget', 'the pools may ask for 180'],
  ['pg/offset-paging', 'paging by OFFSET'],
  ['pg/select-star', 'wide'],
  ['pg/cast-defeats-index', 'day::date keeps index visit_day'],
  ['pg/cacheable-statement', 'a read of place'],
]

beforeAll(async () => {
  fixture = await advisorFixture('rules')
  const { app } = fixture
  await makeTroubles(app)
  await breakIndexBuild(app, await fixture.connect())
  // Since when indexes are not read is known from the first look on.
  await fixture.advisor().advise({ limit: 0 })
  // A view whose schedule nobody runs any more, as the log of its refreshes tells it.
  await app.query(`create materialized view visits_by_day as select day::date, count(*) from visit group by 1;
    insert into holdfast.view_refresh (schema_name, view_name, due_at, overdue_at, finished_at, duration_ms, row_count, outcome)
      values ('public', 'visits_by_day', now(), now() + interval '90 min', now(), 12, 14, 'refreshed')`)

  const forgetful = await fixture.connect()
  await forgetful.query("set application_name = 'forgetful'; begin isolation level repeatable read")
  await forgetful.query("update customer set name = 'held' where id = 12000")
  await app.query('call burn_transactions(155000)')
  const patient = await fixture.connect()
  await patient.query("set application_name = 'patient'")
  const waiting = patient.query('begin; delete from customer where id = 12000').catch(() => undefined)
  await vi.waitFor(
    async () => expect((await app.query('select from pg_locks where not granted and pid <> pg_backend_pid()')).rowCount).toBeGreaterThan(0),
    {
      timeout: 20_000,
      interval: 20,
    },
  )

  const advisor = monthLater(fixture, { pools: [{ name: 'api', max: 90, instances: 2 }] })
  const since = await advisor.mark()
  await runTroubledStatements(app)
  report = await advisor.advise({ since, limit: 0 })
  await forgetful.query('rollback')
  await waiting
  await patient.query('commit')
}, 60_000)

afterAll(() => fixture.close())

describe('the rules', () => {
  it('pg/random-page-cost finds random_page_cost is 4, where the server counts reads alone', async () => {
    const unknown = report.unknown.filter(({ rule }) => rule === 'pg/random-page-cost')
    if ((await serverMajor(fixture.app)) >= 16)
      expect([found('pg/random-page-cost', 'random_page_cost is 4'), unknown]).toEqual([expect.anything(), []])
    else expect(unknown).toMatchObject([{ why: expect.stringContaining('before PostgreSQL 16') }])
  })

  it.each(EXPECTED)('%s finds %s', (rule, part) => {
    const finding = found(rule, part)
    expect(finding, JSON.stringify([report.findings.map(({ rule: name, title }) => `${name}: ${title}`), report.unknown], null, 1)).toBeDefined()
    expect(finding?.severity).toMatch(/^(info|warning|critical)$/)
    // Advice without numbers is none.
    expect(finding?.evidence.figures?.some(({ value }) => /\d/.test(value))).toBe(true)
    expect(finding?.recommendation.summary.length).toBeGreaterThan(20)
    expect(finding?.recommendation.lockNote.length).toBeGreaterThan(0)
    expect(finding?.recommendation.confidence).toBeDefined()
  })

  it('offers a change with its undo, or says why it makes none', () => {
    for (const { rule, recommendation } of report.findings) {
      if (recommendation.manual === undefined) expect(recommendation.sql.length, rule).toBeGreaterThan(0)
      else expect(recommendation.manual.length, rule).toBeGreaterThan(10)
    }
  })

  it('calls no index unused or needless that backs a key, is read, or is the one that stays', () => {
    const named = report.findings.filter(({ rule }) => /unused|duplicate/.test(rule)).map(({ title }) => title)
    expect(named.join('\n')).not.toContain('pkey')
    const needless = report.findings.filter(({ rule }) => rule === 'pg/duplicate-index').map(({ title }) => title.split(' ')[1])
    expect(needless.toSorted()).toEqual(['visit_day_idx', 'visit_day_twin'])
  })

  it('shows no literal of the application', () => {
    expect(JSON.stringify(report)).not.toMatch(/customer 1|note 1|2026-01-05|'held'/)
  })

  it('pg/high-cost finds a statement of half a second', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    await fixture.app.query('select pg_sleep(0.51)')
    const { findings } = await advisor.advise({ since, minCalls: 1, rules: 'high-cost' })
    expect(findings).toMatchObject([{ rule: 'pg/high-cost', evidence: { statement: 'select pg_sleep($1)', before: { sampleCount: 1 } } }])
  })

  it('finds the same cause under the same id, and lets go of what is mended', async () => {
    const invalid = found('pg/invalid-index')!
    const advisor = monthLater(fixture)
    const again = await advisor.advise({ rules: 'pg/invalid-index' })
    expect(again.findings.map(({ id, rule }) => [id, rule])).toEqual([[invalid.id, 'pg/invalid-index']])
    await fixture.app.query('drop index visit_broken_idx')
    expect((await advisor.advise({ rules: '*invalid*' })).findings).toEqual([])
    expect((await advisor.finding(invalid.id)).state).toBe('gone')
  })
})

describe('on a healthy database', () => {
  it('the rules are silent', async () => {
    const healthy = await advisorFixture('healthy')
    try {
      await makeHealthy(healthy.app)
      // The indexes are known for more than a month, and used since.
      await healthy.advisor({ connect: async () => daysLater(await healthy.connect(), -40) }).advise({ limit: 0 })
      const advisor = healthy.advisor({ connect: async () => daysLater(await healthy.connect(), 0) })
      const since = await advisor.mark()
      for (let i = 0; i < 200; i += 1) {
        await healthy.app.query('select id, total from purchase where buyer_id = $1 order by id limit 20', [1 + (i % 500)])
        await healthy.app.query('update purchase set note = $1 where id = $2', ['seen', 1 + i])
      }
      await healthy.app.query('delete from buyer where id = 12000')
      await flushStatistics(healthy.app)
      const { findings } = await advisor.advise({ since, limit: 0 })
      expect(findings.map(({ rule, title }) => `${rule}: ${title}`)).toEqual([])
    } finally {
      await healthy.close()
    }
  })
})

/** Tables with the indexes that their statements use, analyzed, under no strain. */
async function makeHealthy(app: pg.Client): Promise<void> {
  await app.query(`drop table assignment, tiny;
    create table buyer (id int primary key, name text not null);
    insert into buyer select i, 'buyer ' || i from generate_series(1, 12000) i;
    create table purchase (id bigint generated always as identity primary key, buyer_id int not null references buyer, total int not null, note text) with (fillfactor = 80);
    insert into purchase (buyer_id, total) select 1 + i % 500, i from generate_series(1, 20000) i;
    create index purchase_buyer_idx on purchase (buyer_id, id)`)
  await flushStatistics(app)
  await app.query('vacuum (analyze)')
}
