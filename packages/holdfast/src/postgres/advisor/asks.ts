import type { Catalog, ColumnFacts, TableFacts } from './catalog.ts'
import type { DocumentKey } from './document-keys.ts'
import { quoteIdent } from './identifier.ts'
import type { IndexKey } from './index-definition.ts'
import type { ColumnName, Condition, Scope, TableRef } from './predicates.ts'
import { resolveColumn } from './resolve-column.ts'

/** What beside the catalog decides which indexes are possible. */
export interface IndexWorld {
  /** Functions that may stand in an index. */
  readonly immutable: ReadonlySet<string>
  /** Operator class of trigrams as SQL, when pg_trgm is installed. */
  readonly trigramOpclass: string | undefined
  /** Keys that the documents of a column have. Absent: not known. */
  readonly documentKeys?: ReadonlyMap<ColumnFacts, readonly DocumentKey[]>
  /** The key that a statement is taken to ask the documents of a column for. */
  readonly askedKey?: { readonly column: ColumnFacts; readonly key: string }
  /** Whether the workload's updates change the column often. */
  isHot(table: TableFacts, column: string): boolean
}

/** A condition that is the same for every call. */
export interface Always {
  readonly sql: string
  readonly column: string
  /** Share of the rows that meet it, 0..1. */
  readonly share: number
}

/** What one scope of a statement asks of one table. Lists are ordered, the most selective first. */
export interface Asks {
  readonly equal: readonly IndexKey[]
  readonly anyOf: readonly IndexKey[]
  readonly joined: readonly IndexKey[]
  readonly range: readonly IndexKey[]
  /** Range columns by which the rows lie in order, and of which both bounds are given, for BRIN: of an open range it reads all, however few rows a LIMIT asks for. */
  readonly correlated: readonly IndexKey[]
  readonly prefix: readonly IndexKey[]
  readonly gin: readonly IndexKey[]
  readonly order: readonly IndexKey[]
  readonly group: readonly IndexKey[]
  /** The equality keys of each branch of an OR. */
  readonly branches: readonly (readonly IndexKey[])[]
  readonly always: readonly Always[]
  /** Every column of the table that the scope reads; absent when it reads all. */
  readonly covered: readonly ColumnFacts[] | undefined
  /** Whether a pattern of which nothing is known is taken for one with a fixed beginning. */
  readonly guessesPrefix: boolean
  /** Why conditions were passed over. */
  readonly whys: readonly Why[]
}

/** A condition that no index serves, and how it might be written. */
export interface Why {
  readonly why: string
  readonly rewrite?: string
}

/** Correlation from which a BRIN index reads hardly more pages than it must. */
const BRIN_CORRELATION = 0.95

interface Ask {
  readonly key: IndexKey
  readonly column: ColumnFacts
}

/** Reads what `scope` asks of `ref`. Pure. */
export function readAsks(scope: Scope, ref: TableRef, catalog: Catalog, world: IndexWorld): Asks {
  const mine = (name: ColumnName): ColumnFacts | undefined => {
    const found = resolveColumn(scope, name, catalog)
    return found?.ref === ref ? found.column : undefined
  }
  const sorter = new AskSorter(world, mine)
  for (const condition of scope.conditions) sorter.add(condition)
  const branches = scope.alternatives.flatMap(group => {
    const keys = group.map(branch => branchKeys(branch, mine, world))
    return keys.every(branch => branch.length > 0) ? keys : []
  })
  const covered = scope.columns.map(mine).filter(column => column !== undefined)
  return {
    ...sorter.sorted(),
    branches,
    order: keysOfAll(scope.orderBy, mine),
    group: keysOfAll(
      scope.groupBy.map(column => ({ column, descending: false, nulls: 'last' as const })),
      mine,
    ),
    covered: scope.hasStar ? undefined : [...new Set(covered)],
  }
}

