import type { InstanceSnapshot } from 'holdfast'
import { type FamilySnapshot, type HistogramSnapshot, type SeriesSnapshot, subtractHistogram } from 'holdfast/telemetry'
import type { AnswerTraffic } from './answer-traffic.ts'
import { type CacheTraffic, prefixDeltas } from './cache-traffic.ts'
import { type CdnTraffic, NO_CDN_TRAFFIC } from './cdn-traffic.ts'
import { JOB_OUTCOMES, type JobOutcome, type JobTraffic, noJobTraffic } from './job-traffic.ts'
import { EMPTY_HISTOGRAM, mergePacked, type PackedHistogram, packHistogram } from './packed-histogram.ts'
import { mergeTraffic, NO_ROUTE_TRAFFIC, type ReadTraffic, type RouteTraffic, type StatementTraffic, type Traffic } from './traffic.ts'

/** Connections of a pool as one snapshot shows them. */
export interface PoolConnections {
  readonly used: number
  readonly idle: number
  readonly waiting: number
  readonly max: number
}

/** True when both snapshots are of the same process. */
export function isSameProcess(later: InstanceSnapshot, earlier: InstanceSnapshot): boolean {
  return later.instanceId === earlier.instanceId && later.startedAtMs === earlier.startedAtMs
}

/** What the instance did between two snapshots. After a restart its counters began at zero, so the whole later snapshot is the answer. */
export function instanceDelta(later: InstanceSnapshot, earlier: InstanceSnapshot): Traffic {
  const before = isSameProcess(later, earlier) ? earlier : undefined
  const pair = (name: string): FamilyPair | undefined => {
    const family = familyOf(later, name)
    return family && { later: family, earlier: before && familyOf(before, name) }
  }
  // Merging one part folds routes and statements beyond the limit.
  return mergeTraffic([
    {
      routes: routeTraffic(pair),
      statements: statementTraffic(later, before),
      cache: cacheTraffic(pair),
      prefixes: prefixDeltas(later.cache?.prefixes ?? [], before?.cache?.prefixes),
      answers: answerTraffic(pair('holdfast_http_cache_answers')),
      cdns: cdnTraffic(pair),
      jobs: jobTraffic(pair),
      acquireWait: wholeHistogram(pair('holdfast_pg_acquire_wait_seconds')),
      reads: readTraffic(pair('holdfast_pg_reads')),
    },
  ])
}

/** The pool's gauges; null where the instance has no pool. */
export function poolConnections(snapshot: InstanceSnapshot): PoolConnections | null {
  const family = familyOf(snapshot, 'holdfast_pg_pool_connections')
  if (family === undefined) return null
  const state = (name: string): number => family.series.find(series => series.labels[0] === name)?.value ?? 0
  return { used: state('used'), idle: state('idle'), waiting: state('waiting'), max: state('max') }
}

interface FamilyPair {
  readonly later: FamilySnapshot
  readonly earlier: FamilySnapshot | undefined
}
type PairOf = (name: string) => FamilyPair | undefined

function familyOf(snapshot: InstanceSnapshot, name: string): FamilySnapshot | undefined {
  return snapshot.metrics.find(family => family.name === name)
}

function routeTraffic(pair: PairOf): Map<string, RouteTraffic> {
  const routes = new Map<string, RouteTraffic>()
  for (const { labels, histogram } of histogramDeltas(pair('http_server_request_duration_seconds'))) {
    const [route = '', status = ''] = labels
    const sofar = routes.get(route) ?? NO_ROUTE_TRAFFIC
    const errorCount = sofar.errorCount + (status === '5xx' ? histogram.count : 0)
    routes.set(route, { ...sofar, total: mergePacked([sofar.total, packHistogram(histogram)]), errorCount })
  }
  for (const [part, name] of PART_METRICS) {
    for (const { labels, histogram } of histogramDeltas(pair(name))) {
      const route = routes.get(labels[0] ?? '')
      if (route !== undefined) routes.set(labels[0] ?? '', { ...route, [part]: packHistogram(histogram) })
    }
  }
  const statements = pair('holdfast_http_statements')
  if (statements === undefined) return routes
  const counts = new Map(counterDeltas(statements).map(({ labels, count }) => [labels[0] ?? '', count]))
  return new Map([...routes].map(([name, route]) => [name, { ...route, statementCount: counts.get(name) ?? 0 }]))
}

const PART_METRICS = [
  ['pool', 'holdfast_http_pool_wait_seconds'],
  ['postgres', 'holdfast_http_postgres_seconds'],
  ['redis', 'holdfast_http_redis_seconds'],
  ['app', 'holdfast_http_app_seconds'],
] as const

function statementTraffic(later: InstanceSnapshot, before: InstanceSnapshot | undefined): Map<string, StatementTraffic> {
  const earlier = new Map(before?.statements.map(statement => [statement.fingerprint, statement]))
  const traffic = new Map<string, StatementTraffic>()
  for (const statement of later.statements) {
    const { fingerprint, text, callCount, totalMs, histogram } = statement
    const known = earlier.get(fingerprint)
    // Fewer calls than before: the statement was dropped from the bounded table and came back.
    const base = known !== undefined && known.callCount <= callCount ? known : undefined
    const calls = callCount - (base?.callCount ?? 0)
    if (calls === 0) continue
    traffic.set(fingerprint, {
      text,
      callCount: calls,
      errorCount: statement.errorCount - (base?.errorCount ?? 0),
      rowCount: statement.rowCount - (base?.rowCount ?? 0),
      totalMs: totalMs - (base?.totalMs ?? 0),
      waitMs: statement.waitMs - (base?.waitMs ?? 0),
      time: packHistogram(base ? subtractHistogram(histogram, base.histogram) : histogram),
    })
  }
  return traffic
}

