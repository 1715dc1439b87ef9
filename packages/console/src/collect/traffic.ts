import { OVERFLOW_LABEL } from 'holdfast/telemetry'
import { type AnswerTraffic, answersOf, mergeAnswers } from './answer-traffic.ts'
import { type CacheTraffic, mergeCaches, mergePrefixes, type PrefixTraffic, readsOf } from './cache-traffic.ts'
import { type CdnTraffic, mergeCdns, purgesOf } from './cdn-traffic.ts'
import { endedJobs, type JobTraffic, mergeJobs } from './job-traffic.ts'
import { EMPTY_HISTOGRAM, mergePacked, type PackedHistogram } from './packed-histogram.ts'

/** What one route did in a stretch of time. Histograms are in seconds. */
export interface RouteTraffic {
  readonly total: PackedHistogram
  /** Answers of class 5xx. */
  readonly errorCount: number
  readonly pool: PackedHistogram
  readonly postgres: PackedHistogram
  readonly redis: PackedHistogram
  readonly app: PackedHistogram
  /** Statements sent; null where they are not counted. */
  readonly statementCount: number | null
}

/** What one normalised statement did in a stretch of time. */
export interface StatementTraffic {
  readonly text: string
  readonly callCount: number
  readonly errorCount: number
  /** Returned or changed. */
  readonly rowCount: number
  readonly totalMs: number
  /** Waiting for a connection before it. */
  readonly waitMs: number
  readonly time: PackedHistogram
}

/** Reads that went to one server for one reason. */
export interface ReadTraffic {
  readonly server: string
  readonly reason: string
  readonly count: number
}

/** What a service did in a stretch of time. Merging is adding, over instances as over time. Null: not measured. */
export interface Traffic {
  readonly routes: ReadonlyMap<string, RouteTraffic>
  /** By fingerprint. */
  readonly statements: ReadonlyMap<string, StatementTraffic>
  readonly cache: CacheTraffic | null
  /** By the prefix of the keys. Empty where it is not measured. */
  readonly prefixes: ReadonlyMap<string, PrefixTraffic>
  /** Of the response cache, by route. Empty where there is none. */
  readonly answers: ReadonlyMap<string, AnswerTraffic>
  /** Of purges, by CDN. Empty where there is none. */
  readonly cdns: ReadonlyMap<string, CdnTraffic>
  /** By queue and name. Empty where there are none. */
  readonly jobs: ReadonlyMap<string, JobTraffic>
  readonly acquireWait: PackedHistogram | null
  /** Reads that may go to replicas, by server (`primary`, or the replica's address) and the reason why they went there. Empty where there are no replicas. */
  readonly reads: ReadonlyMap<string, ReadTraffic>
}

/** Routes and statements kept apart; the rarest beyond are folded into `other`. Bounds a stored second to about 250 kB at the worst. */
export const KEPT_APART_LIMIT = 100

/** No traffic and nothing measured. */
export const NO_TRAFFIC: Traffic = {
  routes: new Map(),
  statements: new Map(),
  cache: null,
  prefixes: new Map(),
  answers: new Map(),
  cdns: new Map(),
  jobs: new Map(),
  acquireWait: null,
  reads: new Map(),
}

