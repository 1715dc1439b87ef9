import type { Catalog, TableFacts } from '../catalog.ts'
import { type AdvisorClient, readRows, sqlStateOf } from '../client.ts'
import type { Scope } from '../predicates.ts'
import { resolveColumn } from '../resolve-column.ts'
import type { ExplainRow } from '../sql/explain.sql.ts'
import { type CombinationRow, explainCombination, frequentCombinations } from '../sql/frequent-combinations.sql.ts'
import type { CorrelatedColumns, RuleStatement } from './rule-facts.ts'

/** Rows looked at in one table: a combination of one row in two thousand is among them ten times. */
const SAMPLE_ROWS = 20_000
/** Sets of columns looked at in one run, those of the statements with most time. */
const MOST_SETS = 5
/** Smaller tables are planned well enough by anything. */
const LEAST_ROWS = 10_000
/** Statements below this share of the database's time are not looked at. */
const LEAST_SHARE = 0.01

/** Columns that one statement compares together, with the rows that they have and those that the planner expects. 1 + 5 round trips a set. */
export async function readCorrelatedColumns(
  client: AdvisorClient,
  statements: readonly RuleStatement[],
  catalog: Catalog,
): Promise<CorrelatedColumns[]> {
  const sets = comparedTogether(statements, catalog)
  const found: CorrelatedColumns[] = []
  for (const set of sets.slice(0, MOST_SETS)) {
    try {
      found.push(await measure(client, set))
    } catch (error) {
      // A right, a lock, or a type without a plain equality: of this set nothing can be said.
      if (sqlStateOf(error) === undefined) throw error
    }
  }
  return found
}

interface ColumnSet {
  readonly table: TableFacts
  readonly columns: readonly string[]
  readonly queryIds: string[]
}

function comparedTogether(statements: readonly RuleStatement[], catalog: Catalog): ColumnSet[] {
  const sets = new Map<string, ColumnSet>()
  const scopes = statements
    .filter(({ shareOfTime }) => shareOfTime >= LEAST_SHARE)
    .flatMap(({ parsed, window }) => parsed.scopes.map(scope => ({ scope, queryId: window.queryId })))
  for (const { scope, queryId } of scopes) {
    for (const [table, names] of equalColumns(scope, catalog)) {
      if (names.size < 2 || table.rowCount < LEAST_ROWS || table.isLocked || !table.mayRead || table.kind !== 'r') continue
      const columns = [...names].sort()
      const key = `${table.oid} ${columns.join()}`
      const set = sets.get(key) ?? { table, columns, queryIds: [] }
      sets.set(key, set)
      set.queryIds.push(queryId)
    }
  }
  return [...sets.values()]
}

function equalColumns(scope: Scope, catalog: Catalog): ReadonlyMap<TableFacts, ReadonlySet<string>> {
  const byTable = new Map<TableFacts, Set<string>>()
  for (const { kind, column } of scope.conditions) {
    const found = kind === 'equal' ? resolveColumn(scope, column, catalog) : undefined
    if (found !== undefined) byTable.set(found.table, (byTable.get(found.table) ?? new Set()).add(found.column.name))
  }
  return byTable
}

async function measure(client: AdvisorClient, { table, columns, queryIds }: ColumnSet): Promise<CorrelatedColumns> {
  const { schema, name, rowCount } = table
  const percent = Math.min(100, (SAMPLE_ROWS / rowCount) * 100)
  const rows = await readRows<CombinationRow>(client, frequentCombinations(schema, name, columns, percent, SAMPLE_ROWS * 2))
  const sampledRows = rows[0]?.sampledRows ?? 0
  const combinations: CorrelatedColumns['combinations'][number][] = []
  for (const row of rows) {
    const values = columns.map((_, at) => row[`v${at}`])
    const [plan] = await readRows<ExplainRow>(client, explainCombination(schema, name, columns), values)
    const plannedRows = plan?.['QUERY PLAN'][0]?.Plan['Plan Rows'] ?? 0
    combinations.push({ sampleCount: row.sampleCount, actualRows: (row.sampleCount / sampledRows) * rowCount, plannedRows })
  }
  return { schema, table: name, columns, sampledRows, tableRows: rowCount, combinations, queryIds }
}
