import { type ClonedDatabase, cloneDatabase, type FakeApi, startCloudflare } from '@holdfast/testkit'
import { cloudflare, createPurgeBus, createPurgeQueue, type PurgeBus } from 'holdfast/cdn'
import { type HoldfastError, silentLogger, systemClock } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { parseDeadTarget } from '../../src/api/cdn-routes.ts'
import { ROUTE_DOCS } from '../../src/api/route-docs.ts'
import { type Console, type ConsoleOptions, createConsole, type Role } from '../../src/index.ts'

const BASE = 'api/v1/performance/cdn'
const TOKEN = 'a-token-of-the-tests'
const registry = createRegistry()
const lines: Record<string, unknown>[] = []
const logger = { ...silentLogger, info: (line: object) => void lines.push({ ...line }) }
const opened: Console[] = []

let database: ClonedDatabase
let pool: pg.Pool
let api: FakeApi
let bus: PurgeBus

beforeAll(async () => {
  database = await cloneDatabase({ name: 'cdn-api' })
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  api = await startCloudflare({ groups: [{ count: 10, sum: { edgeResponseBytes: 5000 }, dimensions: { cacheStatus: 'hit' } }] })
  const providers = [cloudflare({ zone: 'z1', token: 'cf-token', api: api.url })]
  const deps = { queue: createPurgeQueue('app', pool), registry, clock: systemClock, logger: silentLogger, random: () => 0 }
  bus = createPurgeBus({ providers, collectFor: '100ms', secondPurgeAfter: '0ms', attempts: 1 }, deps)
  await bus.start()
  await bus.purge({ kind: 'url', urls: ['https://elsewhere.test/a'] })
  await vi.waitFor(async () => expect(await bus.dead()).toHaveLength(1), { timeout: 10_000, interval: 20 })
})
afterAll(async () => {
  for (const console of opened) await console.stop()
  await bus.stop()
  await pool.end()
  await api[Symbol.asyncDispose]()
  await database.drop()
})

const source = {
  id: 'one',
  read: async () => ({
    ...({ schema: 'holdfast.instance/1', service: 'funds', instanceId: 'funds-1', startedAtMs: 0, statements: [] } as const),
    ...{ atMs: Date.now(), health: { status: 'ok', reasons: [] } as const, metrics: registry.snapshot() },
  }),
}
async function connect(): Promise<pg.Client> {
  const client = new pg.Client(database.url)
  await client.connect()
  return client
}
function open(options: Partial<ConsoleOptions> = {}): Console {
  const console = createConsole({ sources: [source], auth: { kind: 'token', token: TOKEN }, cdn: bus, logger, database: { connect }, ...options })
  opened.push(console)
  return console
}
async function ask(console: Console, path: string, sent?: unknown) {
  const headers = { authorization: `Bearer ${TOKEN}`, ...(sent === undefined ? {} : { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }) }
  const init = sent === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(sent) }
  const response = await console.fetch(new Request(`http://127.0.0.1/${BASE}/${path}`, init))
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & Partial<HoldfastError> }
}
const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)