function cacheTraffic(pair: PairOf): CacheTraffic | null {
  const hits = pair('holdfast_cache_hits')
  const misses = pair('holdfast_cache_misses')
  if (hits === undefined && misses === undefined) return null
  const hitCounts = hits ? counterDeltas(hits) : []
  const tier = (name: string): number => hitCounts.find(({ labels }) => labels[0] === name)?.count ?? 0
  const counted = (name: string, label?: string): number => {
    const family = pair(name)
    const deltas = family ? counterDeltas(family) : []
    return deltas.reduce((total, { labels, count }) => (label === undefined || labels[0] === label ? total + count : total), 0)
  }
  return {
    l1HitCount: tier('l1'),
    l2HitCount: tier('l2'),
    missCount: counted('holdfast_cache_misses'),
    staleCount: counted('holdfast_cache_stale'),
    coalescedCount: counted('holdfast_cache_coalesced'),
    evictionCount: counted('holdfast_cache_evictions', 'capacity'),
    loadErrorCount: counted('holdfast_cache_loads', 'error'),
    errorCount: counted('holdfast_cache_errors'),
    load: wholeHistogram(pair('holdfast_cache_load_seconds')) ?? EMPTY_HISTOGRAM,
    redisRead: mergePacked(
      histogramDeltas(pair('holdfast_cache_redis_seconds')).flatMap(({ labels, histogram }) =>
        labels[0] === 'read' ? [packHistogram(histogram)] : [],
      ),
    ),
  }
}

function answerTraffic(pair: FamilyPair | undefined): Map<string, AnswerTraffic> {
  const routes = new Map<string, Map<string, number>>()
  for (const { labels, count } of pair === undefined ? [] : counterDeltas(pair)) {
    const [route, outcome] = labels
    if (count === 0 || route === undefined || outcome === undefined) continue
    const answers = routes.get(route) ?? new Map<string, number>()
    routes.set(route, answers.set(outcome, count))
  }
  return routes
}

function cdnTraffic(pair: PairOf): Map<string, CdnTraffic> {
  const cdns = new Map<string, CdnTraffic>()
  for (const part of ['purges', 'requests'] as const) {
    const family = pair(`holdfast_cdn_${part}`)
    for (const { labels, count } of family === undefined ? [] : counterDeltas(family)) {
      const [provider, name] = labels
      if (count === 0 || provider === undefined || name === undefined) continue
      const known = cdns.get(provider) ?? NO_CDN_TRAFFIC
      cdns.set(provider, { ...known, [part]: new Map([...known[part], [name, count]]) })
    }
  }
  return cdns
}

function jobTraffic(pair: PairOf): Map<string, JobTraffic> {
  const jobs = new Map<string, JobTraffic>()
  const update = ([queue = '', name = '']: readonly string[], change: (known: JobTraffic) => Partial<JobTraffic>): void => {
    const key = `${queue}\u0000${name}`
    const known = jobs.get(key) ?? noJobTraffic(queue, name)
    jobs.set(key, { ...known, ...change(known) })
  }
  for (const part of ['wait', 'run', 'age'] as const) {
    for (const { labels, histogram } of histogramDeltas(pair(`holdfast_jobs_${part}_seconds`))) {
      update(labels, () => ({ [part]: packHistogram(histogram) }))
    }
  }
  const outcomes = pair('holdfast_jobs_outcomes')
  for (const { labels, count } of outcomes === undefined ? [] : counterDeltas(outcomes)) {
    const outcome = labels[2] as JobOutcome
    if (count > 0 && JOB_OUTCOMES.includes(outcome)) update(labels, known => ({ outcomes: { ...known.outcomes, [outcome]: count } }))
  }
  return jobs
}

function readTraffic(pair: FamilyPair | undefined): Map<string, ReadTraffic> {
  const reads = new Map<string, ReadTraffic>()
  for (const { labels, count } of pair === undefined ? [] : counterDeltas(pair)) {
    const [server, reason] = labels
    if (count > 0 && server !== undefined && reason !== undefined) reads.set(`${server}\u0000${reason}`, { server, reason, count })
  }
  return reads
}

function wholeHistogram(pair: FamilyPair | undefined): PackedHistogram | null {
  return pair === undefined ? null : mergePacked(histogramDeltas(pair).map(({ histogram }) => packHistogram(histogram)))
}

function histogramDeltas(pair: FamilyPair | undefined): { labels: readonly string[]; histogram: HistogramSnapshot }[] {
  if (pair === undefined) return []
  const earlier = seriesByLabels(pair.earlier)
  return pair.later.series.flatMap(({ labels, histogram }) => {
    if (histogram === undefined) return []
    const before = earlier.get(labels.join('\u0000'))?.histogram
    if (before?.count === histogram.count) return []
    const delta = before === undefined ? histogram : subtractHistogram(histogram, before)
    return delta.count === 0 ? [] : [{ labels, histogram: delta }]
  })
}

function counterDeltas(pair: FamilyPair): { labels: readonly string[]; count: number }[] {
  const earlier = seriesByLabels(pair.earlier)
  return pair.later.series.map(({ labels, value = 0 }) => {
    const before = earlier.get(labels.join('\u0000'))?.value ?? 0
    return { labels, count: value >= before ? value - before : value }
  })
}

function seriesByLabels(family: FamilySnapshot | undefined): Map<string, SeriesSnapshot> {
  return new Map(family?.series.map(series => [series.labels.join('\u0000'), series]))
}
