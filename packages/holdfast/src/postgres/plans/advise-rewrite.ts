import { type A_Expr, type Node, parseSync } from 'libpg-query'
import { columnOf, paramOf, textOf, visitNode } from '../advisor/expressions.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { resolveColumn } from '../advisor/resolve-column.ts'
import { conditionsOn, type NodeTable, tableOfNode } from './node-tables.ts'
import { type AdviceInput, heavyNodes, type PlanAdvice } from './plan-advice.ts'
import { nodesOf, type PlanTreeNode } from './plan-tree.ts'

/** Skipping fewer rows than this is not felt. */
const LEAST_OFFSET = 1000

/** A scan that keeps more than this share of its rows would gain nothing from being served by an index. */
const MOST_ROWS_LEFT = 0.1

/** Statements that no plain index can serve as they are written: a cast or function around a column, a pattern, OFFSET. */
export function adviseRewrites(input: AdviceInput): PlanAdvice[] {
  return [...adviseOffset(input), ...adviseConditions(input)]
}

function adviseConditions(input: AdviceInput): PlanAdvice[] {
  const { tree, parsed, catalog } = input
  return heavyNodes(tree).flatMap(node => {
    const source = tableOfNode(node, parsed, catalog)
    if (source === undefined) return []
    const read = node.actualRows === undefined ? source.table.rowCount : node.actualRows + (node.removedRows ?? 0)
    const returned = node.actualRows ?? node.estimatedRows
    // What a pattern or cast finds is guessed by the planner, so a plan that was not run is not held to it.
    if (node.actualRows !== undefined && returned > read * MOST_ROWS_LEFT) return []
    return conditionsOn(source, catalog).flatMap(({ column, condition }) => {
      // A plain index serves none of these; what other index would, a trial finds out.
      const isWrapped = condition.wrapper !== undefined || condition.kind === 'pattern' || condition.kind === 'unservable'
      if (!isWrapped) return []
      const pattern = patternOn(source, column, input)
      const { summary, sql } =
        pattern === undefined
          ? unwrapAdvice(source, column, condition.why ?? `${column} stands inside a function, which a plain index does not serve`)
          : patternAdvice(source, column, pattern)
      return [{ kind: 'rewrite' as const, node: node.id, summary, sql, ...gainOf(node, read) }]
    })
  })
}

function gainOf(node: PlanTreeNode, read: number): Pick<PlanAdvice, 'gain'> {
  if (node.actualRows === undefined) return {}
  const left = Math.min(1, (4 * Math.max(1, node.actualRows)) / Math.max(1, read))
  const rows = `${Math.round(node.actualRows).toLocaleString('en-US')} of ${Math.round(read).toLocaleString('en-US')} rows`
  const basis = `${(node.share * 100).toFixed(0)} % of the time is spent there, for ${rows}`
  return { gain: { ratio: 1 - node.share * (1 - left), tier: 'modeled', basis } }
}

function unwrapAdvice({ table }: NodeTable, column: string, why: string): Pick<PlanAdvice, 'summary' | 'sql'> {
  const isCast = why.includes('cast')
  const how = isCast
    ? `compare the bare column and cast the value instead (${column} = $1::${table.columns.get(column)?.type ?? 'its type'})`
    : `compare the bare column, for example as a range; where that cannot be, index the expression itself`
  return { summary: `${table.name}.${why}: ${how}`, sql: [] }
}

interface Pattern {
  readonly leading: boolean
  readonly ignoresCase: boolean
}

function patternAdvice({ table }: NodeTable, column: string, { leading, ignoresCase }: Pattern): Pick<PlanAdvice, 'summary' | 'sql'> {
  const name = quoteQualified(table.schema, table.name)
  if (leading || ignoresCase) {
    const what = leading ? 'begins with a wildcard' : 'ignores case'
    return {
      summary: `the pattern on ${table.name}.${column} ${what}, which only a trigram index serves: anchor the pattern if you can, else index trigrams`,
      sql: [
        'CREATE EXTENSION IF NOT EXISTS pg_trgm',
        `CREATE INDEX CONCURRENTLY ${quoteIdent(`hf_${table.name}_${column}_trgm_idx`)} ON ${name} USING gin (${quoteIdent(column)} gin_trgm_ops)`,
      ],
    }
  }
  const type = table.columns.get(column)?.type.startsWith('character varying') ? 'varchar_pattern_ops' : 'text_pattern_ops'
  return {
    summary: `the pattern on ${table.name}.${column} has a fixed beginning, which an index with ${type} serves under any collation`,
    sql: [`CREATE INDEX CONCURRENTLY ${quoteIdent(`hf_${table.name}_${column}_pattern_idx`)} ON ${name} (${quoteIdent(column)} ${type})`],
  }
}

/** The LIKE or ILIKE on a column. A pattern that is not known counts as one that begins with a wildcard only when it is a parameter without value. */
function patternOn({ parsed, scopes, table }: NodeTable, column: string, { catalog, values }: AdviceInput): Pattern | undefined {
  let found: Pattern | undefined
  for (const root of rootsOf(parsed.text)) {
    visitNode(root, node => {
      if (!('A_Expr' in node) || !isLike(node.A_Expr)) return true
      const name = columnOf(node.A_Expr.lexpr)
      const isMine = name !== undefined && scopes.some(scope => resolveColumn(scope, name, catalog)?.table.oid === table.oid) && name.name === column
      const text = patternText(node.A_Expr.rexpr, values)
      if (isMine) found = { leading: text === undefined || /^[%_]/.test(text), ignoresCase: node.A_Expr.kind === 'AEXPR_ILIKE' }
      return true
    })
  }
  return found
}

function isLike({ kind }: A_Expr): boolean {
  return kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE'
}

function patternText(node: Node | undefined, values: ReadonlyMap<number, unknown>): string | undefined {
  const param = paramOf(node)
  if (param !== undefined) return typeof values.get(param) === 'string' ? String(values.get(param)) : undefined
  return node !== undefined && 'A_Const' in node ? node.A_Const.sval?.sval : textOf(node)
}

function adviseOffset({ tree, parsed, values }: AdviceInput): PlanAdvice[] {
  const limit = nodesOf(tree.root).find(node => node.type === 'Limit')
  const offset = Math.max(0, ...parsed.flatMap(({ text }) => rootsOf(text).map(root => offsetOf(root, values))))
  if (limit === undefined || offset < LEAST_OFFSET) return []
  const returned = limit.actualRows ?? limit.estimatedRows
  const skipped = offset.toLocaleString('en-US')
  return [
    {
      kind: 'rewrite',
      node: limit.id,
      summary: `OFFSET reads and throws away ${skipped} rows for each page: page by key, WHERE (order columns) < (those of the last row), with an index in that order`,
      sql: [],
      gain: {
        ratio: Math.min(1, Math.max(1, returned) / (offset + Math.max(1, returned))),
        tier: 'modeled',
        basis: `${Math.round(returned).toLocaleString('en-US')} rows are returned of ${(offset + Math.round(returned)).toLocaleString('en-US')} that are read in order`,
      },
    },
  ]
}

function offsetOf(root: Node, values: ReadonlyMap<number, unknown>): number {
  const node = 'SelectStmt' in root ? root.SelectStmt.limitOffset : undefined
  if (node === undefined) return 0
  const param = paramOf(node)
  const value = param === undefined ? ('A_Const' in node ? node.A_Const.ival?.ival : undefined) : values.get(param)
  return Number.isFinite(Number(value)) ? Number(value) : 0
}

function rootsOf(text: string): Node[] {
  return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => (stmt === undefined ? [] : [stmt]))
}
