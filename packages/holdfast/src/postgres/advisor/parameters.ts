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

/** One set of values to run a statement with. `typical` rows are drawn as they lie, so frequent values come often; `rare` ones are drawn from the least frequent. */
export interface ParameterSet {
  readonly kind: 'typical' | 'frequent' | 'rare'
  readonly values: readonly unknown[]
}

/** Page size assumed for a parameter of LIMIT. */
export const ASSUMED_LIMIT = 20

const SET_KINDS: readonly ParameterSet['kind'][] = ['typical', 'frequent', 'rare', 'typical', 'rare', 'typical']

/** Sets of values for a trial: rows as they lie, the most frequent combination, rare ones. `undefined` when a parameter can be given no value.
 *  `primary` is the pool whose rows decide what is frequent and rare. */
export function chooseParameterSets(
  slots: readonly ParameterSlot[],
  pools: ReadonlyMap<string, SamplePool>,
  primary: string,
  random: () => number,
): ParameterSet[] | undefined {
  const ranked = rankByFrequency(pools.get(primary) ?? [], columnsOf(slots, primary))
  const sets: ParameterSet[] = []
  for (const [at, kind] of SET_KINDS.entries()) {
    const rows = new Map<string, Readonly<Record<string, string>>>()
    for (const [name, pool] of pools) {
      const row = name === primary ? rowOfKind(kind, pool, ranked, random) : pick(pool, random)
      if (row !== undefined) rows.set(name, row)
    }
    const values = slots.map((slot, index) =>
      slotValue(slot, { slots, index, pools, row: rows.get(slot.source?.pool ?? ''), narrow: at % 2 === 1, random }),
    )
    if (values.some(value => value === undefined)) return undefined
    sets.push({ kind, values })
  }
  // Without parameters all sets are the same statement.
  return slots.length === 0 ? sets.slice(0, 1) : sets
}

interface Choice {
  readonly slots: readonly ParameterSlot[]
  readonly index: number
  readonly pools: ReadonlyMap<string, SamplePool>
  readonly row: Readonly<Record<string, string>> | undefined
  readonly narrow: boolean
  readonly random: () => number
}

function slotValue(slot: ParameterSlot, choice: Choice): unknown {
  const { use, source } = slot
  if (use.kind === 'limit') return String(ASSUMED_LIMIT)
  if (use.kind === 'offset') return '0'
  if (use.kind === 'unit') return 'day'
  if (use.kind !== 'column' || source === undefined) return assumedValue(slot.type)
  const value = choice.row?.[source.column]
  if (value === undefined) return assumedValue(slot.type)
  const pool = choice.pools.get(source.pool) ?? []
  const another = (): string => pick(pool, choice.random)?.[source.column] ?? value
  const same = choice.slots.filter(other => other.source?.pool === source.pool && other.source.column === source.column)
  switch (use.operator) {
    case 'any':
      return [value, another()]
    case 'in':
      return same[0] === slot ? value : another()
    case '~~':
    case '~~*':
      return `%${value.slice(0, 3)}%`
    case 'between':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return rangeValue(slot, same, value, sortedValues(pool, source.column), choice.narrow)
    default:
      return value
  }
}

/** Bounds on both sides enclose 1 % or 5 % of the sampled values, beginning at the row's; a bound on one side is the row's value or leaves 2 %. */
function rangeValue(slot: ParameterSlot, same: readonly ParameterSlot[], value: string, sorted: readonly string[], narrow: boolean): string {
  const isUpper = (other: ParameterSlot, at: number): boolean =>
    other.use.kind === 'column' && (other.use.operator === 'between' ? at % 2 === 1 : other.use.operator.startsWith('<'))
  const upper = isUpper(slot, same.indexOf(slot))
  const twoSided = same.some((other, at) => isUpper(other, at) !== upper)
  const last = sorted.length - 1
  if (twoSided) {
    const width = Math.max(1, Math.round(sorted.length * (narrow ? 0.01 : 0.05)))
    const start = Math.min(sorted.indexOf(value), Math.max(0, last - width))
    return sorted[upper ? Math.min(last, start + width) : start] ?? value
  }
  if (!narrow) return value
  return sorted[Math.round(last * (upper ? 0.02 : 0.98))] ?? value
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
  if (type === 'interval') return '7 days'
  if (type === 'date' || type.startsWith('timestamp')) return 'now'
  if (type === 'jsonb' || type === 'json') return '{}'
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

function rankByFrequency(pool: SamplePool, columns: readonly string[]): SamplePool {
  const groups = new Map<string, { count: number; row: Readonly<Record<string, string>> }>()
  for (const row of pool) {
    const key = JSON.stringify(columns.map(column => row[column]))
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { count: 1, row })
    else group.count += 1
  }
  return [...groups.values()].sort((a, b) => b.count - a.count).map(group => group.row)
}

function rowOfKind(
  kind: ParameterSet['kind'],
  pool: SamplePool,
  ranked: SamplePool,
  random: () => number,
): Readonly<Record<string, string>> | undefined {
  if (kind === 'frequent') return ranked[0]
  if (kind === 'rare') return pick(ranked.slice(Math.floor(ranked.length * 0.9)), random)
  return pick(pool, random)
}

function pick<T>(items: readonly T[], random: () => number): T | undefined {
  return items[Math.min(items.length - 1, Math.floor(random() * items.length))]
}
