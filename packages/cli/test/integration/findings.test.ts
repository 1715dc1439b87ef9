import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClonedDatabase, cloneDatabase, flushStatistics } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

let database: ClonedDatabase
let client: pg.Client

beforeAll(async () => {
  database = await cloneDatabase({ name: 'cli' })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('create table visit (id int primary key, visitor_id int not null, page text not null)')
  await client.query(`insert into visit select n, n % 5000, 'page ' || n from generate_series(1, 100000) n`)
  await client.query('analyze visit')
  await traffic()
}, 60_000)

afterAll(async () => {
  await client.end()
  await database.drop()
})

async function traffic(): Promise<void> {
  for (let i = 0; i < 220; i++) await client.query('select id, page from visit where visitor_id = $1', [i * 7])
  // A backend reports its counters once a second at most; a test does not wait for that.
  await flushStatistics(client)
}

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const host = fakeHost({ DATABASE_URL: database.url })
  const code = await runCommandLine(argv, host)
  return { code, out: host.out(), err: host.err() }
}

describe('the loop from the command line', () => {
  it('finds, explains, applies, verifies and reverts, each with one JSON document', async () => {
    const advised = await run('advise', '--json', '--fail-on', 'open', '--rule', 'pg/missing-index')
    expect(advised.code, advised.out).toBe(1)
    const report = JSON.parse(advised.out)
    expect(report).toMatchObject({
      schema: 'holdfast.advice/1',
      findings: [{ rule: 'pg/missing-index', state: 'open', evidence: { tier: 'measured' } }],
    })
    const { id } = report.findings[0]

    const explained = await run('explain', id)
    expect(explained.code).toBe(0)
    for (const part of ['What', 'Evidence (measured)', 'Do', 'CREATE INDEX CONCURRENTLY', 'History']) expect(explained.out).toContain(part)
    expect(explained.err).toContain(`next: holdfast apply ${id}`)

    const folder = await mkdtemp(join(tmpdir(), 'holdfast-migration-'))
    expect((await run('migration', id, '--format', 'prisma')).out).toContain('CREATE INDEX CONCURRENTLY')
    const saved = await run('migration', id, '--out', folder)
    expect(await readFile(saved.out.trim(), 'utf8')).toContain('CREATE INDEX CONCURRENTLY')
    expect(JSON.parse((await run('migration', id, '--format', 'kysely', '--json')).out)).toMatchObject({
      schema: 'holdfast.migration/1',
      id,
      files: [{}],
    })
    await rm(folder, { recursive: true })
    expect((await run('migration', id, '--out', '/dev/null/no')).err).toContain('HF_CLI_FILE_UNWRITABLE')

    const unconfirmed = await run('apply', id)
    expect(unconfirmed.code).toBe(2)
    expect(unconfirmed.err).toContain('HF_CLI_CONFIRMATION_REQUIRED')
    expect((await client.query(`select 1 from pg_indexes where tablename = 'visit'`)).rowCount).toBe(1)

    const large = await run('apply', id, '--yes', '--max-index-size', '64kb')
    expect(large.code).toBe(2)
    expect(large.err).toMatch(/HF_PG_APPLY_TOO_LARGE .*would take about .*, and may take 64 kB/)
    expect((await run('apply', id, '--yes', '--lock-timeout', 'soon')).err).toContain('HF_CONFIG_DURATION')

    const applied = await run('apply', id, '--yes', '--json', '--lock-timeout', '3s', '--timeout', '1m')
    expect(applied.code).toBe(0)
    expect(JSON.parse(applied.out)).toMatchObject({ schema: 'holdfast.finding/1', finding: { id, state: 'applied' } })

    const again = await run('apply', id, '--yes', '--json')
    expect(again.code).toBe(2)
    expect(JSON.parse(again.out).error.code).toBe('HF_PG_FINDING_STATE')

    const early = await run('verify', id, '--json')
    expect(early.code).toBe(1)
    expect(JSON.parse(early.out).finding.verification.verdict).toBe('undecided')

    const awaited = run('verify', id, '--wait', '30s')
    await traffic()
    const verified = await awaited
    expect(verified.out).toContain('FIXED')
    expect(verified.err).toMatch(/calls since the build .* more are needed/)
    expect(verified.code).toBe(0)

    const reverted = await run('revert', id, '--yes')
    expect(reverted.code).toBe(0)
    expect((await client.query(`select 1 from pg_indexes where tablename = 'visit'`)).rowCount).toBe(1)

    // As of a rule whose remedy is a change of the code.
    await client.query(`update holdfast.finding set finding = jsonb_set(finding, '{recommendation,sql}', '[]') where id = $1`, [id])
    const without = await run('migration', id, '--json')
    expect(without.code).toBe(2)
    expect(JSON.parse(without.out).error.code).toBe('HF_CLI_NO_MIGRATION')
  })

  it('filters by rule, snoozes, and refuses what only people change', async () => {
    await client.query(`create sequence ticket_number maxvalue 100; select setval('ticket_number', 97)`)
    const advised = await run('advise', '--rule', 'sequence-*')
    expect(advised.out).toMatch(
      /^● I-[0-9a-f]+ open {5}sequence ticket_number has given 97 % of its values.* · critical · Last value: 97 of 100 · pg\/sequence-end$/m,
    )
    const all = (await run('advise')).out
    expect(all).toMatch(/^index set: 1 index serves 1 of \d+ statements examined and would save .* a second\n● I-.* missing index on visit/)
    expect(all).toMatch(/^other rules: \d+, each by itself and no part of the index set\n(● .*\n)*.*sequence ticket_number .* · pg\/sequence-end$/m)
    const { findings } = JSON.parse((await run('advise', '--rule', 'pg/sequence-end', '--json')).out) as { findings: { id: string; rule: string }[] }
    expect(findings.map(({ rule }) => rule)).toEqual(['pg/sequence-end'])
    const { id } = findings[0]!

    const explained = await run('explain', id)
    for (const part of ['pg/sequence-end · open · critical', 'Left: 3 values', 'not applied by Holdfast']) expect(explained.out).toContain(part)
    const refused = await run('apply', id, '--json')
    expect(refused.code).toBe(2)
    expect(JSON.parse(refused.out).error).toMatchObject({ code: 'HF_PG_APPLY_MANUAL', hint: expect.stringContaining('do it by hand') })

    expect(JSON.parse((await run('snooze', id, '--for', '2h', '--json')).out)).toMatchObject({ finding: { id, state: 'snoozed' } })
    const again = await run('advise', '--rule', 'pg/sequence-end', '--fail-on', 'open')
    expect(again.code, again.out).toBe(0)
    expect((await run('snooze', id, '--for', 'soon')).code).toBe(2)
    await client.query('drop sequence ticket_number')
  })

  it('says that a finding does not exist', async () => {
    const unknown = await run('explain', 'I-none', '--json')
    expect(unknown.code).toBe(2)
    expect(JSON.parse(unknown.out).error.code).toBe('HF_PG_FINDING_UNKNOWN')
  })

  it('ends with 130 when it is interrupted while it watches', async () => {
    const host = fakeHost({ DATABASE_URL: database.url })
    const watching = runCommandLine(['advise', '--window', '10m'], host)
    await expect.poll(() => host.err()).toContain('watching the traffic')
    host.interrupt()
    expect(await watching).toBe(130)
    expect(host.err()).toContain('HF_CLI_INTERRUPTED')
  })
})

