import type { Catalog, TableFacts } from './catalog.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import type { StatementWindow } from './workload.ts'

/** A statement of the workload, parsed, with what it did in the window. */
export interface WorkloadStatement {
  readonly parsed: ParsedStatement | ParsedInsert
  readonly window: StatementWindow
}

/** Rows that the window's statements wrote to one table. */
export interface TableWrites {
  readonly insertedRows: number
  readonly updatedRows: number
  /** Rows updated, by the columns that the statements set. */
  readonly updatedByColumn: ReadonlyMap<string, number>
}

/** What one more index costs the writers, in ms of execution per second of the window. */
export interface WriteCost {
  readonly msPerSec: number
  readonly writesPerSec: number
  /** Updates a second that can no longer be HOT, because they change a column of the index. */
  readonly lostHotPerSec: number
}

/** Updates of a table below which its counters do not yet say which share of them is HOT. */
const TELLING_UPDATES = 20

/** Share of updates that is taken to become HOT, at least, where no index holds a column that they change: a table that was just filled has full pages, and its first
 *  updates make the room that later ones use. */
const LEAST_HOT_RATIO = 0.5

/** A column that at least this share of a table's updates change is hot. */
const HOT_COLUMN_SHARE = 0.1

/** WAL is not written for the unlogged copy on which a write was timed; measured WAL of an update that loses HOT is several times larger. */
export const WRITE_SAFETY_FACTOR = 3

/** What an update that can no longer be HOT costs beside its own time, as a multiple of it: ten times the WAL, dead entries in every index, and the vacuum that takes them
 *  out again. */
export const LOST_HOT_FACTOR = 4

/** A single call that wrote more rows than this filled or rewrote a table: no traffic that an index would have to pay for again. */
const BULK_ROWS = 1000

/** Adds up the writes of the window by table. */
export function accountWrites(statements: readonly WorkloadStatement[], catalog: Catalog): ReadonlyMap<number, TableWrites> {
  const accounts = new Map<number, { insertedRows: number; updatedRows: number; updatedByColumn: Map<string, number> }>()
  for (const { parsed, window } of statements) {
    if (parsed.kind === 'select' || parsed.target === undefined || (window.calls === 1 && window.rows > BULK_ROWS)) continue
    const table = catalog.table(parsed.target)
    if (table === undefined) continue
    const account = accounts.get(table.oid) ?? { insertedRows: 0, updatedRows: 0, updatedByColumn: new Map<string, number>() }
    accounts.set(table.oid, account)
    if (parsed.kind === 'insert') account.insertedRows += window.rows
    if (parsed.kind !== 'update') continue
    account.updatedRows += window.rows
    for (const column of parsed.setColumns) account.updatedByColumn.set(column, (account.updatedByColumn.get(column) ?? 0) + window.rows)
  }
  return accounts
}

/** What an index on `columns` would cost those writes, from the times measured on the copy. `probe.rowMs` is a whole write into all indexes. */
export function writeCostOf(
  columns: readonly string[],
  table: Pick<TableFacts, 'updateCount' | 'hotUpdateCount' | 'indexes'>,
  writes: TableWrites | undefined,
  probe: { readonly rowMs: number; readonly indexMs: number },
  windowMs: number,
): WriteCost {
  if (writes === undefined || windowMs <= 0) return { msPerSec: 0, writesPerSec: 0, lostHotPerSec: 0 }
  const hotRatio = table.updateCount >= TELLING_UPDATES ? table.hotUpdateCount / table.updateCount : 1
  const lost = columns.map(
    column => (writes.updatedByColumn.get(column) ?? 0) * (isIndexed(table, column) ? hotRatio : Math.max(LEAST_HOT_RATIO, hotRatio)),
  )
  const lostHot = Math.max(0, ...lost)
  // An update that was HOT wrote no index at all; it now writes the row anew into every one of them.
  const costMs =
    writes.insertedRows * probe.indexMs +
    lostHot * probe.rowMs * LOST_HOT_FACTOR +
    Math.max(0, writes.updatedRows - lostHot) * (1 - hotRatio) * probe.indexMs
  const perSec = 1000 / windowMs
  return {
    msPerSec: costMs * perSec * WRITE_SAFETY_FACTOR,
    writesPerSec: (writes.insertedRows + writes.updatedRows) * perSec,
    lostHotPerSec: lostHot * perSec,
  }
}

/** Whether the workload changes the column in a large share of the table's updates. */
export function isHotColumn(writes: TableWrites | undefined, column: string): boolean {
  return writes !== undefined && writes.updatedRows > 0 && (writes.updatedByColumn.get(column) ?? 0) >= writes.updatedRows * HOT_COLUMN_SHARE
}

function isIndexed({ indexes }: Pick<TableFacts, 'indexes'>, column: string): boolean {
  return indexes.some(index => index.keys.some(key => key.column === column))
}
