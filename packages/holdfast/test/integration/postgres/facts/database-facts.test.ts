import { randomBytes } from 'node:crypto'
import { type ClonedDatabase, cloneDatabase, flushStatistics, serverMajor } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabaseFacts, type DatabaseFacts } from '../../../../src/postgres/facts/index.ts'

let database: ClonedDatabase
let app: pg.Client
let facts: DatabaseFacts
const opened: pg.Client[] = []
const role = `hf_facts_${randomBytes(4).toString('hex')}`

async function connect(url = database.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  opened.push(client)
  return client
}

beforeAll(async () => {
  database = await cloneDatabase({ name: 'facts' })
  app = await connect()
  await app.query(`
    CREATE TABLE lead (id int PRIMARY KEY, email text UNIQUE, score int NOT NULL) WITH (fillfactor = 50, autovacuum_enabled = off);
    CREATE INDEX lead_score_idx ON lead (score);
    CREATE INDEX lead_partial_idx ON lead (email) WHERE score > 900;
    INSERT INTO lead SELECT i, i || '@example.org', i % 1000 FROM generate_series(1, 20000) i;
    CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."le.ad" (k int);
    CREATE SCHEMA other; CREATE TABLE other.twice (k int); CREATE SCHEMA third; CREATE TABLE third.twice (k int)`)
  await app.query('VACUUM ANALYZE lead')
  facts = createDatabaseFacts({ connect: () => connect() })
})

afterAll(async () => {
  await Promise.all(opened.map(client => client.end().catch(() => undefined)))
  await database.drop()
  const server = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_PG_URL! })
  await server.connect()
  await server.query(`DROP ROLE IF EXISTS ${role}`)
  await server.end()
})

describe('tables', () => {
  it('are listed by size, with dead rows, HOT ratio, scans and the last ANALYZE', async () => {
    await app.query('UPDATE lead SET email = email WHERE id <= 1000')
    await app.query('UPDATE lead SET score = score + 1 WHERE id <= 1000')
    await app.query('SELECT count(*) FROM lead WHERE score % 2 = 0')
    await flushStatistics(app)
    const { tables, isComplete, database: name } = await facts.tables()
    expect(name).toMatch(/^hf_test_facts/)
    expect(isComplete).toBe(true)
    expect(tables.map(table => `${table.schema}.${table.name}`)).toEqual(['public.lead', 'Odd.le.ad', 'other.twice', 'third.twice'])
    const lead = tables[0]!
    expect(lead).toMatchObject({ kind: 'table', plannedRowCount: 20_000, isLocked: false, insertCount: 20_000, updateCount: 2000 })
    expect(lead.totalBytes).toBe(lead.tableBytes! + lead.indexBytes!)
    // The first update changed no indexed value; the second one did, so it could not be HOT.
    expect(lead.hotUpdateCount).toBeGreaterThan(0)
    expect(lead.hotUpdateCount).toBeLessThanOrEqual(1000)
    expect(lead.hotRatio).toBeCloseTo(lead.hotUpdateCount! / 2000, 5)
    expect(lead.deadRowCount).toBeGreaterThan(0)
    expect(lead.sequentialScanCount).toBeGreaterThan(0)
    expect(Math.abs(Date.now() - lead.analyzedAtMs!)).toBeLessThan(600_000)
    expect(tables[1]).toMatchObject({ hotRatio: null, deadRatio: null, vacuumedAtMs: null })
  })

  it('are cut off at the limit, which is said', async () => {
    expect(await facts.tables({ limit: 1 })).toMatchObject({ isComplete: false, tables: [{ name: 'lead' }] })
  })

  it('are found by name, with quotes and dots in it, and with their indexes', async () => {
    expect((await facts.table('"Odd"."le.ad"')).table).toMatchObject({ schema: 'Odd', name: 'le.ad' })
    const { table, indexes } = await facts.table('lead')
    expect(table.name).toBe('lead')
    // Before 15 a database counts from its first connection; since then it says nothing before a reset.
    const unread = (await serverMajor(app)) < 15 ? 'too early' : 'not scanned'
    expect(indexes.map(({ name, use }) => [name, use]).sort()).toEqual([
      ['lead_email_key', 'constraint'],
      ['lead_partial_idx', unread],
      ['lead_pkey', 'constraint'],
      ['lead_score_idx', unread],
    ])
    expect(indexes.find(({ name }) => name === 'lead_partial_idx')).toMatchObject({ isPartial: true, definition: expect.stringContaining('WHERE') })
  })

  it.each([
    ['nowhere', /no table nowhere/],
    ["lead'; DROP TABLE lead; --", /no table/],
    ['twice', /schemas other, third/],
    ['a.b.c', /not the name of a table/],
  ])('are unknown as %s', async (name, message) => {
    await expect(facts.table(name)).rejects.toMatchObject({ code: 'HF_PG_TABLE_UNKNOWN', message: expect.stringMatching(message) })
  })

  it('do not wait for a table that is held exclusively: it has no size then, and says so', async () => {
    const holder = await connect()
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE lead IN ACCESS EXCLUSIVE MODE')
    try {
      expect((await facts.table('lead')).table).toMatchObject({ isLocked: true, totalBytes: null, plannedRowCount: 20_000 })
      const report = await facts.indexes()
      expect(report.indexes.filter(({ table }) => table === 'lead').map(({ sizeBytes }) => sizeBytes)).toEqual([null, null, null, null])
    } finally {
      await holder.query('ROLLBACK')
    }
  })
})

