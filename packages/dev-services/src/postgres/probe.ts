import pg from 'pg'
import { DevServicesError, reasonOf } from '../errors.ts'

/** How long a server that is not ours may take to answer. */
export const PROBE_LIMIT_MS = 5000

/** Connects, runs `work`, disconnects; all within `limitMs`. 1 connection. Rejects with what the driver said. */
export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>, limitMs: number = PROBE_LIMIT_MS): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: limitMs,
    query_timeout: limitMs,
    application_name: 'holdfast-services',
  })
  // Errors of an idle connection come as events; the call in flight reports its own.
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    // Not awaited for long: a server that has stopped answering would hold us here.
    await Promise.race([client.end().catch(() => undefined), new Promise(resolve => setTimeout(resolve, 200).unref())])
  }
}

/** Asks the server for its version with a real query; for example `18.4`. */
export async function serverVersion(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version')
  return parseServerVersion(rows[0]?.server_version ?? '')
}

/** `15.14 (Debian 15.14-0+deb12u1)` is `15.14`. */
export function parseServerVersion(text: string): string {
  return text.split(' ', 1)[0] || 'unknown'
}

/** Checks DATABASE_URL. 1 connection, 1 round trip.
 *  @throws HF_PG_UNREACHABLE within 5 s. */
export async function probeDatabaseUrl(url: string, limitMs: number = PROBE_LIMIT_MS): Promise<{ version: string }> {
  try {
    return { version: await withClient(url, serverVersion, limitMs) }
  } catch (error) {
    throw new DevServicesError('HF_PG_UNREACHABLE', `DATABASE_URL (${describeUrl(url)}): ${reasonOf(error)}`, { cause: error })
  }
}

/** Host, port and path of a connection string, without account and password. In what is not a URL with a host they cannot be told apart. */
export function describeUrl(url: string): string {
  try {
    const { host, pathname } = new URL(url)
    if (host === '' && !/^postgres(ql)?:\/\//.test(url)) return 'not a URL'
    // A password with a bare slash ends the host early and stands in the path.
    if (pathname.includes('@')) return 'not a URL'
    return `${host || 'no host'}${pathname}`
  } catch {
    return 'not a URL'
  }
}
