import { containedValue, isContainment, valueAt } from './contained-values.ts'
import type { ParamUse } from './predicates.ts'

/** What one parameter of a statement takes its values from. */
export interface ParameterSlot {
  readonly use: ParamUse
  /** Type as the server inferred it. */
  readonly type: string
  /** Pool and column, for a parameter that is compared with a column. */
  readonly source?: { readonly pool: string; readonly column: string }
}

/** Rows sampled from one table: column name to value as text. */
export type SamplePool = readonly Readonly<Record<string, string>>[]

/** One set of values to run a statement with. `typical` rows are drawn as they lie, so frequent values come often, but
 *  every state is as likely; `rare` ones are drawn from the distinct
 *  values, of which most are seldom. */
export interface ParameterSet {
  readonly kind: 'typical' | 'frequent' | 'rare' | 'observed'
  readonly values: readonly unknown[]
  /** Of an observed set: calls that it stands for. */
  readonly callCount?: number
  /** Of the frequent one: the share of the sampled rows that have these values, 0..1. */
  readonly share?: number
}

/** What the values of parameters cannot tell. */
export interface ParameterHints {
  /** Value for LIMIT. */
  readonly limit: number
  /** What a whole pattern that is a parameter looks like. */
  readonly pattern: 'prefix' | 'infix'
  /** Key that documents are asked for. */
  readonly documentKey?: string
}

/** Page size assumed for a parameter of LIMIT when nothing says how many rows a call returns. */
export const ASSUMED_LIMIT = 20

/** Documents looked into for one that has the key. */
const DOCUMENTS_TRIED = 20

/** Sizes that programmers choose for pages. */
const USUAL_LIMITS: readonly number[] = [1, 2, 3, 5, 10, 20, 25, 30, 50, 100, 200, 250, 500, 1000]

const SET_KINDS: readonly ParameterSet['kind'][] = ['typical', 'frequent', 'rare', 'typical', 'rare', 'typical', 'typical', 'rare']

/** Sets with which candidates are tried. */
export const TRIED_SETS: number = SET_KINDS.length

/** Typical sets beyond those, with which the chosen set is timed: the mean of skewed values needs more of them than a choice does. */
const MORE_SETS = 12

/** How deep the sets page where the statement has an OFFSET, in pages. The application's depth is not known; most readers stay on the first pages. */
const PAGES_SKIPPED: readonly number[] = [0, 0, 1, 5, 2, 20, 0, 100]

/** Members of a document and elements of an array that are asked for at once, by turns from one to this; the rows that live calls return tell which sets count. */
const MOST_CONTAINED = 2

/** Units of date_trunc, by set. */
const UNITS: readonly string[] = ['day', 'hour', 'month']

/** Share of the sampled values that bounds on both sides enclose, by set. */
const TWO_SIDED: readonly number[] = [0.01, 0.002, 0.0005, 0.005, 0.001]

/** Share of the sampled values that a bound on one side leaves, by set. */
const ONE_SIDED: readonly (number | undefined)[] = [0.01, 0.05, 0.001, 0.1, 0.02, undefined, 0.005, 0.03, 0.9, 0.5]

/** Values in a list, by set. */
const LIST_LENGTHS: readonly number[] = [3, 2, 10, 1, 5, 30, 2]

/** Part of a page that is filled on average, at least, where the page is what bounds the rows. */
export const FILLED_PAGE = 0.8

/** The LIMIT that a statement seems to have: the usual page size that its rows a call nearly fill, else the next one. */
export function limitFor(rowsPerCall: number | undefined): number {
  if (rowsPerCall === undefined || rowsPerCall <= 0) return ASSUMED_LIMIT
  const at = USUAL_LIMITS.findIndex(limit => limit >= rowsPerCall - 0.01)
  const least = USUAL_LIMITS[at]
  if (least === undefined) return Math.ceil(rowsPerCall)
  return rowsPerCall >= least * FILLED_PAGE ? least : Math.max(ASSUMED_LIMIT / 2, USUAL_LIMITS[at + 1] ?? least)
}

/** Sets of values for a trial: rows as they lie, the most frequent combination, rare ones. `undefined` when a parameter can be given no value.
 *  `primary` is the pool whose rows decide what is frequent and rare. */
export function chooseParameterSets(
  slots: readonly ParameterSlot[],
  pools: ReadonlyMap<string, SamplePool>,
  primary: string,
  random: () => number,
  hints: ParameterHints = { limit: ASSUMED_LIMIT, pattern: 'infix' },
): ParameterSet[] | undefined {
  const compared = columnsOf(slots, primary)
  const ranked = rankByFrequency(pools.get(primary) ?? [], compared)
  const states = groupByState(pools.get(primary) ?? [], compared)
  const sets: ParameterSet[] = []
  const kinds = [...SET_KINDS, ...Array.from({ length: MORE_SETS }, () => 'typical' as const)]
  for (const [at, kind] of kinds.entries()) {
    const rows = new Map<string, Readonly<Record<string, string>>>()
    for (const [name, pool] of pools) {
      const row = name === primary ? rowOfKind(kind, ranked.rows, states, random) : pick(pool, random)
      if (row !== undefined) rows.set(name, row)
    }
    const values = slots.map((slot, index) => slotValue(slot, { slots, index, pools, row: rows.get(slot.source?.pool ?? ''), at, random, hints }))
    if (values.some(value => value === undefined)) return undefined
    sets.push(kind === 'frequent' ? { kind, values, share: ranked.topShare } : { kind, values })
  }
  // Without parameters all sets are the same statement.
  return slots.length === 0 ? sets.slice(0, 1) : sets
}

