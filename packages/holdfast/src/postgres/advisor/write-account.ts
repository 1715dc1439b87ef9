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
  /** When it is the only index that is added. */
  readonly msPerSec: number
  readonly writesPerSec: number
  /** Updates a second that can no longer be HOT, because they change a column of the index. */
  readonly lostHotPerSec: number
  /** Of `msPerSec`, what its own entries take for the rows that are written anyway. */
  readonly entryMsPerSec: number
  /** One entry, ms. */
  readonly entryMs: number
  /** One row with the indexes that stand on the table now, ms. */
  readonly rowMs: number
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

/** One entry of an index takes at least this long, ms: the copy's clock may not tell it from nothing, and an index that costs nothing is chosen for nothing.
 *  @source one INSERT on PostgreSQL 18, prepared, this server's cache warm: 15 us, with one btree index on a text or a random number 16 to 20 */
const LEAST_ENTRY_MS = 0.002

/** What one row adds where an index sums up ranges of pages (BRIN): a look whether the range holds its value already, ms. Nothing goes to the WAL as long as it does.
 *  @source the same INSERT with one BRIN index: 15.5 to 18 us, hardly out of the noise */
const SUMMARY_MS = 0.0005

/** The first change of a page after a checkpoint writes the page into the WAL, and the checkpoint writes it to its place: 16 kB, at the 125 MB/s of a plain cloud volume, ms.
 *  @source PostgreSQL 18, full_page_writes; Amazon EBS, gp3 baseline */
const PAGE_IMAGE_MS = 0.13

/** Between two checkpoints, s. @source PostgreSQL 18, default of checkpoint_timeout */
const CHECKPOINT_S = 300

const PAGE_BYTES = 8192

/** A column that lies in the order of the rows by this much takes new values at the end of an index. */
const IN_ORDER = 0.9

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

/** What an index on `columns` would cost those writes, from the times measured on the copy. `probe.rowMs` is a whole write into all indexes, this one among them; `spots`
 *  as `entrySpots` has them, 0 where ranges of pages are summed up. */
export function writeCostOf(
  columns: readonly string[],
  table: Pick<TableFacts, 'updateCount' | 'hotUpdateCount' | 'indexes'>,
  writes: TableWrites | undefined,
  probe: { readonly rowMs: number; readonly indexMs: number },
  windowMs: number,
  spots = 1,
): WriteCost {
  if (writes === undefined || windowMs <= 0) return { msPerSec: 0, writesPerSec: 0, lostHotPerSec: 0, entryMsPerSec: 0, entryMs: 0, rowMs: 0 }
  const perSec = 1000 / windowMs
  const hotRatio = table.updateCount >= TELLING_UPDATES ? table.hotUpdateCount / table.updateCount : 1
  const lost = columns.map(
    column => (writes.updatedByColumn.get(column) ?? 0) * (isIndexed(table, column) ? hotRatio : Math.max(LEAST_HOT_RATIO, hotRatio)),
  )
  const lostHot = Math.max(0, ...lost)
  const entered = writes.insertedRows + Math.max(0, writes.updatedRows - lostHot) * (1 - hotRatio)
  const indexMs = Math.max(LEAST_ENTRY_MS, probe.indexMs)
  const entryMs = spots === 0 ? SUMMARY_MS : indexMs * WRITE_SAFETY_FACTOR + pageImagesPerEntry(entered * perSec, spots) * PAGE_IMAGE_MS
  const rowMs = Math.max(0, probe.rowMs - probe.indexMs) * WRITE_SAFETY_FACTOR
  const cost = {
    writesPerSec: (writes.insertedRows + writes.updatedRows) * perSec,
    lostHotPerSec: lostHot * perSec,
    entryMsPerSec: entered * perSec * entryMs,
    entryMs,
    rowMs,
  }
  return { ...cost, msPerSec: writeMsOf([{ ...cost, chance: 1 }]) }
}

/** An index with what its reads must be worth: writers pay for certain, and what they pay counts `chance` times, as many times more as its reads ran than one may count on. */
export interface PricedWrites extends Pick<WriteCost, 'entryMsPerSec' | 'entryMs' | 'rowMs' | 'lostHotPerSec'> {
  readonly chance: number
}

/** What several indexes of one table cost its writers together, ms a second. An update that changes a column of any of them loses HOT once, and then writes the row anew into
 *  all of them: that is put down to the indexes whose reads are the surest, and the others add what is more. */
export function writeMsOf(costs: readonly PricedWrites[]): number {
  const rowMs = costs.reduce((most, cost) => Math.max(most, cost.rowMs), 0) + costs.reduce((sum, cost) => sum + cost.entryMs, 0)
  let costMs = 0
  let lostHot = 0
  for (const { entryMsPerSec, lostHotPerSec, chance } of costs.toSorted((a, b) => a.chance - b.chance)) {
    const more = Math.max(0, lostHotPerSec - lostHot)
    lostHot += more
    costMs += (entryMsPerSec + more * rowMs * LOST_HOT_FACTOR) * chance
  }
  return costMs
}

/** The cost with no entry cheaper than those of `shorter`, whose keys begin its own: what the clock says against that is noise, and would choose between two that read alike. */
export function noCheaperThan(cost: WriteCost, shorter: readonly WriteCost[]): WriteCost {
  return {
    ...cost,
    entryMs: Math.max(cost.entryMs, ...shorter.map(({ entryMs }) => entryMs)),
    entryMsPerSec: Math.max(cost.entryMsPerSec, ...shorter.map(({ entryMsPerSec }) => entryMsPerSec)),
  }
}

/** At how many places an index with these keys takes new rows: one where a first column grows with time, one for each value of the columns before that, and anywhere
 *  in its pages without one. */
export function entrySpots(
  keys: readonly { readonly distinctCount: number | null; readonly correlation: number | null }[],
  sizeBytes: number,
): number {
  const pages = Math.max(1, sizeBytes / PAGE_BYTES)
  let spots = 1
  for (const { distinctCount, correlation } of keys) {
    if ((correlation ?? 0) >= IN_ORDER) return Math.min(pages, spots)
    spots *= Math.max(1, distinctCount ?? pages)
  }
  return Math.min(pages, spots)
}

/** Share of the entries that are the first on their page after a checkpoint. */
function pageImagesPerEntry(enteredPerSec: number, spots: number): number {
  const entered = enteredPerSec * CHECKPOINT_S
  return entered <= 0 ? 0 : (spots * (1 - Math.exp(-entered / spots))) / entered
}

/** Whether the workload changes the column in a large share of the table's updates. */
export function isHotColumn(writes: TableWrites | undefined, column: string): boolean {
  return writes !== undefined && writes.updatedRows > 0 && (writes.updatedByColumn.get(column) ?? 0) >= writes.updatedRows * HOT_COLUMN_SHARE
}

function isIndexed({ indexes }: Pick<TableFacts, 'indexes'>, column: string): boolean {
  return indexes.some(index => index.keys.some(key => key.column === column))
}
