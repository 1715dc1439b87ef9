import { randomUUID } from 'node:crypto'
import type { ClonedDatabase } from '@holdfast/testkit'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Mode } from '../../src/environment.ts'
import { type Answer, type RunningService, runService } from './running-service.ts'
import { seededDatabase } from './seeded-database.ts'

let database: ClonedDatabase
const services: Partial<Record<Mode, RunningService>> = {}
let neighbour: RunningService
let client: Client

beforeAll(async () => {
  database = await seededDatabase()
  const namespace = randomUUID()
  for (const mode of ['plain', 'observe', 'cache'] as const) services[mode] = await runService(database.url, mode, namespace)
  neighbour = await runService(database.url, 'cache', namespace)
  client = new Client({ connectionString: database.url })
  await client.connect()
})
afterAll(async () => {
  await client?.end()
  await Promise.all([...Object.values(services), neighbour].map(service => service?.stop()))
  await database?.drop()
})

interface LeadBody {
  readonly status: string
  readonly assignments: readonly { agentId: number }[]
  readonly events: readonly { type: string }[]
}

const lead = async (service: RunningService, id: number): Promise<LeadBody> => (await service.get(`/leads/${id}`)).body as LeadBody
const agentLeads = async (service: RunningService, id: number): Promise<{ leadId: number }[]> =>
  ((await service.get(`/agents/${id}/leads`)).body as { leads: { leadId: number }[] }).leads
const loadedEvents = async (id: number): Promise<unknown> => (await lead(services.plain!, id)).events
const openCount = async (id: number): Promise<number> =>
  (await client.query('select current_lead_count as n from agent where id = $1', [id])).rows[0].n

describe.each([
  ['plain', 4960, 201],
  ['observe', 4961, 202],
  ['cache', 4962, 203],
] as const)('in the mode %s', (mode, leadId, agentId) => {
  it('an assignment is seen by the next read of the lead and of the agent', async () => {
    const service = services[mode]!
    const openBefore = await openCount(agentId)
    expect(await lead(service, leadId)).toMatchObject({ status: 'new', assignments: [] })
    await agentLeads(service, agentId)

    expect(await service.post('/assignments', { leadId, agentId })).toMatchObject({ status: 201, body: { leadId, agentId, status: 'open' } })

    expect(await lead(service, leadId)).toMatchObject({ status: 'assigned', assignments: [{ agentId, agentName: `Agent ${agentId}` }] })
    expect((await agentLeads(service, agentId))[0]).toMatchObject({ leadId })
    expect(await openCount(agentId)).toBe(openBefore + 1)
  })

  it('an event is seen by the next read of its lead', async () => {
    const service = services[mode]!
    await lead(service, leadId)
    expect(await service.post('/events', { entityType: 'lead', entityId: leadId, type: 'called' })).toMatchObject({
      status: 201,
      body: { entityType: 'lead', entityId: leadId, type: 'called', source: 'app' },
    })
    expect((await lead(service, leadId)).events[0]).toMatchObject({ type: 'called' })
  })

  it('what is refused changes nothing', async () => {
    const service = services[mode]!
    const closed = (await client.query(`select id from lead where status = 'lost' limit 1`)).rows[0].id as number
    const before = (
      await client.query('select (select count(*) from lead_assignment) a, (select count(*) from event) e, sum(current_lead_count) n from agent')
    ).rows
    const answers: readonly (readonly [string, unknown, number])[] = [
      ['/assignments', { leadId: 999_999, agentId: 1 }, 404],
      ['/assignments', { leadId, agentId: 999_999 }, 404],
      ['/assignments', { leadId, agentId: 499 }, 409],
      ['/assignments', { leadId: closed, agentId: 1 }, 409],
      ['/assignments', { leadId: String(leadId), agentId: 1 }, 400],
      ['/assignments', { leadId }, 400],
      ['/assignments', '{"leadId":', 400],
      ['/assignments', [], 400],
      ['/events', { entityType: 'carrier', entityId: 999, type: 'called' }, 404],
      ['/events', { entityType: 'lead', entityId: leadId, type: 'DROP TABLE' }, 400],
      ['/events', { entityType: 'table', entityId: 1, type: 'called' }, 400],
      ['/events', { entityType: 'lead', entityId: leadId, type: 'x'.repeat(20_000) }, 413],
    ]
    for (const [path, body, status] of answers) {
      const answer: Answer = await service.post(path, body)
      expect(answer, `${path} ${JSON.stringify(body).slice(0, 80)}`).toMatchObject({
        status,
        contentType: expect.stringContaining('problem+json'),
        body: { status },
      })
    }
    expect(
      (await client.query('select (select count(*) from lead_assignment) a, (select count(*) from event) e, sum(current_lead_count) n from agent'))
        .rows,
    ).toEqual(before)
  })
})

it('answers repeated reads from the cache: a change behind its back stays unseen until something forgets it', async () => {
  const service = services.cache!
  await lead(service, 4970)
  await client.query(`update lead set status = 'won' where id = 4970`)
  expect((await lead(service, 4970)).status).toBe('new')
  expect((await lead(services.observe!, 4970)).status).toBe('won')
  await service.post('/events', { entityType: 'lead', entityId: 4970, type: 'called' })
  expect((await lead(service, 4970)).status).toBe('won')
})

it.each([
  ['observe', 4971],
  ['cache', 4972],
] as const)('forgets in every process what one in the mode %s has changed', async (mode, leadId) => {
  expect((await lead(neighbour, leadId)).events).toEqual(await loadedEvents(leadId))
  await services[mode]!.post('/events', { entityType: 'lead', entityId: leadId, type: 'complained' })
  await expect.poll(async () => (await lead(neighbour, leadId)).events[0]).toMatchObject({ type: 'complained' })
})
