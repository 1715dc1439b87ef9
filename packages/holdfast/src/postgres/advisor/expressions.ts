import type { A_Expr, Node } from 'libpg-query'
import type { ColumnName, Condition } from './predicates.ts'

/** A comparison of columns with values: which parameter is compared with which column, and what it asks of an index. */
export interface Comparison {
  readonly pairs: readonly ComparedPair[]
  readonly condition: Condition | undefined
}

/** A column with the parameters that are compared with it, or with a function of it. */
export interface ComparedPair {
  readonly column: ColumnName
  readonly params: readonly number[]
  readonly operator: string
  readonly wrapper?: string
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

/** The column that a bare column reference names, `public.lead.zip` like `lead.zip`; `undefined` for anything else, also for `*`. */
export function columnOf(node: Node | undefined): ColumnName | undefined {
  if (node === undefined || !('ColumnRef' in node)) return undefined
  const parts = (node.ColumnRef.fields ?? []).map(textOf)
  const name = parts.at(-1)
  const qualifier = parts.at(-2)
  if (name === undefined || parts.length > 3) return undefined
  if (parts.length === 1) return { name }
  return qualifier === undefined ? undefined : { qualifier, name }
}

/** The number of a parameter, also under a cast or in a function of one argument. */
export function paramOf(node: Node | undefined): number | undefined {
  if (node === undefined) return undefined
  if ('TypeCast' in node) return paramOf(node.TypeCast.arg)
  if ('FuncCall' in node) return node.FuncCall.args?.length === 1 ? paramOf(node.FuncCall.args[0]) : undefined
  return 'ParamRef' in node ? (node.ParamRef.number ?? 0) : undefined
}

/** Parameters of `like $1 || $2` that were the text's own wildcards. pg_stat_statements numbers the constants of a text behind its parameters, so of such a
 *  chain all but the lowest number are constants. */
export function wildcardsOf(node: Node): readonly number[] {
  if (!('A_Expr' in node) || !isLike(node.A_Expr)) return []
  const chain = chainOf(node.A_Expr.rexpr)
  return chain.length < 2 ? [] : chain.filter(param => param !== Math.min(...chain))
}

/** The parameters of `a || b || c`, in order; empty for anything else. */
function chainOf(node: Node | undefined): readonly number[] {
  if (node === undefined) return []
  if ('A_Expr' in node) {
    if (textOf(node.A_Expr.name?.at(-1)) !== '||') return []
    const left = chainOf(node.A_Expr.lexpr)
    const right = chainOf(node.A_Expr.rexpr)
    return left.length === 0 || right.length === 0 ? [] : [...left, ...right]
  }
  const param = paramOf(node)
  return param === undefined ? [] : [param]
}

function isLike({ kind }: A_Expr): boolean {
  return kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE'
}

/** Column and name of `lower(email)`: a function of one argument, which is a column. */
function wrappedColumnOf(node: Node | undefined): { readonly column: ColumnName; readonly wrapper: string } | undefined {
  if (node === undefined || !('FuncCall' in node)) return undefined
  const { funcname, args = [] } = node.FuncCall
  const column = args.length === 1 ? columnOf(args[0]) : undefined
  const wrapper = textOf(funcname?.at(-1))
  return column === undefined || wrapper === undefined ? undefined : { column, wrapper }
}

/** The column of `name::text`. Prisma writes it around every text that it searches; on a text column it does nothing. */
function textCastColumnOf(node: Node | undefined): ColumnName | undefined {
  if (node === undefined || !('TypeCast' in node)) return undefined
  const type = (node.TypeCast.typeName?.names ?? []).map(textOf).at(-1)
  return type === 'text' || type === 'varchar' ? columnOf(node.TypeCast.arg) : undefined
}

/** The parameter that holds the words in `to_tsquery($2, $1)`: the last argument. */
function searchedParamOf(value: Node | undefined): number | undefined {
  if (value === undefined || !('FuncCall' in value)) return paramOf(value)
  return paramOf(value.FuncCall.args?.at(-1))
}

const MIRRORED: Readonly<Record<string, string>> = { '<': '>', '>': '<', '<=': '>=', '>=': '<=', '=': '=' }

const BOUNDS: Readonly<Record<string, 'lower' | 'upper'>> = { '<': 'upper', '<=': 'upper', '>': 'lower', '>=': 'lower' }

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
  if (right !== undefined && expression.kind === 'AEXPR_OP_ANY') return { pairs: [], condition: elementCondition(right) }
  if (right !== undefined && mirrored !== undefined && expression.kind === 'AEXPR_OP') return compareColumn(right, expression, mirrored, lexpr)
  const asText = textCastColumnOf(lexpr)
  if (asText !== undefined) {
    const { pairs, condition } = compareColumn(asText, expression, operator, rexpr)
    return { pairs, condition: condition === undefined || condition.kind === 'join' ? undefined : { ...condition, isCastToText: true } }
  }
  const wrapped = wrappedColumnOf(lexpr)
  if (wrapped !== undefined) {
    const { pairs, condition } = compareColumn(wrapped.column, expression, operator, rexpr)
    // `lower(a) = b` joins nothing that an index on the expression would be built for.
    const { wrapper } = wrapped
    return {
      pairs: pairs.map(pair => ({ ...pair, wrapper })),
      condition: condition === undefined || condition.kind === 'join' ? undefined : { ...condition, wrapper },
    }
  }
  return compareExpression(expression)
}

