import { type ClonedDatabase, cloneDatabase, fakeClock } from '@holdfast/testkit'
import { type Holdfast, holdfast } from 'holdfast'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTE_DOCS } from '../../src/api/route-docs.ts'
import { type Console, type ConsoleOptions, createConsole, localInstance } from '../../src/index.ts'
import { FakeService } from '../support/fake-service.ts'

const TOKEN = 'a-token-of-the-tests'
const BASE = 'api/v1/performance/database'

let database: ClonedDatabase
let pool: pg.Pool
let hf: Holdfast
const opened: Console[] = []
let connectCount = 0

async function connect(): Promise<pg.Client> {
  connectCount++
  const client = new pg.Client({ connectionString: database.url, application_name: 'holdfast' })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

function open(options: Partial<ConsoleOptions> = {}): Console {
  const console = createConsole({ sources: [localInstance(hf)], auth: { kind: 'token', token: TOKEN }, database: { connect }, ...options })
  opened.push(console)
  return console
}

async function ask(console: Console, path: string, sent?: unknown) {
  const headers = { authorization: `Bearer ${TOKEN}`, ...(sent === undefined ? {} : { 'content-type': 'application/json' }) }
  const init = sent === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(sent) }
  const response = await console.fetch(new Request(`http://127.0.0.1/${path}`, init))
  return { status: response.status, type: response.headers.get('content-type'), body: (await response.json()) as Record<string, unknown> }
}

beforeAll(async () => {
  database = await cloneDatabase({ name: 'database_api' })
  pool = new pg.Pool({ connectionString: database.url, max: 3, application_name: 'leads-api' })
  pool.on('error', () => undefined)
  hf = (await holdfast({ pg: pool, service: 'leads' })) as unknown as Holdfast
  await pool.query('CREATE TABLE lead (id int PRIMARY KEY, email text NOT NULL, score int NOT NULL)')
  await pool.query('CREATE INDEX lead_email_idx ON lead (email)')
  await pool.query("INSERT INTO lead SELECT i, i || '@example.org', i % 100 FROM generate_series(1, 5000) i")
})

afterAll(async () => {
  for (const console of opened) await console.stop()
  await hf.stop()
  await pool.end()
  await database.drop()
})

