import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

let database: ClonedDatabase
let app: pg.Client

beforeAll(async () => {
  database = await cloneDatabase({ name: 'db_upkeep' })
  app = new pg.Client({ connectionString: database.url })
  await app.connect()
  await app.query(`CREATE TABLE lead (id int PRIMARY KEY, created_at timestamptz NOT NULL);
    INSERT INTO lead SELECT n, now() - n * interval '1 day' FROM generate_series(1, 200) n`)
})
afterAll(async () => {
  await app.end()
  await database.drop()
})

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const host = fakeHost({ DATABASE_URL: database.url })
  const code = await runCommandLine(['db', ...argv], host)
  return { code, out: host.out(), err: host.err() }
}
const count = async (table: string): Promise<number> => (await app.query(`select count(*)::int as n from ${table}`)).rows[0].n

describe('holdfast db archive', () => {
  const policy = ['archive', 'lead', '--older-than', '90.5d', '--by', 'created_at', '--max-lock-time', '5s']

  it('counts first, asks, moves, and lists its runs', async () => {
    expect((await run('archive')).err).toContain('no archive runs so far')
    const dry = await run(...policy, '--dry-run')
    expect(dry).toMatchObject({ code: 0, out: 'would move 110 of 200 rows of public.lead into public.lead_archive\n' })
    const asked = await run(...policy)
    expect(asked.code).toBe(2)
    expect(asked.err).toMatch(/HF_CLI_CONFIRMATION_REQUIRED.*move 110 of 200 rows of public\.lead into public\.lead_archive/)
    expect(await count('lead')).toBe(200)

    const done = await run(...policy, '--yes')
    expect(done.code, done.err).toBe(0)
    expect(done.out).toMatch(/^✓ moved 110 rows of public\.lead into public\.lead_archive in .*\n {2}\d+ batches, none longer than [\d.]+ ms\n$/)
    expect(done.err).toMatch(/rows, last batch/)
    expect([await count('lead'), await count('lead_archive')]).toEqual([90, 110])

    const again = await run(...policy, '--yes', '--json')
    expect(JSON.parse(again.out)).toMatchObject({ schema: 'holdfast.archive/1', policy: 'move-lead', rowCount: 0 })
    expect((await run('archive')).out).toMatch(
      /^policy +began +state +rows +batches +took\nmove-lead +\S+ +done +0 +0 .*\nmove-lead +\S+ +done +110 /,
    )
    expect(JSON.parse((await run('archive', '--json')).out)).toMatchObject({ schema: 'holdfast.archive-runs/1', runs: [{}, { rowCount: 110 }] })
  })

  it('refuses a policy that would take everything without asking, with its code', async () => {
    const all = await run('archive', 'lead', '--action', 'delete', '--where', 'id > 0')
    expect(all.code).toBe(2)
    expect(all.err).toMatch(/HF_PG_ARCHIVE_EVERYTHING.*no row would stay\n.*--allow-everything/)
    expect(await count('lead')).toBe(90)
  })

  it.each([
    [['lead'], 'which rows'],
    [['lead', '--older-than', '3d'], 'go together'],
    [['lead', '--where', 'true', '--action', 'burn'], 'burn'],
  ])('refuses %j as a usage error', async (argv, words) => {
    const refused = await run('archive', ...argv, '--yes')
    expect(refused.code).toBe(2)
    expect(refused.err).toMatch(/HF_CLI_USAGE/)
    expect(refused.err).toContain(words)
  })

  it('ends with 3 when the database does not answer', async () => {
    const host = fakeHost({ DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' })
    expect(await runCommandLine(['db', 'archive', 'lead', '--where', 'id < 0', '--yes'], host)).toBe(3)
    expect(host.err()).not.toContain('hunter2')
  })
})

describe('holdfast db views', () => {
  it('lists views with what is wrong, and refreshes one', async () => {
    expect((await run('views')).err).toContain('no materialized views')
    await app.query('CREATE MATERIALIZED VIEW summary AS SELECT id % 7 AS k, count(*) AS n FROM lead GROUP BY 1')
    expect((await run('views')).out).toMatch(/^view +size +rows +refreshed +took +state\npublic\.summary .* not by Holdfast +– +no unique index\n$/)
    const refused = await run('views', 'refresh', 'summary', '--yes')
    expect(refused.code).toBe(2)
    expect(refused.err).toMatch(/HF_PG_VIEW_NO_UNIQUE_INDEX.*\n {2}next: CREATE UNIQUE INDEX CONCURRENTLY ON public\.summary \(k\)/)
    await app.query('CREATE UNIQUE INDEX ON summary (k)')
    expect((await run('views', 'refresh', 'summary')).err).toContain('HF_CLI_CONFIRMATION_REQUIRED')
    expect((await run('views', 'refresh', 'summary', '--yes')).out).toMatch(/^✓ public\.summary has 7 rows, refreshed in /)
    expect(JSON.parse((await run('views', '--json')).out)).toMatchObject({
      schema: 'holdfast.db-views/1',
      views: [{ rowCount: 7, lastOutcome: 'refreshed' }],
    })
    await app.query("UPDATE holdfast.view_refresh SET overdue_at = now() - interval '1 minute' WHERE outcome = 'refreshed'")
    const overdue = await run('views')
    expect(overdue.code).toBe(1)
    expect(overdue.out).toMatch(/ overdue\n$/)
  })
})

describe('holdfast db vacuum', () => {
  it('asks, vacuums, and says what it did', async () => {
    expect((await run('vacuum', 'lead')).err).toMatch(/HF_CLI_CONFIRMATION_REQUIRED.*vacuum lead/)
    expect((await run('vacuum', 'lead', '--yes')).out).toMatch(/^✓ vacuumed and analyzed public\.lead in .*: \d+ dead rows before, \d+ after \(/)
    const json = await run('vacuum', 'lead', '--yes', '--no-analyze', '--json')
    expect(JSON.parse(json.out)).toMatchObject({ schema: 'holdfast.vacuum/1', table: 'public.lead', isAnalyzed: false })
    const unknown = await run('vacuum', 'nowhere', '--yes')
    expect(unknown).toMatchObject({ code: 2, out: '' })
    expect(unknown.err).toContain('HF_PG_TABLE_UNKNOWN')
  })
})

describe('holdfast db schema', () => {
  it('prints SQL that another role can run, and that makes nothing twice', async () => {
    const printed = await run('schema', '--role', 'Some "one"')
    expect(printed.out).toContain('GRANT USAGE ON SCHEMA holdfast TO "Some ""one"""')
    await app.query((await run('schema')).out)
    await app.query((await run('schema')).out)
    expect(await count('holdfast.migration')).toBeGreaterThanOrEqual(5)
    expect(JSON.parse((await run('schema', '--json')).out)).toMatchObject({
      schema: 'holdfast.db-schema/1',
      sql: expect.stringContaining('CREATE TABLE'),
    })
  })
})
