import { type CommonTableExpr, type FuncCall, loadModule, type Node, type ParseResult, parseSync, type SelectStmt } from 'libpg-query'
import { columnOf, comparisonOf, paramOf, textOf, visitNode, wildcardsOf } from './expressions.ts'

/** A table as a statement names it. */
export interface TableRef {
  readonly schema?: string
  readonly name: string
  /** The name that columns are qualified with: the alias, else the table's name. */
  readonly alias: string
  /** Where the (qualified) name begins in the text, in bytes of UTF-8. */
  readonly locationBytes: number
}

/** A column as a statement names it. */
export interface ColumnName {
  readonly qualifier?: string
  readonly name: string
}

/** What a condition that must hold for every row asks of a column. `not-null`: nothing but that there is a value. `pattern`: LIKE or ILIKE. `contains`: `@>`,
 *  `&&`, `@@` or `?`, which a GIN index may serve. `unservable`: a cast or expression that no index serves. */
export type ConditionKind = 'equal' | 'in' | 'range' | 'null' | 'not-null' | 'join' | 'pattern' | 'contains' | 'unservable'

export interface Condition {
  readonly kind: ConditionKind
  readonly column: ColumnName
  /** The other side of a join; absent for `IN (SELECT ...)`. */
  readonly other?: ColumnName
  /** The function of one argument that the column stands in, as in `lower(email) = $1`. */
  readonly wrapper?: string
  /** The same for every call, whatever its parameters: a partial index may have it as its predicate. `%` stands for the column. */
  readonly always?: string
  /** Where the fixed text of a pattern lies. `unknown`: the whole pattern is a parameter. */
  readonly pattern?: 'prefix' | 'infix' | 'unknown'
  readonly ignoresCase?: boolean
  /** The column stands in `column::text`, which an index serves only where the column is a text. */
  readonly isCastToText?: boolean
  /** Of a range: the side on which it is bounded. */
  readonly bound?: 'lower' | 'upper' | 'both'
  /** Asks a document for keys, as `?` does. */
  readonly asksForKeys?: boolean
  /** Of `document->>$2 = $1`: the parameter that is the key. Where the key is known, an index on the expression serves it. */
  readonly keyParam?: number
  /** Why an index cannot serve it, for `unservable`. */
  readonly why?: string
  /** How to write it so that an index can, for `unservable`. */
  readonly rewrite?: string
}

export interface OrderKey {
  readonly column: ColumnName
  readonly descending: boolean
  readonly nulls: 'first' | 'last'
}

/** One SELECT (or the WHERE of an UPDATE or DELETE) with its tables. */
export interface Scope {
  readonly tables: TableRef[]
  readonly conditions: Condition[]
  /** Conditions joined by OR, each branch's own; only where every branch has one. */
  readonly alternatives: Condition[][][]
  /** Empty when there is none, or when it is not made of plain columns. Also the column of a lone min() or max(). */
  readonly orderBy: OrderKey[]
  /** Columns of GROUP BY; empty when it is not made of plain columns. */
  readonly groupBy: ColumnName[]
  /** Every column that it names. */
  readonly columns: ColumnName[]
  /** Whether it asks for all columns of a table. */
  hasStar: boolean
  readonly parent: Scope | undefined
}

/** What a parameter stands for. `assumed`: nothing in the data says what it may be. */
export type ParamUse =
  | { readonly kind: 'column'; readonly scope: Scope; readonly column: ColumnName; readonly operator: string; readonly wrapper?: string }
  | { readonly kind: 'limit' | 'offset' | 'unit' | 'zone' | 'escape' | 'wildcard' | 'assumed' }

export interface ParsedStatement {
  readonly kind: 'select' | 'update' | 'delete'
  readonly text: string
  readonly scopes: readonly Scope[]
  readonly params: ReadonlyMap<number, ParamUse>
  /** Functions that it calls, for the look-up of volatile ones. */
  readonly functions: readonly string[]
  /** Whether it has a FOR UPDATE or the like. */
  readonly locksRows: boolean
  /** Why it must not be run on trial, when it must not: it writes in a place that cannot be taken out. */
  readonly unsafe: string | undefined
  /** Target of an UPDATE or DELETE. */
  readonly target?: TableRef
  /** Columns that an UPDATE sets. */
  readonly setColumns: readonly string[]
}

