import type { Catalog, TableFacts } from './catalog.ts'
import { type AdvisorClient, readRows } from './client.ts'
import type { Lab } from './lab.ts'
import { chooseParameterSets, FEW_VALUES, type ParameterHints, type ParameterSet, type ParameterSlot, type SamplePool } from './parameters.ts'
import type { ParamUse, ParsedStatement } from './predicates.ts'
import { resolveColumn } from './resolve-column.ts'
import type { TypedStatement } from './settle-types.ts'
import { type SampledRow, sampleRows } from './sql/sample-rows.sql.ts'

/** Rows sampled from a table on trial; enough that a value of 1 in 1,000 is among them. */
const COPIED_ROWS = 2000

/** Rows sampled from each other table. */
const OTHER_ROWS = 400

/** From fewer rows no parameters are drawn where more can be had by a sample so many times as large. */
const FEW_ROWS = 60
const WIDER = 50

/** Values for a statement's parameters come from these. */
export interface ParameterSource {
  readonly slots: readonly ParameterSlot[]
  /** Sampled rows, by the oid of the table as text. */
  readonly pools: ReadonlyMap<string, SamplePool>
  /** The pool whose rows decide what is frequent and rare. */
  readonly primary: string
}

/** Finds what a statement's parameters are compared with, and samples rows of those tables: from the lab's copies, and from a few pages of other tables.
 *  Values stay in memory. */
export async function sampleParameters(
  client: AdvisorClient,
  lab: Lab,
  parsed: ParsedStatement,
  { params, types }: TypedStatement,
  catalog: Catalog,
): Promise<ParameterSource> {
  const tables = new Map<string, { table: TableFacts; columns: Set<string>; equalities: number }>()
  const slots = params.map((number, at): ParameterSlot => {
    const use: ParamUse = parsed.params.get(number) ?? { kind: 'assumed' }
    const type = types[at] ?? 'text'
    const found = use.kind === 'column' ? resolveColumn(use.scope, use.column, catalog) : undefined
    if (found === undefined || use.kind !== 'column') return { use, type }
    const pool = String(found.table.oid)
    const entry = tables.get(pool) ?? { table: found.table, columns: new Set<string>(), equalities: 0 }
    entry.columns.add(found.column.name)
    if (use.operator === '=') entry.equalities += 1
    tables.set(pool, entry)
    return { use, type, source: { pool, column: found.column.name } }
  })
  const pools = new Map<string, SamplePool>()
  for (const [pool, { table, columns }] of tables) pools.set(pool, await samplePool(client, lab, table, [...columns]))
  const [primary] = [...tables].sort(([, a], [, b]) => b.equalities - a.equalities || b.table.rowCount - a.table.rowCount)
  return { slots, pools, primary: primary?.[0] ?? '' }
}

/** Sets of values; `undefined` when a parameter can be given none. */
export function drawParameters({ slots, pools, primary }: ParameterSource, random: () => number, hints: ParameterHints): ParameterSet[] | undefined {
  return chooseParameterSets(slots, pools, primary, random, hints)
}

async function samplePool(client: AdvisorClient, lab: Lab, table: TableFacts, columns: readonly string[]): Promise<SamplePool> {
  const copy = lab.tables.get(table.oid)
  const limit = copy === undefined ? OTHER_ROWS : COPIED_ROWS
  const schema = copy === undefined ? table.schema : lab.schema
  const rowCount = table.rowCount * (copy?.share ?? 1)
  // Rows one by one from the copy; whole pages elsewhere, because BERNOULLI would read all of a table that may be large.
  const method = copy === undefined ? 'SYSTEM' : 'BERNOULLI'
  const percent = rowCount <= limit ? 100 : Math.min(99, ((limit * 1.5) / rowCount) * 100)
  const poolOf = async (percentOfRows: number, most: number, besides?: string, seen: readonly string[] = []): Promise<SamplePool> => {
    const text = sampleRows(schema, table.name, columns, method, percentOfRows, most, besides)
    const rows = await readRows<SampledRow>(client, text, besides === undefined ? [] : [seen])
    return rows.map(row => Object.fromEntries(columns.map((column, at) => [column, row[`c${at}`] ?? ''])))
  }
  const pool = await poolOf(percent, limit)
  if (copy === undefined || percent === 100) return pool
  // Of columns that are nearly always NULL, a sample has hardly a value; the copy may be read whole for more.
  if (pool.length < FEW_ROWS) return poolOf(Math.min(100, percent * WIDER), limit)
  // And hardly a row of a rare state, which is the one that is asked for: a hundred jobs wait, and a million are done.
  const rare: SamplePool[] = []
  for (const column of columns) {
    const seen = [...new Set(pool.map(row => row[column]!))]
    const { distinctCount } = table.columns.get(column) ?? { distinctCount: null }
    if (distinctCount !== null && distinctCount <= FEW_VALUES && seen.length < distinctCount) rare.push(await poolOf(100, FEW_ROWS, column, seen))
  }
  return [...pool, ...rare.flat()]
}