describe('CDNs in the API', () => {
  it('answers every address with what the OpenAPI document says', async () => {
    const console = open()
    const documented = ROUTE_DOCS.filter(({ method, path }) => method === 'get' && path.startsWith(BASE))
    expect(documented).toHaveLength(3)
    for (const { path, answer } of documented) {
      const { status, body } = await ask(console, path.slice(BASE.length + 1))
      expect([path, status, body.schema]).toEqual([path, 200, answer!.schema])
      for (const [name, type] of Object.entries(answer!.properties)) {
        const allowed = type.endsWith('?') ? [type.slice(0, -1), 'null'] : [type]
        expect([path, name, allowed]).toEqual([path, name, expect.arrayContaining([typeOf(body[name])])])
      }
    }
  })

  it('counts what was sent in the window beside what waits now, and asks the CDN once for all who want its figures', async () => {
    const console = open()
    await console.start()
    await vi.waitFor(async () => expect((await ask(console, 'metrics')).body.windowSec).toBeGreaterThan(0), { timeout: 10_000, interval: 50 })
    await bus.purge({ kind: 'tag', tags: ['fund:1', 'fund:2'] })
    await vi.waitFor(
      async () =>
        expect((await ask(console, 'metrics')).body.cdns).toEqual([
          {
            ...{ provider: 'cloudflare', sentCount: 2, mergedCount: 0, retriedCount: 0, givenUpCount: 0, requestCount: 1, failures: [] },
            now: {
              isSoft: false,
              waiting: 0,
              dead: 1,
              oldestMs: 0,
              buckets: [expect.objectContaining({ burst: 25 }), expect.objectContaining({ burst: 8 })],
            },
          },
        ]),
      { timeout: 10_000, interval: 50 },
    )
    const questions = () => api.seen.filter(({ path }) => path === '/graphql').length
    const before = questions()
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(console, 'analytics?period=24h')))
    for (const { body } of answers) expect(body).toMatchObject({ period: '24h', counted: [{ requests: 10, bytes: 5000, hitRatio: 1 }], failed: [] })
    expect(questions() - before).toBe(1)
    expect(Number(answers[0]!.body.toMs) - Number(answers[0]!.body.fromMs)).toBe(86_400_000)
  })

  it('retries and forgets for those who may, with a line in the log and an event, and wants many confirmed', async () => {
    const console = open({ environment: 'production' })
    const [lost] = await bus.dead()
    expect(await ask(console, 'retry', { all: true })).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await ask(console, 'discard', { cdn: 'cloudflare', confirmation: 'all' })).toMatchObject({ body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await ask(console, 'retry', { id: lost!.id })).toMatchObject({
      status: 200,
      body: { schema: 'holdfast.cdn-change/1', action: 'retry', count: 1 },
    })
    // The zone refuses it once more.
    await vi.waitFor(async () => expect(await bus.dead()).toHaveLength(1), { timeout: 10_000, interval: 20 })
    expect((await ask(console, 'dead-letter?cdn=cloudflare&limit=1')).body.dead).toMatchObject([{ subject: 'https://elsewhere.test/a', attempts: 1 }])
    expect((await ask(console, 'discard', { cdn: 'cloudflare', confirmation: 'cloudflare' })).body).toMatchObject({ action: 'discard', count: 1 })
    expect(await bus.dead()).toEqual([])
    expect(lines.filter(({ audit }) => String(audit).startsWith('cdn.'))).toEqual([
      expect.objectContaining({ audit: 'cdn.retry', role: 'admin', id: lost!.id }),
      expect.objectContaining({ audit: 'cdn.discard', cdn: 'cloudflare' }),
    ])
    expect(console.overview().events.map(({ text }) => text)).toEqual(expect.arrayContaining(['1 purge for cloudflare forgotten']))
    const { rows } = await pool.query(`SELECT what, finding_id, outcome, detail FROM holdfast.audit_log WHERE what LIKE 'cdn.%' ORDER BY id`)
    expect(rows).toEqual([
      { what: 'cdn.retry', finding_id: lost!.id, outcome: 'done', detail: '1 purge sent again; by the console, role admin' },
      { what: 'cdn.discard', finding_id: 'cloudflare', outcome: 'done', detail: '1 purge for cloudflare forgotten; by the console, role admin' },
    ])
  })

  it('refuses with a code: what it does not understand, a role that may only look, no CDN, no queue', async () => {
    const console = open()
    for (const path of ['analytics?period=1y', 'dead-letter?limit=0', 'dead-letter?limit=many'])
      expect([path, await ask(console, path)]).toMatchObject([path, { status: 400, body: { code: 'HF_CONSOLE_BODY' } }])
    for (const body of [{}, { all: false }, { id: '' }, { id: '1', all: true }, { cdn: 7 }])
      expect(() => parseDeadTarget(body)).toThrow(expect.objectContaining({ code: 'HF_CONSOLE_BODY' }))
    const view = open({ auth: { kind: 'custom', verify: async () => 'view' as Role } })
    expect(await ask(view, 'retry', { id: '1' })).toMatchObject({ status: 403, body: { code: 'HF_CONSOLE_FORBIDDEN' } })
    expect((await ask(view, 'metrics')).body.actions).toEqual(['look'])
    const { cdn: _, ...none } = { cdn: bus, sources: [source], auth: { kind: 'token', token: TOKEN } as const }
    const without = createConsole(none)
    opened.push(without)
    expect(await ask(without, 'dead-letter')).toMatchObject({ status: 404, body: { code: 'HF_CONSOLE_NO_CDN' } })
    expect((await ask(without, 'metrics')).body).toMatchObject({ actions: [], cdns: [], storeProblem: null })
    const gone = new pg.Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
    const providers = [cloudflare({ zone: 'z1', token: 'cf-token', api: api.url })]
    const deps = { queue: createPurgeQueue('app', gone), registry: createRegistry(), clock: systemClock, logger: silentLogger, random: () => 0 }
    const away = open({ cdn: createPurgeBus({ providers }, deps) })
    expect(await ask(away, 'dead-letter')).toMatchObject({ status: 503, body: { code: 'HF_HTTP_CDN_QUEUE_AWAY' } })
    expect((await ask(away, 'metrics')).body).toMatchObject({
      cdns: [{ provider: 'cloudflare', now: null }],
      storeProblem: { code: 'HF_HTTP_CDN_QUEUE_AWAY' },
    })
    await gone.end()
  })
})
