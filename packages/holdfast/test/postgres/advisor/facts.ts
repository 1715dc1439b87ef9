import type { Catalog, ColumnFacts, IndexFacts, TableFacts } from '../../../src/postgres/advisor/catalog.ts'
import type { StatementWindow } from '../../../src/postgres/advisor/workload.ts'

/** A table of 100 MB with integer columns; `distinct` gives the number of values of each. */
export function tableFacts(name: string, distinct: Readonly<Record<string, number>>, changes: Partial<TableFacts> = {}): TableFacts {
  const columns = Object.entries(distinct).map(([column, distinctCount]) => [column, { ...columnFacts(column), distinctCount }] as const)
  return {
    oid: [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7),
    schema: 'public',
    name,
    kind: 'r',
    rowCount: 1_000_000,
    allVisibleRatio: 0,
    sizeBytes: 100 * 1024 ** 2,
    heapBytes: 100 * 1024 ** 2,
    isLocked: false,
    isOwner: true,
    owner: 'app',
    mayRead: true,
    updateCount: 0,
    hotUpdateCount: 0,
    columns: new Map(columns),
    indexes: [],
    ...changes,
  }
}

/** An integer column without statistics. */
export function columnFacts(name: string, changes: Partial<ColumnFacts> = {}): ColumnFacts {
  return {
    name,
    type: 'integer',
    hasOrder: true,
    distinctCount: null,
    nullRatio: null,
    correlation: null,
    widthBytes: null,
    trueRatio: null,
    ...changes,
  }
}

/** A btree index on columns; `-name` is descending. */
export function indexFacts(name: string, columns: readonly string[], changes: Partial<IndexFacts> = {}): IndexFacts {
  const keys = columns.map(column => ({ column: column.replace(/^-/, ''), descending: column.startsWith('-') }))
  return { oid: 1, name, schema: 'public', method: 'btree', isValid: true, isUnique: false, isPartial: false, definition: '', keys, ...changes }
}

export function catalogOf(...tables: TableFacts[]): Catalog {
  return { table: ref => tables.find(table => table.name === ref.name && (ref.schema ?? table.schema) === table.schema) }
}

/** A statement that ran `calls` times with this mean and deviation. */
export function statementWindow(queryId: string, calls: number, meanMs: number, deviationMs = meanMs / 4): StatementWindow {
  return { queryId, calls, totalMs: calls * meanMs, meanMs, deviationMs, errorMs: deviationMs / Math.sqrt(calls), rows: calls }
}

/** Numbers from 0 to 1 that are the same in every run. */
export function seededRandom(seed = 1): () => number {
  let state = seed
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648
    return state / 2147483648
  }
}