interface Choice {
  readonly slots: readonly ParameterSlot[]
  readonly index: number
  readonly pools: ReadonlyMap<string, SamplePool>
  readonly row: Readonly<Record<string, string>> | undefined
  /** Number of the set. */
  readonly at: number
  readonly random: () => number
  readonly hints: ParameterHints
}

function slotValue(slot: ParameterSlot, choice: Choice): unknown {
  const { use, source } = slot
  const { hints, at } = choice
  if (use.kind !== 'column' || source === undefined) return wordOf(use.kind, at, hints) ?? assumedValue(slot.type) ?? null
  const row = choice.row?.[source.column]
  if (row === undefined) return assumedValue(slot.type)
  const value = use.wrapper === 'lower' ? row.toLowerCase() : use.wrapper === 'upper' ? row.toUpperCase() : row
  const pool = choice.pools.get(source.pool) ?? []
  const another = (): string => pick(pool, choice.random)?.[source.column] ?? value
  if (isContainment(use.operator)) return partAsked(choice, slot, value, pool, source.column)
  const same = choice.slots.filter(other => other.source?.pool === source.pool && other.source.column === source.column)
  // A list of states names each once, and hardly that of most rows with every other.
  const states = statesOf(pool, source.column)
  const listed = (nth: number): string =>
    nth === 0 ? value : states === undefined ? another() : states[(states.indexOf(row) + nth) % states.length]!
  switch (use.operator) {
    case 'json-key':
    case 'json':
      return /^(text|jsonb?|character varying)$/.test(slot.type)
        ? documentValue(choice, pool, source.column, row, use.operator)
        : assumedValue(slot.type)
    case 'any':
    case 'in':
      // Of a list that is one parameter nothing says how long it is, but the rows that live calls return.
      return slot.type.endsWith('[]') ? Array.from({ length: listLength(at, states?.length) }, (_, nth) => listed(nth)) : listed(same.indexOf(slot))
    case '~~':
    case '~~*':
      return hints.pattern === 'prefix' ? `${partOf(value, at)}%` : `%${partOf(value.slice(Math.floor(value.length / 3)), at)}%`
    case 'part':
      return partOf(value, at)
    case 'between':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return rangeValue(slot, same, value, sortedValues(pool, source.column), at)
    default:
      return COMPARING.test(use.operator) ? value : (assumedValue(slot.type) ?? value)
  }
}

/** Operators between two values of a kind; others, as those of documents, take something else than the column holds. */
const COMPARING = /^([=<>!]+|!?~~?\*?|part)$/

/** What stands in a place of its own kind. */
function wordOf(kind: ParamUse['kind'], at: number, hints: ParameterHints): string | undefined {
  if (kind === 'limit') return String(hints.limit)
  if (kind === 'offset') return String(hints.limit * PAGES_SKIPPED[at % PAGES_SKIPPED.length]!)
  if (kind === 'unit') return UNITS[at % UNITS.length]
  if (kind === 'zone') return 'UTC'
  if (kind === 'escape') return '\\'
  return kind === 'wildcard' ? '%' : undefined
}

/** Of states not all, which would ask for nothing. */
function listLength(at: number, stateCount: number | undefined): number {
  return Math.min(LIST_LENGTHS[at % LIST_LENGTHS.length]!, stateCount === undefined ? Number.POSITIVE_INFINITY : Math.max(1, stateCount - 1))
}

/** The key, or the row's value under it, or that of another row; the text where no key is known. */
function documentValue(
  { hints: { documentKey }, random }: Choice,
  pool: SamplePool,
  column: string,
  row: string,
  operator: 'json-key' | 'json',
): string {
  if (documentKey === undefined) return row
  if (operator === 'json-key') return documentKey
  for (let tries = 0, document: string | undefined = row; tries < DOCUMENTS_TRIED && document !== undefined; tries += 1) {
    const value = valueAt(document, documentKey)
    if (value !== undefined) return value
    document = pick(pool, random)?.[column]
  }
  return ''
}

/** A part of the row's value, or of that of another row where it holds none: everything contains what is empty, and nobody asks for that. */
function partAsked({ random, at }: Choice, { use, type }: ParameterSlot, value: string, pool: SamplePool, column: string): string {
  if (use.kind !== 'column') return value
  for (let tries = 0, holder: string | undefined = value; tries < DOCUMENTS_TRIED && holder !== undefined; tries += 1) {
    const part = containedValue(use.operator, type, holder, 1 + (at % MOST_CONTAINED), items => pick(items, random))
    if (part !== undefined) return part
    holder = pick(pool, random)?.[column]
  }
  return value
}

