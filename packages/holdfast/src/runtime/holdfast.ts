import { randomUUID } from 'node:crypto'
import {
  addRedisProblems,
  type CacheOptions,
  checkInvalidatedTags,
  createTieredCache,
  DEFAULT_NAMESPACE,
  type RedisOption,
  type TieredCache,
} from '../cache/index.ts'
import type { CdnOptions, PurgeBus } from '../cdn/index.ts'
import {
  type Clock,
  collectConfigProblems,
  createLifecycle,
  type Health,
  type Lifecycle,
  type Logger,
  mergeHealth,
  silentLogger,
  systemClock,
} from '../core/index.ts'
import { createRequestMonitor, createResponseCache, type RequestMonitor, type ResponseCache, type ResponseCacheOptions } from '../http/index.ts'
import { createJobs, type Jobs, type JobsOptions, type JobsRedisOption, jobsErrors, type QueueDefinitions } from '../jobs/index.ts'
import { type HoldfastPg, type InvalidationTarget, observePool, type PostgresOptions, type UserPool } from '../postgres/index.ts'
import { createRegistry, type Registry } from '../telemetry/index.ts'
import { composeCdn } from './compose-cdn.ts'
import { runtimeErrors } from './errors.ts'
import type { InstanceSnapshot } from './instance-snapshot.ts'
import { addPgProblems, type OwnPoolConfig, resolvePool } from './own-pool.ts'
import { composeUpkeep, type Upkeep, type UpkeepOptions } from './upkeep.ts'

/** Options of {@link holdfast}. */
export interface HoldfastOptions<
  Pool extends UserPool = UserPool,
  L extends string = never,
  E extends object = Record<never, never>,
  Queues extends QueueDefinitions = Record<never, never>,
> {
  /** Your `pg.Pool` (8.16 or newer), which stays yours: Holdfast never ends it. Or a URL or a configuration, of which Holdfast makes a pool over your `pg`
   *  (see `createPool`) and ends it at the stop. Absent: `hf.pg` throws HF_CONFIG_NO_POSTGRES. */
  readonly pg?: Pool | string | OwnPoolConfig
  /** Streaming replicas of the server of `pg`, in the same forms: `hf.pg.read` and read-only transactions go there. Default: none. */
  readonly pgReplicas?: readonly (UserPool | string | OwnPoolConfig)[]
  /** Settings of the observation of `pg`. */
  readonly postgres?: PostgresOptions
  /** Materialized views to keep fresh and old rows to archive, by the clock. Needs `pg`. Default: nothing. */
  readonly upkeep?: UpkeepOptions
  /** A Redis URL (`redis://`, `rediss://`); an ioredis client or `Cluster`, which stays yours; `{ cluster: [urls] }`; or `{ sentinels: [urls], name }`.
   *  Absent, undefined or empty: the cache lives in this process only and health says so. */
  readonly redis?: RedisOption | undefined
  /** Settings of the cache. */
  readonly cache?: CacheOptions<L, E>
  /** Settings of the response cache, `hf.responses`. It does nothing until an adapter or `fetch` sends requests through it. */
  readonly responses?: ResponseCacheOptions
  /** CDNs in front of the service: whatever `hf.cache` and `hf.responses` forget, they forget too. Needs `pg`, or else `redis`. Default: none. */
  readonly cdn?: CdnOptions
  /** Queues of jobs, for `hf.jobs`; with the outbox and fences of `pg`, when it is given. They need a Redis that evicts nothing: `jobs.redis`, or else `redis`.
   *  Their namespace is that of the cache. Default: none. */
  readonly jobs?: Omit<JobsOptions<Queues>, 'redis' | 'pool' | 'namespace'> & { readonly redis?: JobsRedisOption }
  /** Name of the service in the console and in metrics. Default `app`. */
  readonly service?: string
  /** A pino-shaped logger. Default: silent. */
  readonly logger?: Logger
  /** Default: the system's. Tests pass their own. */
  readonly clock?: Clock
}

/** Holdfast in one process: cache, PostgreSQL and measurements. */
export interface Holdfast<
  Pool extends UserPool = UserPool,
  L extends string = never,
  E extends object = Record<never, never>,
  Queues extends QueueDefinitions = Record<never, never>,
