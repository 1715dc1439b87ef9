import { join } from 'node:path'
import { cacheFolder } from './cache-folder.ts'
import { diskFullError, type FreeBytes, freeBytes } from './disk.ts'
import { DevServicesError, reasonOf } from './errors.ts'
import { createLauncher } from './launcher.ts'
import { describeUrl, probeDatabaseUrl } from './postgres/probe.ts'
import { startPostgres } from './postgres/server.ts'
import { findRedis } from './redis/binaries.ts'
import { probeRedisUrl } from './redis/probe.ts'
import { startRedis } from './redis/server.ts'
import type { RunContext } from './run-context.ts'
import type { DevServices, PostgresService, RedisService, ServiceExit } from './service.ts'
import type { ServiceChild } from './service-child.ts'
import { claimSlot, type Slot } from './slot.ts'

/** A service that can be started by itself. */
export type ServiceKind = 'postgres' | 'redis'

/** How to start the services. Everything has a default. */
export interface DevServicesOptions {
  /** Read: DATABASE_URL, REDIS_URL, REDIS_JOBS_URL, HOLDFAST_DEV_POSTGRES, PATH, HOME, XDG_CACHE_HOME, TZ; apt-get gets all of it. Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv
  /** Holds the data, in numbered folders, one for each run at a time. As root it must be a folder that others may enter.
   *  Default: `data` in `cacheFolder()`. */
  readonly dataDir?: string
  /** False: PostgreSQL never waits for the disk (fsync off), for tests whose data nobody misses. Default true. */
  readonly durable?: boolean
  /** True: no Redis is an error. False (default): it is told in `redisProblem`. */
  readonly requireRedis?: boolean
  /** Default: both. `redis` alone leaves `postgres` throwing when read. */
  readonly only?: readonly ServiceKind[]
  /** Hears what is being done and what was found, a line at a time. Never a password. Default: nobody. */
  readonly onProgress?: (line: string) => void
  /** More settings of PostgreSQL, or other values for those of ours, as `postgres -c`. No effect on a server from DATABASE_URL. */
  readonly postgresSettings?: Readonly<Record<string, string>>
  /** Created when absent, with pg_stat_statements. Default `holdfast`. No effect on a server from DATABASE_URL. */
  readonly databaseName?: string
  /** Ports of 127.0.0.1. Default: free ones. */
  readonly ports?: { readonly postgres?: number; readonly cacheRedis?: number; readonly jobsRedis?: number }
  /** Measures free disk space, in bytes. Default: statfs(2). */
  readonly freeBytes?: FreeBytes
}

/** Services together with their processes, for the detached mode. */
export interface StartedServices {
  readonly services: DevServices
  readonly slot: Slot | undefined
}

/** Starts, or finds, one PostgreSQL and two Redis for development and tests; all of them answered a query when this resolves. What was
 *  started ends with `stop()` and with this process. Call it on the main thread: on Linux the services end with the thread that started them.
 *  @throws HF_PG_UNOBTAINABLE, HF_PG_UNREACHABLE, HF_PG_START_FAILED, HF_REDIS_UNREACHABLE, HF_CLI_DISK_FULL, HF_CLI_PORT_TAKEN; with
 *  `requireRedis` also HF_REDIS_UNOBTAINABLE and HF_REDIS_START_FAILED. Nothing is left running then. */
export async function startServices(options: DevServicesOptions = {}): Promise<DevServices> {
  return (await startAll(options, false)).services
}

/** As `startServices`; `detached` services outlive this process. */
export async function startAll(options: DevServicesOptions, detached: boolean): Promise<StartedServices> {
  const failed = new AbortController()
  const claimed: { slot?: Promise<Slot> } = {}
  const context = await createContext(options, detached, failed.signal, claimed)
  const children: ServiceChild[] = []
  let endExternal = (_: ServiceExit): void => undefined
  const external = new Promise<ServiceExit>(resolve => {
    endExternal = resolve
  })
  const run: Run = { context, options, children, external }
  const isWanted = (kind: ServiceKind): boolean => options.only?.includes(kind) ?? true
  const abortOnFailure = <T>(work: Promise<T>): Promise<T> =>
    work.catch(error => {
      failed.abort(error)
      throw error
    })
  const [postgres, redis] = await Promise.allSettled([
    abortOnFailure(isWanted('postgres') ? obtainPostgres(run) : Promise.resolve(undefined)),
    abortOnFailure(isWanted('redis') ? obtainRedisOrProblem(run) : Promise.resolve(NO_REDIS)),
  ])
  const slot = await claimed.slot?.catch(() => undefined)
  let stopping: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping ??= Promise.allSettled(children.map(child => child.stop())).then(() => {
      slot?.lock.release()
      endExternal({ expected: true, code: null, signal: null, logTail: '' })
    })
    return stopping
  }
  if (postgres.status === 'rejected' || redis.status === 'rejected') {
    await stop()
    throw coded(failed.signal.reason)
  }
  const { cacheRedis, jobsRedis, redisProblem } = redis.value
  const services: DevServices = {
    get postgres() {
      if (postgres.value === undefined) throw new TypeError('PostgreSQL was left out by the option `only`')
      return postgres.value
    },
    cacheRedis,
    jobsRedis,
    redisProblem,
    stop,
    [Symbol.asyncDispose]: stop,
  }
  return { services, slot }
}