describe('the database in the API', () => {
  it('answers every address with what the OpenAPI document says', async () => {
    const console = open()
    const documented = ROUTE_DOCS.filter(({ method, path }) => method === 'get' && path.startsWith(BASE))
    expect(documented.length).toBeGreaterThanOrEqual(7)
    for (const { path, answer } of documented) {
      const { status, body } = await ask(console, path.replace(':table', 'public.lead'))
      expect([path, status]).toEqual([path, 200])
      expect([path, body.schema]).toEqual([path, answer!.schema])
      expect([path, ...Object.keys(body).sort()]).toEqual([path, ...Object.keys(answer!.properties).sort()])
      for (const [name, type] of Object.entries(answer!.properties)) {
        const value = body[name]
        const actual = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
        const allowed = type.endsWith('?') ? [type.slice(0, -1), 'null'] : [type]
        expect([path, name, allowed]).toEqual([path, name, expect.arrayContaining([actual])])
      }
    }
  })

  it('shows the pool of the instance, its longest holder with the line of code, and what the server has left', async () => {
    const console = open()
    await console.start()
    const held = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    await held[0]!.query("SELECT email FROM lead WHERE email = 'secret'")
    const waiting = pool.query('SELECT 1')
    try {
      const answer = async () => (await ask(console, `${BASE}/connection-pool`)).body
      await expect.poll(answer, { timeout: 20_000, interval: 200 }).toMatchObject({ totals: { used: 3, waiting: 1, max: 3 } })
      const body = await answer()
      expect(body.holders).toHaveLength(3)
      expect(JSON.stringify(body.holders)).toMatch(/database-api\.test\.ts:\d+/)
      expect(JSON.stringify(body.holders)).toContain('SELECT email FROM lead WHERE email = $1')
      expect(body.server).toMatchObject({ groups: expect.arrayContaining([expect.objectContaining({ application: 'leads-api', total: 3 })]) })
      expect(JSON.stringify(body)).not.toContain('secret')
    } finally {
      for (const client of held) client.release()
      await waiting
    }
    const waits = async () => (await ask(console, `${BASE}/connection-pool`)).body.acquireWait
    await expect.poll(waits, { timeout: 20_000, interval: 200 }).toMatchObject({ mostMs: { n: expect.any(Number), value: expect.any(Number) } })
    const { buckets, mostMs } = (await waits()) as { buckets: { upToMs: number | null; count: number }[]; mostMs: { n: number } }
    expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(mostMs.n)
  })

  it('shows statements by total time, of the instance and of the server, joined by fingerprint', async () => {
    const console = open()
    await console.start()
    const answer = async () => {
      await pool.query('SELECT email FROM lead WHERE score % 7 = $1', [3])
      return (await ask(console, `${BASE}/slow-queries?window=60`)).body as unknown as Queries
    }
    type Row = { fingerprint: string; text: string; callCount: number; rowCount: number; shareOfTime: number; totalMs: number }
    type Queries = { queries: Row[]; server: { statements: Row[] } }
    const find = (rows: readonly Row[]) => rows.find(({ text }) => text?.startsWith('SELECT email FROM lead WHERE score'))
    await expect.poll(async () => find((await answer()).queries)?.callCount ?? 0, { timeout: 20_000, interval: 100 }).toBeGreaterThan(3)
    const { queries, server } = await answer()
    const measured = find(queries)!
    expect(measured.rowCount / measured.callCount).toBe(700)
    expect(queries.map(({ totalMs }) => totalMs)).toEqual(queries.map(({ totalMs }) => totalMs).toSorted((a, b) => b - a))
    expect(find(server.statements)!.fingerprint).toBe(measured.fingerprint)
  })

  it('records the size of the database once it runs, and not when it must not', async () => {
    const console = open({ database: { connect, keepsSizes: false } })
    await console.start()
    await ask(console, `${BASE}/tables`)
    const history = async () => (await ask(console, `${BASE}/size`)).body.history as unknown[]
    const before = (await history()).length
    const writing = open()
    await writing.start()
    await expect.poll(async () => ((await ask(writing, `${BASE}/size`)).body.history as unknown[]).length, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(before).toBeLessThanOrEqual(1)
  })

  it('takes one reading for all who ask at once', async () => {
    const console = open()
    const before = connectCount
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(console, `${BASE}/tables`)))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    expect(connectCount - before).toBe(1)
  })

  it('refuses a table that is not there, whatever its name is', async () => {
    const console = open()
    for (const name of ['nowhere', 'a.b.c', "x'; DROP TABLE lead; --", '"', '\0'].map(encodeURIComponent)) {
      const { status, type, body } = await ask(console, `${BASE}/table-stats/${name}`)
      expect([name, status, type, body.code]).toEqual([name, 404, 'application/problem+json', 'HF_PG_TABLE_UNKNOWN'])
    }
  })

  it('gives what the instances say while the database is away, and a problem where nothing is left to say', async () => {
    const away = open({ database: { connect: () => Promise.reject(new Error('connect ECONNREFUSED')) } })
    expect((await ask(away, `${BASE}/connection-pool`)).body).toMatchObject({ server: null, serverProblem: { code: 'HF_PG_FACTS_AWAY' } })
    expect(await ask(away, `${BASE}/health`)).toMatchObject({
      status: 503,
      body: { code: 'HF_PG_FACTS_AWAY', detail: expect.stringContaining('ECONNREFUSED') },
    })
  })

  it('says that it was given no database', async () => {
    const clock = fakeClock()
    const without = createConsole({ sources: [new FakeService(clock)], clock, auth: { kind: 'token', token: TOKEN } })
    opened.push(without)
    expect((await ask(without, `${BASE}/slow-queries`)).body).toMatchObject({ queries: [], serverProblem: { code: 'HF_CONSOLE_NO_DATABASE' } })
    expect(await ask(without, `${BASE}/indexing-strategy`)).toMatchObject({ status: 404, body: { code: 'HF_CONSOLE_NO_DATABASE' } })
  })

  it('explains one statement, runs none that may write, and says what is wrong with the text', async () => {
    const console = open()
    const analyze = (body: object) => ask(console, `${BASE}/analyze-query`, body)
    const { status, body } = await analyze({ sql: 'SELECT id FROM lead WHERE score = $1', params: [7], analyze: true })
    expect(status).toBe(200)
    const documented = ROUTE_DOCS.find(({ path }) => path.endsWith('/analyze-query'))!.answer!
    expect(Object.keys(body)).toEqual(expect.arrayContaining(Object.keys(documented.properties)))
    expect(body).toMatchObject({ schema: 'holdfast.plan/1', measured: true, plan: expect.any(Object), worst: expect.stringContaining('lead') })
    expect(await analyze({ sql: 'DELETE FROM lead', analyze: true })).toMatchObject({ status: 400, body: { code: 'HF_PG_EXPLAIN_NOT_READ_ONLY' } })
    expect(await analyze({ sql: 'SELEKT 1' })).toMatchObject({ status: 400, body: { code: 'HF_PG_EXPLAIN_SYNTAX' } })
    expect(await analyze({ sql: 'SELECT 1; SELECT 2' })).toMatchObject({ status: 400, body: { code: 'HF_PG_EXPLAIN_SEVERAL' } })
    for (const wrong of [{}, { sql: ' ' }, { sql: 'SELECT 1', analyze: 'yes' }, { sql: 'SELECT 1', params: [{}] }]) {
      expect(await analyze(wrong)).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
    }
    expect((await pool.query('SELECT count(*)::int AS n FROM lead')).rows).toEqual([{ n: 5000 }])
  })

  it('vacuums a table when it is confirmed, and says what came of it', async () => {
    const console = open({ environment: 'production' })
    await pool.query('UPDATE lead SET score = score WHERE id <= 100')
    const optimize = (table: string, body: object) => ask(console, `${BASE}/optimize-table/${table}`, body)
    expect(await optimize('public.lead', {})).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await optimize('nowhere', { confirmation: 'nowhere' })).toMatchObject({ status: 404, body: { code: 'HF_PG_TABLE_UNKNOWN' } })
    const { status, body } = await optimize('public.lead', { confirmation: 'public.lead' })
    expect([status, body.schema, body.isAnalyzed]).toEqual([200, 'holdfast.database-vacuum/1', true])
    expect(Object.keys(body).sort()).toEqual(Object.keys(ROUTE_DOCS.find(({ path }) => path.includes('optimize-table'))!.answer!.properties).sort())
    const { table } = (await ask(console, `${BASE}/table-stats/public.lead`)).body as { table: { vacuumedAtMs: number | null } }
    expect(table.vacuumedAtMs).not.toBeNull()
    expect(console.overview().events.map(({ kind }) => kind)).toContain('vacuum')
    const viewer = open({ auth: { kind: 'custom', verify: async () => 'view' } })
    expect((await ask(viewer, `${BASE}/table-stats/public.lead`)).body).toMatchObject({ actions: [] })
  })

  it('runs archive policies that it was given and no others, counted first, confirmed, and by an admin', async () => {
    const policy = { name: 'low-scores', table: 'lead', action: 'move', where: 'score < 10' } as const
    const lines: object[] = []
    const note = (details: object): void => void lines.push(details)
    const logger = { debug: note, info: note, warn: note, error: note }
    const console = open({ archivePolicies: [policy], environment: 'production', logger })
    const archive = (body: object) => ask(console, `${BASE}/archive`, body)
    expect(await archive({ policy: 'low-scores', dryRun: true })).toMatchObject({
      status: 200,
      body: { preview: { matchCount: 500, tableCount: 5000 }, report: null },
    })
    expect(await archive({ policy: 'low-scores' })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await archive({ policy: 'other', dryRun: true })).toMatchObject({ status: 404, body: { code: 'HF_PG_ARCHIVE_POLICY_UNKNOWN' } })
    expect(await archive({ dryRun: true })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_BODY' } })
    const operator = open({ archivePolicies: [policy], auth: { kind: 'custom', verify: async () => 'operate' } })
    expect(await ask(operator, `${BASE}/archive`, { policy: 'low-scores' })).toMatchObject({ status: 403, body: { code: 'HF_CONSOLE_FORBIDDEN' } })
    expect((await pool.query('SELECT count(*)::int AS n FROM lead')).rows).toEqual([{ n: 5000 }])

    expect(await archive({ policy: 'low-scores', confirmation: 'low-scores' })).toMatchObject({
      status: 200,
      body: { preview: null, report: { rowCount: 500 } },
    })
    expect((await pool.query('SELECT (SELECT count(*) FROM lead)::int AS left, (SELECT count(*) FROM lead_archive)::int AS moved')).rows).toEqual([
      { left: 4500, moved: 500 },
    ])
    expect((await ask(console, `${BASE}/archive`)).body).toMatchObject({
      policies: [{ name: 'low-scores', into: null }],
      runs: [{ policy: 'low-scores', rowCount: 500 }],
    })
    expect(lines).toContainEqual(expect.objectContaining({ audit: 'archive', role: 'admin', policy: 'low-scores' }))
    expect(console.overview().events.map(({ text }) => text)).toContain('archive policy low-scores: 500 rows')
  })

  it('names the missing extension beside what the instances measured', async () => {
    await pool.query('DROP EXTENSION pg_stat_statements')
    const { status, body } = await ask(open(), `${BASE}/slow-queries`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      server: null,
      serverProblem: { code: 'HF_PG_STATEMENTS_MISSING', hint: expect.stringContaining('CREATE EXTENSION') },
    })
  })
})