/** The values of a column of few values, in order; `undefined` for one of many. */
function statesOf(pool: SamplePool, column: string): readonly string[] | undefined {
  const values = new Set(pool.map(row => row[column]!))
  return values.size > FEW_VALUES ? undefined : [...values].sort()
}

/** What somebody might have typed of a value so far: from three characters to two thirds of it. */
function partOf(value: string, at: number): string {
  return value.slice(0, Math.max(3, Math.round((value.length * (1 + (at % 4))) / 6)))
}

/** Bounds on both sides enclose 0.05 % to 1 % of the sampled values, beginning at the row's; a bound on one side leaves a small share, as most such
 *  questions are for the newest or the oldest, or is the row's value, or leaves most, as what is due by now. */
function rangeValue(slot: ParameterSlot, same: readonly ParameterSlot[], value: string, sorted: readonly string[], at: number): string {
  const isUpper = (other: ParameterSlot, at: number): boolean =>
    other.use.kind === 'column' && (other.use.operator === 'between' ? at % 2 === 1 : other.use.operator.startsWith('<'))
  const upper = isUpper(slot, same.indexOf(slot))
  const twoSided = same.some((other, at) => isUpper(other, at) !== upper)
  const last = sorted.length - 1
  if (twoSided) {
    const width = Math.max(1, Math.round(sorted.length * TWO_SIDED[at % TWO_SIDED.length]!))
    const start = Math.min(sorted.indexOf(value), Math.max(0, last - width))
    return sorted[upper ? Math.min(last, start + width) : start] ?? value
  }
  const left = ONE_SIDED[at % ONE_SIDED.length]
  if (left === undefined) return value
  return sorted[Math.round(last * (upper ? left : 1 - left))] ?? value
}

function sortedValues(pool: SamplePool, column: string): string[] {
  const values = pool.map(row => row[column]).filter(value => value !== undefined)
  const numeric = values.every(value => value.trim() !== '' && Number.isFinite(Number(value)))
  return values.sort(numeric ? (a, b) => Number(a) - Number(b) : (a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function assumedValue(type: string): unknown {
  if (type.endsWith('[]')) return []
  if (/^(smallint|integer|bigint|numeric|real|double precision)$/.test(type)) return '1'
  if (/^(text|character varying|character)$/.test(type)) return 'a'
  if (type === 'boolean') return 'true'
  if (type === 'regconfig') return 'simple'
  if (type === 'interval') return '7 days'
  if (type === 'date' || type.startsWith('timestamp')) return 'now'
  if (type === 'jsonb' || type === 'json') return '{}'
  if (type === 'jsonpath') return '$'
  return undefined
}

function columnsOf(slots: readonly ParameterSlot[], pool: string): string[] {
  const columns = new Set<string>()
  for (const { source, use } of slots) {
    // Ranges do not make a value frequent or rare.
    if (source?.pool === pool && use.kind === 'column' && ['=', 'in', 'any'].includes(use.operator)) columns.add(source.column)
  }
  return [...columns]
}

/** One row of each combination of values, the most frequent first, and the share of that. */
function rankByFrequency(pool: SamplePool, columns: readonly string[]): { readonly rows: SamplePool; readonly topShare: number } {
  const groups = new Map<string, { count: number; row: Readonly<Record<string, string>> }>()
  for (const row of pool) {
    const key = JSON.stringify(columns.map(column => row[column]))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { count: 1, row })
    else group.count += 1
  }
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count)
  return { rows: sorted.map(group => group.row), topShare: pool.length === 0 ? 0 : (sorted[0]?.count ?? 0) / pool.length }
}

/** A column with at most so many values is a state or a type. */
export const FEW_VALUES = 12

/** Rows grouped by the values of their columns of few values. Which state an application asks for has little to do with how many rows are in it, mostly the contrary:
 *  three million orders are done, a hundred are asked for. So every state is as likely. */
function groupByState(pool: SamplePool, columns: readonly string[]): SamplePool[] {
  const states = columns.filter(column => new Set(pool.map(row => row[column])).size <= FEW_VALUES)
  const groups = new Map<string, Readonly<Record<string, string>>[]>()
  for (const row of pool) {
    const key = JSON.stringify(states.map(column => row[column]))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [row])
    else group.push(row)
  }
  return [...groups.values()]
}

function rowOfKind(
  kind: ParameterSet['kind'],
  ranked: SamplePool,
  states: readonly SamplePool[],
  random: () => number,
): Readonly<Record<string, string>> | undefined {
  if (ranked.length > 1 && kind === 'frequent') return ranked[0]
  if (ranked.length > 1 && kind === 'rare') return pick(ranked.slice(Math.floor(ranked.length * 0.3)), random)
  return pick(pick(states, random) ?? [], random)
}

function pick<T>(items: readonly T[], random: () => number): T | undefined {
  return items[Math.min(items.length - 1, Math.floor(random() * items.length))]
}
