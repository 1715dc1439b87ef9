import type { Finding } from 'holdfast/core'
import type { Context, Hono } from 'hono'
import type { InstancePool } from '../collect/collector.ts'
import type { PoolConnections } from '../collect/instance-delta.ts'
import { type DatabaseReads, orProblem } from '../database/database-reads.ts'
import { summarise } from '../findings/finding-summary.ts'
import { findingsNaming, indexFindings } from '../findings/index-findings.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { ConsoleEnv } from './app.ts'
import type {
  DatabaseHealthAnswer,
  DatabaseIndexesAnswer,
  DatabaseSizeAnswer,
  DatabaseTableAnswer,
  DatabaseTablesAnswer,
} from './database-contract.ts'
import { buildPoolMetrics } from './pool-metrics.ts'
import { buildQueryMetrics } from './query-metrics.ts'

/** What the addresses of the database answer from. */
export interface DatabaseRoutesDeps {
  readonly reads: DatabaseReads
  readonly nowMs: () => number
  readonly window: (windowSec: number) => TrafficWindow
  readonly isPartial: () => boolean
  readonly pools: () => readonly InstancePool[]
  readonly pool: () => PoolConnections | null
  readonly findings: () => readonly Finding[]
}

const BASE = '/api/v1/performance/database'

/** Adds the addresses of the database. */
export function addDatabaseRoutes(app: Hono<ConsoleEnv>, deps: DatabaseRoutesDeps, windowOf: (c: Context<ConsoleEnv>) => number): void {
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
    return answer<DatabaseTableAnswer>(c, { schema: 'holdfast.database-table/1', ...(await reads.table(c.req.param('table'))) })
  })
  app.get(`${BASE}/size`, async c => answer<DatabaseSizeAnswer>(c, { schema: 'holdfast.database-size/1', ...(await reads.size()) }))
  app.get(`${BASE}/health`, async c => {
    const [health, locks] = await Promise.all([reads.health(), reads.locks()])
    return answer<DatabaseHealthAnswer>(c, { schema: 'holdfast.database-health/1', ...health, locks })
  })
}

function answer<T extends object>(c: Context<ConsoleEnv>, body: T): Response {
  return c.json(body as object, 200, { 'cache-control': 'no-store' })
}
