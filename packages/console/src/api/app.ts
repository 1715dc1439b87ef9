import type { Health } from 'holdfast/core'
import { type Context, Hono } from 'hono'
import { authenticate, type Caller, type ConsoleAuth, type Role } from '../auth/console-auth.ts'
import { requireLoopbackHost, requireRole, requireSameOrigin } from '../auth/request-guards.ts'
import { cookieNameOf, exchangeToken } from '../auth/token-exchange.ts'
import type { CacheControl } from '../cache/cache-control.ts'
import { consoleErrors } from '../errors.ts'
import type { FindingActionName, FindingActions } from '../findings/finding-actions.ts'
import { allowedMethods } from './allowed-methods.ts'
import type { Assets } from './assets.ts'
import type { CacheMetricsAnswer } from './cache-contract.ts'
import { addCacheRoutes } from './cache-routes.ts'
import { addCdnRoutes, type CdnRoutesDeps } from './cdn-routes.ts'
import type { ConsoleEvent, FindingDetail, FindingList, LoadState, Overview } from './contract.ts'
import { addDatabaseRoutes, type DatabaseRoutesDeps } from './database-routes.ts'
import { parseEvent, parseLoad, parseSnooze } from './ingest.ts'
import { addJobsRoutes, type JobsRoutesDeps } from './jobs-routes.ts'
import type { LiveUpdates } from './live-updates.ts'
import { openApiDocument } from './openapi.ts'
import { problemResponse } from './problem.ts'
import { readJson } from './read-json.ts'
import { setSecurityHeaders } from './security-headers.ts'

/** Window of an answer when the request names none, in seconds. */
export const DEFAULT_WINDOW_SEC = 60
const SHORTEST_WINDOW_SEC = 5
const LONGEST_WINDOW_SEC = 900

/** What the addresses answer from. */
export interface AppDeps {
  readonly auth: ConsoleAuth
  readonly assets: Assets
  readonly live: LiveUpdates
  readonly actions: FindingActions
  readonly overview: (windowSec: number) => Overview
  readonly health: () => Health
  readonly findings: () => FindingList
  readonly finding: (id: string, role: Role) => Promise<FindingDetail>
  readonly refreshFindings: () => Promise<void>
  readonly cacheControl: CacheControl
  readonly cacheMetrics: (windowSec: number, actions: CacheMetricsAnswer['actions']) => CacheMetricsAnswer
  readonly cdn: CdnRoutesDeps
  readonly database: DatabaseRoutesDeps
  readonly jobs: JobsRoutesDeps
  readonly publishEvent: (event: ConsoleEvent) => void
  readonly publishLoad: (load: LoadState | null) => void
  readonly onFailure: (error: unknown) => void
}

/** Set by the adapters, which alone know where the app is mounted. */
export interface MountBindings {
  readonly mountPath?: string
}
/** What Hono knows of a request of ours. */
export type ConsoleEnv = { Bindings: MountBindings; Variables: { caller: Caller } }
type ConsoleContext = Context<ConsoleEnv>

/** The console's app. Its addresses are relative to wherever it is mounted. */
export function createApp(deps: AppDeps): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>()
  app.onError(error => {
    const response = problemResponse(error)
    if (response.status === 500) deps.onFailure(error)
    return response
  })
  app.use(async (c, next) => {
    await next()
    setSecurityHeaders(c.res.headers)
  })
  addPages(app, deps)
  app.use('/api/*', requireCaller(deps))
  addReads(app, deps)
  addChanges(app, deps)
  addCacheRoutes(app, { control: deps.cacheControl, metrics: deps.cacheMetrics, windowOf, bodyOf })
  addCdnRoutes(app, deps.cdn, { windowOf, bodyOf })
  addDatabaseRoutes(app, deps.database, { windowOf, bodyOf })
  addJobsRoutes(app, deps.jobs, { windowOf, bodyOf })
  app.all('/api/*', c => {
    const allowed = allowedMethods(c.req.path)
    const what = `there is no ${c.req.method} ${new URL(c.req.url).pathname}`
    if (allowed.length === 0) throw consoleErrors.create('HF_CONSOLE_NOT_FOUND', what)
    const response = problemResponse(consoleErrors.create('HF_CONSOLE_METHOD', what, { hint: `use ${allowed.join(' or ')}` }))
    response.headers.set('allow', allowed.join(', '))
    return response
  })
  return app
}

function addPages(app: Hono<ConsoleEnv>, deps: AppDeps): void {
  const { auth, assets } = deps
  const page = (pathOf: (c: ConsoleContext) => string) => async (c: ConsoleContext) => {
    if (auth.kind === 'token') {
      requireLoopbackHost(c.req.raw)
      const exchanged = exchangeToken(c.req.raw, auth.token, pathOf(c), cookieName(c))
      if (exchanged !== undefined) return exchanged
    }
    const refusal = await identify(c, deps)
    return refusal === undefined ? assets.index(pathOf(c).includes('/') ? '../' : './') : asText(c.req.raw, refusal)
  }
  app.get(
    '/',
    page(() => ''),
  )
  app.get(
    '/cache',
    page(() => 'cache'),
  )
  app.get(
    '/postgres/:tab{queries|indexes|health}?',
    page(c => ['postgres', c.req.param('tab')].filter(part => part !== undefined).join('/')),
  )
  app.get(
    '/jobs',
    page(() => 'jobs'),
  )
  app.get(
    '/findings',
    page(() => 'findings'),
  )
  app.get(
    '/findings/:id',
    page(c => `findings/${c.req.param('id')}`),
  )
  app.get('/assets/:name', requireCaller(deps), c => assets.file('assets', c.req.param('name') ?? ''))
  app.get('/:name{[^/]+\\.[a-z0-9]+}', requireCaller(deps), c => assets.file('', c.req.param('name') ?? ''))
}

