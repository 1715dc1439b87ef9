import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

/** How long a session, and after it the collector of PostgreSQL 14, keep counters to themselves. @source PGSTAT_STAT_INTERVAL in pgstat.c of PostgreSQL 14 */
const COLLECTOR_PERIOD_MS = 500

/** The major version of a server, for example 18. 1 statement. */
export async function serverMajor(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ major: number }>(`select current_setting('server_version_num')::int / 10000 as major`)
  return rows[0]!.major
}

/** Makes the counters of this session visible to all: it would report them once a second. PostgreSQL 14 cannot be asked to, and takes 1.2 s. */
export async function flushStatistics(client: pg.Client): Promise<void> {
  if ((await serverMajor(client)) >= 15) {
    await client.query('select pg_stat_force_next_flush()')
    return
  }
  // Nothing tells when they have arrived: the session reports at the end of a statement, the collector hears of it by a datagram.
  await sleep(COLLECTOR_PERIOD_MS + 100)
  await client.query('select 1')
  await sleep(COLLECTOR_PERIOD_MS + 100)
}
