import { type Node, parseSync } from 'libpg-query'
import { columnOf, textOf, visitNode } from '../expressions.ts'
import type { ColumnName } from '../predicates.ts'

/** A column that a condition hides from its index. */
export interface WrappedColumn {
  readonly column: ColumnName
  readonly by: 'cast' | 'function'
  /** Type or function, as written. */
  readonly name: string
}

/** What a statement does that some rule has a word on. */
export interface StatementTraits {
  /** A sorted SELECT in it skips rows. Prisma writes OFFSET behind every SELECT, also where nothing is paged. */
  readonly pagesByOffset: boolean
  /** The outermost SELECT asks for every column, of all tables or of one. */
  readonly selectsStar: boolean
  readonly wrapped: readonly WrappedColumn[]
}

const NOTHING: StatementTraits = { pagesByOffset: false, selectsStar: false, wrapped: [] }
const COMPARISONS: ReadonlySet<string> = new Set(['=', '<', '>', '<=', '>='])

/** Reads the traits from the text. Needs the parser loaded. What does not parse has none. */
export function statementTraits(text: string): StatementTraits {
  const statement = parseFirst(text)
  if (statement === undefined) return NOTHING
  const wrapped: WrappedColumn[] = []
  let pagesByOffset = false
  visitNode(statement, node => {
    if ('SelectStmt' in node && node.SelectStmt.limitOffset !== undefined && node.SelectStmt.sortClause !== undefined) pagesByOffset = true
    const found = wrappedColumnOf(node)
    if (found !== undefined) wrapped.push(found)
    return true
  })
  const targets = 'SelectStmt' in statement ? (statement.SelectStmt.targetList ?? []) : []
  return { pagesByOffset, selectsStar: targets.some(isStar), wrapped }
}

function parseFirst(text: string): Node | undefined {
  try {
    return parseSync(text).stmts?.[0]?.stmt
  } catch {
    return undefined
  }
}

function isStar(target: Node): boolean {
  if (!('ResTarget' in target) || target.ResTarget.val === undefined || !('ColumnRef' in target.ResTarget.val)) return false
  return target.ResTarget.val.ColumnRef.fields?.some(field => 'A_Star' in field) === true
}

/** `column::type op value` or `function(column) op value`, on either side. */
function wrappedColumnOf(node: Node): WrappedColumn | undefined {
  if (!('A_Expr' in node) || !COMPARISONS.has(textOf(node.A_Expr.name?.at(-1)) ?? '')) return undefined
  for (const side of [node.A_Expr.lexpr, node.A_Expr.rexpr]) {
    if (side === undefined) continue
    if ('TypeCast' in side) {
      const column = columnOf(side.TypeCast.arg)
      if (column !== undefined) return { column, by: 'cast', name: textOf(side.TypeCast.typeName?.names?.at(-1)) ?? 'another type' }
    }
    if ('FuncCall' in side) {
      const column = side.FuncCall.args?.map(columnOf).find(arg => arg !== undefined)
      if (column !== undefined) return { column, by: 'function', name: textOf(side.FuncCall.funcname?.at(-1)) ?? 'a function' }
    }
  }
  return undefined
}