it('sums the indexes that nothing scanned, constraints left out', async () => {
  await app.query('SET enable_seqscan = off')
  await app.query('SELECT * FROM lead WHERE score = 7')
  await app.query('RESET enable_seqscan')
  await flushStatistics(app)
  const { indexes, totalBytes, notScannedBytes } = await facts.indexes()
  const byName = new Map(indexes.map(index => [index.name, index]))
  expect(byName.get('lead_score_idx')).toMatchObject({ use: 'scanned', scanCount: 1, method: 'btree' })
  if ((await serverMajor(app)) >= 16) expect(byName.get('lead_score_idx')!.lastScanAtMs).not.toBeNull()
  else expect(byName.get('lead_score_idx')!.lastScanAtMs).toBeNull()
  const isTooEarly = (await serverMajor(app)) < 15
  expect(notScannedBytes).toBe(isTooEarly ? 0 : byName.get('lead_partial_idx')!.sizeBytes)
  expect(totalBytes).toBe(indexes.reduce((sum, { sizeBytes }) => sum + sizeBytes!, 0))
})

describe('locks', () => {
  it('show who waits for whom, since when and for what, without literals', async () => {
    const [first, second, third] = [await connect(), await connect(), await connect()]
    await first.query("SET application_name = 'migration'")
    await first.query('BEGIN')
    await first.query("UPDATE lead SET email = 'secret@example.org' WHERE id = 5")
    await second.query('BEGIN')
    const waiting: Promise<unknown>[] = [second.query("UPDATE lead SET email = 'hidden' WHERE id = 5")]
    try {
      // One after the other: behind the ALTER the UPDATE would wait for the table, not for the row.
      await expect.poll(async () => (await facts.locks()).waitingCount, { timeout: 20_000 }).toBe(1)
      // A row that is fought over locks no table, though its lock has the same mode and names the table.
      expect((await facts.table('lead')).table).toMatchObject({ isLocked: false, totalBytes: expect.any(Number) })
      waiting.push(third.query('ALTER TABLE lead ADD COLUMN extra int'))
      await expect.poll(async () => (await facts.locks()).waitingCount, { timeout: 20_000 }).toBe(2)
      const { chains } = await facts.locks()
      expect(chains.length).toBeGreaterThanOrEqual(1)
      const chain = chains.find(({ holder }) => holder.application === 'migration')!
      expect(chain.holder).toMatchObject({ state: 'idle in transaction', statement: 'UPDATE lead SET email = ? WHERE id = ?', isWaiting: false })
      const waiters = new Map(chain.waiters.map(waiter => [waiter.statement, waiter]))
      expect(waiters.get('UPDATE lead SET email = ? WHERE id = ?')).toMatchObject({ lockMode: 'ShareLock on a transactionid', depth: 1 })
      expect(waiters.get('ALTER TABLE lead ADD COLUMN extra int')).toMatchObject({ lockMode: 'AccessExclusiveLock', relation: 'public.lead' })
      expect(chain.longestWaitMs).toBeGreaterThan(0)
      expect(JSON.stringify(chains)).not.toMatch(/secret|hidden/)
    } finally {
      await first.query('ROLLBACK')
      await waiting[0]
      await second.query('ROLLBACK')
      await waiting[1]
    }
    await expect.poll(async () => (await facts.locks()).waitingCount, { timeout: 20_000 }).toBe(0)
  })
})

