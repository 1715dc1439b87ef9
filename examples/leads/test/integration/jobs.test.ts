import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClonedDatabase } from '@holdfast/testkit'
import { createJobStore, type OwnJobStore } from 'holdfast/jobs'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { workerPath } from '../../src/index.ts'
import { type RunningService, runService } from './running-service.ts'
import { seededDatabase } from './seeded-database.ts'

const jobsRedisUrl = process.env.HOLDFAST_TEST_REDIS_JOBS_URL!
const namespace = `leads-jobs-${process.pid}`
const LIMIT = { timeout: 15_000, interval: 20 }

let database: ClonedDatabase
let service: RunningService
let store: OwnJobStore
let client: Client

beforeAll(async () => {
  database = await seededDatabase()
  client = new Client({ connectionString: database.url })
  await client.connect()
  service = await runService(database.url, 'cache', namespace, { jobsRedisUrl })
  store = createJobStore({ redis: jobsRedisUrl, namespace })
})
afterAll(async () => {
  await store?.close()
  await service?.stop()
  await client?.end()
  await database?.drop()
})

const ask = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> => (await client.query<Row>(text, values)).rows
const newLead = (insuranceType: string, more: object = {}): object => ({
  ...{ insuranceType, zipCode: '10240', source: 'referral', contactName: 'Ada Abel', ...more },
})
const post = async (from: RunningService, insuranceType: string): Promise<number> => {
  const { status, body } = await from.post('/leads', newLead(insuranceType))
  expect(status).toBe(201)
  return (body as { id: number }).id
}
/** Scores, assignments and notifications of some leads: one row a lead. */
const effects = (ids: readonly number[]): Promise<{ scored: boolean; assignments: number; notifications: number }[]> =>
  ask(
    `select quality_score > 0 as scored, (select count(*)::int from lead_assignment where lead_id = l.id) as assignments,
       (select count(*)::int from notification where lead_id = l.id) as notifications from lead l where id = any($1) order by id`,
    [ids],
  )

it('gives each lead that comes a score, an agent and that agent a word, each once, by jobs that hand over to each other', async () => {
  const ids = await Promise.all(['auto', 'home', 'health', 'life', 'business', 'auto', 'home', 'auto'].map(type => post(service, type)))
  // Read before its jobs have run, and cached: each of them drops it.
  await service.get(`/leads/${ids[0]}`)
  await expect.poll(() => effects(ids), LIMIT).toEqual(ids.map(() => ({ scored: true, assignments: 1, notifications: 1 })))
  await expect
    .poll(async () => (await store.queues()).map(({ queue, counts: { completed, waiting, dead } }) => [queue, completed, waiting, dead]), LIMIT)
    .toEqual([
      ['leads', 16, 0, 0],
      ['notifications', 8, 0, 0],
      ['upkeep', 0, 0, 0],
    ])
  const { body } = (await service.get(`/leads/${ids[0]}`)) as { body: { status: string; qualityScore: number; assignments: { agentId: number }[] } }
  expect(body).toMatchObject({ status: 'assigned', assignments: [{ agentId: expect.any(Number) }] })
  expect(body.qualityScore).toBeGreaterThanOrEqual(40)
  const told = (await service.get(`/agents/${body.assignments[0]!.agentId}/notifications`)).body as {
    notifications: { leadId: number; text: string }[]
  }
  expect(told.notifications.find(({ leadId }) => leadId === ids[0])?.text).toBe(`A lead for you: Ada Abel, auto in 10240, score ${body.qualityScore}`)
  expect(
    await ask(`select id from agent g where current_lead_count <> (select count(*) from lead_assignment where agent_id = g.id and status = 'open')`),
  ).toEqual([])
})

it('hands nothing over for a request that is refused', async () => {
  const before = (await store.queue('notifications')).counts.completed
  expect((await service.post('/assignments', { leadId: 4960, agentId: 499 })).status).toBe(409)
  expect((await service.post('/leads', newLead('auto', { receivedAt: '2999-01-01T00:00:00Z' }))).status).toBe(400)
  expect((await service.post('/leads', newLead('auto', { receivedAt: '2026-13-41T00:00:00Z' }))).status).toBe(400)
  // The next that is not refused comes after all of these.
  expect((await service.post('/assignments', { leadId: 4960, agentId: 7 })).status).toBe(201)
  await expect.poll(async () => (await store.queue('notifications')).counts.completed, LIMIT).toBe(before + 1)
  expect(await ask('select agent_id as agent from notification where lead_id = 4960')).toEqual([{ agent: 7 }])
})

