/** One node of EXPLAIN (ANALYZE, FORMAT JSON), as far as it is read here. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  /** Only with TIMING: ms of one loop. */
  readonly 'Actual Total Time'?: number
  readonly 'Plan Rows'?: number
  readonly 'Total Cost'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly Filter?: string
  readonly 'Sort Key'?: readonly string[]
  readonly Plans?: readonly PlanNode[]
}

/** The one element of EXPLAIN's JSON. */
export interface ExplainedPlan {
  readonly Plan: PlanNode
  readonly 'Execution Time'?: number
  readonly Serialization?: { readonly Time?: number }
}

/** True when the plan reads the index. */
export function usesIndex(node: PlanNode, indexName: string): boolean {
  return node['Index Name'] === indexName || (node.Plans ?? []).some(child => usesIndex(child, indexName))
}

/** Pages that the plan read, from memory or disk. */
export function pagesRead(root: PlanNode): number {
  return (root['Shared Hit Blocks'] ?? 0) + (root['Shared Read Blocks'] ?? 0)
}

/** Share of the pages that the plans read in scans of a table, 0..1; 1 for plans that read none. */
export function pageShareOf(roots: readonly PlanNode[], tableName: string): number {
  const sum = (read: (root: PlanNode) => number): number => roots.reduce((pages, root) => pages + read(root), 0)
  const whole = sum(pagesRead)
  return whole === 0 ? 1 : sum(root => pagesOfTable(root, tableName)) / whole
}

function pagesOfTable(node: PlanNode, tableName: string): number {
  // Pages of a node are those of its children as well; of a scan these are parts of a bitmap, or subqueries of its filter.
  const children = node.Plans ?? []
  const below = children.reduce((sum, child) => sum + pagesOfTable(child, tableName), 0)
  const own = pagesRead(node) - children.reduce((sum, child) => sum + pagesRead(child), 0)
  return below + (node['Relation Name'] === tableName ? own : 0)
}

/** Rows read from tables for each row returned; a statement that returns none counts as returning one. */
export function rowsReadPerRow(root: PlanNode): number {
  const returned = Math.max(1, (root['Actual Rows'] ?? 0) * (root['Actual Loops'] ?? 1))
  return rowsRead(root) / returned
}

/** The plan as indented text. Literals in conditions are replaced by `?`, because they are the application's data. `rename` puts the final name of the
 *  index in the place of the trial's. */
export function renderPlan(root: PlanNode, rename: ReadonlyMap<string, string> = new Map()): string {
  const lines: string[] = []
  renderNode(root, 0, rename, lines)
  return lines.join('\n')
}

/** Replaces string and number literals by `?`. */
export function withoutLiterals(condition: string): string {
  return condition.replace(/'(?:[^']|'')*'/g, '?').replace(/(?<![\w$"])-?\d+(?:\.\d+)?(?![\w"])/g, '?')
}

function rowsRead(node: PlanNode): number {
  const children = node.Plans ?? []
  const below = children.reduce((sum, child) => sum + rowsRead(child), 0)
  // A bitmap's rows are counted where the heap is read.
  if (node['Relation Name'] === undefined) return below
  const perLoop = (node['Actual Rows'] ?? 0) + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)
  return below + perLoop * (node['Actual Loops'] ?? 1)
}

function renderNode(node: PlanNode, depth: number, rename: ReadonlyMap<string, string>, lines: string[]): void {
  const indent = '  '.repeat(depth)
  const index = node['Index Name']
  const using = index === undefined ? '' : ` using ${rename.get(index) ?? index}`
  const on = node['Relation Name'] === undefined ? '' : ` on ${node['Relation Name']}`
  const actual = node['Actual Rows'] === undefined ? '' : `, actual rows=${node['Actual Rows']} loops=${node['Actual Loops'] ?? 1}`
  const blocks = pagesRead(node)
  lines.push(`${indent}${node['Node Type']}${using}${on} (estimated rows=${node['Plan Rows'] ?? 0}${actual}, blocks=${blocks})`)
  for (const key of ['Index Cond', 'Recheck Cond', 'Filter'] as const) {
    const condition = node[key]
    if (condition !== undefined) lines.push(`${indent}  ${key}: ${withoutLiterals(condition)}`)
  }
  if (node['Sort Key'] !== undefined) lines.push(`${indent}  Sort Key: ${node['Sort Key'].map(withoutLiterals).join(', ')}`)
  const removed = node['Rows Removed by Filter']
  if (removed !== undefined && removed > 0) lines.push(`${indent}  Rows Removed by Filter: ${removed}`)
  for (const child of node.Plans ?? []) renderNode(child, depth + 1, rename, lines)
}
