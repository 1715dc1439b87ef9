import type { Asks, IndexWorld } from './asks.ts'
import type { TableFacts } from './catalog.ts'
import { quoteIdent } from './identifier.ts'
import { type IndexKey, type IndexShape, shapeSql } from './index-definition.ts'

/** A shape with what is known of where it comes from. */
export interface Combination extends IndexShape {
  /** How many leading keys are compared for equality, so that their order among themselves does not matter. */
  readonly equalCount: number
  /** Columns in the predicate of a partial index. */
  readonly whereColumns?: readonly string[]
  /** Of one that leaves out only rows which no comparison with its keys finds: the index with those rows, which serves the same in the same time. */
  readonly sparseOf?: Combination
  /** It helps only if the statement's pattern begins with fixed text, which the statement does not say. */
  readonly needsPrefix?: boolean
}

/** A condition that more rows than this meet makes a partial index hardly smaller. */
const PARTIAL_SHARE = 0.7

/** A flag that fewer rows than this have, or have not, finds few pages. */
const RARE_FLAG_SHARE = 0.05

/** Columns wider than this are not carried along in an index, bytes. */
const WIDEST_INCLUDED_BYTES = 16

/** More columns than this are not carried along. */
const MOST_INCLUDED = 3

/** Share of pages marked all-visible from which an index that holds all columns spares the reading of the table. */
const VISIBLE_SHARE = 0.9

const MOST_KEYS = 5

/** All shapes worth a trial for what a statement asks of a table, the likeliest first. Pure. */
export function combinationsOf(all: Asks, table: TableFacts, world: IndexWorld): Combination[] {
  // `id IS NULL` of a key is asked of the outer side of a join, for rows that are not there: no index holds them.
  const asks = { ...all, always: all.always.filter(({ sql, column }) => !(sql.endsWith(' IS NULL') && isUnique(table, column))) }
  const hot = (key: IndexKey): boolean => world.isHot(table, key.name)
  const trees = treesOf(asks, key => !isUnique(table, key.name), hot).filter(tree => !isCoinToss(tree, table))
  const partial = trees.length > 0 ? partialOf(asks, trees) : partialOf(asks, [alwaysAlone(asks)].flat())
  const sparse = (partial.length > 0 ? partial : trees).slice(0, 3).flatMap(tree => sparseOf(asks, tree, table))
  const covering = trees.slice(0, 3).flatMap(tree => coveringOf(tree, asks, table, hot))
  const other: Combination[] = [
    ...asks.gin.map(key => ({ keys: [key], method: 'gin' as const, equalCount: 0 })),
    ...asks.correlated.slice(0, 1).map(key => ({ keys: [key], method: 'brin' as const, equalCount: 0 })),
  ]
  // What does not fit the limit is the exotic.
  return distinct([
    ...partial.slice(0, 3),
    ...trees.slice(0, 3),
    ...sparse,
    ...other,
    ...trees.slice(3, 6),
    ...covering.slice(0, 2),
    ...trees.slice(6),
    ...partial.slice(3),
  ])
}

function treesOf(asks: Asks, mayJoin: (key: IndexKey) => boolean, hot: (key: IndexKey) => boolean): Combination[] {
  const { equal, anyOf, group, branches } = asks
  const filters = [...equal, ...anyOf]
  const joined = asks.joined.filter(mayJoin)
  const cold = (keys: readonly IndexKey[]): IndexKey[] => keys.filter(key => !hot(key))
  // What is updated all the time is no key to sort or cut by where other columns find the rows: to sort those is less than to move every updated row in the index.
  const isFound = [...filters, ...joined].some(key => !hot(key))
  const range = isFound ? cold(asks.range.slice(0, 1)) : asks.range.slice(0, 1)
  const order = isFound && asks.order.some(hot) ? asks.order.slice(0, asks.order.findIndex(hot)) : asks.order
  const until = order.findIndex(hot)
  const prefix = asks.prefix.slice(0, 1).map(key => ({ ...combine(equal, [key]), ...(asks.guessesPrefix ? { needsPrefix: true } : {}) }))
  const all = [
    ...prefix,
    // What is updated all the time costs more in an index than it is worth.
    until < 0 ? NOTHING : combine(cold(equal), order.slice(0, until)),
    filters.some(hot) || range.some(hot) ? combine(cold(filters), cold(range)) : NOTHING,
    // Order is only kept behind plain equality; behind IN the rows come list by list.
    combine(equal, order),
    combine(filters, range),
    combine(filters, []),
    ...branches.flatMap(branch => [combine([...branch, ...equal], []), combine(branch, [])]),
    joined.length > 0 ? combine([...joined.slice(0, 1), ...filters], order) : NOTHING,
    joined.length > 0 ? combine(joined.slice(0, 1), []) : NOTHING,
    joined.length > 0 ? combine([...filters, ...joined.slice(0, 1)], []) : NOTHING,
    // Without a condition it would be read whole, which only helps while nothing is written.
    group.length > 0 && filters.length > 0 ? combine(filters, group) : NOTHING,
    combine(filters.slice(0, 1), []),
    // Without its condition, because an index on it may serve other statements, too.
    combine([], order),
    combine([], range),
    combine(filters.slice(1, 2), []),
    // Sorted rows of a list are merged from the lists' own orders where the column of the list comes last.
    anyOf.length > 0 && order.length > 0 ? combine(equal, [...order, ...anyOf]) : NOTHING,
  ]
  return distinct(all.filter(({ keys }) => keys.length > 0 && keys.length <= MOST_KEYS))
}