/** Takes the conditions of a scope apart by what kind of key serves them. */
class AskSorter {
  readonly #equal: Ask[] = []
  readonly #anyOf: Ask[] = []
  readonly #joined: Ask[] = []
  readonly #range: Ask[] = []
  readonly #prefix: Ask[] = []
  readonly #gin: Ask[] = []
  readonly #always: Always[] = []
  readonly #whys: Why[] = []
  readonly #bounds = new Map<ColumnFacts, ReadonlySet<string>>()
  #guessesPrefix = false
  readonly #world: IndexWorld
  readonly #mine: (name: ColumnName) => ColumnFacts | undefined

  constructor(world: IndexWorld, mine: (name: ColumnName) => ColumnFacts | undefined) {
    this.#world = world
    this.#mine = mine
  }

  add(condition: Condition): void {
    for (const name of [condition.column, condition.other]) {
      const column = name === undefined ? undefined : this.#mine(name)
      if (column !== undefined) this.#addFor(column, condition)
    }
  }

  sorted(): Pick<Asks, 'equal' | 'anyOf' | 'joined' | 'range' | 'correlated' | 'prefix' | 'gin' | 'always' | 'whys' | 'guessesPrefix'> {
    const correlated = this.#range.filter(
      ({ key, column }) => key.expression === undefined && Math.abs(column.correlation ?? 0) >= BRIN_CORRELATION && this.#isBounded(column),
    )
    return {
      equal: bySelectivity(this.#equal),
      anyOf: bySelectivity(this.#anyOf),
      joined: bySelectivity(this.#joined),
      range: bySelectivity(this.#range),
      correlated: bySelectivity(correlated),
      prefix: bySelectivity(this.#prefix),
      gin: this.#gin.map(ask => ask.key),
      always: this.#always,
      whys: this.#whys,
      guessesPrefix: this.#guessesPrefix,
    }
  }

  #isBounded(column: ColumnFacts): boolean {
    const bounds = this.#bounds.get(column) ?? new Set()
    return bounds.has('both') || (bounds.has('lower') && bounds.has('upper'))
  }

  #addFor(column: ColumnFacts, condition: Condition): void {
    const { kind, always } = condition
    const { askedKey } = this.#world
    if (condition.keyParam !== undefined && askedKey?.column === column) this.#equal.push({ key: documentKey(column, askedKey.key), column })
    else if (kind === 'unservable') {
      this.#whys.push({ why: condition.why ?? '', ...(condition.rewrite === undefined ? {} : { rewrite: condition.rewrite }) })
    } else if (condition.isCastToText && !isText(column)) this.#whys.push(castToText(column))
    else if (kind === 'pattern') this.#addPattern(column, condition)
    else if (kind === 'contains') this.#addContains(column, condition)
    else if (always !== undefined)
      this.#always.push({ sql: always.replace('%', quoteIdent(column.name)), column: column.name, share: shareOf(column, always) })
    else this.#addComparison(column, condition)
  }

  #addComparison(column: ColumnFacts, { kind, wrapper, bound }: Condition): void {
    if (bound !== undefined) this.#bounds.set(column, new Set([...(this.#bounds.get(column) ?? []), bound]))
    if (wrapper !== undefined && !this.#world.immutable.has(wrapper)) {
      const rewrite = `compare ${column.name} itself with a range instead of ${wrapper}(${column.name})`
      this.#whys.push({ why: `${column.name} stands inside ${wrapper}(), which is not immutable: no index can hold it`, rewrite })
    } else if (!column.hasOrder) this.#whys.push({ why: `${column.name} (${column.type}) has no btree order` })
    else {
      const list = kind === 'in' ? this.#anyOf : kind === 'join' ? this.#joined : kind === 'range' ? this.#range : this.#equal
      list.push({ key: plainKey(column, wrapper), column })
    }
  }

  #addPattern(column: ColumnFacts, { pattern, ignoresCase = false, wrapper }: Condition): void {
    if (!isText(column)) {
      this.#whys.push({ why: `a pattern on ${column.name} (${column.type}) is served by no index` })
      return
    }
    const isUsable = wrapper === undefined || this.#world.immutable.has(wrapper)
    const key = plainKey(column, wrapper)
    if (pattern !== 'infix' && !ignoresCase && isUsable) {
      this.#prefix.push({ key: { ...key, opclass: 'text_pattern_ops' }, column })
      if (pattern === 'unknown') this.#guessesPrefix = true
    }
    const { trigramOpclass } = this.#world
    if (trigramOpclass !== undefined && isUsable) this.#gin.push({ key: { ...key, opclass: trigramOpclass }, column })
    else if (pattern === 'infix' || ignoresCase) this.#whys.push(noTrigrams(column))
  }

