import type { Finding } from 'holdfast/core'
import type { QueueSummary } from 'holdfast/jobs'
import type { Context, Hono } from 'hono'
import type { InstanceJobs } from '../collect/collector.ts'
import { orProblem } from '../database/database-reads.ts'
import type { RecordedDepth } from '../jobs/depth-recorder.ts'
import type { JobChange, JobControl } from '../jobs/job-control.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { ConsoleEnv } from './app.ts'
import type { RequestReaders } from './database-routes.ts'
import { FILTER_NAMES, parseFilter, parsePage, parseSchedule, parseState, parseTarget, parseText } from './jobs-bodies.ts'
import type { JobSchedulesAnswer, JobsCountAnswer, JobsListAnswer } from './jobs-contract.ts'
import { buildJobsMetrics } from './jobs-metrics.ts'

/** What the addresses of jobs answer from. */
export interface JobsRoutesDeps {
  readonly control: JobControl
  /** Shared by those who ask at the same time. */
  readonly queues: () => Promise<readonly QueueSummary[]>
  readonly depth: (queue: string | null, windowSec: number) => readonly RecordedDepth[]
  readonly needsConfirmation: boolean
  readonly nowMs: () => number
  readonly window: (windowSec: number) => TrafficWindow
  readonly isPartial: () => boolean
  /** What the instances say of their queues. */
  readonly instances: () => readonly InstanceJobs[]
  /** Findings of jobs, also those that are gone. */
  readonly findings: () => readonly Finding[]
}

const BASE = '/api/v1/performance/jobs'

/** Adds the addresses of jobs. */
export function addJobsRoutes(app: Hono<ConsoleEnv>, deps: JobsRoutesDeps, { windowOf, bodyOf }: RequestReaders): void {
  const { control } = deps
  app.get(`${BASE}/metrics`, async c => {
    const actions = control.actions(c.get('caller').role)
    const { server: summaries, serverProblem: storeProblem } = await orProblem(deps.queues())
    const { needsConfirmation, window, isPartial, nowMs, depth, instances, findings } = deps
    const windowSec = windowOf(c)
    return answer(
      c,
      buildJobsMetrics({
        ...{ atMs: nowMs(), window: window(windowSec), partial: isPartial(), queue: c.req.query('queue') || null },
        ...{ summaries, storeProblem, depth: queue => depth(queue, windowSec), actions, needsConfirmation },
        ...{ instances: instances(), findings: findings() },
      }),
    )
  })
  app.get(`${BASE}/schedules`, async c =>
    answer<JobSchedulesAnswer>(c, await control.schedules(c.req.query('queue') || undefined, c.get('caller').role)),
  )
  app.get(`${BASE}/:queue/jobs`, async c => answer(c, await list(c, control, parseState(c.req.query('state')))))
  app.get(`${BASE}/:queue/dead-letter`, async c => answer(c, await list(c, control, 'dead')))
  app.get(`${BASE}/:queue/count`, async c => {
    const queue = c.req.param('queue')
    const state = parseState(c.req.query('state'))
    const count = await control.count(queue, state, filterOf(c), c.get('caller').role)
    return answer<JobsCountAnswer>(c, { schema: 'holdfast.jobs-count/1', queue, state, count })
  })
  app.get(`${BASE}/:queue/jobs/:id`, async c => answer(c, await control.show(c.req.param('queue'), c.req.param('id'), c.get('caller').role)))
  addChanges(app, control, bodyOf)
}

function addChanges(app: Hono<ConsoleEnv>, control: JobControl, bodyOf: RequestReaders['bodyOf']): void {
  const read = async (c: Context<ConsoleEnv>): Promise<{ readonly body: Record<string, unknown>; readonly given: JobChange }> => {
    const body = Object(await bodyOf(c)) as Record<string, unknown>
    return { body, given: { role: c.get('caller').role, confirmation: body.confirmation } }
  }
  app.post(`${BASE}/schedule`, async c => {
    const { body, given } = await read(c)
    const { queue, key, request } = parseSchedule(body)
    return answer(c, await control.putSchedule(queue, key, request, given))
  })
  app.post(`${BASE}/:queue/unschedule`, async c => {
    const { body, given } = await read(c)
    return answer(c, await control.removeSchedule(c.req.param('queue'), parseText('key', body.key), given))
  })
  app.post(`${BASE}/:queue/retry-failed`, async c => {
    const { body, given } = await read(c)
    return answer(c, await control.retry(c.req.param('queue'), parseTarget(body), given))
  })
  app.post(`${BASE}/:queue/discard-failed`, async c => {
    const { body, given } = await read(c)
    return answer(c, await control.discard(c.req.param('queue'), parseTarget(body), given))
  })
  app.post(`${BASE}/:queue/pause`, async c => answer(c, await control.pause(c.req.param('queue'), (await read(c)).given)))
  app.post(`${BASE}/:queue/resume`, async c => answer(c, await control.resume(c.req.param('queue'), (await read(c)).given)))
  app.post(`${BASE}/:queue/drain`, async c => {
    const { body, given } = await read(c)
    return answer(c, await control.drain(c.req.param('queue'), body.delayed === true, given))
  })
  app.post(`${BASE}/:queue/cancel`, async c => {
    const { body, given } = await read(c)
    return answer(c, await control.cancel(c.req.param('queue'), parseText('id', body.id), given))
  })
}

function list(c: Context<ConsoleEnv>, control: JobControl, state: JobsListAnswer['state']): Promise<JobsListAnswer> {
  const page = parsePage(c.req.query('limit'), c.req.query('cursor'))
  return control.list(c.req.param('queue') ?? '', state, filterOf(c), page, c.get('caller').role)
}

function filterOf(c: Context<ConsoleEnv>): ReturnType<typeof parseFilter> {
  const asked = c.req.query()
  return parseFilter(Object.fromEntries(FILTER_NAMES.flatMap(name => (asked[name] ? [[name, asked[name]]] : []))))
}

function answer<T extends object>(c: Context<ConsoleEnv>, body: T): Response {
  return c.json(body as object, 200, { 'cache-control': 'no-store' })
}
