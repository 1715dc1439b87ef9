import { resolveColumn } from './candidates.ts'
import type { Catalog, TableFacts } from './catalog.ts'
import { type AdvisorClient, readRows } from './client.ts'
import type { Lab } from './lab.ts'
import { chooseParameterSets, type ParameterSet, type ParameterSlot, type SamplePool } from './parameters.ts'
import type { ParamUse, ParsedStatement } from './predicates.ts'
import type { LabStatement } from './rewrite.ts'
import { PARAMETER_TYPES, type ParameterTypesRow } from './sql/parameter-types.sql.ts'
import { type SampledRow, sampleRows } from './sql/sample-rows.sql.ts'

/** Rows sampled from the table on trial; enough that a value of 1 in 1,000 is among them. */
const PRIMARY_ROWS = 2000

/** Rows sampled from each other table. */
const OTHER_ROWS = 400

/** Values for the parameters of a statement, taken from rows that exist: from the lab's copy, and from a few pages of other tables.
 *  `undefined` when a parameter can be given none. Values stay in memory. */
export async function sampleParameters(
  client: AdvisorClient,
  lab: Lab,
  parsed: ParsedStatement,
  statement: LabStatement,
  catalog: Catalog,
  random: () => number,
): Promise<ParameterSet[] | undefined> {
  const types = await parameterTypes(client, statement)
  const tables = new Map<string, { table: TableFacts; columns: Set<string> }>()
  const slots = statement.params.map((number, at): ParameterSlot => {
    const use: ParamUse = parsed.params.get(number) ?? { kind: 'assumed' }
    const type = types[at] ?? 'text'
    const found = use.kind === 'column' ? resolveColumn(use.scope, use.column, catalog) : undefined
    if (found === undefined) return { use, type }
    const pool = String(found.table.oid)
    const entry = tables.get(pool) ?? { table: found.table, columns: new Set<string>() }
    entry.columns.add(found.column.name)
    tables.set(pool, entry)
    return { use, type, source: { pool, column: found.column.name } }
  })
  const pools = new Map<string, SamplePool>()
  for (const [pool, { table, columns }] of tables) pools.set(pool, await samplePool(client, lab, table, [...columns]))
  return chooseParameterSets(slots, pools, String(lab.table.oid), random)
}

/** Types as the server infers them from the statement's text. 3 round trips. */
async function parameterTypes(client: AdvisorClient, statement: LabStatement): Promise<readonly string[]> {
  if (statement.params.length === 0) return []
  const name = 'holdfast_types'
  await client.query(`PREPARE ${name} AS ${statement.text}`)
  try {
    const [row] = await readRows<ParameterTypesRow>(client, PARAMETER_TYPES, [name])
    return row?.types ?? []
  } finally {
    await client.query(`DEALLOCATE ${name}`)
  }
}

async function samplePool(client: AdvisorClient, lab: Lab, table: TableFacts, columns: readonly string[]): Promise<SamplePool> {
  const isPrimary = table.oid === lab.table.oid
  const limit = isPrimary ? PRIMARY_ROWS : OTHER_ROWS
  const schema = isPrimary ? lab.schema : table.schema
  const rowCount = table.rowCount * (isPrimary ? lab.share : 1)
  // Rows one by one from the copy; whole pages elsewhere, because BERNOULLI would read all of a table that may be large.
  const percent = rowCount <= limit * 2 ? 100 : Math.min(100, ((limit * 1.5) / rowCount) * 100)
  const text = sampleRows(schema, table.name, columns, isPrimary ? 'BERNOULLI' : 'SYSTEM', percent, limit)
  const rows = await readRows<SampledRow>(client, text)
  return rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[`c${at}`] ?? ''])))
}
