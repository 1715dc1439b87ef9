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

/** WAL is not written for the unlogged copy on which a write was timed; measured WAL of an update that loses HOT is several times larger. */
export const WRITE_SAFETY_FACTOR = 3

/** Adds up the writes of the window by table. Statements with fewer than `minCalls` calls are left out, as they are when reads are judged: a table filled or
 *  rewritten once is no traffic that an index would have to pay for again. */
export function accountWrites(statements: readonly WorkloadStatement[], catalog: Catalog, minCalls: number): ReadonlyMap<number, TableWrites> {
  const accounts = new Map<number, { insertedRows: number; updatedRows: number; updatedByColumn: Map<string, number> }>()
  for (const { parsed, window } of statements) {
    if (parsed.kind === 'select' || parsed.target === undefined || window.calls < minCalls) continue
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
  table: Pick<TableFacts, 'updateCount' | 'hotUpdateCount'>,
  writes: TableWrites | undefined,
  probe: { readonly rowMs: number; readonly indexMs: number },
  windowMs: number,
): WriteCost {
  if (writes === undefined || windowMs <= 0) return { msPerSec: 0, writesPerSec: 0, lostHotPerSec: 0 }
  const hotRatio = table.updateCount > 0 ? table.hotUpdateCount / table.updateCount : 0
  const touching = Math.max(0, ...columns.map(column => writes.updatedByColumn.get(column) ?? 0))
  const lostHot = touching * hotRatio
  // An update that was HOT wrote no index at all; it now writes the row anew into every one of them.
  const costMs = writes.insertedRows * probe.indexMs + lostHot * probe.rowMs + (writes.updatedRows - lostHot) * (1 - hotRatio) * probe.indexMs
  const perSec = 1000 / windowMs
  return {
    msPerSec: costMs * perSec * WRITE_SAFETY_FACTOR,
    writesPerSec: (writes.insertedRows + writes.updatedRows) * perSec,
    lostHotPerSec: lostHot * perSec,
  }
}