it('counts connections against what ordinary roles may take', async () => {
  const named = await connect(`${database.url}?application_name=leads-api`)
  await named.query('BEGIN')
  const report = await facts.connections()
  expect(report.max).toBeGreaterThan(report.reserved)
  expect(report.used).toBeGreaterThanOrEqual(3)
  expect(report.usedRatio).toBeCloseTo(report.used / (report.max - report.reserved), 10)
  expect(report.groups.find(({ application }) => application === 'leads-api')).toMatchObject({ total: 1, idleInTransaction: 1, unknown: 0 })
  expect(report).toMatchObject({ databaseLimit: null, roleLimit: null, maySeeAll: true })
  await named.query('ROLLBACK')
})

describe('statements', () => {
  it('come by total time with calls, rows and share, ours left out', async () => {
    await app.query('SELECT pg_stat_statements_reset()')
    for (let i = 0; i < 20; i++) await app.query('SELECT email FROM lead WHERE score % 7 = $1', [i % 7])
    await app.query('SELECT id FROM lead WHERE id = 7')
    await facts.tables()
    const report = await facts.statements()
    const slow = report.statements.find(({ text }) => text?.startsWith('SELECT email'))!
    expect(slow).toMatchObject({ callCount: 20, text: 'SELECT email FROM lead WHERE score % $2 = $1', hitRatio: expect.any(Number) })
    expect(slow.rowCount).toBeGreaterThan(50_000)
    expect(slow.meanMs).toBeCloseTo(slow.totalMs / 20, 6)
    expect(slow.leastMs).toBeLessThanOrEqual(slow.meanMs)
    expect(slow.mostMs).toBeGreaterThanOrEqual(slow.meanMs)
    expect(slow.shareOfTime).toBeCloseTo(slow.totalMs / report.totalMs, 10)
    const totals = report.statements.map(({ totalMs }) => totalMs)
    expect(totals).toEqual(totals.toSorted((a, b) => b - a))
    expect(report.statements.filter(({ text }) => text?.includes('pg_total_relation_size'))).toEqual([])
    const cut = await facts.statements({ limit: 1 })
    expect(cut.statements).toHaveLength(1)
    expect(cut.callCount).toBeGreaterThan(20)
  })

  it('are refused with the way to have them where the extension is absent', async () => {
    await app.query('DROP EXTENSION pg_stat_statements')
    await expect(facts.statements()).rejects.toMatchObject({
      code: 'HF_PG_STATEMENTS_MISSING',
      hint: expect.stringContaining('CREATE EXTENSION pg_stat_statements'),
    })
    await app.query('CREATE EXTENSION pg_stat_statements')
  })
})

