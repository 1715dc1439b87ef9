import { createHash } from 'node:crypto'
import { type AdvisorClient, readRows, sqlStateOf } from '../client.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { type IndexWatchRow, WATCH_INDEXES } from '../sql/index-watch.sql.ts'
import { type Known, known, unknown } from './known.ts'

/** Notes the scans of all indexes, and says since when those of each stand still: PostgreSQL does not know when an index was made.
 *  @param grant what would let the role keep the notes */
export async function watchIndexes(
  client: AdvisorClient,
  indexes: readonly IndexHealthRow[],
  { mayKeep, nowMs, grant }: { readonly mayKeep: boolean; readonly nowMs: number; readonly grant: string },
): Promise<Known<ReadonlyMap<number, number>>> {
  if (!mayKeep) return unknown('since when an index is not read cannot be kept in schema holdfast', grant)
  try {
    const rows = await readRows<IndexWatchRow>(client, WATCH_INDEXES, [
      indexes.map(index => index.oid),
      indexes.map(index => createHash('sha256').update(index.definition).digest('hex').slice(0, 16)),
      indexes.map(index => index.scanCount),
      nowMs,
    ])
    return known(new Map(rows.map(({ oid, sinceMs }) => [oid, sinceMs])))
  } catch (error) {
    // 42501 insufficient_privilege, 25006 read_only_sql_transaction (a standby), 55P03 lock_not_available, 42P01 undefined_table: the schema is an older one,
    // which this role may not bring up to date.
    if (['42501', '25006', '55P03', '42P01'].includes(sqlStateOf(error) ?? ''))
      return unknown('since when an index is not read cannot be kept in schema holdfast', grant)
    throw error
  }
}
