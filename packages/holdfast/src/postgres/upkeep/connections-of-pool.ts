import type { AdvisorClient } from '../advisor/client.ts'
import { unobserved } from '../own-statement.ts'
import type { UserPool } from '../user-pool.ts'

/** A client of the caller's driver, by itself. */
interface LoneClient extends AdvisorClient {
  connect(): Promise<unknown>
  on(event: 'error', listener: () => void): unknown
}

/** How long a connection may take. */
const CONNECT_LIMIT_MS = 5000

/** Connections beside a pool, to the same server with the same driver, for `connect` of archive, views and maintenance: none of them is taken from the pool or
 *  counted as a statement of the service. */
export function connectionsOf(pool: UserPool): () => Promise<AdvisorClient> {
  const Client = (pool as unknown as { Client: new (options: object) => LoneClient }).Client
  return async () => {
    const options = pool.options as { readonly password?: unknown }
    // pg.Pool hides the password from a spread. Time-outs of the service's statements are not those of its upkeep.
    const client = new Client({
      ...options,
      password: options.password,
      application_name: 'holdfast',
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      statement_timeout: undefined,
      query_timeout: undefined,
    })
    // Without a listener a restart of PostgreSQL would end the process; the query in flight rejects anyway.
    client.on('error', () => {})
    await client.connect()
    return {
      processID: client.processID ?? null,
      query: (text, values) => client.query(unobserved(text), values),
      end: () => client.end(),
    }
  }
}