describe('the size', () => {
  it('is recorded once an hour however often it is asked, and kept within bounds', async () => {
    expect(await facts.size()).toMatchObject({ history: [], growth: null, historyNote: expect.stringContaining('once an hour') })
    expect(await facts.recordSize()).toBe(true)
    // Two hours and a day beyond what is kept by the hour, and one beyond what is kept at all.
    await app.query(`INSERT INTO holdfast.size_history SELECT date_trunc('day', now()) - interval '20 days' + i * interval '1 hour', 1000, '[]'::jsonb FROM generate_series(0, 23) i
      UNION ALL SELECT now() - interval '3 years', 1, '[]'::jsonb`)
    expect(await facts.recordSize()).toBe(true)
    const { history, sizeBytes, tables, growth, historyNote } = await facts.size()
    // The hour may have turned in between.
    expect([2, 3]).toContain(history.length)
    expect(history[0]).toMatchObject({ sizeBytes: 1000 })
    expect(history.at(-1)!.tables[0]).toMatchObject({ name: 'public.lead', bytes: tables[0]!.totalBytes })
    expect(growth!.bytesPerDay).toBeCloseTo(((sizeBytes - 1000) * 86_400_000) / (growth!.toMs - growth!.fromMs), 3)
    expect(historyNote).toBeNull()
  })

  it('is not recorded by a role that may not, which is told what it lacks', async () => {
    await app.query(`CREATE ROLE ${role} LOGIN PASSWORD 'facts'`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'facts'
    const limited = createDatabaseFacts({ connect: () => connect(url.href) })
    expect(await limited.recordSize()).toBe(false)
    expect(await limited.size()).toMatchObject({ historyNote: expect.stringContaining('GRANT USAGE ON SCHEMA holdfast') })
    // Everything else is read all the same, less what belongs to others.
    expect((await limited.table('lead')).table.totalBytes).toBeGreaterThan(0)
    expect(await limited.connections()).toMatchObject({ maySeeAll: false })
    expect(await limited.statements()).toMatchObject({ maySeeAll: false })
    expect((await limited.statements()).statements.every(({ text }) => text === null || !text.includes('lead'))).toBe(true)
    expect((await limited.health()).wraparound.oldest.length).toBeGreaterThan(0)
    expect((await limited.locks()).waitingCount).toBe(0)
  })
})

describe('health', () => {
  it('names transactions that are open for long, with what they did last, and how far wraparound is', async () => {
    const sleeper = await connect()
    await sleeper.query('BEGIN')
    await sleeper.query("SELECT id FROM lead WHERE email = 'secret'")
    const health = await facts.health({ longerThan: '1ms' })
    const long = health.longTransactions.find(({ statement }) => statement === 'SELECT id FROM lead WHERE email = ?')!
    expect(long).toMatchObject({ state: 'idle in transaction', pid: expect.any(Number) })
    expect(long.ageMs).toBeGreaterThan(0)
    expect((await facts.health()).longTransactions).toEqual([])
    expect(health.wraparound).toMatchObject({ freezeMaxAge: 200_000_000 })
    expect(health.wraparound.usedRatio).toBeGreaterThan(0)
    expect(health.wraparound.usedRatio).toBeLessThan(0.01)
    expect(health.wraparound.oldest[0]!.age).toBeGreaterThanOrEqual(health.wraparound.oldest.at(-1)!.age)
    expect(health.replication).toMatchObject({ isStandby: false, behindMs: null, standbys: [], slots: [] })
    await sleeper.query('ROLLBACK')
  })
})

describe('a database that is away', () => {
  it('is named with its code, whether it never answered or went in the middle', async () => {
    const unreachable = createDatabaseFacts({ connect: () => connect('postgres://nobody@127.0.0.1:1/none') })
    await expect(unreachable.tables()).rejects.toMatchObject({ code: 'HF_PG_FACTS_AWAY', retryable: true })
    const dying = createDatabaseFacts({
      async connect() {
        const client = await connect()
        const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
        await app.query('SELECT pg_terminate_backend($1, 5000)', [rows[0]!.pid])
        return client
      },
    })
    await expect(dying.tables()).rejects.toMatchObject({ code: 'HF_PG_FACTS_AWAY' })
  })

  it('gives up in time behind a lock, and has changed nothing', async () => {
    await facts.recordSize()
    const holder = await connect()
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE holdfast.size_history IN ACCESS EXCLUSIVE MODE')
    await expect(facts.size()).rejects.toMatchObject({ code: 'HF_PG_FACTS_TIMEOUT', message: expect.stringContaining('500 ms a lock') })
    await holder.query('ROLLBACK')
    expect((await facts.size()).history.length).toBeGreaterThan(0)
  })
})