> extends Lifecycle {
  readonly service: string
  readonly cache: TieredCache<L, E>
  /** @throws HF_CONFIG_NO_POSTGRES when no pool was given. */
  readonly pg: HoldfastPg<Pool>
  /** Views and archive of the option `upkeep`, to run them by hand. @throws HF_CONFIG_NO_POSTGRES when no pool was given. */
  readonly upkeep: Upkeep
  /** Queues and workers of the option `jobs`. @throws HF_JOBS_NOT_CONFIGURED when none were given. */
  readonly jobs: Jobs<Queues>
  /** Where every layer records. Add your own metrics here. */
  readonly telemetry: Registry
  /** Measures requests; the adapters call it. */
  readonly requests: RequestMonitor
  /** Whole answers, kept in `hf.cache`: the adapters and `hf.responses.fetch` put it in front of handlers. */
  readonly responses: ResponseCache
  /** Purges at CDNs: by hand, what was given up, analytics. @throws HF_CONFIG_NO_CDN when none was given. */
  readonly cdn: PurgeBus
  readonly health: () => Health
  /** What the console collects. */
  readonly snapshot: () => InstanceSnapshot
}

/** Starts Holdfast over your pool and Redis. Resolves as soon as it can serve: an unreachable Redis does not hold it up, it is retried and reported by `health()`.
 *  @throws HF_CONFIG_INVALID naming every bad option at once; HF_JOBS_EVICTION when the Redis of the jobs may lose them */
export async function holdfast<
  Pool extends UserPool = UserPool,
  L extends string = never,
  E extends object = Record<never, never>,
  const Queues extends QueueDefinitions = Record<never, never>,
>(options: HoldfastOptions<Pool, L, E, Queues> = {}): Promise<Holdfast<Pool, L, E, Queues>> {
  validate(options)
  const { clock = systemClock, logger = silentLogger, service = 'app' } = options
  const telemetry = createRegistry()
  const composedCdn = options.cdn && composeCdn(options.cdn, options.cache?.namespace ?? DEFAULT_NAMESPACE, { clock, logger, registry: telemetry })
  const cache = createTieredCache<L, E>(options.cache ?? {}, {
    ...(options.redis ? { redis: options.redis } : {}),
    ...(composedCdn ? { onInvalidate: composedCdn.onInvalidate } : {}),
    ...{ clock, registry: telemetry, logger },
  })
  const responses = createResponseCache(options.responses ?? {}, {
    ...{ cache, registry: telemetry, clock, logger },
    ...(composedCdn ? { cdn: composedCdn.responses } : {}),
  })
  const pool = options.pg !== undefined ? await resolvePool(options.pg, { clock, logger }) : undefined
  const cdn = composedCdn?.open(pool?.pool, cache)
  const replicas = await Promise.all((options.pgReplicas ?? []).map(given => resolvePool(given, { clock, logger })))
  const target = invalidationTarget(cache, options)
  const upkeep = pool && composeUpkeep(pool.pool, options.upkeep ?? {}, { clock, logger, registry: telemetry, target })
  const pg =
    pool &&
    observePool(pool.pool, {
      ...{ registry: telemetry, clock, logger, target },
      replicas: replicas.map(replica => replica.pool),
      ...(options.postgres ? { options: options.postgres } : {}),
    })
  const jobs = composeJobs(options, pool?.pool, { clock, logger, registry: telemetry })
  const lifecycle = createLifecycle({
    name: 'holdfast',
    clock,
    stopLimitMs: STOP_LIMIT_MS + (jobs?.stopLimitMs ?? 0),
    start: async () => {
      await cache.start()
      await cdn?.start()
      await pg?.start()
      await upkeep?.start()
      await jobs?.start()
    },
    // Jobs first, which need all the others; PostgreSQL before the cache, for a transaction that commits while stopping still has one to invalidate.
    stop: async () => {
      await jobs?.stop()
      await upkeep?.stop()
      await pg?.stop()
      await cdn?.stop()
      await Promise.all([pool, ...replicas].map(one => one?.end()))
      await cache.stop()
    },
    onStopProblem: problem => logger.warn({ err: problem }, 'holdfast did not stop cleanly'),
  })
  const startedAtMs = clock.nowMs()
  const instanceId = `${service}-${process.pid}-${randomUUID().slice(0, 8)}`
  const health = (): Health => mergeHealth([cache, pg, upkeep, cdn, jobs].flatMap(part => (part ? [part.health()] : [])))
  await startOrStop(lifecycle)
  return {
    ...lifecycle,
    service,
    cache,
    get pg() {
      return overPool(pg, 'hf.pg')
    },
    get upkeep() {
      return overPool(upkeep, 'hf.upkeep')
    },
    get jobs() {
      if (jobs === undefined) throw jobsErrors.create('HF_JOBS_NOT_CONFIGURED', 'hf.jobs was used without the option `jobs`')
      return jobs
    },
    telemetry,
    requests: createRequestMonitor(telemetry, clock),
    responses,
    get cdn() {
      if (cdn === undefined) throw runtimeErrors.create('HF_CONFIG_NO_CDN', 'hf.cdn was used without the option cdn')
      return cdn
    },
    health,
    snapshot: () => ({
      schema: 'holdfast.instance/1',
      service,
      instanceId,
      startedAtMs,
      atMs: clock.nowMs(),
      health: health(),
      metrics: telemetry.snapshot(),
      statements: pg?.statements() ?? [],
      ...(pg ? { pool: pg.poolAdvice() } : {}),
      ...(replicas.length > 0 && pg ? { reads: pg.readState() } : {}),
      slow: pg?.slowStatements() ?? [],
      repeats: pg?.repeats() ?? [],
      ...(pg === undefined ? {} : { holders: pg.holders() }),
      ...(jobs === undefined ? {} : { jobs: jobs.state() }),
      cache: cache.stats(),
    }),
  }
}

