import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { factsErrors } from './errors.ts'
import { ageOf, type IndexFacts, readIndexes } from './index-facts.ts'
import { DATABASE_FACTS, type DatabaseFactsRow } from './sql/database-facts.sql.ts'
import { TABLE_FACTS, type TableFactsRow } from './sql/table-facts.sql.ts'
import { parseTableName } from './table-name.ts'

/** Size and use of one table, partition or materialized view. Counters run since {@link TablesReport.countersSinceMs}; null where PostgreSQL says nothing. */
export interface TableFacts extends Omit<TableFactsRow, 'oid'> {
  /** Updates that needed no new index entry, of all updates; null without updates. */
  readonly hotRatio: number | null
  /** Dead rows of all rows in the file; null in an empty table. */
  readonly deadRatio: number | null
}

/** The largest tables of a database. */
export interface TablesReport {
  readonly atMs: number
  readonly database: string
  /** When the counters began; null when the server does not say: at the latest when the database was made. */
  readonly countersSinceMs: number | null
  readonly tables: readonly TableFacts[]
  /** False when there are more tables than were asked for. */
  readonly isComplete: boolean
}

/** One table with its indexes. */
export interface TableReport {
  readonly atMs: number
  readonly database: string
  readonly countersSinceMs: number | null
  readonly table: TableFacts
  readonly indexes: readonly IndexFacts[]
}

/** Indexes of one table that are read. A table of more has another trouble. */
const INDEXES_LIMIT = 1000

/** The tables by size. 2 round trips. */
export async function readTables(client: AdvisorClient, limit: number): Promise<TablesReport> {
  const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
  const rows = await readRows<TableFactsRow>(client, TABLE_FACTS, [null, null, limit + 1])
  const { atMs, countersSinceMs, database: name } = database!
  return { atMs, database: name, countersSinceMs, tables: rows.slice(0, limit).map(tableFacts), isComplete: rows.length <= limit }
}

/** One table, named as `name` or `schema.name`. 3 round trips. @throws HF_PG_TABLE_UNKNOWN */
export async function readTable(client: AdvisorClient, text: string): Promise<TableReport> {
  const { schema, name } = parseTableName(text)
  const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
  const rows = await readRows<TableFactsRow>(client, TABLE_FACTS, [schema ?? null, name, 100])
  const row = rows.length === 1 ? rows[0]! : rows.find(candidate => candidate.schema === 'public')
  if (row === undefined) {
    const why =
      rows.length === 0 ? `there is no table ${text}` : `there is a table ${name} in the schemas ${rows.map(found => found.schema).join(', ')}`
    throw factsErrors.create('HF_PG_TABLE_UNKNOWN', why, { context: { table: text } })
  }
  const { atMs, countersSinceMs, database: databaseName } = database!
  const indexes = await readIndexes(client, { tableOid: row.oid, limit: INDEXES_LIMIT, countersAgeMs: ageOf(atMs, countersSinceMs) })
  return { atMs, database: databaseName, countersSinceMs, table: tableFacts(row), indexes }
}

function tableFacts({ oid: _, ...row }: TableFactsRow): TableFacts {
  return { ...row, hotRatio: shareOf(row.hotUpdateCount, row.updateCount), deadRatio: deadRatio(row) }
}

function deadRatio({ deadRowCount, liveRowCount }: Pick<TableFactsRow, 'deadRowCount' | 'liveRowCount'>): number | null {
  return deadRowCount === null || liveRowCount === null ? null : shareOf(deadRowCount, deadRowCount + liveRowCount)
}

/** `part` of `whole`; null when there is no whole: 0 of 0 is not 0 %. */
export function shareOf(part: number | null, whole: number | null): number | null {
  return part === null || whole === null || whole === 0 ? null : part / whole
}