/** `$1 = ANY (tags)`, with the array in the column. */
function elementCondition(column: ColumnName): Condition {
  const { name } = column
  const rewrite = `write ${name} @> ARRAY[$1], which an index USING gin (${name}) serves`
  return { kind: 'unservable', column, why: `one element of ${name} compared by ANY is served by no index`, rewrite }
}

function compareColumn(column: ColumnName, expression: A_Expr, operator: string, value: Node | undefined): Comparison {
  const kind = expression.kind ?? 'AEXPR_OP'
  const chain = isLike(expression) ? chainOf(value) : []
  if (chain.length > 1) {
    const text = Math.min(...chain)
    const pattern = chain[0] === text ? 'prefix' : 'infix'
    const condition: Condition = { kind: 'pattern', column, pattern, ignoresCase: kind === 'AEXPR_ILIKE' }
    return { pairs: [{ column, params: [text], operator: 'part' }], condition }
  }
  const params = operator === '@@' ? [searchedParamOf(value)] : valuesOf(value).map(paramOf)
  const known = params.filter(param => param !== undefined)
  const compared = kind === 'AEXPR_OP_ANY' ? 'any' : kind === 'AEXPR_IN' ? 'in' : kind === 'AEXPR_BETWEEN' ? 'between' : operator
  return {
    pairs: known.length > 0 ? [{ column, params: known, operator: compared }] : [],
    condition: conditionFor(column, kind, operator, value),
  }
}