function addReads(app: Hono<ConsoleEnv>, deps: AppDeps): void {
  app.get('/api/overview', c => noStore(c.json(deps.overview(windowOf(c)))))
  app.get('/api/live', c => deps.live.open(windowOf(c)))
  app.get('/api/openapi.json', c => noStore(c.json(openApiDocument())))
  app.get('/api/health', c => noStore(c.json(deps.health())))
  app.get('/api/findings', c => noStore(c.json(deps.findings())))
  app.get('/api/findings/:id', async c => noStore(c.json(await deps.finding(c.req.param('id'), c.get('caller').role))))
}

function addChanges(app: Hono<ConsoleEnv>, deps: AppDeps): void {
  app.post('/api/findings/:id/:action{apply|verify|revert}', async c => {
    const body = await bodyOf(c)
    const { id } = c.req.param()
    await deps.actions.run(id, c.req.param('action') as FindingActionName, (body as { confirmation?: unknown } | null)?.confirmation)
    await deps.refreshFindings()
    return noStore(c.json(await deps.finding(id, c.get('caller').role)))
  })
  app.post('/api/findings/:id/snooze', async c => {
    const request = parseSnooze(await bodyOf(c))
    const { id } = c.req.param()
    await deps.actions.snooze(id, request)
    await deps.refreshFindings()
    return noStore(c.json(await deps.finding(id, c.get('caller').role)))
  })
  app.post('/api/advise', async c => {
    await bodyOf(c)
    const answer = await deps.actions.advise()
    await deps.refreshFindings()
    return noStore(c.json(answer))
  })
  app.post('/api/events', async c => {
    deps.publishEvent(parseEvent(await bodyOf(c)))
    return c.body(null, 204)
  })
  app.post('/api/load', async c => {
    deps.publishLoad(parseLoad(await bodyOf(c)))
    return c.body(null, 204)
  })
}

/** The body of a change, from somebody who may make it. @throws HF_CONSOLE_FORBIDDEN, HF_CONSOLE_CSRF, HF_CONSOLE_BODY */
async function bodyOf(c: ConsoleContext): Promise<unknown> {
  requireRole(c.get('caller'), 'operate')
  requireSameOrigin(c.req.raw, c.get('caller'))
  return readJson(c.req.raw)
}

/** Finds out who is calling; answers the refusal when it is nobody. */
async function identify(c: ConsoleContext, { auth }: AppDeps): Promise<Response | undefined> {
  if (auth.kind === 'token') requireLoopbackHost(c.req.raw)
  const caller = await authenticate(auth, c.req.raw, cookieName(c))
  if (caller !== undefined) {
    c.set('caller', caller)
    return undefined
  }
  const refusal = problemResponse(consoleErrors.create('HF_CONSOLE_UNAUTHORIZED', 'the request carries no valid credential'))
  const challenge = { token: 'Bearer', basic: 'Basic realm="Holdfast"', custom: undefined }[auth.kind]
  if (challenge !== undefined) refusal.headers.set('www-authenticate', challenge)
  return refusal
}

function requireCaller(deps: AppDeps) {
  return async (c: ConsoleContext, next: () => Promise<void>): Promise<Response | undefined> => {
    const refusal = await identify(c, deps)
    if (refusal === undefined) await next()
    return refusal
  }
}

/** People who open the page get words, not JSON. */
async function asText(request: Request, refusal: Response): Promise<Response> {
  if (!(request.headers.get('accept') ?? '').includes('text/html')) return refusal
  const { detail, hint } = (await refusal.json()) as { detail: string; hint: string }
  const headers = new Headers(refusal.headers)
  headers.set('content-type', 'text/plain; charset=utf-8')
  return new Response(`Holdfast: ${detail}.\nNext: ${hint}.\n`, { status: refusal.status, headers })
}

function cookieName(c: ConsoleContext): string {
  // A parent app may pass no bindings.
  return cookieNameOf(c.req.raw, (c.env as MountBindings | undefined)?.mountPath ?? '')
}

function windowOf(c: ConsoleContext): number {
  const seconds = Number(c.req.query('window') ?? DEFAULT_WINDOW_SEC)
  if (!Number.isFinite(seconds)) return DEFAULT_WINDOW_SEC
  return Math.min(LONGEST_WINDOW_SEC, Math.max(SHORTEST_WINDOW_SEC, Math.round(seconds)))
}

function noStore(response: Response): Response {
  response.headers.set('cache-control', 'no-store')
  return response
}
