import type { DevServicesError } from './errors.ts'

/** Where a service came from. `private copy`: the distribution's Redis package, unpacked in the cache folder. */
export type ServiceOrigin = 'embedded' | 'path' | 'private copy' | 'DATABASE_URL' | 'REDIS_URL' | 'REDIS_JOBS_URL'

/** How a service ended. */
export interface ServiceExit {
  /** True when `stop()` asked for it. A service that dies by itself has false. */
  readonly expected: boolean
  /** Exit status, null when a signal ended it or when the service was never ours. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines of the service's log, empty when the end was expected. */
  readonly logTail: string
}

/** A PostgreSQL that answered a query. */
export interface PostgresService {
  /** Connection string, with the password. Not for logs. */
  readonly url: string
  /** For example `18.4`. */
  readonly version: string
  readonly origin: ServiceOrigin
  /** Absent when the server is not ours. */
  readonly pid?: number
  /** Settles when the server is gone; for a server that is not ours, when `stop()` is called. Never rejects. */
  readonly exited: Promise<ServiceExit>
}

/** A Redis (or Valkey) that answered INFO. */
export interface RedisService {
  /** Connection string, with the password if it has one. Not for logs. */
  readonly url: string
  readonly version: string
  readonly origin: ServiceOrigin
  readonly flavour: 'redis' | 'valkey'
  readonly pid?: number
  /** `cache` evicts (allkeys-lfu, 64 MB), `jobs` never does (noeviction). A server from REDIS_URL may serve both. */
  readonly role: 'cache' | 'jobs'
  /** As in `PostgresService`. */
  readonly exited: Promise<ServiceExit>
}

/** Running services. Dispose or `stop()` them; they also end when this process does (Linux: even by `kill -9`). */
export interface DevServices extends AsyncDisposable {
  readonly postgres: PostgresService
  /** Undefined when no Redis could be had; then `redisProblem` says why. */
  readonly cacheRedis: RedisService | undefined
  readonly jobsRedis: RedisService | undefined
  readonly redisProblem: DevServicesError | undefined
  /** Ends what was started here, within 6 s. Idempotent; never rejects. */
  stop(): Promise<void>
}
