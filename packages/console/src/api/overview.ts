import type { Finding, Health } from 'holdfast/core'
import type { InstanceJobs } from '../collect/collector.ts'
import type { PoolConnections } from '../collect/instance-delta.ts'
import { mergeJobs } from '../collect/job-traffic.ts'
import { EMPTY_HISTOGRAM } from '../collect/packed-histogram.ts'
import { perSec, quantileMs, ratio, rounded } from '../collect/point.ts'
import { mergeRoutes, type RouteTraffic, type Traffic } from '../collect/traffic.ts'
import { fixFirst } from '../findings/finding-summary.ts'
import type { Point, TrafficWindow } from '../store/traffic-store.ts'
import type {
  ConsoleEvent,
  InstanceState,
  LiveSeries,
  LoadState,
  Measured,
  ObjectiveState,
  Overview,
  RouteTime,
  StatementRow,
  TimeSplit,
} from './contract.ts'

/** Samples below which a p95 is only the largest of them. */
export const OBJECTIVE_SAMPLES = 20
const ROUTES_SHOWN = 50
const STATEMENTS_SHOWN = 20

/** All that an overview is made from. */
export interface OverviewInput {
  readonly service: string
  readonly atMs: number
  readonly window: TrafficWindow
  readonly partial: boolean
  readonly health: Health
  readonly instances: readonly InstanceState[]
  readonly findings: readonly Finding[]
  readonly pool: PoolConnections | null
  readonly jobs: readonly InstanceJobs[]
  readonly events: readonly ConsoleEvent[]
  readonly load: LoadState | null
  readonly p95LimitMs: number | undefined
}

/** The overview of one window. Percentiles come from merged histograms. */
export function buildOverview(input: OverviewInput): Overview {
  const { traffic, coveredMs, points } = input.window
  const all = mergeRoutes([...traffic.routes.values()])
  const p95Ms = quantileMs(all.total, 0.95)
  return {
    schema: 'holdfast.overview/1',
    service: input.service,
    atMs: input.atMs,
    windowSec: Math.round(coveredMs / 1000),
    objectives: input.p95LimitMs === undefined ? [] : [objective(input.p95LimitMs, p95Ms)],
    health: input.health,
    instances: input.instances,
    fixFirst: fixFirst(input.findings),
    routes: routeTimes(traffic, coveredMs),
    tiles: { ...tiles(traffic, all, coveredMs, input.pool), jobs: jobsTile(input.jobs, traffic) },
    statements: statementRows(traffic),
    series: series(points, input.partial),
    events: input.events,
    load: input.load,
  }
}

function objective(p95LimitMs: number, p95Ms: Measured): ObjectiveState {
  const isKnown = p95Ms.value !== null && p95Ms.n >= OBJECTIVE_SAMPLES
  return { target: 'all', p95LimitMs, p95Ms, state: isKnown ? (p95Ms.value! <= p95LimitMs ? 'met' : 'broken') : 'unknown' }
}

function tiles(traffic: Traffic, all: RouteTraffic, coveredMs: number, pool: PoolConnections | null): Omit<Overview['tiles'], 'jobs'> {
  const { cache } = traffic
  const lookups = cache === null ? 0 : cache.l1HitCount + cache.l2HitCount + cache.missCount
  return {
    requestsPerSec: { value: perSec(all.total.count, coveredMs), n: all.total.count },
    p50Ms: quantileMs(all.total, 0.5),
    p95Ms: quantileMs(all.total, 0.95),
    p99Ms: quantileMs(all.total, 0.99),
    errorRatio: ratio(all.errorCount, all.total.count),
    l1HitRatio: ratio(cache?.l1HitCount ?? 0, lookups),
    l2HitRatio: ratio(cache?.l2HitCount ?? 0, lookups),
    statementsPerRequest: statementsPerRequest(all),
    pool,
    poolWaitP95Ms: quantileMs(traffic.acquireWait ?? EMPTY_HISTOGRAM, 0.95),
  }
}

/** Each instance sees the whole of its queues, so each queue is taken from one of them. */
function jobsTile(instances: readonly InstanceJobs[], { jobs }: Traffic): Overview['tiles']['jobs'] {
  if (instances.length === 0) return null
  const queues = [...new Map(instances.flatMap(({ state }) => state.queues).map(summary => [summary.queue, summary.counts])).values()]
  const sum = (state: 'waiting' | 'dead'): number => queues.reduce((total, counts) => total + counts[state], 0)
  return { waiting: sum('waiting'), dead: sum('dead'), waitP95Ms: quantileMs(mergeJobs([...jobs.values()]).wait, 0.95) }
}

function routeTimes(traffic: Traffic, coveredMs: number): RouteTime[] {
  return [...traffic.routes]
    .sort(([, a], [, b]) => b.total.sum - a.total.sum)
    .slice(0, ROUTES_SHOWN)
    .map(([route, times]) => ({
      route,
      requestCount: times.total.count,
      requestsPerSec: perSec(times.total.count, coveredMs) ?? 0,
      errorRatio: ratio(times.errorCount, times.total.count),
      statementsPerRequest: statementsPerRequest(times),
      p50: split(times, 0.5),
      p95: split(times, 0.95),
    }))
}

function split(times: RouteTraffic, quantile: number): TimeSplit {
  const ms = (part: 'total' | 'pool' | 'postgres' | 'redis' | 'app'): number => quantileMs(times[part], quantile).value ?? 0
  return { poolMs: ms('pool'), postgresMs: ms('postgres'), redisMs: ms('redis'), appMs: ms('app'), totalMs: ms('total') }
}

function statementsPerRequest({ statementCount, total }: RouteTraffic): Measured {
  return statementCount === null ? { value: null, n: 0 } : ratio(statementCount, total.count)
}

function statementRows(traffic: Traffic): StatementRow[] {
  const rows = [...traffic.statements]
  const totalMs = rows.reduce((total, [, statement]) => total + statement.totalMs, 0)
  return rows
    .sort(([, a], [, b]) => b.totalMs - a.totalMs)
    .slice(0, STATEMENTS_SHOWN)
    .map(([fingerprint, statement]) => ({
      fingerprint,
      text: statement.text,
      callCount: statement.callCount,
      totalMs: rounded(statement.totalMs),
      meanMs: rounded(statement.totalMs / statement.callCount),
      p95Ms: quantileMs(statement.time, 0.95),
      shareOfTime: totalMs === 0 ? 0 : rounded(statement.totalMs / totalMs),
    }))
}

function series(points: readonly Point[], partial: boolean): LiveSeries {
  return {
    atMs: points.map(point => point.atMs),
    requestsPerSec: points.map(point => point.requestsPerSec),
    p50Ms: points.map(point => point.p50Ms),
    p95Ms: points.map(point => point.p95Ms),
    errorRatio: points.map(point => point.errorRatio),
    hitRatio: points.map(point => point.hitRatio),
    poolUsed: points.map(point => point.pool?.used ?? null),
    poolWaitP95Ms: points.map(point => point.poolWaitP95Ms),
    jobWaitP95Ms: points.map(point => point.jobs?.get(null)?.waitP95Ms ?? null),
    partial,
  }
}