/** A statement that adds rows, for the account of writes. */
export interface ParsedInsert {
  readonly kind: 'insert'
  readonly target: TableRef
}

/** Loads the parser. Once per process; about 20 ms the first time. */
export function loadParser(): Promise<void> {
  return loadModule()
}

/** What a normalised statement reads and by what, or `undefined` for one that is neither read nor change, or that does not parse
 *  (pg_stat_statements cuts nothing, but puts parameters where the grammar may want a literal). Needs `loadParser` first. */
export function parseStatement(text: string): ParsedStatement | ParsedInsert | undefined {
  let parsed: ParseResult
  try {
    parsed = parseSync(text)
  } catch {
    return undefined
  }
  const statement = parsed.stmts?.length === 1 ? parsed.stmts[0]?.stmt : undefined
  if (statement === undefined) return undefined
  const walk = new StatementWalk()
  if ('SelectStmt' in statement) {
    walk.select(statement.SelectStmt, undefined)
    return { kind: 'select', text, setColumns: [], ...walk.result() }
  }
  if ('InsertStmt' in statement) {
    const target = tableRefOf(statement.InsertStmt.relation)
    return target === undefined ? undefined : { kind: 'insert', target }
  }
  if ('UpdateStmt' in statement) return parseChange('update', text, statement.UpdateStmt, walk)
  if ('DeleteStmt' in statement) return parseChange('delete', text, statement.DeleteStmt, walk)
  return undefined
}

interface Change {
  relation?: RangeVarLike
  targetList?: Node[]
  fromClause?: Node[]
  usingClause?: Node[]
  whereClause?: Node
}

interface RangeVarLike {
  schemaname?: string
  relname?: string
  alias?: { aliasname?: string }
  location?: number
}

function parseChange(kind: 'update' | 'delete', text: string, change: Change, walk: StatementWalk): ParsedStatement | undefined {
  const target = tableRefOf(change.relation)
  if (target === undefined) return undefined
  const scope = walk.open(undefined)
  scope.tables.push(target)
  for (const item of change.fromClause ?? change.usingClause ?? []) walk.from(item, scope)
  walk.where(change.whereClause, scope)
  const setColumns: string[] = []
  for (const item of change.targetList ?? []) {
    if ('ResTarget' in item && item.ResTarget.name !== undefined) setColumns.push(item.ResTarget.name)
  }
  return { kind, text, target, setColumns, ...walk.result() }
}

function tableRefOf(relation: RangeVarLike | undefined): TableRef | undefined {
  if (relation?.relname === undefined) return undefined
  const { schemaname, relname, alias, location = 0 } = relation
  const ref = { name: relname, alias: alias?.aliasname ?? relname, locationBytes: location }
  return schemaname === undefined ? ref : { ...ref, schema: schemaname }
}

class StatementWalk {
  readonly scopes: Scope[] = []
  readonly params = new Map<number, ParamUse>()
  readonly #functions = new Set<string>()
  #unsafe: string | undefined
  #locksRows = false
  readonly #withNames = new Set<string>()