/** A flag alone, of which both values are frequent: whichever of them the application asks for, most pages of the table are read anyway. */
function isCoinToss({ keys: [first, ...more] }: Combination, table: TableFacts): boolean {
  const trueRatio = first === undefined || more.length > 0 ? null : (table.columns.get(first.name)?.trueRatio ?? null)
  return trueRatio !== null && Math.min(trueRatio, 1 - trueRatio) > RARE_FLAG_SHARE
}

const NOTHING: Combination = { keys: [], equalCount: 0 }

/** Where nothing but conditions that always hold is asked, an index of just their rows needs some key. */
function alwaysAlone({ always }: Asks): Combination[] {
  return always.slice(0, 1).map(({ column }) => ({ keys: [{ name: column, descending: false, nulls: 'last' as const }], equalCount: 1 }))
}

function partialOf({ always }: Asks, trees: readonly Combination[]): Combination[] {
  const narrow = always.filter(({ share }) => share <= PARTIAL_SHARE)
  if (narrow.length === 0) return []
  const where = narrow.map(({ sql }) => sql)
  return trees.map(tree => ({ ...tree, where, whereColumns: narrow.map(({ column }) => column) }))
}

/** A column that is mostly NULL makes an index of the other rows much smaller, and every comparison with it says that it is not NULL. Not one that is only sorted by: the rows
 *  without a value come last. */
function sparseOf({ equal, anyOf, range, joined, prefix }: Asks, tree: Combination, table: TableFacts): Combination[] {
  const compared = new Set([...equal, ...anyOf, ...range, ...joined, ...prefix].map(key => key.name))
  const columns = [...new Set(tree.keys.map(key => key.name))].filter(
    name => compared.has(name) && 1 - (table.columns.get(name)?.nullRatio ?? 0) <= PARTIAL_SHARE && !(tree.whereColumns ?? []).includes(name),
  )
  if (columns.length === 0) return []
  const where = [...(tree.where ?? []), ...columns.map(name => `${quoteIdent(name)} IS NOT NULL`)]
  return [{ ...tree, where, whereColumns: [...(tree.whereColumns ?? []), ...columns], sparseOf: tree }]
}

function coveringOf(tree: Combination, { covered, always }: Asks, table: TableFacts, hot: (key: IndexKey) => boolean): Combination[] {
  if (covered === undefined || table.allVisibleRatio < VISIBLE_SHARE || always.length > 0) return []
  const has = new Set(tree.keys.filter(key => key.expression === undefined).map(key => key.name))
  const more = covered.filter(column => !has.has(column.name))
  const fits = more.every(
    column =>
      (column.widthBytes ?? WIDEST_INCLUDED_BYTES + 1) <= WIDEST_INCLUDED_BYTES && !hot({ name: column.name, descending: false, nulls: 'last' }),
  )
  if (more.length === 0 || more.length > MOST_INCLUDED || !fits) return []
  return [{ ...tree, include: more.map(column => column.name) }]
}

function combine(equal: readonly IndexKey[], rest: readonly IndexKey[]): Combination {
  const keys = new Map<string, IndexKey>()
  const add = (key: IndexKey): void => {
    const name = key.expression ?? key.name
    if (!keys.has(name)) keys.set(name, key)
  }
  for (const key of equal) add(key)
  const equalCount = keys.size
  for (const key of rest) add(key)
  return { keys: [...keys.values()], equalCount }
}

function isUnique(table: TableFacts, column: string): boolean {
  return table.indexes.some(
    index => index.isUnique && index.isValid && !index.isPartial && index.keys.length === 1 && index.keys[0]?.column === column,
  )
}

function distinct(combinations: readonly Combination[]): Combination[] {
  const seen = new Map<string, Combination>()
  for (const combination of combinations) if (!seen.has(shapeSql(combination))) seen.set(shapeSql(combination), combination)
  return [...seen.values()]
}
