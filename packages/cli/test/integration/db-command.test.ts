import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

let database: ClonedDatabase
let app: pg.Client
const clients: pg.Client[] = []

async function connect(name: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, application_name: name })
  client.on('error', () => undefined)
  await client.connect()
  clients.push(client)
  return client
}

async function run(...argv: string[]) {
  const host = fakeHost({ DATABASE_URL: database.url })
  const code = await runCommandLine(['db', ...argv], host)
  return { code, out: host.out(), err: host.err() }
}

beforeAll(async () => {
  database = await cloneDatabase({ name: 'db_command' })
  app = await connect('leads-api')
  await app.query(`
    CREATE TABLE lead (id int PRIMARY KEY, email text NOT NULL) WITH (autovacuum_enabled = off);
    CREATE INDEX lead_email_idx ON lead (email);
    INSERT INTO lead SELECT i, i || '@example.org' FROM generate_series(1, 5000) i`)
  await app.query('ANALYZE lead')
})

afterAll(async () => {
  await Promise.all(clients.map(client => client.end().catch(() => undefined)))
  await database.drop()
})

describe('holdfast db stats', () => {
  it('lists tables by size, and one table with its indexes', async () => {
    const all = await run('stats')
    expect(all.code).toBe(0)
    expect(all.out).toMatch(/^table +rows +size +indexes +dead +HOT +seq scans +index scans +vacuumed +analyzed\npublic\.lead +~5,000 +[\d.]+ kB/)
    expect(all.out).toMatch(/never +\d+ (ms|s|min) ago\n$/)
    const one = await run('stats', 'public.lead')
    expect(one.out).toMatch(/\n\nindex +use +size +scans\nlead_/)
    expect(one.out).toMatch(
      /\nlead_email_idx +(?:not scanned|too early) +[\d.]+ kB +0 {2}CREATE INDEX lead_email_idx ON public\.lead USING btree \(email\)/,
    )
  })

  it('prints one document with a schema as JSON', async () => {
    expect(JSON.parse((await run('stats', '--json')).out)).toMatchObject({
      schema: 'holdfast.db-stats/1',
      isComplete: true,
      tables: [{ name: 'lead' }],
    })
    expect(JSON.parse((await run('stats', 'lead', '--json')).out)).toMatchObject({ schema: 'holdfast.db-table/1', table: { plannedRowCount: 5000 } })
  })

  it('refuses a table that is not there and a limit out of range', async () => {
    const unknown = await run('stats', 'nowhere')
    expect(unknown).toMatchObject({ code: 2, out: '' })
    expect(unknown.err).toMatch(/HF_PG_TABLE_UNKNOWN {2}there is no table nowhere\n {2}next: .*schema\.name/)
    expect(await run('stats', '--limit', '0')).toMatchObject({ code: 2, err: expect.stringContaining('HF_CLI_USAGE') })
  })
})

it('says the size, and that growth is not known before anybody has recorded it', async () => {
  const { code, out, err } = await run('size')
  expect(code).toBe(0)
  expect(out).toMatch(/^hf_test_db_command\S* {2}[\d.]+ MB\n\ntable +size +rows +indexes\npublic\.lead +[\d.]+ kB/)
  expect(err).toContain('growth is not known: nobody has recorded sizes here')
  await app.query(
    'CREATE SCHEMA holdfast; CREATE TABLE holdfast.size_history (at timestamptz PRIMARY KEY, database_bytes bigint NOT NULL, tables jsonb NOT NULL)',
  )
  await app.query("INSERT INTO holdfast.size_history VALUES (now() - interval '2 days', 1000000, '[]')")
  expect((await run('size')).err).toMatch(/^\+[\d.]+ MB a day over the last 2 d \(n 2\)\n$/)
  expect(JSON.parse((await run('size', '--json')).out)).toMatchObject({ schema: 'holdfast.db-size/1', growth: { pointCount: 2 } })
})

it('draws who waits for whom', async () => {
  expect(await run('locks')).toMatchObject({ code: 0, out: 'nobody waits for a lock\n' })
  const waiter = await connect('worker')
  await app.query("BEGIN; UPDATE lead SET email = 'secret' WHERE id = 1")
  const waiting = waiter.query("UPDATE lead SET email = 'other' WHERE id = 1")
  try {
    await expect.poll(async () => (await run('locks')).out, { timeout: 20_000 }).toMatch(/└/)
    const { code, out, err } = await run('locks')
    expect(code).toBe(0)
    expect(out).toMatch(
      /^pid \d+ leads-api idle in transaction, transaction open for .*: BEGIN; UPDATE lead SET email = \? WHERE id = \?\n {2}└ pid \d+ worker waits \d+ (ms|s) for ShareLock on a transactionid: UPDATE lead SET email = \? WHERE id = \?\n$/,
    )
    expect(err).toContain('pg_cancel_backend')
    expect(JSON.parse((await run('locks', '--json')).out)).toMatchObject({ schema: 'holdfast.db-locks/1', waitingCount: 1 })
  } finally {
    await app.query('ROLLBACK')
    await waiting
  }
})

it('counts the connections by application', async () => {
  const { code, out } = await run('pool')
  expect(code).toBe(0)
  expect(out).toMatch(/^\d+ of \d+ connections in use, [\d.]+ % \(max_connections \d+, \d+ reserved\)\n\napplication +role +database/)
  expect(out).toMatch(/\nleads-api +\S+ +hf_test_db_command\S* +1 +0 +1 +0 +0\n/)
  expect(JSON.parse((await run('pool', '--json')).out)).toMatchObject({ schema: 'holdfast.db-pool/1', maySeeAll: true })
})

it('exits with 3 and the code when nothing answers', async () => {
  const host = fakeHost({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' })
  expect(await runCommandLine(['db', 'size', '--json'], host)).toBe(3)
  expect(JSON.parse(host.out())).toMatchObject({ schema: 'holdfast.error/1', error: { code: 'HF_PG_FACTS_AWAY' } })
})