describe('explain --sql', () => {
  it('prints the plan of a statement as a tree, with what would help', async () => {
    const { code, out } = await run('explain', '--sql', 'select page from visit where visitor_id = $1', '--params', '[7]', '--analyze')
    expect(code, out).toBe(0)
    for (const part of ['Seq Scan on visit', '← worst', 'visitor_id = 7', 'rows thrown away', 'CREATE INDEX CONCURRENTLY', 'time ×']) {
      expect(out).toContain(part)
    }
  })

  it('prints one JSON document', async () => {
    const { code, out } = await run('explain', '--sql', 'select page from visit where id = 7', '--analyze', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ schema: 'holdfast.plan/1', measured: true, advice: [], plan: { type: 'Index Scan' } })
    expect((await run('explain', '--sql', 'select page from visit where id = 7', '--analyze')).out).toContain('nothing: the plan is fine')
  })

  it('changes nothing, and says why with a code', async () => {
    const refused = async (...argv: string[]) => {
      const { code, out } = await run('explain', '--json', ...argv)
      expect(code).toBe(2)
      return JSON.parse(out).error.code
    }
    expect(await refused('--sql', 'delete from visit', '--analyze')).toBe('HF_PG_EXPLAIN_NOT_READ_ONLY')
    expect(await refused('--sql', 'select 1; select 2')).toBe('HF_PG_EXPLAIN_SEVERAL')
    expect(await refused('--sql', 'select $1', '--params', '7')).toBe('HF_CLI_USAGE')
    expect(await refused('--sql', 'select 1', 'I-1234')).toBe('HF_CLI_USAGE')
    expect(await refused()).toBe('HF_CLI_USAGE')
    expect((await client.query('select count(*)::int as n from visit')).rows).toEqual([{ n: 100_000 }])
  })
})
