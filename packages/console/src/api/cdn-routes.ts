import type { CdnStatus } from 'holdfast/cdn'
import type { Context, Hono } from 'hono'
import type { CdnChange, CdnControl, DeadPurgeTarget } from '../cdn/cdn-control.ts'
import { orProblem } from '../database/database-reads.ts'
import { consoleErrors } from '../errors.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { ConsoleEnv } from './app.ts'
import { CDN_PERIODS, type CdnMetricsAnswer, type CdnPeriodName } from './cdn-contract.ts'
import { buildCdnMetrics } from './cdn-metrics.ts'
import type { RequestReaders } from './database-routes.ts'
import { parseText } from './jobs-bodies.ts'

/** What the addresses of CDNs answer from. */
export interface CdnRoutesDeps {
  readonly control: CdnControl
  /** Shared by those who ask at the same time. */
  readonly status: () => Promise<readonly CdnStatus[]>
  readonly needsConfirmation: boolean
  readonly nowMs: () => number
  readonly window: (windowSec: number) => TrafficWindow
}

const BASE = '/api/v1/performance/cdn'
const DEFAULT_LIMIT = 100

/** Adds the addresses of CDNs. */
export function addCdnRoutes(app: Hono<ConsoleEnv>, deps: CdnRoutesDeps, { windowOf, bodyOf }: RequestReaders): void {
  const { control, needsConfirmation, nowMs, window } = deps
  app.get(`${BASE}/metrics`, async c => {
    const actions = control.actions(c.get('caller').role)
    // A console without CDNs of its own shows what the instances measure; that is no problem.
    const { server: status, serverProblem } = actions.length === 0 ? { server: null, serverProblem: null } : await orProblem(deps.status())
    const read = { atMs: nowMs(), window: window(windowOf(c)), status, names: control.names, storeProblem: serverProblem }
    return answer<CdnMetricsAnswer>(c, buildCdnMetrics({ ...read, actions, needsConfirmation }))
  })
  app.get(`${BASE}/analytics`, async c => answer(c, await control.analytics(parsePeriod(c.req.query('period')))))
  app.get(`${BASE}/dead-letter`, async c => {
    const provider = c.req.query('cdn')
    return answer(c, await control.dead({ limit: parseCount(c.req.query('limit')), ...(provider ? { provider } : {}) }))
  })
  for (const action of ['retry', 'discard'] as const) {
    app.post(`${BASE}/${action}`, async c => {
      const body = Object(await bodyOf(c)) as Record<string, unknown>
      const given: CdnChange = { role: c.get('caller').role, confirmation: body.confirmation }
      return answer(c, await control.change(action, parseDeadTarget(body), given))
    })
  }
}

/** @throws HF_CONSOLE_BODY */
function parsePeriod(text: string = CDN_PERIODS[0]): CdnPeriodName {
  if (CDN_PERIODS.includes(text as CdnPeriodName)) return text as CdnPeriodName
  throw consoleErrors.create('HF_CONSOLE_BODY', `period must be one of ${CDN_PERIODS.join(', ')}`)
}

/** @throws HF_CONSOLE_BODY */
function parseCount(text: string | undefined): number {
  const count = text === undefined ? DEFAULT_LIMIT : Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count
  throw consoleErrors.create('HF_CONSOLE_BODY', 'limit must be a whole number from 1 to 1000')
}

/** Exactly one of `id`, `cdn` and `all`: a body that names nothing reaches nothing. @throws HF_CONSOLE_BODY */
export function parseDeadTarget({ id, cdn, all }: Record<string, unknown>): DeadPurgeTarget {
  if ([id, cdn, all].filter(value => value !== undefined).length !== 1)
    throw consoleErrors.create('HF_CONSOLE_BODY', 'which purges? send one of id, cdn and all')
  if (id !== undefined) return { id: parseText('id', id) }
  if (cdn !== undefined) return { cdn: parseText('cdn', cdn) }
  if (all === true) return { all }
  throw consoleErrors.create('HF_CONSOLE_BODY', 'all: must be true')
}

function answer<T extends object>(c: Context<ConsoleEnv>, body: T): Response {
  return c.json(body as object, 200, { 'cache-control': 'no-store' })
}
