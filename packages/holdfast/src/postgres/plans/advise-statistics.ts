import { MAX_IDENTIFIER_BYTES, quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { conditionsOn, type NodeTable, tableOfNode } from './node-tables.ts'
import type { AdviceInput, PlanAdvice } from './plan-advice.ts'
import { nodesOf, type PlanTreeNode } from './plan-tree.ts'
import type { TableStatisticsRow } from './sql/table-statistics.sql.ts'

/** An estimate that is off by more than this makes the planner choose wrong joins and scans. */
const MOST_OFF = 10

/** Differences of fewer rows than this change no plan. */
const LEAST_ROWS = 100

/** Share of a table that may have changed since its statistics were taken; autovacuum renews them at 0.1. */
const MOST_CHANGED = 0.2

/** Statistics that are missing or old, and columns that go together where the planner takes them for independent. What the better estimate is worth, only
 *  the plan after it tells, so no gain is claimed. */
export function adviseStatistics(input: AdviceInput): PlanAdvice[] {
  return nodesOf(input.tree.root).flatMap(node => {
    const source = tableOfNode(node, input.parsed, input.catalog)
    if (source === undefined) return []
    const known = input.statistics.get(source.table.oid)
    const advice = staleAdvice(node, source, known) ?? (isOff(node) ? extendedAdvice(node, source, known, input) : undefined)
    return advice === undefined ? [] : [advice]
  })
}

function staleAdvice(node: PlanTreeNode, { table }: NodeTable, known: TableStatisticsRow | undefined): PlanAdvice | undefined {
  if (known === undefined || table.heapBytes === 0) return undefined
  // A wrong estimate alone may have another cause, and many changes alone have harmed nothing yet.
  const isOld = isOff(node) && known.changedCount > Math.max(LEAST_ROWS, known.rowCount * MOST_CHANGED)
  if (known.rowCount >= 0 && !isOld) return undefined
  const name = quoteQualified(table.schema, table.name)
  const since = known.rowCount < 0 ? 'was never analysed' : `has ${count(known.changedCount)} rows changed since ANALYZE`
  return { kind: 'analyze', node: node.id, summary: `ANALYZE ${name}: it ${since}, so the planner guesses`, sql: [`ANALYZE ${name}`] }
}

function extendedAdvice(
  node: PlanTreeNode,
  source: NodeTable,
  known: TableStatisticsRow | undefined,
  { catalog }: AdviceInput,
): PlanAdvice | undefined {
  const { table } = source
  const filtered = conditionsOn(source, catalog).filter(({ condition }) => condition.kind === 'equal' || condition.kind === 'in')
  const columns = [...new Set(filtered.map(({ column }) => column))]
  if (columns.length < 2 || known?.extendedOn.some(text => sameColumns(text, columns))) return undefined
  const name = quoteQualified(table.schema, table.name)
  const statistics = quoteQualified(table.schema, `hf_${table.name}_${columns.join('_')}`.slice(0, MAX_IDENTIFIER_BYTES - 5).concat('_stat'))
  return {
    kind: 'statistics',
    node: node.id,
    summary: `extended statistics on ${table.name}(${columns.join(', ')}): ${estimateText(node)}, as columns that go together make it`,
    sql: [`CREATE STATISTICS ${statistics} (dependencies, mcv) ON ${columns.map(quoteIdent).join(', ')} FROM ${name}`, `ANALYZE ${name}`],
  }
}

function isOff(node: PlanTreeNode): boolean {
  return (node.offBy ?? 1) >= MOST_OFF && Math.abs((node.actualRows ?? 0) - node.estimatedRows) >= LEAST_ROWS
}

function estimateText({ estimatedRows, actualRows = 0, offBy = 1 }: PlanTreeNode): string {
  return `${count(estimatedRows)} rows were expected and ${count(actualRows)} came (off by x ${offBy.toFixed(0)})`
}

function sameColumns(arrayText: string, columns: readonly string[]): boolean {
  const known = arrayText.slice(1, -1).split(',').sort().join()
  return known === [...columns].sort().join()
}

function count(rows: number): string {
  return Math.round(rows).toLocaleString('en-US')
}
