import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AdviceReport } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture, indexesOf } from './fixture.ts'

let fixture: AdvisorFixture
let report: AdviceReport

/** Statements that an advisor by pattern would index, and must not, with the reason expected. */
const TRAPS: readonly (readonly [string, readonly unknown[], string])[] = [
  ['select count(*) from tiny where v = $1', [3], 'tiny-table'],
  ['select * from assignment where id = $1', [77], 'index-exists'],
  ['select count(*) from assignment where note like $1', ['%needle'], 'no-index-serves|not-used'],
  ['select count(*) from assignment where agent_id::text = $1', ['7'], 'no-index-serves'],
  ['select sum(score) from assignment where active = $1', [true], 'no-index-serves'],
  ['select count(*) from assignment where score = $1', [5], 'write-heavy'],
]

async function leftoverLabs(): Promise<number> {
  const { rowCount } = await fixture.app.query("select from pg_namespace where nspname like 'holdfast\\_lab\\_%'")
  return rowCount ?? 0
}

beforeAll(async () => {
  fixture = await advisorFixture('advise')
  const advisor = fixture.advisor()
  const since = await advisor.mark()
  // First, so that the server's own counters of HOT updates are in when the advisor reads them.
  for (let i = 0; i < 5; i += 1) await fixture.app.query('update assignment set score = score + $1 where id <= $2', [1, 20_000])
  await fixture.readByAgent(40)
  for (const [text, values] of TRAPS) for (let i = 0; i < 6; i += 1) await fixture.app.query(text, [...values])
  report = await advisor.advise({ since, limit: 20, rules: 'pg/missing-index' })
})

afterAll(() => fixture.close())

