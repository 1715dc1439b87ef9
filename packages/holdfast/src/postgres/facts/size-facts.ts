import { type AdvisorClient, readRows, sqlStateOf } from '../advisor/client.ts'
import { quoteQualified } from '../advisor/identifier.ts'
import { isSchemaRefused, migrateInTransaction } from '../migrations/migrate.ts'
import { DATABASE_FACTS, type DatabaseFactsRow } from './sql/database-facts.sql.ts'
import { READ_SIZES, SIZE_HISTORY_EXISTS, type SizeHistoryExistsRow, type SizeRow, THIN_SIZES, WRITE_SIZE } from './sql/size-history.sql.ts'
import { TABLE_FACTS, type TableFactsRow } from './sql/table-facts.sql.ts'

/** The database at one moment. */
export interface SizePoint extends SizeRow {}

/** How fast the database grew, as far as its history shows. */
export interface SizeGrowth {
  readonly fromMs: number
  readonly toMs: number
  /** Negative when it shrank. */
  readonly bytesPerDay: number
  /** Points of the history between the two. */
  readonly pointCount: number
}

/** Size of a database, its largest tables, and how it came there. */
export interface SizeReport {
  readonly atMs: number
  readonly database: string
  readonly sizeBytes: number
  /** The largest first. */
  readonly tables: readonly {
    readonly name: string
    readonly totalBytes: number | null
    readonly tableBytes: number | null
    readonly indexBytes: number | null
  }[]
  /** Over the last 30 days of the history; null while it covers less than an hour. */
  readonly growth: SizeGrowth | null
  /** Oldest first: one an hour for 14 days, one a day for two years. Empty while nobody records it. */
  readonly history: readonly SizePoint[]
  /** Why nothing is recorded or shown; null when all is well. */
  readonly historyNote: string | null
}

const TABLES_KEPT = 20
const GROWTH_WINDOW_MS = 30 * 86_400_000
const SHORTEST_GROWTH_MS = 3_600_000

/** Size and growth. 3 to 4 round trips. */
export async function readSize(client: AdvisorClient, limit: number): Promise<SizeReport> {
  const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
  const tables = await readRows<TableFactsRow>(client, TABLE_FACTS, [null, null, limit])
  const [exists] = await readRows<SizeHistoryExistsRow>(client, SIZE_HISTORY_EXISTS)
  const history = exists?.mayRead === true ? await readRows<SizeRow>(client, READ_SIZES) : []
  const { atMs, sizeBytes, database: name } = database!
  return {
    ...{ atMs, database: name, sizeBytes, history },
    tables: tables.map(({ schema, name: table, totalBytes, tableBytes, indexBytes }) => {
      return { name: quoteQualified(schema, table), totalBytes, tableBytes, indexBytes }
    }),
    growth: growthOf([...history, { atMs, sizeBytes }]),
    historyNote: historyNote(exists),
  }
}

function historyNote(exists: SizeHistoryExistsRow | undefined): string | null {
  if (exists === undefined) return 'nobody has recorded sizes here: a running console does, once an hour'
  return exists.mayRead ? null : 'the role may not read holdfast.size_history: GRANT USAGE ON SCHEMA holdfast and SELECT on the table'
}

/** @param points oldest first */
export function growthOf(points: readonly { readonly atMs: number; readonly sizeBytes: number }[]): SizeGrowth | null {
  const last = points.at(-1)
  if (last === undefined) return null
  const recent = points.filter(({ atMs }) => atMs >= last.atMs - GROWTH_WINDOW_MS)
  const first = recent[0]!
  const spanMs = last.atMs - first.atMs
  if (spanMs < SHORTEST_GROWTH_MS) return null
  return {
    fromMs: first.atMs,
    toMs: last.atMs,
    bytesPerDay: ((last.sizeBytes - first.sizeBytes) * 86_400_000) / spanMs,
    pointCount: recent.length,
  }
}

/** Writes the size of this hour into the history and thins it. Runs in a transaction of the caller. False when the role may not, or a standby answered.
 *  6 round trips, some more when it makes the table. */
export async function recordSize(client: AdvisorClient): Promise<boolean> {
  try {
    const [exists] = await readRows<SizeHistoryExistsRow>(client, SIZE_HISTORY_EXISTS)
    if (exists === undefined) await migrateInTransaction(client)
    else if (!exists.mayWrite) return false
    const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
    const tables = await readRows<TableFactsRow>(client, TABLE_FACTS, [null, null, TABLES_KEPT])
    const kept = tables.map(({ schema, name, totalBytes }) => ({ name: quoteQualified(schema, name), bytes: totalBytes ?? 0 }))
    await client.query(WRITE_SIZE, [database!.sizeBytes, JSON.stringify(kept)])
    await client.query(THIN_SIZES)
    return true
  } catch (error) {
    // 42501 insufficient_privilege, 25006 read_only_sql_transaction (a standby). The transaction is over: COMMIT then rolls it back.
    if (isSchemaRefused(error) || sqlStateOf(error) === '42501' || sqlStateOf(error) === '25006') return false
    throw error
  }
}
