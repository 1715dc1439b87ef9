import { type Candidate, proposeCandidates } from '../advisor/candidates.ts'
import type { Catalog } from '../advisor/catalog.ts'
import { indexNameFor, shapeSql } from '../advisor/index-definition.ts'
import { indexSql } from '../advisor/missing-index-finding.ts'
import { type NodeTable, tableOfNode } from './node-tables.ts'
import { type AdviceInput, heavyNodes, type PlanAdvice } from './plan-advice.ts'
import { nodesOf, type PlanTree, type PlanTreeNode } from './plan-tree.ts'

/** A row through an index costs about four rows read in order. @source PostgreSQL 18, random_page_cost 4 against seq_page_cost 1 */
const INDEX_ROW_COST = 4

/** An index is proposed only where it leaves at most this share of the rows to read. */
const MOST_ROWS_LEFT = 0.1

/** An index for a heavy scan that reads far more rows than are needed of it. The columns are the advisor's candidates; only a trial on a copy, or `holdfast
 *  advise`, tells which is best and whether writes can bear it. */
export function adviseIndexes(input: AdviceInput): PlanAdvice[] {
  const { tree, parsed, catalog } = input
  return heavyNodes(tree).flatMap(node => {
    const { scan, needed } = scanBelow(node, tree)
    const source = scan === undefined ? undefined : tableOfNode(scan, parsed, catalog)
    if (scan === undefined || source === undefined) return []
    const candidate = candidateFor(source, catalog, needed.ordered)
    const readRows = rowsReadBy(scan, source)
    if (candidate === undefined || needed.rows > readRows * MOST_ROWS_LEFT) return []
    return [adviceFor(scan, candidate, readRows, needed.rows, shareBetween(node, scan))]
  })
}

interface Needed {
  readonly rows: number
  /** True when only the first rows in an order are needed, so that an index must give the order as well. */
  readonly ordered: boolean
}

/** The scan to serve: the node itself, or what a heavy sort under a LIMIT sorts. */
function scanBelow(node: PlanTreeNode, tree: PlanTree): { scan: PlanTreeNode | undefined; needed: Needed } {
  let scan: PlanTreeNode | undefined = node
  while (scan !== undefined && scan.table === undefined && isPassing(scan)) scan = scan.children[0]
  if (scan?.table === undefined) return { scan: undefined, needed: { rows: 0, ordered: false } }
  const limit = limitOver(scan, tree)
  if (limit !== undefined) return { scan, needed: { rows: rowsOf(limit), ordered: true } }
  return { scan: node.table === undefined ? undefined : scan, needed: { rows: rowsOf(scan), ordered: false } }
}

/** The LIMIT that all rows of the scan go into, through nothing but a sort. */
function limitOver(scan: PlanTreeNode, tree: PlanTree): PlanTreeNode | undefined {
  const path: PlanTreeNode[] = []
  const find = (node: PlanTreeNode): boolean => {
    path.push(node)
    if (node === scan || node.children.some(find)) return true
    path.pop()
    return false
  }
  find(tree.root)
  for (const node of path.slice(0, -1).reverse()) {
    if (node.type === 'Limit') return node
    if (!isPassing(node)) return undefined
  }
  return undefined
}

function isPassing({ type }: PlanTreeNode): boolean {
  return ['Sort', 'Incremental Sort', 'Gather', 'Gather Merge', 'Result', 'Limit'].includes(type)
}

function candidateFor({ table, parsed }: NodeTable, catalog: Catalog, ordered: boolean): Candidate | undefined {
  const mine = proposeCandidates(parsed, catalog).candidates.filter(candidate => candidate.table.oid === table.oid && candidate.needsPrefix !== true)
  const hasOrder = (candidate: Candidate): boolean =>
    parsed.scopes.some(scope => scope.orderBy.length > 0 && candidate.keys.some(key => key.name === scope.orderBy[0]?.column.name))
  return ordered ? (mine.find(hasOrder) ?? mine[0]) : mine[0]
}

function rowsReadBy(scan: PlanTreeNode, { table }: NodeTable): number {
  if (scan.actualRows !== undefined) return scan.actualRows + (scan.removedRows ?? 0)
  return scan.type.endsWith('Seq Scan') ? Math.max(table.rowCount, scan.estimatedRows) : scan.estimatedRows
}

function rowsOf(node: PlanTreeNode): number {
  return node.actualRows ?? node.estimatedRows
}

function shareBetween(node: PlanTreeNode, scan: PlanTreeNode): number {
  return node === scan ? scan.share : nodesOf(node).reduce((sum, { share }) => sum + share, 0)
}

function adviceFor(scan: PlanTreeNode, candidate: Candidate, readRows: number, needed: number, share: number): PlanAdvice {
  const { table } = candidate
  const left = Math.min(1, (INDEX_ROW_COST * Math.max(1, needed)) / Math.max(1, readRows))
  const count = (rows: number): string => Math.round(rows).toLocaleString('en-US')
  return {
    kind: 'index',
    node: scan.id,
    summary: `an index ${table.name} ${shapeSql(candidate).replace('USING btree ', '')}: ${scan.type} reads ${count(readRows)} rows where ${count(needed)} are needed`,
    sql: indexSql(table.schema, table.name, candidate, indexNameFor(table.name, candidate)).sql,
    gain: {
      ratio: 1 - share * (1 - left),
      tier: 'modeled',
      basis: `${(share * 100).toFixed(0)} % of the ${scan.selfMs === undefined ? 'cost' : 'time'} is spent there, for ${count(needed)} of ${count(readRows)} rows; \`holdfast advise\` or a trial measures it`,
    },
  }
}