/** Everything in all of them. */
export function mergeTraffic(parts: readonly Traffic[]): Traffic {
  const caches = parts.flatMap(part => part.cache ?? [])
  const waits = parts.flatMap(part => part.acquireWait ?? [])
  return {
    routes: mergeKeyed(
      parts.map(part => part.routes),
      mergeRoutes,
      route => route.total.count,
    ),
    statements: mergeKeyed(
      parts.map(part => part.statements),
      mergeStatements,
      statement => statement.totalMs,
    ),
    cache: caches.length === 0 ? null : mergeCaches(caches),
    prefixes: mergeKeyed(
      parts.map(part => part.prefixes),
      mergePrefixes,
      readsOf,
    ),
    answers: mergeKeyed(
      parts.map(part => part.answers),
      mergeAnswers,
      answersOf,
    ),
    cdns: mergeKeyed(
      parts.map(part => part.cdns),
      mergeCdns,
      purgesOf,
    ),
    jobs: mergeKeyed(
      parts.map(part => part.jobs),
      (jobs, key) => (key === OVERFLOW_LABEL ? { ...mergeJobs(jobs), queue: OVERFLOW_LABEL, name: OVERFLOW_LABEL } : mergeJobs(jobs)),
      endedJobs,
    ),
    acquireWait: waits.length === 0 ? null : mergePacked(waits),
    reads: mergeKeyed(
      parts.map(part => part.reads),
      (reads, key) => ({ ...(key === OVERFLOW_LABEL ? OTHER_READS : reads[0]!), count: sum(reads.map(({ count }) => count)) }),
      ({ count }) => count,
    ),
  }
}

const OTHER_READS = { server: OVERFLOW_LABEL, reason: OVERFLOW_LABEL }

/** All routes as one. */
export function mergeRoutes(routes: readonly RouteTraffic[]): RouteTraffic {
  const merged = (part: (route: RouteTraffic) => PackedHistogram): PackedHistogram => mergePacked(routes.map(part))
  return {
    total: merged(route => route.total),
    errorCount: sum(routes.map(route => route.errorCount)),
    pool: merged(route => route.pool),
    postgres: merged(route => route.postgres),
    redis: merged(route => route.redis),
    app: merged(route => route.app),
    statementCount: routes.some(route => route.statementCount !== null) ? sum(routes.map(route => route.statementCount ?? 0)) : null,
  }
}

function mergeStatements(statements: readonly StatementTraffic[], key: string): StatementTraffic {
  return {
    text: key === OVERFLOW_LABEL ? 'other statements' : statements[0]!.text,
    callCount: sum(statements.map(statement => statement.callCount)),
    errorCount: sum(statements.map(statement => statement.errorCount)),
    rowCount: sum(statements.map(statement => statement.rowCount)),
    totalMs: sum(statements.map(statement => statement.totalMs)),
    waitMs: sum(statements.map(statement => statement.waitMs)),
    time: mergePacked(statements.map(statement => statement.time)),
  }
}

function mergeKeyed<T>(
  maps: readonly ReadonlyMap<string, T>[],
  merge: (values: T[], key: string) => T,
  weight: (value: T) => number,
): Map<string, T> {
  const groups = new Map<string, T[]>()
  for (const map of maps) {
    for (const [key, value] of map) {
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [value])
      else group.push(value)
    }
  }
  if (groups.size > KEPT_APART_LIMIT) foldRarest(groups, weight)
  return new Map([...groups].map(([key, values]) => [key, values.length === 1 ? values[0]! : merge(values, key)]))
}

function foldRarest<T>(groups: Map<string, T[]>, weight: (value: T) => number): void {
  const other = groups.get(OVERFLOW_LABEL) ?? []
  groups.delete(OVERFLOW_LABEL)
  const weighed = [...groups].map(([key, values]) => ({ key, values, weight: sum(values.map(weight)) }))
  weighed.sort((a, b) => b.weight - a.weight)
  for (const { key, values } of weighed.slice(KEPT_APART_LIMIT - 1)) {
    groups.delete(key)
    other.push(...values)
  }
  groups.set(OVERFLOW_LABEL, other)
}

/** A route that nobody asked for. */
export const NO_ROUTE_TRAFFIC: RouteTraffic = {
  total: EMPTY_HISTOGRAM,
  errorCount: 0,
  pool: EMPTY_HISTOGRAM,
  postgres: EMPTY_HISTOGRAM,
  redis: EMPTY_HISTOGRAM,
  app: EMPTY_HISTOGRAM,
  statementCount: null,
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