  #addContains(column: ColumnFacts, { asksForKeys }: Condition): void {
    const key = plainKey(column, undefined)
    if (column.type === 'jsonb' && asksForKeys) this.#gin.push({ key, column })
    else if (column.type === 'jsonb') this.#gin.push({ key: { ...key, opclass: 'jsonb_path_ops' }, column })
    else if (column.type.endsWith('[]') || column.type === 'tsvector') this.#gin.push({ key, column })
    else this.#whys.push({ why: `no index on ${column.name} (${column.type}) is known to serve this operator` })
  }
}

/** True for a column whose cast to text does nothing. */
export function isText({ type }: ColumnFacts): boolean {
  return /^(text|character varying)/.test(type)
}

/** Why `name::text` is served by no index on a column of another type. */
export function castToText({ name, type }: ColumnFacts): Why {
  return { why: `${name} stands inside a cast, which an index does not serve`, rewrite: `cast the parameter to ${type}, not ${name} to text` }
}

function noTrigrams({ name }: ColumnFacts): Why {
  return {
    why: `a pattern on ${name} that does not begin with fixed text is served by no btree index`,
    rewrite: `let the pattern begin with fixed text, or CREATE EXTENSION pg_trgm and advise again: an index of trigrams on ${name} will then be tried`,
  }
}

function plainKey(column: ColumnFacts, wrapper: string | undefined): IndexKey {
  const key = { name: column.name, descending: false, nulls: 'last' as const }
  return wrapper === undefined ? key : { ...key, expression: `${quoteIdent(wrapper)}(${quoteIdent(column.name)})` }
}

/** As pg_get_indexdef writes it. */
function documentKey(column: ColumnFacts, key: string): IndexKey {
  return { ...plainKey(column, undefined), expression: `((${quoteIdent(column.name)} ->> '${key.replaceAll("'", "''")}'::text))` }
}

function shareOf({ nullRatio, trueRatio }: ColumnFacts, always: string): number {
  if (always === '% IS NULL') return nullRatio ?? 1
  if (always === '% IS NOT NULL') return 1 - (nullRatio ?? 0)
  if (always === '%') return trueRatio ?? 1
  return trueRatio === null ? 1 : 1 - trueRatio - (nullRatio ?? 0)
}

function bySelectivity(asks: readonly Ask[]): IndexKey[] {
  const sorted = asks.toSorted((a, b) => (b.column.distinctCount ?? 0) - (a.column.distinctCount ?? 0) || a.key.name.localeCompare(b.key.name))
  return sorted.map(ask => ask.key)
}

/** The keys, if all of them are this table's; an order by columns of several tables is kept by no index. */
function keysOfAll(
  wanted: readonly { readonly column: ColumnName; readonly descending: boolean; readonly nulls: 'first' | 'last' }[],
  mine: (name: ColumnName) => ColumnFacts | undefined,
): IndexKey[] {
  const keys: IndexKey[] = []
  for (const { column: name, descending, nulls } of wanted) {
    const column = mine(name)
    if (column === undefined || !column.hasOrder) return []
    keys.push({ name: column.name, descending, nulls })
  }
  return keys
}

function branchKeys(branch: readonly Condition[], mine: (name: ColumnName) => ColumnFacts | undefined, world: IndexWorld): IndexKey[] {
  const sorter = new AskSorter(world, mine)
  for (const condition of branch) sorter.add(condition)
  const { equal, anyOf, range } = sorter.sorted()
  return [...equal, ...anyOf, ...range.slice(0, 1)]
}
