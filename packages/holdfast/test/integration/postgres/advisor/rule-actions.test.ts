import { randomBytes } from 'node:crypto'
import { flushStatistics } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/core/index.ts'
import { quoteIdent } from '../../../../src/postgres/advisor/identifier.ts'
import { type Advisor, type AdvisorClient, createAdvisor } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture } from './fixture.ts'
import { daysLater } from './troubled-database.ts'

let fixture: AdvisorFixture
let advisor: Advisor

beforeAll(async () => {
  fixture = await advisorFixture('rule_actions')
  // A day later: what autovacuum may not have come to yet is not judged.
  advisor = fixture.advisor({ connect: async () => daysLater(await fixture.connect(), 1) })
  await fixture.app.query(`
    -- An automatic vacuum would hold the lock that a short lock time-out waits for.
    alter table assignment set (autovacuum_enabled = off);
    create index assignment_agent on assignment (agent_id);
    create index assignment_agent_twin on assignment (agent_id);
    create table note (id int primary key, assignment_id bigint not null references assignment, body text not null) with (autovacuum_enabled = off);
    insert into note select i, i, 'body' from generate_series(1, 11000) i;
    create table spot (id int primary key, city int not null, zip int not null);
    insert into spot select i, i % 200, i % 200 from generate_series(1, 20000) i`)
  await flushStatistics(fixture.app)
  await fixture.app.query('analyze')
})

afterAll(() => fixture.close())

async function findOne(rules: string): Promise<Finding> {
  const { findings, unknown } = await advisor.advise({ rules })
  expect(findings.length, JSON.stringify(unknown)).toBeGreaterThan(0)
  return findings[0]!
}

async function indexes(table: string): Promise<string[]> {
  const { rows } = await fixture.app.query<{ name: string }>(
    `select c.relname || case when i.indisvalid then '' else '!' end as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = $1::regclass order by 1`,
    [table],
  )
  return rows.map(row => row.name)
}

describe('dropping a needless index', () => {
  it('drops it, measures that nothing got slower, and builds it again as it was', async () => {
    const before = await fixture.app.query<{ def: string }>("select pg_get_indexdef('assignment_agent_twin'::regclass) as def")
    for (let i = 0; i < 40; i += 1) await fixture.app.query('select count(*) from assignment where agent_id = $1', [i])
    const finding = await findOne('pg/duplicate-index')
    expect(finding.recommendation).toMatchObject({
      sql: ['DROP INDEX CONCURRENTLY public.assignment_agent_twin'],
      revertSql: ['CREATE INDEX CONCURRENTLY assignment_agent_twin ON public.assignment USING btree (agent_id)'],
    })
    expect((await advisor.apply(finding.id)).state).toBe('applied')
    expect(await indexes('assignment')).toEqual(['assignment_agent', 'assignment_pkey'])
    expect((await advisor.verify(finding.id, { minCalls: 20 })).verification?.verdict).toBe('undecided')

    for (let i = 0; i < 60; i += 1) await fixture.app.query('select count(*) from assignment where agent_id = $1', [i])
    const verified = await advisor.verify(finding.id, { minCalls: 20 })
    expect(verified.verification?.verdict, verified.verification?.why).toMatch(/fixed|regressed|undecided/)
    expect(verified.verification?.after.sampleCount).toBe(60)

    expect((await advisor.revert(finding.id)).state).toMatch(/open|gone/)
    expect(await indexes('assignment')).toEqual(['assignment_agent', 'assignment_agent_twin', 'assignment_pkey'])
    const after = await fixture.app.query<{ def: string }>("select pg_get_indexdef('assignment_agent_twin'::regclass) as def")
    expect(after.rows).toEqual(before.rows)
    const lines = (await advisor.audit()).filter(({ findingId }) => findingId === finding.id)
    expect(lines.map(({ what, outcome }) => `${what} ${outcome}`).at(0)).toBe('revert done')
    expect(lines.at(-1)).toMatchObject({ what: 'apply', outcome: 'done', detail: expect.stringContaining('DROP INDEX CONCURRENTLY') })
  })

  it('HF_PG_APPLY_OUTDATED: does not drop another index of the same name, nor one that a constraint took meanwhile', async () => {
    const finding = await findOne('pg/duplicate-index')
    await fixture.app.query('drop index assignment_agent_twin; create index assignment_agent_twin on assignment (agent_id, id)')
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_APPLY_OUTDATED' })
    expect(await indexes('assignment')).toContain('assignment_agent_twin')
    await fixture.app.query('drop index assignment_agent_twin; create index assignment_agent_twin on assignment (agent_id)')
  })

  it('HF_PG_APPLY_BLOCKED: begins nothing while an old transaction is open', async () => {
    const finding = await findOne('pg/duplicate-index')
    const reader = await fixture.connect()
    await reader.query('begin isolation level repeatable read')
    await reader.query('select count(*) from tiny')
    await expect(advisor.apply(finding.id, { lockTimeout: '1ms' })).rejects.toMatchObject({ code: 'HF_PG_APPLY_BLOCKED' })
    await reader.query('rollback')
    expect(await indexes('assignment')).toContain('assignment_agent_twin')
  })

  it('goes forward when the drop stops half-way: no INVALID index stays', async () => {
    const finding = await findOne('pg/duplicate-index')
    const interrupted = fixture.advisor({
      connect: async (): Promise<AdvisorClient> => {
        const client = await fixture.connect()
        return {
          async query(text: string, values?: unknown[]) {
            if (!text.startsWith('DROP INDEX CONCURRENTLY public')) return client.query(text, values)
            const reader = await fixture.connect()
            await reader.query('begin')
            await reader.query('select count(*) from assignment where agent_id = 1')
            // The drop marks the index INVALID, waits for the reader, and gives up; only then does the reader end.
            return client.query(text, values).finally(() => reader.query('rollback'))
          },
          end: () => client.end(),
        }
      },
    })
    expect((await interrupted.apply(finding.id, { lockTimeout: '200ms' })).state).toBe('applied')
    expect(await indexes('assignment')).toEqual(['assignment_agent', 'assignment_pkey'])
  })
})