/** What the branches of one start share. */
interface Run {
  readonly context: RunContext
  readonly options: DevServicesOptions
  /** Everything spawned, in order of appearance. */
  readonly children: ServiceChild[]
  /** The end of servers that are not ours. */
  readonly external: Promise<ServiceExit>
}

type RedisPair = Pick<DevServices, 'cacheRedis' | 'jobsRedis' | 'redisProblem'>

const NO_REDIS: RedisPair = { cacheRedis: undefined, jobsRedis: undefined, redisProblem: undefined }

/** What every step of a start shares. */
export async function createContext(
  options: Pick<DevServicesOptions, 'env' | 'dataDir' | 'durable' | 'onProgress' | 'freeBytes'>,
  detached: boolean,
  signal: AbortSignal,
  claimed: { slot?: Promise<Slot> },
): Promise<RunContext> {
  const env = options.env ?? process.env
  const launcher = await createLauncher(env)
  const folder = (): string => cacheFolder(env)
  return {
    env,
    launcher,
    cacheFolder: folder,
    slot: () => {
      claimed.slot ??= claimSlot(options.dataDir ?? join(folder(), 'data'), launcher.serviceAccount)
      return claimed.slot
    },
    signal,
    progress: options.onProgress ?? (() => undefined),
    durable: options.durable ?? true,
    detached,
    freeBytes: options.freeBytes ?? freeBytes,
  }
}

async function obtainPostgres(run: Run): Promise<PostgresService> {
  const { context, options, children, external } = run
  const url = context.env.DATABASE_URL
  if (url) {
    const { version } = await probeDatabaseUrl(url)
    context.progress(`PostgreSQL ${version} (DATABASE_URL, ${describeUrl(url)})`)
    return { url, version, origin: 'DATABASE_URL', exited: external }
  }
  const { databaseName = 'holdfast', postgresSettings = {}, ports } = options
  const { service, child } = await startPostgres(context, { databaseName, settings: postgresSettings, port: ports?.postgres })
  children.push(child)
  return service
}

/** A Redis that was asked for by name must be there; one that we would have brought ourselves may be missing. */
async function obtainRedisOrProblem(run: Run): Promise<RedisPair> {
  try {
    return await obtainRedis(run)
  } catch (error) {
    const isTolerable = error instanceof DevServicesError && (error.code === 'HF_REDIS_UNOBTAINABLE' || error.code === 'HF_REDIS_START_FAILED')
    if (!isTolerable || run.options.requireRedis === true || run.context.signal.aborted) throw error
    run.context.progress(`no Redis: ${error.message}; ${error.hint}`)
    return { ...NO_REDIS, redisProblem: error }
  }
}

async function obtainRedis(run: Run): Promise<RedisPair> {
  const { env } = run.context
  const started: ServiceChild[] = []
  // Looked for once, and only when a role needs it.
  let binary: ReturnType<typeof findRedis> | undefined
  const obtain = async (role: RedisService['role'], variable: 'REDIS_URL' | 'REDIS_JOBS_URL'): Promise<RedisService> => {
    const url = env[variable]
    if (url) return { url, ...(await probeRedisUrl(url, variable)), origin: variable, role, exited: run.external }
    binary ??= findRedis(run.context)
    const { service, child } = await startRedis(run.context, await binary, role, run.options.ports?.[`${role}Redis`])
    started.push(child)
    return service
  }
  // Both settle before either error goes on: a server started beside a failure must be known to be stopped.
  const [cache, jobs] = await Promise.allSettled([obtain('cache', 'REDIS_URL'), obtain('jobs', env.REDIS_JOBS_URL ? 'REDIS_JOBS_URL' : 'REDIS_URL')])
  if (cache.status === 'rejected' || jobs.status === 'rejected') {
    await Promise.all(started.map(child => child.stop()))
    throw cache.status === 'rejected' ? cache.reason : (jobs as PromiseRejectedResult).reason
  }
  run.children.push(...started)
  const { flavour, version, origin } = cache.value
  run.context.progress(`${flavour === 'valkey' ? 'Valkey' : 'Redis'} ${version} (${origin})`)
  return { cacheRedis: cache.value, jobsRedis: jobs.value, redisProblem: undefined }
}

/** Whatever else goes wrong here is the file system's doing. */
function coded(error: unknown): DevServicesError {
  if (error instanceof DevServicesError) return error
  const full = diskFullError(error, 'the cache folder')
  return full ?? new DevServicesError('HF_PG_START_FAILED', `the services could not be prepared: ${reasonOf(error)}`, { cause: error })
}
