import { type AdvisorClient, readRows } from './client.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import type { TableRef } from './predicates.ts'
import { type ColumnRow, READ_COLUMNS } from './sql/read-columns.sql.ts'
import { type IndexRow, READ_INDEXES } from './sql/read-indexes.sql.ts'
import { READ_TABLES, type TableRow } from './sql/read-tables.sql.ts'

export type ColumnFacts = Omit<ColumnRow, 'tableOid'>
export type IndexFacts = Omit<IndexRow, 'tableOid'>

/** One table as the catalog and the statistics describe it. */
export interface TableFacts extends Omit<TableRow, 'askedSchema' | 'askedName'> {
  readonly columns: ReadonlyMap<string, ColumnFacts>
  readonly indexes: readonly IndexFacts[]
}

/** The tables that a set of statements names. */
export interface Catalog {
  /** `undefined` for a name that does not resolve on this session's search path, for example a view's CTE or a dropped table. */
  table(ref: { readonly schema?: string; readonly name: string }): TableFacts | undefined
}

/** Reads the facts of all tables that `refs` name. 3 round trips, whatever their number. */
export async function readCatalog(client: AdvisorClient, refs: Iterable<Pick<TableRef, 'schema' | 'name'>>): Promise<Catalog> {
  const asked = new Map<string, Pick<TableRef, 'schema' | 'name'>>()
  for (const ref of refs) asked.set(keyOf(ref.schema, ref.name), ref)
  const distinct = [...asked.values()]
  const tables = await readRows<TableRow>(client, READ_TABLES, [
    distinct.map(ref => ref.schema ?? null),
    distinct.map(ref => ref.name),
    distinct.map(ref => quoteIdent(ref.name)),
  ])
  const oids = [...new Set(tables.map(table => table.oid))]
  // pg_get_indexdef would wait for the lock.
  const readable = tables.filter(table => !table.isLocked).map(table => table.oid)
  const columns = await readRows<ColumnRow>(client, READ_COLUMNS, [oids])
  const indexes = await readRows<IndexRow>(client, READ_INDEXES, [readable])

  const byOid = new Map<number, TableFacts>()
  const byName = new Map<string, TableFacts>()
  for (const { askedSchema, askedName, ...table } of tables) {
    const facts = byOid.get(table.oid) ?? {
      ...table,
      columns: new Map(columns.filter(column => column.tableOid === table.oid).map(column => [column.name, column])),
      indexes: indexes.filter(index => index.tableOid === table.oid),
    }
    byOid.set(table.oid, facts)
    byName.set(keyOf(askedSchema ?? undefined, askedName), facts)
  }
  return { table: ref => byName.get(keyOf(ref.schema, ref.name)) }
}

function keyOf(schema: string | undefined, name: string): string {
  return schema === undefined ? quoteIdent(name) : quoteQualified(schema, name)
}