describe('the other changes', () => {
  it('takes statistics anew, asks the rule again, and has nothing to undo', async () => {
    await fixture.app.query("insert into note select i, 1, 'more' from generate_series(20001, 45000) i")
    await flushStatistics(fixture.app)
    const finding = await findOne('pg/stale-statistics')
    expect(finding.title).toContain('note')
    expect((await advisor.apply(finding.id)).state).toBe('applied')
    const verified = await advisor.verify(finding.id)
    expect(verified).toMatchObject({ state: 'verified', verification: { verdict: 'fixed' } })
    await expect(advisor.revert(finding.id)).rejects.toMatchObject({ code: 'HF_PG_REVERT_IMPOSSIBLE' })
  })

  it('lets autovacuum work again, and puts the setting back', async () => {
    await fixture.app.query("update note set body = 'other'")
    await flushStatistics(fixture.app)
    const finding = await findOne('pg/autovacuum-settings')
    expect((await advisor.apply(finding.id)).state).toBe('applied')
    const options = async (): Promise<unknown> =>
      (await fixture.app.query("select reloptions from pg_class where oid = 'note'::regclass")).rows[0]?.reloptions
    expect(await options()).toBeNull()
    expect((await advisor.verify(finding.id)).state).toBe('verified')
    await advisor.revert(finding.id)
    expect(await options()).toEqual(['autovacuum_enabled=off'])
  })

  it('vacuums dead rows away', async () => {
    await fixture.app.query("update note set body = 'again'")
    await flushStatistics(fixture.app)
    const finding = await findOne('pg/dead-tuples')
    await advisor.apply(finding.id)
    expect((await advisor.verify(finding.id)).verification?.verdict).toBe('fixed')
  })

  it('creates statistics for columns that depend on each other, which mends the estimate, and drops them again', async () => {
    for (let i = 0; i < 200; i += 1) await fixture.app.query('select count(*) from spot where city = $1 and zip = $2', [i, i])
    const finding = await findOne('pg/extended-statistics')
    await advisor.apply(finding.id)
    const count = async (): Promise<number> =>
      (await fixture.app.query("select from pg_statistic_ext where stxrelid = 'spot'::regclass")).rowCount ?? 0
    expect(await count()).toBe(1)
    expect((await advisor.verify(finding.id)).verification?.verdict).toBe('fixed')
    await advisor.revert(finding.id)
    expect(await count()).toBe(0)
  })

  it('builds the index of a foreign key on the path of every index', async () => {
    for (let i = 0; i < 6; i += 1) await fixture.app.query('delete from assignment where id = $1', [90_000 + i])
    await flushStatistics(fixture.app)
    const finding = await findOne('pg/foreign-key-index')
    await advisor.apply(finding.id)
    expect(await indexes('note')).toContain('hf_note_assignment_id_idx')
    await advisor.revert(finding.id)
    expect(await indexes('note')).toEqual(['note_pkey'])
  })

  it('HF_PG_APPLY_MANUAL: says why it makes no change, and what to do', async () => {
    await fixture.app.query('create sequence nearly maxvalue 100; select setval($$nearly$$, 96)')
    const finding = await findOne('pg/sequence-end')
    expect(finding).toMatchObject({ severity: 'critical', recommendation: { manual: expect.any(String) } })
    await expect(advisor.apply(finding.id)).rejects.toMatchObject({ code: 'HF_PG_APPLY_MANUAL', hint: expect.stringContaining('raise its maximum') })
    expect((await advisor.audit())[0]).toMatchObject({ what: 'apply', findingId: finding.id, outcome: 'HF_PG_APPLY_MANUAL' })
  })

  it('stays snoozed while it is found again', async () => {
    const finding = await findOne('pg/sequence-end')
    const snoozed = await advisor.snooze(finding.id, '1h', 'the table goes next month')
    expect(snoozed).toMatchObject({ state: 'snoozed', snoozedUntilMs: expect.any(Number) })
    expect(snoozed.history.at(-1)!.note).toMatch(/^until \S+Z: the table goes next month$/)
    expect((await findOne('pg/sequence-end')).state).toBe('snoozed')
    await fixture.app.query('drop sequence nearly')
    await advisor.advise({ rules: 'pg/sequence-end' })
    expect((await advisor.finding(finding.id)).state).toBe('gone')
    await expect(advisor.snooze(finding.id, '1h')).rejects.toMatchObject({ code: 'HF_PG_FINDING_STATE' })
  })
})

