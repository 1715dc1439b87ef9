import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quoteIdent } from '../../../../src/postgres/advisor/identifier.ts'
import { type Advisor, createAdvisor } from '../../../../src/postgres/advisor/index.ts'
import { type AdvisorFixture, advisorFixture } from './fixture.ts'

let fixture: AdvisorFixture
const role = `hf_reader_${randomBytes(4).toString('hex')}`

beforeAll(async () => {
  fixture = await advisorFixture('rights')
  await fixture.app.query(`create role ${role} login password 'reader'; grant select on assignment, tiny to ${role}`)
})

afterAll(async () => {
  // With the database go the role's rights and objects in it, which keep the role from being dropped.
  await fixture.close()
  const server = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_PG_URL! })
  await server.connect()
  await server.query(`drop role ${role}`)
  await server.end()
})

function reader(): Advisor {
  const url = new URL(fixture.database.url)
  url.username = role
  url.password = 'reader'
  return createAdvisor({ connect: () => fixture.connect(url.href) })
}

describe('a role that may only read', () => {
  it('hears what is missing, and nothing is written', async () => {
    const advisor = reader()
    const since = await advisor.mark()
    await fixture.readByAgent(10)
    const report = await advisor.advise({ since })
    expect(report.notes.join('\n')).toContain(`GRANT pg_read_all_stats TO ${role}`)
    expect(report.notes.join('\n')).toMatch(new RegExp(`kept in this process only: GRANT CREATE ON DATABASE \\S+ TO ${role}`))
    const { rows } = await fixture.app.query("select nspname from pg_namespace where nspname like 'holdfast%'")
    expect(rows).toEqual([])
  })

  it('sees the slow statement with pg_read_all_stats, and why it is not tried', async () => {
    await fixture.app.query(`grant pg_read_all_stats to ${role}`)
    const advisor = reader()
    const since = await advisor.mark()
    await fixture.readByAgent(10)
    const { refused } = await advisor.advise({ since })
    expect(refused).toMatchObject([{ reason: 'not-tried', why: expect.stringContaining('GRANT CREATE ON DATABASE') }])
  })

  it('is not stopped by schemas that it may not use, our own included', async () => {
    await fixture.app.query('create schema hidden; create table hidden.t as select i as k from generate_series(1, 100) i')
    await fixture.advisor().findings()
    await fixture.advisor().plant({ table: 'assignment', columns: ['active'] })
    const advisor = reader()
    const since = await advisor.mark()
    for (let i = 0; i < 6; i += 1) await fixture.app.query('select * from hidden.t where k = $1', [i])
    const report = await advisor.advise({ since, rules: 'pg/missing-index' })
    expect(report.refused).toMatchObject([{ reason: 'no-table', statement: 'select * from hidden.t where k = $1' }])
    expect(await advisor.findings()).toEqual([])
    await fixture.app.query('drop schema holdfast cascade')
  })

  it('HF_PG_NOT_ALLOWED: may not apply, and hears the grant', async () => {
    const advisor = reader()
    const planted = await advisor.plant({ table: 'assignment', columns: ['score'] })
    await expect(advisor.apply(planted.id)).rejects.toMatchObject({
      code: 'HF_PG_NOT_ALLOWED',
      hint: expect.stringContaining('GRANT CREATE ON DATABASE'),
    })
  })

  it('HF_PG_NOT_ALLOWED: may not index a table of another owner', async () => {
    const { rows } = await fixture.app.query<{ database: string; owner: string }>('select current_database() as database, current_user as owner')
    await fixture.app.query(`grant create on database ${quoteIdent(rows[0]!.database)} to ${role}`)
    const advisor = reader()
    const planted = await advisor.plant({ table: 'assignment', columns: ['score'] })
    await expect(advisor.apply(planted.id)).rejects.toMatchObject({ code: 'HF_PG_NOT_ALLOWED', hint: `GRANT ${rows[0]!.owner} TO ${role}` })
    expect(await advisor.audit()).toMatchObject([{ who: role, what: 'apply', outcome: 'HF_PG_NOT_ALLOWED' }])
  })
})

describe('the server', () => {
  it('HF_PG_STATEMENTS_MISSING: hears how to enable pg_stat_statements', async () => {
    await fixture.app.query('drop extension pg_stat_statements')
    for (const call of [() => fixture.advisor().mark(), () => fixture.advisor().advise()]) {
      await expect(call()).rejects.toMatchObject({
        code: 'HF_PG_STATEMENTS_MISSING',
        hint: expect.stringMatching(/shared_preload_libraries.*restart.*CREATE EXTENSION/s),
      })
    }
    await fixture.app.query('create extension pg_stat_statements')
  })

  it('quotes identifiers exactly as we do', async () => {
    const { rows } = await fixture.app.query<{ word: string; quoted: string }>('select word, quote_ident(word) as quoted from pg_get_keywords()')
    for (const { word, quoted } of rows) expect(quoteIdent(word)).toBe(quoted)
    for (const name of ['Mixed', 'a b', 'say "x"', '1a', 'a$b', '_ok', 'größe']) {
      const { rows: answer } = await fixture.app.query<{ quoted: string }>('select quote_ident($1) as quoted', [name])
      expect(quoteIdent(name)).toBe(answer[0]?.quoted)
    }
  })
})
