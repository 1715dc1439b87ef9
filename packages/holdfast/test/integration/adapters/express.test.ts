import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import expressFramework, { type Express } from 'express'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { express as attach, instance, metrics } from '../../../src/adapters/express.ts'
import { type Holdfast, holdfast, type InstanceSnapshot } from '../../../src/runtime/index.ts'

let database: ClonedDatabase
let pool: pg.Pool
let hf: Holdfast<pg.Pool>
let server: Server
let app: Express

beforeEach(async () => {
  database = await cloneDatabase({ name: 'express' })
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  hf = await holdfast({ pg: pool, redis: process.env.HOLDFAST_TEST_REDIS_URL, service: 'sample', cache: { namespace: database.url.slice(-12) } })
  app = expressFramework()
  app.use(attach(hf))
  app.use(expressFramework.json())
  server = await new Promise<Server>(resolve => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening))
  })
})

afterEach(async () => {
  await new Promise(resolve => server.close(resolve))
  await hf.stop()
  await pool.end()
  await database.drop()
})

const url = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`

function timing(response: Response): Record<string, number> {
  const entries = (response.headers.get('server-timing') ?? '').split(', ').map(entry => /^(\w+);dur=([\d.]+)/.exec(entry)!)
  return Object.fromEntries(entries.map(([, name, ms]) => [name!, Number(ms)]))
}

describe('the Express adapter', () => {
  it('splits the time of a request, and the parts add up to the whole', async () => {
    app.get('/slow', async (_request, response) => {
      await hf.pg.query('select pg_sleep(0.05)')
      response.json({})
    })
    const split = timing(await fetch(url('/slow')))
    expect(split.pg).toBeGreaterThanOrEqual(50)
    expect(split.pool! + split.pg! + split.redis! + split.app!).toBeCloseTo(split.total!, 0)
  })

  it('blames the wait for a connection on the pool, not on PostgreSQL', async () => {
    app.get('/queued', async (_request, response) => {
      await hf.pg.query('select pg_sleep(0.05)')
      response.json({})
    })
    const splits = await Promise.all([1, 2, 3, 4].map(async () => timing(await fetch(url('/queued')))))
    const waits = splits.map(split => split.pool!).sort((a, b) => a - b)
    expect(waits[3]).toBeGreaterThanOrEqual(40)
    for (const split of splits) expect(split.pg).toBeLessThan(split.total!)
  })

  it('sees the statements of the caller who uses the own pool, after a body parser too', async () => {
    app.post('/write', async (_request, response) => {
      await pool.query('select 1')
      await pool.query('select 2')
      response.json({})
    })
    const response = await fetch(url('/write'), { method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } })
    expect(response.headers.get('server-timing')).toContain('desc="2 statements"')
  })

  it('counts routes by their pattern, unknown paths as one', async () => {
    const router = expressFramework.Router()
    router.get('/items/:id', (_request, response) => void response.json({}))
    app.use('/shop', router)
    for (const path of ['/shop/items/1', '/shop/items/2', '/nowhere/1', '/nowhere/2']) await (await fetch(url(path))).text()
    const family = hf.telemetry.snapshot().find(({ name }) => name === 'http_server_request_duration_seconds')!
    const counts = Object.fromEntries(family.series.map(({ labels, histogram }) => [labels.join(' '), histogram!.count]))
    expect(counts).toEqual({ 'GET /shop/items/:id 2xx': 2, 'GET (no route) 4xx': 2 })
  })

  it('counts a handler that failed under its route and status', async () => {
    app.get('/fails', () => {
      throw new Error('no')
    })
    app.use((_error: unknown, _request: unknown, response: expressFramework.Response, _next: unknown) => void response.status(500).json({}))
    await (await fetch(url('/fails'))).text()
    const family = hf.telemetry.snapshot().find(({ name }) => name === 'http_server_request_duration_seconds')!
    expect(family.series.map(({ labels }) => labels)).toEqual([['GET /fails', '5xx']])
  })

  it('serves OpenMetrics', async () => {
    app.get('/metrics', metrics(hf))
    await (await fetch(url('/metrics'))).text()
    const response = await fetch(url('/metrics'))
    expect(response.headers.get('content-type')).toContain('application/openmetrics-text')
    expect(await response.text()).toContain('http_server_request_duration_seconds_count{route="GET /metrics",status="2xx"} 1')
  })

  it('shows an instance to the holder of the token only', async () => {
    app.get('/instance', instance(hf, { token: 'secret-token' }))
    app.get('/closed', instance(hf, { token: undefined }))
    const as = (authorization?: string) => fetch(url('/instance'), { headers: authorization ? { authorization } : {} })
    expect((await as()).status).toBe(401)
    expect((await as('Bearer wrong-token!')).status).toBe(401)
    expect((await fetch(url('/closed'), { headers: { authorization: 'Bearer ' } })).status).toBe(404)
    const snapshot = (await (await as('Bearer secret-token')).json()) as InstanceSnapshot
    expect(snapshot).toMatchObject({ schema: 'holdfast.instance/1', service: 'sample', health: { status: 'ok' } })
  })
})

describe('holdfast()', () => {
  it('invalidates a tag when the transaction commits, and not when it rolls back', async () => {
    await pool.query('create table fund (id int primary key, name text)')
    await pool.query(`insert into fund values (1, 'old')`)
    const read = () =>
      hf.cache.getOrSet('fund:1', async () => (await pool.query<{ name: string }>('select name from fund where id = 1')).rows[0]!.name, {
        ttl: '1m',
        tags: ['fund:1'],
      })
    expect(await read()).toBe('old')
    const rename = (name: string, fail: boolean) =>
      hf.pg.transaction(async tx => {
        await tx.query('update fund set name = $1 where id = 1', [name])
        tx.invalidate('fund:1')
        if (fail) throw new Error('changed my mind')
      })
    await expect(rename('never', true)).rejects.toThrow('changed my mind')
    expect(await read()).toBe('old')
    await rename('new', false)
    expect(await read()).toBe('new')
  })

  it('refuses bad options, all at once, by name', async () => {
    for (const wrong of [{}, new Date(), 'localhost/shop', '', null, 7]) {
      const problem = { code: 'HF_CONFIG_INVALID', message: expect.stringContaining('pg: must be a') }
      await expect(holdfast({ pg: wrong as unknown as pg.Pool }), String(wrong)).rejects.toMatchObject(problem)
    }
    await expect(holdfast({ redis: 'localhost:6379', chache: {} } as object)).rejects.toMatchObject({
      code: 'HF_CONFIG_INVALID',
      message: expect.stringMatching(/chache: is not an option.*redis: must be a URL/),
    })
  })

  it('works without PostgreSQL until somebody asks for it', async () => {
    await using cacheOnly = await holdfast({ redis: '' })
    expect(await cacheOnly.cache.getOrSet('a', () => 1, { ttl: '1s' })).toBe(1)
    expect(() => cacheOnly.pg).toThrow(expect.objectContaining({ code: 'HF_CONFIG_NO_POSTGRES' }))
  })

  it('hands the pool back as it was', async () => {
    const own = new pg.Pool({ connectionString: database.url })
    const clientClass = (own as unknown as { Client: unknown }).Client
    const observed = await holdfast({ pg: own })
    await observed.stop()
    expect((own as unknown as { Client: unknown }).Client).toBe(clientClass)
    expect((await own.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await own.end()
  })
})