  result(): Pick<ParsedStatement, 'scopes' | 'params' | 'functions' | 'unsafe' | 'locksRows'> {
    return { scopes: this.scopes, params: this.params, functions: [...this.#functions], unsafe: this.#unsafe, locksRows: this.#locksRows }
  }

  open(parent: Scope | undefined): Scope {
    const scope: Scope = {
      tables: [],
      conditions: [],
      alternatives: [],
      orderBy: [],
      groupBy: [],
      columns: [],
      hasStar: false,
      parent,
    }
    this.scopes.push(scope)
    return scope
  }

  select(statement: SelectStmt, parent: Scope | undefined): void {
    if (statement.lockingClause !== undefined) this.#locksRows = true
    if (statement.intoClause !== undefined) this.#unsafe = 'it creates a table (SELECT INTO)'
    for (const item of statement.withClause?.ctes ?? []) if ('CommonTableExpr' in item) this.#with(item.CommonTableExpr, parent)
    if (statement.larg !== undefined && statement.rarg !== undefined) {
      this.select(statement.larg, parent)
      this.select(statement.rarg, parent)
    } else {
      this.#simple(statement, this.open(parent))
    }
    const limit = paramOf(statement.limitCount)
    const offset = paramOf(statement.limitOffset)
    if (limit !== undefined) this.#note(limit, { kind: 'limit' })
    if (offset !== undefined) this.#note(offset, { kind: 'offset' })
  }

  from(item: Node, scope: Scope): void {
    if ('RangeVar' in item) {
      const ref = tableRefOf(item.RangeVar)
      if (ref !== undefined && (ref.schema !== undefined || !this.#withNames.has(ref.name))) scope.tables.push(ref)
    } else if ('JoinExpr' in item) {
      const { larg, rarg, quals } = item.JoinExpr
      if (larg !== undefined) this.from(larg, scope)
      if (rarg !== undefined) this.from(rarg, scope)
      this.where(quals, scope)
    } else {
      this.expression(item, scope)
    }
  }

  /** Notes the conditions that every row must meet, and the use of every parameter. */
  where(condition: Node | undefined, scope: Scope): void {
    if (condition === undefined) return
    if ('BoolExpr' in condition && condition.BoolExpr.boolop === 'AND_EXPR') {
      for (const part of condition.BoolExpr.args ?? []) this.where(part, scope)
      return
    }
    const found = conditionOf(condition)
    if (found !== undefined) scope.conditions.push(found)
    const branches = branchesOf(condition)
    if (branches !== undefined) scope.alternatives.push(branches)
    this.expression(condition, scope)
  }

  expression(root: Node, scope: Scope): void {
    visitNode(root, node => {
      if ('SelectStmt' in node) {
        this.select(node.SelectStmt, scope)
        return false
      }
      if ('InsertStmt' in node || 'UpdateStmt' in node || 'DeleteStmt' in node || 'MergeStmt' in node) this.#unsafe = 'it writes inside a WITH clause'
      this.#names(node, scope)
      this.#compares(node, scope)
      if ('FuncCall' in node) this.#call(node.FuncCall)
      if ('ParamRef' in node) this.#note(node.ParamRef.number ?? 0, { kind: 'assumed' })
      return true
    })
  }

  #names(node: Node, scope: Scope): void {
    const column = columnOf(node)
    if (column !== undefined) scope.columns.push(column)
    else if ('ColumnRef' in node) scope.hasStar = true
  }

  #compares(node: Node, scope: Scope): void {
    for (const { params, ...compared } of comparisonOf(node)?.pairs ?? []) {
      for (const param of params) this.#note(param, { kind: 'column', scope, ...compared })
    }
    for (const param of wildcardsOf(node)) this.#note(param, { kind: 'wildcard' })
  }

  #simple(statement: SelectStmt, scope: Scope): void {
    const { fromClause = [], targetList = [], groupClause = [], sortClause = [], havingClause, whereClause } = statement
    for (const item of fromClause) this.from(item, scope)
    this.where(whereClause, scope)
    for (const item of [...targetList, ...groupClause, ...sortClause]) this.expression(item, scope)
    if (havingClause !== undefined) this.expression(havingClause, scope)
    const orderKeys = sortClause.map(orderKeyOf).filter(key => key !== undefined)
    if (groupClause.length === 0 && orderKeys.length === sortClause.length) scope.orderBy.push(...orderKeys)
    if (groupClause.length === 0 && sortClause.length === 0) scope.orderBy.push(...extremeOf(targetList))
    const groups = groupClause.map(columnOf).filter(column => column !== undefined)
    if (groups.length === groupClause.length) scope.groupBy.push(...groups)
  }

  #with({ ctename, ctequery }: CommonTableExpr, parent: Scope | undefined): void {
    if (ctename !== undefined) this.#withNames.add(ctename)
    if (ctequery !== undefined) this.expression(ctequery, this.open(parent))
  }

