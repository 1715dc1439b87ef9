import type { ClonedDatabase } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningService, runService } from './running-service.ts'
import { seededDatabase } from './seeded-database.ts'

let database: ClonedDatabase
let plain: RunningService
let observed: RunningService
let cached: RunningService

beforeAll(async () => {
  database = await seededDatabase()
  plain = await runService(database.url, 'plain')
  observed = await runService(database.url, 'observe')
  cached = await runService(database.url, 'cache')
})
afterAll(async () => {
  await Promise.all([plain, observed, cached].map(service => service?.stop()))
  await database?.drop()
})

const READS = [
  '/leads',
  '/leads?status=lost&type=home&limit=7',
  '/leads?status=won&zip=10000',
  '/leads/1',
  '/leads/4990',
  '/leads/4900',
  '/agents/1/leads',
  '/agents/1/leads?status=lost',
  '/agents/500/leads?status=escalated',
  '/dashboard',
  '/carriers',
]
const REFUSALS: readonly (readonly [path: string, status: number])[] = [
  ['/leads/999999', 404],
  ['/agents/999999/leads', 404],
  ['/nowhere', 404],
  ['/leads/abc', 400],
  ['/leads?limit=0', 400],
  ['/leads?limit=101&status=old&zip=1&type=boat&before=yesterday', 400],
  ['/agents/1/leads?status=new', 400],
  ['/leads/%ff', 400],
]

describe('all modes give one answer', () => {
  it.each(READS)('GET %s', async path => {
    const expected = await plain.get(path)
    expect(expected.status).toBe(200)
    expect(await observed.get(path)).toEqual(expected)
    expect(await cached.get(path), 'loaded').toEqual(expected)
    expect(await cached.get(path), 'from the cache').toEqual(expected)
  })

  it.each(REFUSALS)('GET %s is answered %i with a problem document', async (path, status) => {
    const expected = await plain.get(path)
    expect(expected).toMatchObject({ status, contentType: expect.stringContaining('application/problem+json'), body: { status } })
    expect(await cached.get(path)).toEqual(expected)
    expect(await cached.get(path)).toEqual(expected)
  })
})

describe('reading', () => {
  it('pages through all leads of a status, each once, newest first', async () => {
    const seen: number[] = []
    let next: string | null = ''
    for (let page = 0; next !== null && page < 100; page++) {
      const { body } = (await plain.get(`/leads?status=new&limit=10${next === '' ? '' : `&before=${next}`}`)) as {
        body: { leads: { id: number }[]; next: string | null }
      }
      seen.push(...body.leads.map(lead => lead.id))
      next = body.next
    }
    // Of the size `small` the newest hundredth, 4951 to 5000, is new; ids follow time.
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => 5000 - i))
  })

  it('gives the twenty newest open assignments of an agent', async () => {
    const { body } = (await plain.get('/agents/1/leads')) as { body: { leads: { assignedAt: string; assignmentStatus: string }[] } }
    const times = body.leads.map(lead => lead.assignedAt)
    expect(times.length).toBeGreaterThan(0)
    expect(times.length).toBeLessThanOrEqual(20)
    expect(times).toEqual([...times].sort().reverse())
    expect(new Set(body.leads.map(lead => lead.assignmentStatus))).toEqual(new Set(['open']))
  })

  it('counts the same leads in each breakdown of the dashboard', async () => {
    const { body } = (await plain.get('/dashboard')) as { body: Record<string, { count: number }[]> }
    const total = (name: string): number => body[name]!.reduce((sum, { count }) => sum + count, 0)
    expect(total('byStatus')).toBeGreaterThan(150)
    expect(total('byInsuranceType')).toBe(total('byStatus'))
    expect(total('byDay')).toBe(total('byStatus'))
    expect(body.busiestAgents).toHaveLength(10)
  })

  it('names each thing that is wrong, and where', async () => {
    const { body } = (await plain.get('/leads?limit=x&colour=red')) as { body: { problems: unknown } }
    expect(body.problems).toEqual([
      { where: 'query.limit', what: 'must be an integer from 1 to 100' },
      { where: 'query.colour', what: 'is not known; known are status, type, zip, limit, before' },
    ])
  })
})

describe('what only Holdfast adds', () => {
  it('says in Server-Timing where the time went', async () => {
    const response = await fetch(`${observed.url}/agents/2/leads`)
    await response.arrayBuffer()
    expect(response.headers.get('server-timing')).toContain('pg;dur=')
    expect((await fetch(`${plain.url}/agents/2/leads`)).headers.has('server-timing')).toBe(false)
  })

  it('shows its measurements to the holder of the token alone', async () => {
    const ask = (headers: Record<string, string>): Promise<Response> => fetch(`${cached.url}/holdfast/instance`, { headers })
    expect((await ask({})).status).toBe(401)
    expect(await (await ask({ authorization: 'Bearer token-of-the-test' })).json()).toMatchObject({ service: 'leads' })
    expect((await plain.get('/holdfast/instance')).status).toBe(404)
  })

  it('serves metrics', async () => {
    const text = await (await fetch(`${cached.url}/metrics`)).text()
    expect(text).toContain('route="GET /agents/:id/leads"')
  })

  it('is healthy in each mode', async () => {
    expect(await plain.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
    // A machine that stalls for longer than the budget of Redis makes it degraded for a moment.
    for (const service of [observed, cached]) await expect.poll(() => service.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
  })
})