describe('advise', () => {
  it('finds the missing index, with evidence measured on a copy', () => {
    const finding = report.findings.find(({ title }) => title.includes('agent_id'))
    expect(finding).toMatchObject({ rule: 'pg/missing-index', state: 'open', evidence: { tier: 'measured', before: { sampleCount: 40 } } })
    expect(finding?.id).toMatch(/^I-[0-9a-f]{4,}$/)
    expect(finding?.recommendation.sql[0]).toMatch(
      /^CREATE INDEX CONCURRENTLY hf_assignment_agent_id\w*_idx ON public\.assignment USING btree \(agent_id/,
    )
    expect(finding?.recommendation.revertSql[0]).toMatch(/^DROP INDEX CONCURRENTLY public\.hf_assignment/)
    expect(finding?.recommendation.predictedRatio).toBeLessThan(0.5)
    expect(finding?.evidence.before.rowsReadPerRow).toBeGreaterThan(100)
    // Parameters are drawn at random: some return one row of the few that the index leaves to look at.
    expect(finding?.evidence.trial?.after.rowsReadPerRow).toBeLessThan(finding!.evidence.before.rowsReadPerRow! / 10)
    expect(finding?.evidence.planBefore).toContain('Seq Scan on assignment')
    expect(finding?.evidence.planAfter).toContain('using hf_assignment_agent_id')
  })

  it('shows no literal of the application', () => {
    expect(JSON.stringify(report)).not.toMatch(/escalated|needle/)
  })

  it.each(TRAPS.map(([text, , reason]) => [text, reason]))('refuses %s as %s', (text, reason) => {
    const refusal = report.refused.find(({ statement }) => statement === text)
    expect(refusal?.reason, JSON.stringify(report.refused)).toMatch(new RegExp(`^(${reason})$`))
    expect(refusal?.why.length).toBeGreaterThan(10)
  })

  it('leaves nothing behind and no index on the table', async () => {
    expect(await leftoverLabs()).toBe(0)
    expect(await indexesOf(fixture.app)).toEqual(['assignment_pkey'])
  })

  it('never looks at its own statements', () => {
    const seen = [...report.refused.map(refusal => refusal.statement), ...report.findings.map(finding => finding.evidence.statement)]
    expect(seen.filter(statement => /holdfast|explain|pg_stat/i.test(statement))).toEqual([])
  })

  it('gives the same cause the same id, and keeps it in the ledger', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    await fixture.readByAgent(20)
    const again = await advisor.advise({ since, rules: 'pg/missing-index' })
    expect(again.findings.map(finding => finding.id)).toEqual(report.findings.map(finding => finding.id))
    const [finding] = again.findings
    expect(await advisor.finding(finding!.id)).toEqual(finding)
    expect((await advisor.findings()).map(({ id }) => id)).toContain(finding!.id)
  })

  it('takes no lock but ACCESS SHARE on the table', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    await fixture.readByAgent(10)
    const other = await fixture.connect()
    await other.query('begin')
    // EXCLUSIVE conflicts with every mode but ACCESS SHARE: anything stronger would wait here for ever.
    await other.query('lock table assignment in exclusive mode')
    const { findings } = await advisor.advise({ since }).finally(() => other.query('rollback'))
    expect(findings.filter(({ rule }) => rule === 'pg/missing-index')).toHaveLength(1)
  })

  it('does not wait behind a table that somebody has locked away', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    await fixture.readByAgent(10)
    const other = await fixture.connect()
    await other.query('begin')
    await other.query('lock table assignment in access exclusive mode')
    const locked = await advisor.advise({ since }).finally(() => other.query('rollback'))
    expect(locked.refused).toMatchObject([{ reason: 'locked' }])
  })

  it('sweeps the lab of a session that died, and spares one that lives', async () => {
    const living = await fixture.connect()
    await living.query("select pg_advisory_lock(hashtextextended('holdfast_lab_living', 0))")
    await fixture.app.query('create schema holdfast_lab_living; create schema holdfast_lab_dead; create table holdfast_lab_dead.t ()')
    const swept = await fixture.advisor().advise({ since: await fixture.advisor().mark() })
    expect(swept.notes.join()).toContain('holdfast_lab_dead')
    const { rows } = await fixture.app.query("select nspname from pg_namespace where nspname like 'holdfast\\_lab\\_%'")
    expect(rows).toEqual([{ nspname: 'holdfast_lab_living' }])
    await fixture.app.query('drop schema holdfast_lab_living')
  })

  it('is given up by its signal, also while the server works, and leaves no copy', async () => {
    const since = await fixture.advisor().mark()
    await fixture.readByAgent(10)
    const interrupt = new AbortController()
    const reason = new Error('given up')
    const onProgress = (line: string): void => {
      // The copy is a statement that runs when this is heard.
      if (line.includes('copying')) setTimeout(() => interrupt.abort(reason), 10)
    }
    await expect(fixture.advisor({ onProgress }).advise({ since, signal: interrupt.signal })).rejects.toBe(reason)
    const { rows } = await fixture.app.query("select nspname from pg_namespace where nspname like 'holdfast\\_lab\\_%'")
    expect(rows).toEqual([])
    await expect(fixture.advisor().advise({ signal: interrupt.signal })).rejects.toBe(reason)
  })

  it('says that there is nothing to do', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    for (let i = 0; i < 20; i += 1) await fixture.app.query('select * from assignment where id = $1', [i])
    expect(await advisor.advise({ since, rules: 'pg/missing-index' })).toMatchObject({ findings: [], examinedCount: 1 })
  })

  it('tries a table above the limit on a sample, and then claims a ratio only', async () => {
    const advisor = fixture.advisor({ labLimit: '4mb' })
    const since = await advisor.mark()
    await fixture.readByAgent(10)
    const { findings } = await advisor.advise({ since, rules: 'pg/missing-index' })
    expect(findings[0]?.evidence).toMatchObject({ tier: 'modeled' })
    expect(findings[0]?.evidence.trial).toBeUndefined()
    expect(findings[0]?.recommendation.predictedRatio).toBeLessThan(0.5)
  })

  it('serves a qualified name, an update and a delete by reading only', async () => {
    const advisor = fixture.advisor()
    const since = await advisor.mark()
    for (let i = 0; i < 8; i += 1) {
      await fixture.app.query('update public.assignment a set note = $1 where a.agent_id = $2 and a.status = $3', ['y', 900 + i, 'open'])
      await fixture.app.query('delete from public.assignment where agent_id = $1 and status = $2', [900 + i, 'open'])
    }
    const { findings } = await advisor.advise({ since, rules: 'pg/missing-index' })
    expect(findings[0]?.recommendation.sql[0]).toContain('(agent_id')
    expect(findings[0]?.recommendation.summary).toContain('and 1 more')
    expect((await fixture.app.query('select count(*)::int as n from assignment')).rows).toEqual([{ n: 100_000 }])
  })
})
