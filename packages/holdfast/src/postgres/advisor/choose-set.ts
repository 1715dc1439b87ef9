/** A statement, as far as the choice needs it. */
export interface StatementChoice {
  readonly callsPerHour: number
  /** Time of one call without any of the indexes, ms. */
  readonly beforeMs: number
  readonly options: readonly IndexOption[]
}

/** What one call takes when these indexes are there. */
export interface IndexOption {
  /** Numbers of the indexes. */
  readonly members: readonly number[]
  readonly afterMs: number
  /** Whether it reads many rows that are not returned. Default: not. */
  readonly isWasteful?: boolean
}

/** What an index costs. */
export interface IndexPrice {
  readonly sizeBytes: number
  readonly columnCount: number
}

/** What is given, beside statements and prices. */
export interface ChoiceFrame {
  /** Size of the tables, without their indexes. */
  readonly tableBytes: number
  /** Time of the workload's reads that no index can change, ms an hour. */
  readonly fixedMsPerHour: number
  /** Time that the writers pay for indexes together, ms an hour. */
  readonly writeMsPerHour: (members: ReadonlySet<number>) => number
}

/** What a hundredth of the tables' size is worth on disk, in memory and in backups, as a share of the time that would be left of the reads under the best indexes.
 *  So an index that adds 5 % to the size must take 1.25 % off what is left. There is no right value; with 0 an index as large as its table is chosen for a gain of a
 *  thousandth, with 0.02 one that is felt is not. */
const STORAGE_SHARE = 0.0025

/** Of two indexes that take the same time, the one with fewer columns is better: fewer updates touch it. Each column beyond the first adds this to the least gain. */
const COLUMN_SHARE = 0.2

/** Times of one statement that lie this close together are the same: the copy does not tell them apart. */
export const SAME_RATIO = 1.25
export const SAME_MS = 0.03

/** An index must take at least this share off the reads that would be left under the best indexes. */
const LEAST_GAIN_SHARE = 0.0025

/** Of more bundles than this not every pair is looked at. */
const MOST_PAIRED = 120

/** More steps than this mean that two sets take turns. */
const MOST_STEPS = 200

/** Chooses indexes for the whole workload, by net time an hour: reads saved, less what writers pay and what the size is worth. Greedy first, then single removals,
 *  exchanges and pairs while they gain. Pure. */
export function chooseSet(measured: readonly StatementChoice[], prices: readonly IndexPrice[], frame: ChoiceFrame): ReadonlySet<number> {
  const statements = measured.map(levelled)
  const all = new Set(prices.keys())
  const leftMs = frame.fixedMsPerHour + statements.reduce((sum, statement) => sum + statement.callsPerHour * timeWith(statement, all), 0)
  const upkeep = prices.map(({ sizeBytes, columnCount }) => {
    const sizePercent = frame.tableBytes > 0 ? (sizeBytes / frame.tableBytes) * 100 : 0
    return leftMs * (sizePercent * STORAGE_SHARE + LEAST_GAIN_SHARE * (1 + COLUMN_SHARE * (columnCount - 1)))
  })
  const costOf = (set: ReadonlySet<number>): number => {
    let cost = frame.writeMsPerHour(set)
    for (const member of set) cost += upkeep[member]!
    for (const statement of statements) cost += statement.callsPerHour * timeWith(statement, set)
    return cost
  }
  const bundles = distinctBundles(statements)
  let best: Scored = { set: new Set(), cost: costOf(new Set()) }
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const next = better(best, neighbours(best.set, bundles), costOf) ?? better(best, pairsMore(best.set, bundles), costOf)
    if (next === undefined) return best.set
    best = next
  }
  return best.set
}

/** Time of one call with a set of indexes: the best of the options that the set holds. */
export function timeWith({ beforeMs, options }: StatementChoice, set: ReadonlySet<number>): number {
  const times = options.filter(option => option.members.every(member => set.has(member))).map(option => option.afterMs)
  return times.length === 0 ? beforeMs : Math.min(...times)
}

/** The statement with all times that are as good as its best made equal, so that price and size decide between them. Where some option wastes no rows, one that does is
 *  never as good: the copy lies in memory, where rows that are read in vain cost least. */
function levelled(statement: StatementChoice): StatementChoice {
  const { options, beforeMs } = statement
  const levelMs = Math.min(...options.map(option => option.afterMs)) * SAME_RATIO + SAME_MS
  const isAvoidable = options.some(option => option.isWasteful !== true)
  const level = (option: IndexOption): number => {
    const afterMs = Math.max(option.afterMs, Math.min(levelMs, beforeMs))
    return isAvoidable && option.isWasteful === true ? Math.min(afterMs * SAME_RATIO, Math.max(beforeMs, afterMs)) : afterMs
  }
  return { ...statement, options: options.map(option => ({ ...option, afterMs: level(option) })) }
}

interface Scored {
  readonly set: ReadonlySet<number>
  readonly cost: number
}

function better(best: Scored, sets: Iterable<ReadonlySet<number>>, costOf: (set: ReadonlySet<number>) => number): Scored | undefined {
  let found: Scored | undefined
  for (const set of sets) {
    const cost = costOf(set)
    // A gain below a billionth is a rounding error.
    if (cost < (found ?? best).cost * (1 - 1e-9)) found = { set, cost }
  }
  return found
}

/** Every set that adds one bundle, takes one index away, or exchanges an index for a bundle. */
function* neighbours(set: ReadonlySet<number>, bundles: readonly (readonly number[])[]): Generator<ReadonlySet<number>> {
  for (const bundle of bundles) if (bundle.some(member => !set.has(member))) yield new Set([...set, ...bundle])
  for (const member of set) {
    const without = [...set].filter(other => other !== member)
    yield new Set(without)
    for (const bundle of bundles) if (!bundle.includes(member)) yield new Set([...without, ...bundle])
  }
}

/** Every set that adds two bundles: what writers pay once for both, neither may be worth alone. */
function* pairsMore(set: ReadonlySet<number>, bundles: readonly (readonly number[])[]): Generator<ReadonlySet<number>> {
  const missing = bundles.filter(bundle => bundle.some(member => !set.has(member))).slice(0, MOST_PAIRED)
  for (const [at, first] of missing.entries()) for (const second of missing.slice(at + 1)) yield new Set([...set, ...first, ...second])
}

function distinctBundles(statements: readonly StatementChoice[]): (readonly number[])[] {
  const bundles = new Map<string, readonly number[]>()
  for (const { options } of statements) for (const { members } of options) bundles.set([...members].sort((a, b) => a - b).join(), members)
  return [...bundles.values()]
}
