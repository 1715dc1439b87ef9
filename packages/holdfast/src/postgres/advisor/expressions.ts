import type { A_Expr, Node } from 'libpg-query'
import type { ColumnName, Condition } from './predicates.ts'

/** A comparison of columns with values: which parameter is compared with which column, and what it asks of an index. */
export interface Comparison {
  readonly pairs: readonly { readonly column: ColumnName; readonly params: readonly number[]; readonly operator: string }[]
  readonly condition: Condition | undefined
}

/** Calls `visit` for every AST node below and including `node`; `false` keeps out of its children. */
export function visitNode(node: Node, visit: (node: Node) => boolean): void {
  if (visit(node)) visitChildren(Object.values(node)[0], visit)
}

function visitChildren(value: unknown, visit: (node: Node) => boolean): void {
  if (Array.isArray(value)) {
    for (const item of value) visitChildren(item, visit)
  } else if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value)
    // A node is an object with one key, its type's name in capitals; everything else is a field bag.
    if (keys.length === 1 && /^[A-Z]/.test(keys[0]!)) visitNode(value as Node, visit)
    else for (const child of Object.values(value)) visitChildren(child, visit)
  }
}

/** The text of a String node. */
export function textOf(node: Node | undefined): string | undefined {
  return node !== undefined && 'String' in node ? node.String.sval : undefined
}

/** The column that a bare column reference names; `undefined` for anything else, also for `*` and schema-qualified columns. */
export function columnOf(node: Node | undefined): ColumnName | undefined {
  if (node === undefined || !('ColumnRef' in node)) return undefined
  const parts = (node.ColumnRef.fields ?? []).map(textOf)
  const [first, second] = parts
  if (parts.length === 1 && first !== undefined) return { name: first }
  if (parts.length === 2 && first !== undefined && second !== undefined) return { qualifier: first, name: second }
  return undefined
}

/** The number of a parameter, also under a cast. */
export function paramOf(node: Node | undefined): number | undefined {
  if (node === undefined) return undefined
  if ('TypeCast' in node) return paramOf(node.TypeCast.arg)
  return 'ParamRef' in node ? (node.ParamRef.number ?? 0) : undefined
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '=': '=' }

/** Reads `column op value`, `value op column`, IN, ANY, BETWEEN, LIKE and row comparisons; `undefined` for other nodes. */
export function comparisonOf(node: Node): Comparison | undefined {
  if (!('A_Expr' in node)) return undefined
  const { A_Expr: expression } = node
  const operator = textOf(expression.name?.at(-1)) ?? ''
  const { lexpr, rexpr } = expression
  if (lexpr !== undefined && rexpr !== undefined && 'RowExpr' in lexpr && 'RowExpr' in rexpr) {
    return compareRows(lexpr.RowExpr.args ?? [], rexpr.RowExpr.args ?? [], operator)
  }
  const column = columnOf(lexpr)
  if (column !== undefined) return compareColumn(column, expression, operator, rexpr)
  const mirrored = MIRRORED[operator]
  const right = columnOf(rexpr)
  if (right !== undefined && mirrored !== undefined && expression.kind === 'AEXPR_OP') return compareColumn(right, expression, mirrored, lexpr)
  return compareExpression(expression)
}

function compareColumn(column: ColumnName, expression: A_Expr, operator: string, value: Node | undefined): Comparison {
  const kind = expression.kind ?? 'AEXPR_OP'
  const params = valuesOf(value).map(paramOf)
  const known = params.filter(param => param !== undefined)
  const compared = kind === 'AEXPR_OP_ANY' ? 'any' : kind === 'AEXPR_IN' ? 'in' : kind === 'AEXPR_BETWEEN' ? 'between' : operator
  return {
    pairs: known.length > 0 ? [{ column, params: known, operator: compared }] : [],
    condition: conditionFor(column, kind, operator, value),
  }
}

function conditionFor(column: ColumnName, kind: string, operator: string, value: Node | undefined): Condition | undefined {
  const other = columnOf(value)
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE' || kind === 'AEXPR_SIMILAR' || operator.includes('~')) {
    return { kind: 'unservable', column, why: `the pattern on ${column.name} is not served by a plain btree index` }
  }
  if (kind === 'AEXPR_BETWEEN') return { kind: 'range', column }
  if ((kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY') && operator === '=') return { kind: 'in', column }
  if (kind !== 'AEXPR_OP') return undefined
  if (operator === '=') return other === undefined ? { kind: 'equal', column } : { kind: 'join', column, other }
  return operator in MIRRORED && other === undefined ? { kind: 'range', column } : undefined
}

/** `(a, b) < ($1, $2)`: an index on a serves its first column, and the parameters are values of a and b. */
function compareRows(left: readonly Node[], right: readonly Node[], operator: string): Comparison {
  const pairs: { column: ColumnName; params: number[]; operator: string }[] = []
  for (const [index, item] of left.entries()) {
    const column = columnOf(item)
    const param = paramOf(right[index])
    if (column !== undefined && param !== undefined) pairs.push({ column, params: [param], operator })
  }
  const first = columnOf(left[0])
  const condition: Condition | undefined = first === undefined ? undefined : { kind: operator === '=' ? 'equal' : 'range', column: first }
  return { pairs, condition }
}

/** A column wrapped in a function or cast: no plain index serves it. The parameter still compares with the column's values. */
function compareExpression(expression: A_Expr): Comparison | undefined {
  const sides = [expression.lexpr, expression.rexpr]
  for (const [index, side] of sides.entries()) {
    if (side === undefined || !('FuncCall' in side || 'TypeCast' in side)) continue
    const column = columnOf('TypeCast' in side ? side.TypeCast.arg : side.FuncCall?.args?.find(arg => columnOf(arg) !== undefined))
    if (column === undefined) continue
    const params = valuesOf(sides[1 - index]).map(paramOf)
    const why = `${column.name} stands inside ${'TypeCast' in side ? 'a cast' : 'a function'}, which a plain index does not serve`
    return {
      pairs: [{ column, params: params.filter(param => param !== undefined), operator: textOf(expression.name?.at(-1)) ?? '' }],
      condition: { kind: 'unservable', column, why },
    }
  }
  return undefined
}

function valuesOf(value: Node | undefined): readonly Node[] {
  if (value === undefined) return []
  if ('List' in value) return value.List.items ?? []
  if ('A_ArrayExpr' in value) return value.A_ArrayExpr.elements ?? []
  return [value]
}