it('buries a lead for which there is no agent with that reason, leaves no trace of the attempts, and assigns it when the letter is run again', async () => {
  await client.query(`update agent set active = false where specialisations @> '{life}'`)
  const id = await post(service, 'life')
  await expect.poll(async () => (await store.queue('leads')).counts.dead, LIMIT).toBe(1)
  const { jobs } = await store.deadLetters('leads', { name: 'assign', text: `"leadId":${id}`, failure: 'no active agent' })
  expect(jobs).toMatchObject([{ reason: 'error', attemptsMade: 3, history: [1, 2, 3].map(attempt => ({ attempt, code: 'LEADS_NO_AGENT_FREE' })) }])
  expect(await effects([id])).toEqual([{ scored: true, assignments: 0, notifications: 0 }])
  await client.query(`update agent set active = true where specialisations @> '{life}'`)
  expect(await store.retry('leads', { filter: { failure: 'no active agent' } })).toEqual({ matched: 1, retried: 1 })
  await expect.poll(() => effects([id]), LIMIT).toEqual([{ scored: true, assignments: 1, notifications: 1 }])
})

it('archives, refreshes and warms by the clock of the marketplace', async () => {
  await expect.poll(async () => (await store.schedules('upkeep')).length, LIMIT).toBe(3)
  const schedules = await store.schedules('upkeep')
  expect(schedules.map(({ key, schedule }) => [key, 'timeZone' in schedule && schedule.timeZone]).toSorted()).toEqual([
    ['archive-events', 'America/New_York'],
    ['refresh-standings', 'America/New_York'],
    ['warm-cache', 'America/New_York'],
  ])
  const standings = async (): Promise<{ id: number; won: number }[]> =>
    ((await service.get('/standings')).body as { agents: { id: number; won: number }[] }).agents
  const [best] = await standings()
  await client.query(`insert into event (entity_type, entity_id, type, source, occurred_at) values ('lead', 1, 'viewed', 'app', '2020-01-01')`)
  await client.query(`insert into lead_assignment (lead_id, agent_id, status) values (1, $1, 'won')`, [best!.id])
  for (const name of schedules.map(({ key }) => key)) await store.putSchedule('upkeep', name, { name, payload: null, schedule: { every: '1s' } })
  const done = async (name: string): Promise<boolean> => (await store.list('upkeep', 'completed', { name })).jobs.length > 0
  await expect.poll(async () => (await Promise.all(schedules.map(({ name }) => done(name)))).every(Boolean), LIMIT).toBe(true)
  for (const { key } of schedules) await store.removeSchedule('upkeep', key)
  expect(await ask(`select count(*)::int as old from event where occurred_at = '2020-01-01'`)).toEqual([{ old: 0 }])
  expect(await ask(`select count(*)::int as old from event_archive where occurred_at = '2020-01-01'`)).toEqual([{ old: 1 }])
  // The refresh has dropped what was cached of the view.
  expect((await standings()).find(({ id }) => id === best!.id)?.won).toBe(best!.won + 1)
  const [warmed] = (await store.list('upkeep', 'completed', { name: 'warm-cache' })).jobs
  expect((await store.show('upkeep', warmed!.id)).result).toContainEqual({ source: 'agents', outcome: 'warmed', loaded: 200 })
})

it('leaves the queues to worker processes when it is told to', async () => {
  const apart = `${namespace}-apart`
  const only = await runService(database.url, 'observe', apart, { jobsRedisUrl, workers: 'apart' })
  await using own = createJobStore({ redis: jobsRedisUrl, namespace: apart })
  const env = {
    ...{ PATH: process.env.PATH, DATABASE_URL: database.url, REDIS_URL: process.env.HOLDFAST_TEST_REDIS_URL, REDIS_JOBS_URL: jobsRedisUrl },
    ...{ LEADS_CACHE_NAMESPACE: apart, LEADS_MODE: 'observe', LEADS_POOL_MAX: '3' },
  }
  const start = () => fork(fileURLToPath(workerPath), { env, stdio: ['ignore', 'pipe', 'ignore', 'ipc'], execArgv: [] })
  const id = await post(only, 'auto')
  await expect.poll(async () => (await own.queue('leads')).counts.waiting, LIMIT).toBe(1)
  const worker = start()
  try {
    await expect.poll(() => effects([id]), LIMIT).toEqual([{ scored: true, assignments: 1, notifications: 1 }])
    const [scored] = (await own.list('leads', 'completed', { name: 'score' })).jobs
    // It waited before the worker was there, and still did not begin before what it works with was.
    expect((await own.show('leads', scored!.id)).history).toEqual([])
    worker.kill('SIGTERM')
    expect(await once(worker, 'exit')).toEqual([0, null])
    expect((await own.queues()).reduce((sum, { counts }) => sum + counts.active, 0)).toBe(0)
  } finally {
    worker.kill('SIGKILL')
    await only.stop()
  }
})