  #call({ funcname, args }: FuncCall): void {
    const name = textOf(funcname?.at(-1)) ?? ''
    this.#functions.add(name)
    for (const [at, kind] of ARGUMENTS.get(name) ?? []) {
      const param = paramOf(args?.[at])
      if (param !== undefined) this.#note(param, { kind })
    }
  }

  #note(param: number, use: ParamUse): void {
    const known = this.params.get(param)
    if (known === undefined || known.kind === 'assumed') this.params.set(param, use)
  }
}

/** Arguments that take words of their own. `at time zone` is a call of timezone(), ESCAPE one of like_escape(). */
const ARGUMENTS: ReadonlyMap<string, readonly (readonly [number, 'unit' | 'zone' | 'escape'])[]> = new Map([
  ['date_trunc', [[0, 'unit'] as const, [2, 'zone'] as const]],
  ['date_part', [[0, 'unit'] as const]],
  ['extract', [[0, 'unit'] as const]],
  ['timezone', [[0, 'zone'] as const]],
  ['like_escape', [[1, 'escape'] as const]],
  ['similar_to_escape', [[1, 'escape'] as const]],
])

function orderKeyOf(item: Node): OrderKey | undefined {
  if (!('SortBy' in item)) return undefined
  const column = columnOf(item.SortBy.node)
  if (column === undefined) return undefined
  const descending = item.SortBy.sortby_dir === 'SORTBY_DESC'
  const asked = item.SortBy.sortby_nulls
  const nulls = asked === 'SORTBY_NULLS_FIRST' ? 'first' : asked === 'SORTBY_NULLS_LAST' ? 'last' : descending ? 'first' : 'last'
  return { column, descending, nulls }
}

/** `select max(at) from t where ...` reads the last key of an index, as `order by at desc limit 1` does. */
function extremeOf(targetList: readonly Node[]): OrderKey[] {
  const [target] = targetList
  const value = targetList.length === 1 && target !== undefined && 'ResTarget' in target ? target.ResTarget.val : undefined
  if (value === undefined || !('FuncCall' in value)) return []
  const name = textOf(value.FuncCall.funcname?.at(-1))
  const column = columnOf(value.FuncCall.args?.[0])
  if (column === undefined || (name !== 'max' && name !== 'min')) return []
  return [{ column, descending: name === 'max', nulls: name === 'max' ? 'first' : 'last' }]
}

function conditionOf(node: Node): Condition | undefined {
  const bare = columnOf(node)
  if (bare !== undefined) return { kind: 'equal', column: bare, always: '%' }
  if ('BoolExpr' in node) {
    const negated = node.BoolExpr.boolop === 'NOT_EXPR' ? columnOf(node.BoolExpr.args?.[0]) : undefined
    return negated === undefined ? undefined : { kind: 'equal', column: negated, always: 'NOT %' }
  }
  if ('NullTest' in node) {
    const column = columnOf(node.NullTest.arg)
    if (column === undefined) return undefined
    const isNull = node.NullTest.nulltesttype === 'IS_NULL'
    return isNull ? { kind: 'null', column, always: '% IS NULL' } : { kind: 'not-null', column, always: '% IS NOT NULL' }
  }
  return membershipOf(node) ?? comparisonOf(node)?.condition
}

/** `column IN (SELECT ...)`: joins the column with what the inner statement returns. */
function membershipOf(node: Node): Condition | undefined {
  if (!('SubLink' in node) || node.SubLink.subLinkType !== 'ANY_SUBLINK' || node.SubLink.operName !== undefined) return undefined
  const column = columnOf(node.SubLink.testexpr)
  return column === undefined ? undefined : { kind: 'join', column }
}

/** The branches of an OR, when an index might find the rows of each. */
function branchesOf(node: Node): Condition[][] | undefined {
  if (!('BoolExpr' in node) || node.BoolExpr.boolop !== 'OR_EXPR') return undefined
  const branches = (node.BoolExpr.args ?? []).map(branch => {
    const parts = 'BoolExpr' in branch && branch.BoolExpr.boolop === 'AND_EXPR' ? (branch.BoolExpr.args ?? []) : [branch]
    return parts.map(conditionOf).filter((condition): condition is Condition => condition !== undefined && condition.kind !== 'unservable')
  })
  return branches.every(branch => branch.length > 0) ? branches : undefined
}
