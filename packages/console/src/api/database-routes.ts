import type { Finding } from 'holdfast/core'
import type { Context, Hono } from 'hono'
import { hasRole } from '../auth/console-auth.ts'
import { requireRole } from '../auth/request-guards.ts'
import type { InstancePool } from '../collect/collector.ts'
import type { PoolConnections } from '../collect/instance-delta.ts'
import type { DatabaseActions } from '../database/database-actions.ts'
import { type DatabaseReads, orProblem } from '../database/database-reads.ts'
import { summarise } from '../findings/finding-summary.ts'
import { findingsNaming, indexFindings } from '../findings/index-findings.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { ConsoleEnv } from './app.ts'
import { parseAnalyze, parseArchive } from './database-bodies.ts'
import type {
  DatabaseAnalysisAnswer,
  DatabaseArchiveAnswer,
  DatabaseArchivesAnswer,
  DatabaseHealthAnswer,
  DatabaseIndexesAnswer,
  DatabaseSizeAnswer,
  DatabaseTableAnswer,
  DatabaseTablesAnswer,
  DatabaseVacuumAnswer,
} from './database-contract.ts'
import { buildPoolMetrics } from './pool-metrics.ts'
import { buildQueryMetrics } from './query-metrics.ts'

/** What the addresses of the database answer from. */
export interface DatabaseRoutesDeps {
  readonly reads: DatabaseReads
  readonly actions: DatabaseActions
  readonly nowMs: () => number
  readonly window: (windowSec: number) => TrafficWindow
  readonly isPartial: () => boolean
  readonly pools: () => readonly InstancePool[]
  readonly pool: () => PoolConnections | null
  readonly findings: () => readonly Finding[]
}

/** What every address reads of its request. */
export interface RequestReaders {
  readonly windowOf: (c: Context<ConsoleEnv>) => number
  /** @throws HF_CONSOLE_FORBIDDEN below the role operate, HF_CONSOLE_CSRF, HF_CONSOLE_BODY */
  readonly bodyOf: (c: Context<ConsoleEnv>) => Promise<unknown>
}

const BASE = '/api/v1/performance/database'

/** Adds the addresses of the database. */
export function addDatabaseRoutes(app: Hono<ConsoleEnv>, deps: DatabaseRoutesDeps, { windowOf, bodyOf }: RequestReaders): void {
  const { reads, nowMs } = deps
  app.get(`${BASE}/connection-pool`, async c => {
    const server = await orProblem(reads.connections())
    const { pools, pool, isPartial, window } = deps
    return answer(c, buildPoolMetrics({ atMs: nowMs(), window: window(windowOf(c)), partial: isPartial(), pools: pools(), total: pool(), server }))
  })
  app.get(`${BASE}/slow-queries`, async c => {
    const server = await orProblem(reads.statements())
    return answer(c, buildQueryMetrics(nowMs(), deps.window(windowOf(c)), server))
  })
  app.get(`${BASE}/indexing-strategy`, async c => {
    const about = indexFindings(deps.findings())
    const report = await reads.indexes()
    const indexes = report.indexes.map(index => ({ ...index, findingIds: findingsNaming(index.name, about) }))
    return answer<DatabaseIndexesAnswer>(c, { schema: 'holdfast.database-indexes/1', ...report, indexes, findings: about.map(summarise) })
  })
  app.get(`${BASE}/tables`, async c => answer<DatabaseTablesAnswer>(c, { schema: 'holdfast.database-tables/1', ...(await reads.tables()) }))
  app.get(`${BASE}/table-stats/:table`, async c => {
    const name = c.req.param('table')
    const report = await reads.table(name)
    const actions = hasRole(c.get('caller').role, 'operate') ? (['optimize'] as const) : []
    return answer<DatabaseTableAnswer>(c, {
      schema: 'holdfast.database-table/1',
      ...report,
      actions,
      confirmation: deps.actions.confirmationOf(name),
    })
  })
  app.get(`${BASE}/size`, async c => answer<DatabaseSizeAnswer>(c, { schema: 'holdfast.database-size/1', ...(await reads.size()) }))
  app.get(`${BASE}/health`, async c => {
    const [health, locks] = await Promise.all([reads.health(), reads.locks()])
    return answer<DatabaseHealthAnswer>(c, { schema: 'holdfast.database-health/1', ...health, locks })
  })
  addActions(app, deps.actions, bodyOf)
}

function addActions(app: Hono<ConsoleEnv>, actions: DatabaseActions, bodyOf: RequestReaders['bodyOf']): void {
  app.post(`${BASE}/analyze-query`, async c => {
    const request = parseAnalyze(await bodyOf(c))
    return answer<DatabaseAnalysisAnswer>(c, { schema: 'holdfast.plan/1', ...(await actions.analyze(request)) })
  })
  app.post(`${BASE}/optimize-table/:table`, async c => {
    const { confirmation } = Object(await bodyOf(c)) as { confirmation?: unknown }
    const report = await actions.optimize(c.req.param('table'), confirmation, c.get('caller').role)
    return answer<DatabaseVacuumAnswer>(c, { schema: 'holdfast.database-vacuum/1', ...report })
  })
  app.get(`${BASE}/archive`, async c => answer<DatabaseArchivesAnswer>(c, await actions.archives()))
  app.post(`${BASE}/archive`, async c => {
    const request = parseArchive(await bodyOf(c))
    const { role } = c.get('caller')
    // Counting is looking; moving and deleting rows is for those who manage the database.
    if (!request.dryRun) requireRole(c.get('caller'), 'admin')
    return answer<DatabaseArchiveAnswer>(c, await actions.archive(request, role))
  })
}

function answer<T extends object>(c: Context<ConsoleEnv>, body: T): Response {
  return c.json(body as object, 200, { 'cache-control': 'no-store' })
}
