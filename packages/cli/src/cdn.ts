import { servicesStatus } from '@holdfast/dev-services'
import { type CdnDesk, cdnProvidersFromEnv, createCdnDesk, createPurgeQueue } from 'holdfast/cdn'
import pg from 'pg'
import type { CommandContext } from './command-line.ts'
import { openCache } from './commands/cache.ts'
import { cliErrors } from './errors.ts'

/** How long a connection may take. */
const CONNECT_LIMIT_MS = 5000

/** A desk over the purges of a namespace, and how to leave it. */
export interface OpenedCdn extends CdnDesk, AsyncDisposable {
  /** Where the purges wait. */
  readonly store: 'postgres' | 'redis'
}

/** The purges that wait in the database of DATABASE_URL, as those of a service with a pool do, else in the Redis of REDIS_URL, else in the database of `holdfast services up`; with the CDNs that the
 *  environment names. Dispose it. @throws HF_CLI_NO_DATABASE, HF_CACHE_REDIS_AWAY, HF_CONFIG_INVALID; its functions reject with HF_HTTP_CDN_QUEUE_AWAY */
export async function openCdn(namespace: string, context: CommandContext): Promise<OpenedCdn> {
  const { env } = context
  const providers = cdnProvidersFromEnv(env)
  const url = env.DATABASE_URL || (env.REDIS_URL ? undefined : (await servicesStatus({ env }))?.postgres?.url)
  if (url) {
    const pool = new pg.Pool({ connectionString: url, application_name: 'holdfast', max: 1, connectionTimeoutMillis: CONNECT_LIMIT_MS })
    // Without a listener a restart of PostgreSQL would end this process; the query in flight rejects anyway.
    pool.on('error', () => {})
    const queue = createPurgeQueue(namespace, pool)
    return { ...createCdnDesk({ queue, providers }), store: queue.store, [Symbol.asyncDispose]: () => pool.end() }
  }
  if (!env.REDIS_URL) {
    throw cliErrors.create('HF_CLI_NO_DATABASE', 'neither DATABASE_URL nor REDIS_URL is set and no local services are up', {
      hint: 'set what the service keeps its purges in: DATABASE_URL if it has a pool, else REDIS_URL',
    })
  }
  const cache = await openCache(namespace, context)
  const queue = createPurgeQueue(namespace, undefined, cache)
  return { ...createCdnDesk({ queue, providers }), store: queue.store, [Symbol.asyncDispose]: () => cache.stop() }
}

/** `1 purge`, `2 purges`. */
export function purgesText(count: number): string {
  return `${count} purge${count === 1 ? '' : 's'}`
}