function conditionFor(column: ColumnName, kind: string, operator: string, value: Node | undefined): Condition | undefined {
  const other = columnOf(value)
  if (kind === 'AEXPR_LIKE' || kind === 'AEXPR_ILIKE') {
    // NOT LIKE is `!~~`: almost all rows.
    return operator.startsWith('!') ? undefined : { kind: 'pattern', column, pattern: 'unknown', ignoresCase: kind === 'AEXPR_ILIKE' }
  }
  if (kind === 'AEXPR_SIMILAR' || operator.includes('~')) {
    const rewrite = `compare ${column.name} by LIKE or =, which an index can serve`
    return { kind: 'unservable', column, why: `the regular expression on ${column.name} is served by no plain index`, rewrite }
  }
  if (operator === '@>' || operator === '&&' || operator === '@@') return { kind: 'contains', column }
  if (/^\?[|&]?$/.test(operator)) return { kind: 'contains', column, asksForKeys: true }
  if (kind === 'AEXPR_BETWEEN') return { kind: 'range', column, bound: 'both' }
  if ((kind === 'AEXPR_IN' || kind === 'AEXPR_OP_ANY') && operator === '=') return { kind: 'in', column }
  if (kind !== 'AEXPR_OP') return undefined
  if (operator === '=') return other === undefined ? { kind: 'equal', column } : { kind: 'join', column, other }
  return operator in MIRRORED && other === undefined ? { kind: 'range', column, bound: BOUNDS[operator]! } : undefined
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

/** A column inside a cast, an arrow or a function of several arguments: no index that could be offered serves it. The parameter still compares with the
 *  column's values. */
function compareExpression(expression: A_Expr): Comparison | undefined {
  const sides = [expression.lexpr, expression.rexpr]
  for (const [index, side] of sides.entries()) {
    const wrapped = side === undefined ? undefined : unservableOf(side)
    if (wrapped === undefined) continue
    const { column, why, rewrite, keyParam } = wrapped
    const operator = textOf(expression.name?.at(-1)) ?? ''
    const params = valuesOf(sides[1 - index]).map(paramOf)
    const pair = { column, params: params.filter(param => param !== undefined), operator: wrapped.isJson ? 'json' : operator }
    const condition: Condition = { kind: 'unservable', column, why, rewrite }
    if (keyParam === undefined) return { pairs: [pair], condition }
    return {
      pairs: [pair, { column, params: [keyParam], operator: 'json-key' }],
      condition: operator === '=' ? { ...condition, keyParam } : condition,
    }
  }
  return undefined
}

interface Unservable {
  readonly column: ColumnName
  readonly why: string
  readonly rewrite: string
  readonly isJson?: boolean
  /** Of `document->>$2`. */
  readonly keyParam?: number
}

function unservableOf(side: Node): Unservable | undefined {
  if ('TypeCast' in side) {
    const column = columnOf(side.TypeCast.arg)
    if (column === undefined) return undefined
    const type = (side.TypeCast.typeName?.names ?? []).map(textOf).at(-1)
    const { name } = column
    const rewrite =
      type === 'date'
        ? `write ${name} >= $1 AND ${name} < $1 + interval '1 day' instead of ${name}::date = $1`
        : `cast the parameter to the type of ${name}, not the column`
    return { column, why: `${name} stands inside a cast, which an index does not serve`, rewrite }
  }
  const arrow = 'A_Expr' in side ? (textOf(side.A_Expr.name?.at(-1)) ?? '') : ''
  if ('A_Expr' in side && /^[-#]>>?$/.test(arrow)) {
    const column = columnOf(side.A_Expr.lexpr)
    if (column === undefined) return undefined
    const keyParam = arrow === '->>' ? paramOf(side.A_Expr.rexpr) : undefined
    const rewrite = `write ${column.name} @> '{"key": value}' and index it: USING gin (${column.name} jsonb_path_ops)`
    const why = `a value taken out of ${column.name} by its key is served by no index on ${column.name}`
    return { column, why, rewrite, isJson: true, ...(keyParam === undefined ? {} : { keyParam }) }
  }
  if (!('FuncCall' in side)) return undefined
  const column = columnOf(side.FuncCall.args?.find(arg => columnOf(arg) !== undefined))
  if (column === undefined) return undefined
  const called = textOf(side.FuncCall.funcname?.at(-1)) ?? 'a function'
  if (called === 'to_tsvector') {
    const rewrite = `store the vector: a column GENERATED ALWAYS AS (to_tsvector('simple', ${column.name})) STORED, with an index USING gin on it`
    return { column, why: `the configuration of to_tsvector(${column.name}) is not known, so no index of it can be offered`, rewrite }
  }
  const rewrite = `compare ${column.name} itself with a range instead of ${called}(${column.name})`
  return { column, why: `${column.name} stands inside a function, which a plain index does not serve`, rewrite }
}

/** The values of a list or an array, also of `ARRAY[$1, $2]::text[]`; else the one value. */
function valuesOf(value: Node | undefined): readonly Node[] {
  if (value === undefined) return []
  if ('TypeCast' in value && value.TypeCast.arg !== undefined && 'A_ArrayExpr' in value.TypeCast.arg) return valuesOf(value.TypeCast.arg)
  if ('List' in value) return value.List.items ?? []
  if ('A_ArrayExpr' in value) return value.A_ArrayExpr.elements ?? []
  return [value]
}