describe('what is not known', () => {
  it('calls no index unused before it was watched for a month, nor while a replica was not asked', async () => {
    await fixture.app.query('create index assignment_note on assignment (note, id)')
    const early = await advisor.advise({ rules: 'pg/unused-index' })
    expect(early.findings).toEqual([])
    expect(early.unknown).toMatchObject([{ rule: 'pg/unused-index', why: expect.stringContaining('the first can be judged from') }])
    const slot = `hf_test_${randomBytes(4).toString('hex')}`
    await fixture.app.query('select pg_create_physical_replication_slot($1)', [slot])
    try {
      const { unknown } = await advisor.advise({ rules: 'pg/unused-index' })
      expect(unknown).toMatchObject([{ why: expect.stringContaining('1 replica(s) stream from this server, counters of 0 are known') }])
      const asked = fixture.advisor({ replicas: [() => fixture.connect()] })
      expect((await asked.advise({ rules: 'pg/unused-index' })).unknown[0]?.why ?? '').not.toContain('replica(s) stream')
      const away = fixture.advisor({ replicas: [() => Promise.reject(new Error('replica is away'))] })
      expect((await away.advise({ rules: 'pg/unused-index' })).unknown).toMatchObject([{ why: expect.stringContaining('replica is away') }])
    } finally {
      await fixture.app.query('select pg_drop_replication_slot($1)', [slot])
    }
  })

  it('a role that may only read hears what it may not see, and may not change', async () => {
    const role = `hf_rules_${randomBytes(4).toString('hex')}`
    const { rows } = await fixture.app.query<{ owner: string }>('select current_user as owner')
    await fixture.app.query(
      `create role ${role} login password 'reader'; grant select on all tables in schema public to ${role}; create sequence hidden`,
    )
    const url = new URL(fixture.database.url)
    url.username = role
    url.password = 'reader'
    try {
      const reader = createAdvisor({ connect: () => fixture.connect(url.href) })
      const report = await reader.advise()
      const grants = report.unknown.map(({ rule, grant }) => `${rule}: ${grant}`)
      expect(grants).toContain(`pg/idle-in-transaction: GRANT pg_monitor TO ${role}`)
      expect(grants).toContain(`pg/sequence-end: GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${role}`)
      expect(grants.join('\n')).toMatch(new RegExp(`pg/unused-index: GRANT CREATE ON DATABASE \\S+ TO ${role}`))
      const twin = report.findings.find(({ rule }) => rule === 'pg/stale-statistics' || rule === 'pg/dead-tuples' || rule === 'pg/duplicate-index')
      if (twin !== undefined)
        await expect(reader.apply(twin.id)).rejects.toMatchObject({
          code: 'HF_PG_NOT_ALLOWED',
          hint: expect.stringContaining('GRANT CREATE ON DATABASE'),
        })

      const { rows: names } = await fixture.app.query<{ name: string }>('select current_database() as name')
      await fixture.app.query('drop schema holdfast cascade; drop sequence hidden; create index tiny_twin on tiny (k)')
      await fixture.app.query(`grant create on database ${quoteIdent(names[0]!.name)} to ${role}`)
      const { findings } = await reader.advise({ rules: 'pg/duplicate-index' })
      await expect(reader.apply(findings[0]!.id)).rejects.toMatchObject({ code: 'HF_PG_NOT_ALLOWED', hint: `GRANT ${rows[0]!.owner} TO ${role}` })
    } finally {
      await fixture.app.query(`drop owned by ${role} cascade; drop role ${role}`)
    }
  })
})
