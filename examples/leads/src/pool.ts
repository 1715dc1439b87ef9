import { Client, type ClientConfig, Pool } from 'pg'
import { log } from './log.ts'
import { databaseError } from './startup-error.ts'

const ACQUIRE_LIMIT_MS = 30_000
const CONNECT_LIMIT_MS = 2000

/** The pool has one limit for waiting in its queue and for connecting. A queue may take long under load; a connection that takes long never comes. */
class ConnectingClient extends Client {
  constructor(config?: ClientConfig) {
    super({ ...config, connectionTimeoutMillis: CONNECT_LIMIT_MS })
  }
}

/** The pool of the service. `max` is per process: the sum over all processes has to stay below the server's max_connections. */
export function createPool(databaseUrl: string, max: number): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    application_name: 'leads',
    min: 2,
    max,
    idleTimeoutMillis: 10_000,
    connectionTimeoutMillis: ACQUIRE_LIMIT_MS,
    Client: ConnectingClient,
    statement_timeout: 30_000,
  })
  // Without a listener, a restart of PostgreSQL would end the process.
  pool.on('error', error => log.warn({ error: error.message }, 'an idle connection was lost'))
  return pool
}

/** Resolves when the database answers and has the tables.
 *  @throws LEADS_DATABASE_UNREACHABLE, LEADS_DATABASE_EMPTY */
export async function checkDatabase(pool: Pool): Promise<void> {
  try {
    await pool.query('select 1 from lead_assignment limit 1')
  } catch (error) {
    throw databaseError(error)
  }
}
