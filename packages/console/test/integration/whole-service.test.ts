import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { cloneDatabase } from '@holdfast/testkit'
import express from 'express'
import { holdfast } from 'holdfast'
import { express as attach, instance } from 'holdfast/express'
import { createAdvisor } from 'holdfast/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createConsole, type FindingDetail, type Overview, remoteInstance, type ServedConsole, serveConsole } from '../../src/index.ts'

const TOKEN = 'a-token-of-the-tests'
const INSTANCE_TOKEN = 'the-instance-token-of-the-tests'
const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }

describe('a console over a real service', () => {
  const releases: (() => Promise<unknown>)[] = []
  let appUrl: string
  let served: ServedConsole
  let findingId: string

  beforeAll(async () => {
    const database = await cloneDatabase({ name: 'console' })
    releases.push(() => database.drop())
    const pool = new pg.Pool({ connectionString: database.url, max: 4 })
    releases.push(() => pool.end())
    await pool.query('create table note (id int primary key, lead_id int, text text)')
    await pool.query("insert into note select i, i % 100, 'note' from generate_series(1, 2000) i")
    const hf = await holdfast({ pg: pool, redis: process.env.HOLDFAST_TEST_REDIS_URL, service: 'notes' })
    releases.push(() => hf.stop())

    const app = express()
      .use(attach(hf))
      .use('/instance', instance(hf, { token: INSTANCE_TOKEN }))
    app.get('/leads/:id/notes', async (request, response) => {
      response.json((await hf.pg.query('select count(*) from note where lead_id = $1', [request.params.id])).rows)
    })
    app.get('/cached', async (_request, response) => {
      response.json(await hf.cache.getOrSet('console-test', async () => 'loaded', { ttl: '30s' }))
    })
    const server = createServer(app)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    releases.push(async () => {
      server.close()
      server.closeAllConnections()
    })
    appUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

    const advisor = createAdvisor({
      connect: async () => {
        const client = new pg.Client({ connectionString: database.url })
        await client.connect()
        return client
      },
    })
    findingId = (await advisor.plant({ table: 'note', columns: ['lead_id'] })).id
    const console = createConsole({ sources: [remoteInstance(`${appUrl}/instance`, INSTANCE_TOKEN)], advisor, auth: { kind: 'token', token: TOKEN } })
    served = await serveConsole(console)
    releases.push(() => served.stop())
  })
  afterAll(async () => {
    for (const release of releases.toReversed()) await release()
  })

  const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> =>
    (await fetch(`http://127.0.0.1:${served.port}/api/${path}`, { headers, ...init })).json() as Promise<T>

  /** The overview as soon as it satisfies `isThere`. Measurements are read once a second in real time, so this waits for real time. */
  const overviewWhere = async (isThere: (overview: Overview) => boolean): Promise<Overview> => {
    const deadlineMs = performance.now() + 15_000
    for (;;) {
      const overview = await ask<Overview>('overview')
      if (isThere(overview)) return overview
      if (performance.now() > deadlineMs) throw new Error(`never seen; last was ${JSON.stringify(overview)}`)
      await new Promise(resolve => setTimeout(resolve, 100))
    }
  }

  it('shows where the time of its requests went, its statements, its cache and its pool', async () => {
    await overviewWhere(overview => overview.instances[0]?.state === 'up' && overview.series.atMs.length > 1)
    for (let i = 0; i < 20; i++) {
      await (await fetch(`${appUrl}/leads/${i}/notes`)).text()
      await (await fetch(`${appUrl}/cached`)).text()
    }
    const routeOf = (overview: Overview) => overview.routes.find(route => route.route === 'GET /leads/:id/notes')
    const overview = await overviewWhere(seen => routeOf(seen)?.requestCount === 20 && seen.tiles.l1HitRatio.n === 20 && seen.statements.length > 0)
    expect(overview.service).toBe('notes')
    expect(overview.health.status).toBe('ok')
    expect(routeOf(overview)).toMatchObject({ errorRatio: { value: 0, n: 20 }, statementsPerRequest: { value: 1, n: 20 } })
    expect(routeOf(overview)!.p95.postgresMs).toBeGreaterThan(0)
    expect(overview.statements.find(statement => statement.text.includes('lead_id'))).toMatchObject({ callCount: 20, p95Ms: { n: 20 } })
    // One of the twenty look-ups had to load; which tier answers the second one is the cache's business.
    expect(overview.tiles.l1HitRatio.value! + overview.tiles.l2HitRatio.value!).toBeCloseTo(0.95, 4)
    expect(overview.tiles.pool).toMatchObject({ used: 0, waiting: 0, max: 4 })
    expect(overview.tiles.poolWaitP95Ms.n).toBeGreaterThanOrEqual(20)
  })

  it('applies and reverts a finding of the real advisor', async () => {
    await overviewWhere(overview => overview.fixFirst.some(finding => finding.id === findingId))
    const applied = await ask<FindingDetail>(`findings/${findingId}/apply`, { method: 'POST', body: '{}' })
    expect([applied.finding.state, applied.actions]).toEqual(['applied', ['verify', 'revert']])
    const reverted = await ask<FindingDetail>(`findings/${findingId}/revert`, { method: 'POST', body: '{}' })
    expect(reverted.finding.history.at(-1)!.note).toMatch(/^dropped /)
    const { events } = await overviewWhere(overview => overview.events.some(event => event.kind === 'revert'))
    expect(events.map(event => event.kind)).toContain('apply')
  })

  it('sends the first live update within 250 ms', async () => {
    const startedAtMs = performance.now()
    const response = await fetch(`http://127.0.0.1:${served.port}/api/live`, { headers })
    const reader = response.body!.getReader()
    const { value } = await reader.read()
    expect(performance.now() - startedAtMs).toBeLessThan(250)
    expect(Buffer.from(value!).toString()).toContain('event: overview')
    await reader.cancel()
  })
})