/** @throws HF_CONFIG_NO_POSTGRES */
function overPool<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw runtimeErrors.create('HF_CONFIG_NO_POSTGRES', `${name} was used without a pool`)
  return part
}

/** Leaves nothing running behind a start that failed. */
async function startOrStop(lifecycle: Lifecycle): Promise<void> {
  try {
    await lifecycle.start()
  } catch (error) {
    await lifecycle.stop()
    throw error
  }
}

/** What a stop may take beside the drain of jobs. */
const STOP_LIMIT_MS = 5000

function composeJobs<Queues extends QueueDefinitions>(
  options: HoldfastOptions<UserPool, string, object, Queues>,
  pool: UserPool | undefined,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly registry: Registry },
): Jobs<Queues> | undefined {
  if (options.jobs === undefined) return undefined
  const { redis = options.redis as JobsRedisOption, ...rest } = options.jobs
  return createJobs<Queues>(
    { ...(rest as JobsOptions<Queues>), redis, namespace: options.cache?.namespace ?? DEFAULT_NAMESPACE, ...(pool === undefined ? {} : { pool }) },
    deps,
  )
}

/** What `tx.invalidate` reaches. */
function invalidationTarget(cache: TieredCache, options: HoldfastOptions<UserPool, string, object, QueueDefinitions>): InvalidationTarget {
  return {
    namespace: options.cache?.namespace ?? DEFAULT_NAMESPACE,
    // A CDN is one more that has to be told.
    isShared: Boolean(options.redis) || options.cdn !== undefined,
    check: checkInvalidatedTags,
    isReachable: () => cache.stats().redis !== 'away',
    invalidate: tags => cache.invalidateTags(...tags),
    clear: () => cache.clear(),
  }
}

function validate(
  options: object & {
    readonly pg?: unknown
    readonly pgReplicas?: readonly unknown[]
    readonly upkeep?: unknown
    readonly redis?: RedisOption | undefined
    readonly jobs?: { readonly redis?: unknown }
  },
): void {
  const problems = collectConfigProblems()
  for (const key of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(key)) problems.add(key, `is not an option; known are ${[...KNOWN_OPTIONS].join(', ')}`)
  }
  if (options.pg !== undefined) addPgProblems('pg', options.pg, problems)
  const replicas = options.pgReplicas ?? []
  if (Array.isArray(replicas)) for (const [at, replica] of replicas.entries()) addPgProblems(`pgReplicas[${at}]`, replica, problems)
  else problems.add('pgReplicas', 'is no list')
  if (options.pg === undefined && options.pgReplicas !== undefined) problems.add('pgReplicas', 'needs `pg`, the primary')
  if (options.pg === undefined && options.upkeep !== undefined) problems.add('upkeep', 'needs `pg`')
  if (options.redis) addRedisProblems(options.redis, problems)
  if (options.jobs !== undefined && !options.jobs.redis && !options.redis) problems.add('jobs', 'need a Redis: `jobs.redis`, or `redis`')
  problems.throwIfAny('holdfast()')
}

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'pg',
  'pgReplicas',
  'postgres',
  'upkeep',
  'redis',
  'cache',
  'responses',
  'cdn',
  'jobs',
  'service',
  'logger',
  'clock',
])
