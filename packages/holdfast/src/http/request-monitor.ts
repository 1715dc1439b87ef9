import { type Clock, createRequestScope, type RequestScope, systemClock } from '../core/index.ts'
import { type Counter, formatServerTiming, type Histogram, OVERFLOW_LABEL, type Registry } from '../telemetry/index.ts'

/** Measures requests and says where their time went. */
export interface RequestMonitor {
  /** Starts the clock of one request. */
  begin(): RequestObservation
}

/** One request being measured. */
export interface RequestObservation {
  /** What the layers below add to; run the handler in it with `runInRequestScope`. */
  readonly scope: RequestScope
  /** The Server-Timing value as of now: total, pool, pg, redis, app. Ask for it when the headers are about to be sent. */
  serverTiming(): string
  /** Records the request. Only the first call counts. `route` is the pattern (`GET /leads/:id`), never the URL: values in it would become labels. */
  end(route: string, statusCode: number): void
}

/** Routes kept apart before further ones count as `other`. */
const ROUTE_LIMIT = 500
/** Bounds for durations come from the histogram; the share of a part that was measured in parallel is cut to the total. */
const MS_PER_SEC = 1000

/** A monitor that records into `registry`. A request costs five histogram records and one counter. */
export function createRequestMonitor(registry: Registry, clock: Clock = systemClock): RequestMonitor {
  const routes = createRouteTable(registry)
  return {
    begin: () => new Observation(clock, routes),
  }
}

class Observation implements RequestObservation {
  readonly scope: RequestScope = createRequestScope()
  readonly #clock: Clock
  readonly #routes: RouteTable
  readonly #startedAtMs: number
  #ended = false

  constructor(clock: Clock, routes: RouteTable) {
    this.#clock = clock
    this.#routes = routes
    this.#startedAtMs = clock.monotonicMs()
  }

  serverTiming(): string {
    const { scope } = this
    const totalMs = this.#clock.monotonicMs() - this.#startedAtMs
    return formatServerTiming([
      { name: 'total', durationMs: totalMs },
      { name: 'pool', durationMs: scope.poolWaitMs },
      { name: 'pg', durationMs: scope.pgMs, description: `${scope.statementCount} statements` },
      { name: 'redis', durationMs: scope.redisMs },
      { name: 'app', durationMs: appMs(scope, totalMs) },
    ])
  }

  end(route: string, statusCode: number): void {
    if (this.#ended) return
    this.#ended = true
    const { scope } = this
    scope.route = route
    const totalMs = this.#clock.monotonicMs() - this.#startedAtMs
    const series = this.#routes.of(route)
    series.duration(statusCode).record(totalMs / MS_PER_SEC)
    series.poolWait.record(scope.poolWaitMs / MS_PER_SEC)
    series.postgres.record(scope.pgMs / MS_PER_SEC)
    series.redis.record(scope.redisMs / MS_PER_SEC)
    series.app.record(appMs(scope, totalMs) / MS_PER_SEC)
    if (scope.statementCount > 0) series.statements.add(scope.statementCount)
  }
}

/** What is left when the waits are taken off. Waits that overlap can add up to more than the total; then nothing is left. */
function appMs(scope: RequestScope, totalMs: number): number {
  return Math.max(0, totalMs - scope.poolWaitMs - scope.pgMs - scope.redisMs)
}

interface RouteSeries {
  duration(statusCode: number): Histogram
  readonly poolWait: Histogram
  readonly postgres: Histogram
  readonly redis: Histogram
  readonly app: Histogram
  readonly statements: Counter
}

interface RouteTable {
  of(route: string): RouteSeries
}

function createRouteTable(registry: Registry): RouteTable {
  const part = (name: string, help: string) => registry.histogram({ name, help, unit: 'seconds', labels: ['route'] })
  const duration = registry.histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Time from the arrival of a request to the end of its response.',
    unit: 'seconds',
    labels: ['route', 'status'],
  })
  const poolWait = part('holdfast_http_pool_wait_seconds', 'Time that a request waited for a pooled PostgreSQL connection.')
  const postgres = part('holdfast_http_postgres_seconds', 'Time that the statements of a request took.')
  const redis = part('holdfast_http_redis_seconds', 'Time that a request waited for Redis.')
  const app = part('holdfast_http_app_seconds', 'Time of a request that was neither pool, PostgreSQL nor Redis.')
  const statements = registry.counter({ name: 'holdfast_http_statements', help: 'Statements sent by requests.', labels: ['route'] })
  const table = new Map<string, RouteSeries>()

  const open = (route: string): RouteSeries => {
    const byClass: (Histogram | undefined)[] = []
    const series: RouteSeries = {
      duration(statusCode) {
        const statusClass = Math.floor(statusCode / 100)
        byClass[statusClass] ??= duration.bind(route, `${statusClass}xx`)
        return byClass[statusClass]
      },
      poolWait: poolWait.bind(route),
      postgres: postgres.bind(route),
      redis: redis.bind(route),
      app: app.bind(route),
      statements: statements.bind(route),
    }
    table.set(route, series)
    return series
  }

  return {
    of(route) {
      const existing = table.get(route)
      if (existing !== undefined) return existing
      return table.size < ROUTE_LIMIT ? open(route) : (table.get(OVERFLOW_LABEL) ?? open(OVERFLOW_LABEL))
    },
  }
}
