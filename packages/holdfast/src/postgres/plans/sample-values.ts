import type { Catalog, TableFacts } from '../advisor/catalog.ts'
import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { chooseParameterSets, type ParameterSet, type ParameterSlot, type SamplePool } from '../advisor/parameters.ts'
import type { ParamUse, ParsedStatement } from '../advisor/predicates.ts'
import { resolveColumn } from '../advisor/resolve-column.ts'
import { PARAMETER_TYPES, type ParameterTypesRow } from '../advisor/sql/parameter-types.sql.ts'
import { type SampledRow, sampleRows } from '../advisor/sql/sample-rows.sql.ts'
import type { GivenStatement } from './statement.ts'

/** Rows sampled from each table that a parameter is compared with. */
const SAMPLED_ROWS = 1000

/** Values for the parameters of a statement, from a few pages of its tables: one typical set, one of the most frequent values, one of rare ones.
 *  `undefined` when a parameter can be given none. The values stay in this process. 3 round trips and one for each table. */
export async function sampleValues(
  client: AdvisorClient,
  statement: GivenStatement,
  parsed: ParsedStatement,
  catalog: Catalog,
  random: () => number,
): Promise<ParameterSet[] | undefined> {
  const types = await parameterTypes(client, statement)
  const tables = new Map<string, { table: TableFacts; columns: Set<string> }>()
  const slots = types.map((type, at): ParameterSlot => {
    const use: ParamUse = parsed.params.get(at + 1) ?? { kind: 'assumed' }
    const found = use.kind === 'column' ? resolveColumn(use.scope, use.column, catalog) : undefined
    if (found === undefined) return { use, type }
    const pool = String(found.table.oid)
    const entry = tables.get(pool) ?? { table: found.table, columns: new Set<string>() }
    entry.columns.add(found.column.name)
    tables.set(pool, entry)
    return { use, type, source: { pool, column: found.column.name } }
  })
  const pools = new Map<string, SamplePool>()
  for (const [pool, { table, columns }] of tables) pools.set(pool, await samplePool(client, table, [...columns]))
  // The table of most parameters decides what is frequent and rare.
  const primary = [...tables].sort(([, a], [, b]) => b.columns.size - a.columns.size)[0]?.[0] ?? ''
  return chooseParameterSets(slots, pools, primary, random)?.slice(0, 3)
}

async function parameterTypes(client: AdvisorClient, { text }: GivenStatement): Promise<readonly string[]> {
  await client.query(`PREPARE holdfast_given_types AS ${text}`)
  const [row] = await readRows<ParameterTypesRow>(client, PARAMETER_TYPES, ['holdfast_given_types'])
  return row?.types ?? []
}

/** Whole pages, because picking single rows would read all of a table that may be large. */
async function samplePool(client: AdvisorClient, table: TableFacts, columns: readonly string[]): Promise<SamplePool> {
  const percent = table.rowCount <= SAMPLED_ROWS * 2 ? 100 : Math.min(100, ((SAMPLED_ROWS * 1.5) / table.rowCount) * 100)
  const isView = table.kind !== 'r' && table.kind !== 'm' && table.kind !== 'p'
  const rows = await readRows<SampledRow>(client, sampleRows(table.schema, table.name, columns, 'SYSTEM', isView ? 100 : percent, SAMPLED_ROWS))
  return rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[`c${at}`] ?? ''])))
}
