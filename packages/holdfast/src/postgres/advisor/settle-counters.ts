import { type Clock, delay } from '../../core/index.ts'
import { type AdvisorClient, readRows } from './client.ts'

/** @source PGSTAT_STAT_INTERVAL in pgstat.c of PostgreSQL 14 */
const COLLECTOR_PERIOD_MS = 500

/** Waits until the server's counters show what was done just before. From PostgreSQL 15 on they do at once; 14 lets a reader have a copy of them that is up to 0.5 s old.
 *  1 round trip. */
export async function settleCounters(client: AdvisorClient, clock: Clock): Promise<void> {
  const [row] = await readRows<{ version: number }>(client, `SELECT current_setting('server_version_num')::int AS version`)
  if (row!.version < 150_000) await delay(clock, COLLECTOR_PERIOD_MS)
}
