import type { Catalog, ColumnFacts, IndexFacts, TableFacts } from './catalog.ts'
import type { ColumnName, ParsedStatement, Scope, TableRef } from './predicates.ts'

/** One key column of a candidate. */
export interface IndexKey {
  readonly name: string
  readonly descending: boolean
  /** Where NULLs go; only written out when it is not the direction's default. */
  readonly nulls: 'first' | 'last'
}

/** An index that might serve a statement. */
export interface Candidate {
  readonly table: TableFacts
  readonly keys: readonly IndexKey[]
  /** How many leading keys are compared for equality, so that their order among themselves does not matter. */
  readonly equalCount: number
}

/** Why nothing is proposed for a statement. */
export type NoCandidateReason =
  | 'no-table'
  | 'tiny-table'
  | 'partitioned'
  | 'not-readable'
  | 'locked'
  | 'no-condition'
  | 'no-index-serves'
  | 'index-exists'

export interface Proposal {
  readonly candidates: readonly Candidate[]
  /** Filled when there is no candidate. */
  readonly refusal?: Reason
}

/** Below this a table is read faster whole than through an index: 64 pages of 8 kB come in well under a millisecond. */
export const TINY_TABLE_BYTES: number = 64 * 8192

/** More candidates than this for one statement cost more trial time than they find. */
export const MAX_CANDIDATES = 4

/** A column of a statement found in the catalog. */
export interface ResolvedColumn {
  readonly ref: TableRef
  readonly table: TableFacts
  readonly column: ColumnFacts
}

/** Finds the table that a column belongs to: by alias, else the only table in scope that has it, then the enclosing scopes. */
export function resolveColumn(scope: Scope, name: ColumnName, catalog: Catalog): ResolvedColumn | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    for (const ref of at.tables) {
      if (name.qualifier !== undefined && name.qualifier !== ref.alias) continue
      const table = catalog.table(ref)
      const column = table?.columns.get(name.name)
      if (table !== undefined && column !== undefined) return { ref, table, column }
    }
  }
  return undefined
}

/** Proposes a few btree indexes for a statement: equality columns, the most selective first, then the order or one range. Pure; the clock decides later. */
export function proposeCandidates(statement: ParsedStatement, catalog: Catalog): Proposal {
  const refusals: Reason[] = []
  const candidates: Candidate[] = []
  for (const scope of statement.scopes) {
    for (const ref of scope.tables) {
      const proposed = proposeForTable(scope, ref, catalog)
      candidates.push(...proposed.candidates)
      refusals.push(...proposed.refusals)
    }
  }
  // Stable: the order within a table, likeliest first, is kept.
  const chosen = distinct(candidates)
    .sort((a, b) => b.table.heapBytes - a.table.heapBytes)
    .slice(0, MAX_CANDIDATES)
  if (chosen.length > 0) return { candidates: chosen }
  return { candidates: [], refusal: mostTelling(refusals) }
}

/** True when a valid index on the table has these keys already, as a prefix, read forwards or backwards. */
export function serves(index: IndexFacts, candidate: Candidate): boolean {
  const { keys, equalCount } = candidate
  if (!index.isValid || index.isPartial || index.method !== 'btree' || index.keys.length < keys.length) return false
  const wanted = new Set(keys.slice(0, equalCount).map(key => key.name))
  if (!index.keys.slice(0, equalCount).every(key => key.column !== null && wanted.has(key.column))) return false
  const rest = keys.slice(equalCount)
  const has = index.keys.slice(equalCount, keys.length)
  if (!rest.every((key, at) => has[at]?.column === key.name)) return false
  const flips = rest.filter((key, at) => has[at]?.descending !== key.descending).length
  return flips === 0 || flips === rest.length
}

interface Reason {
  readonly reason: NoCandidateReason
  readonly why: string
}

interface Asks {
  readonly equal: ReadonlyMap<string, ColumnFacts>
  readonly anyOf: ReadonlyMap<string, ColumnFacts>
  readonly joined: ReadonlyMap<string, ColumnFacts>
  readonly range: ReadonlyMap<string, ColumnFacts>
  readonly order: readonly IndexKey[]
  readonly refusal: Reason
}

function proposeForTable(scope: Scope, ref: TableRef, catalog: Catalog): { candidates: Candidate[]; refusals: Reason[] } {
  const table = catalog.table(ref)
  if (table === undefined) return { candidates: [], refusals: [{ reason: 'no-table', why: `${ref.name} is not a table on the search path` }] }
  const unusable = unfit(table)
  if (unusable !== undefined) return { candidates: [], refusals: [unusable] }
  const asks = readAsks(scope, ref, table, catalog)
  const combinations = combinationsOf(asks)
  if (combinations.length === 0) return { candidates: [], refusals: [asks.refusal] }
  const candidates: Candidate[] = []
  const refusals: Reason[] = []
  for (const combination of combinations) {
    const candidate = { table, ...combination }
    const serving = table.indexes.find(index => serves(index, candidate))
    if (serving === undefined) candidates.push(candidate)
    else refusals.push({ reason: 'index-exists', why: `${serving.name} on ${table.name} has these columns already` })
  }
  return { candidates, refusals }
}

function unfit(table: TableFacts): Reason | undefined {
  if (table.kind === 'p') return { reason: 'partitioned', why: `${table.name} is partitioned; CREATE INDEX CONCURRENTLY is not possible on it` }
  if (table.kind !== 'r' && table.kind !== 'm') return { reason: 'no-table', why: `${table.name} is a view or foreign table` }
  if (!table.mayRead) return { reason: 'not-readable', why: `the advisor's role may not read ${table.name}: GRANT SELECT ON it` }
  if (table.isLocked) return { reason: 'locked', why: `somebody holds an ACCESS EXCLUSIVE lock on ${table.name}: advise again later` }
  if (table.heapBytes < TINY_TABLE_BYTES) {
    return { reason: 'tiny-table', why: `${table.name} holds ${Math.round(table.heapBytes / 1024)} kB; reading it whole is as fast as an index` }
  }
  return undefined
}

function readAsks(scope: Scope, ref: TableRef, table: TableFacts, catalog: Catalog): Asks {
  const sets = { equal: new Map(), anyOf: new Map(), joined: new Map(), range: new Map() } satisfies Record<string, Map<string, ColumnFacts>>
  const whys: string[] = []
  const mine = (name: ColumnName): ColumnFacts | undefined => {
    const found = resolveColumn(scope, name, catalog)
    return found?.ref === ref ? found.column : undefined
  }
  for (const condition of scope.conditions) {
    const column = mine(condition.column)
    const other = condition.other === undefined ? undefined : mine(condition.other)
    for (const side of [column, other]) {
      if (side === undefined) continue
      if (condition.kind === 'unservable') whys.push(condition.why ?? '')
      else if (!side.hasOrder) whys.push(`${side.name} (${side.type}) has no btree order`)
      else sets[setFor(condition.kind)].set(side.name, side)
    }
  }
  // A correlated subquery or a join to an outer scope: the condition stands in the inner scope and names both tables.
  const order: IndexKey[] = []
  for (const key of scope.orderBy) {
    const column = mine(key.column)
    if (column === undefined || !column.hasOrder) return { ...sets, order: [], refusal: refusalOf(table, whys) }
    order.push({ name: column.name, descending: key.descending, nulls: key.nulls })
  }
  return { ...sets, order, refusal: refusalOf(table, whys) }
}

function setFor(kind: 'equal' | 'in' | 'range' | 'null' | 'join'): 'equal' | 'anyOf' | 'joined' | 'range' {
  if (kind === 'in') return 'anyOf'
  if (kind === 'join') return 'joined'
  return kind === 'range' ? 'range' : 'equal'
}

function refusalOf(table: TableFacts, whys: readonly string[]): Reason {
  const [why] = whys
  if (why !== undefined) return { reason: 'no-index-serves', why }
  return { reason: 'no-condition', why: `the statement reads ${table.name} without a condition or order that an index could serve` }
}

function combinationsOf(asks: Asks): Pick<Candidate, 'keys' | 'equalCount'>[] {
  const equal = bySelectivity(asks.equal)
  const anyOf = bySelectivity(asks.anyOf)
  const joined = bySelectivity(asks.joined)
  const range = bySelectivity(asks.range).slice(0, 1)
  const filters = [...equal, ...anyOf]
  const all = [
    // Order is only kept behind plain equality; behind IN the rows come list by list.
    combine(equal, asks.order),
    combine(filters, range),
    combine(filters, []),
    combine(filters.slice(0, 1), []),
    combine(filters.length > 0 ? [...joined, ...filters] : [], []),
    combine(joined.slice(0, 1), []),
  ]
  // An order alone, without a condition, is worth an index only for a LIMIT; the trial finds out.
  return all.filter(({ keys }, at) => keys.length > 0 && keys.length <= 5 && all.findIndex(other => sameKeys(other.keys, keys)) === at)
}

function combine(equal: readonly IndexKey[], rest: readonly IndexKey[]): Pick<Candidate, 'keys' | 'equalCount'> {
  const keys = new Map<string, IndexKey>()
  for (const key of equal) keys.set(key.name, key)
  const equalCount = keys.size
  for (const key of rest) if (!keys.has(key.name)) keys.set(key.name, key)
  return { keys: [...keys.values()], equalCount }
}

function bySelectivity(columns: ReadonlyMap<string, ColumnFacts>): IndexKey[] {
  return [...columns.values()]
    .sort((a, b) => (b.distinctCount ?? 0) - (a.distinctCount ?? 0) || a.name.localeCompare(b.name))
    .map(column => ({ name: column.name, descending: false, nulls: 'last' }))
}

function sameKeys(a: readonly IndexKey[], b: readonly IndexKey[]): boolean {
  return a.length === b.length && a.every((key, at) => key.name === b[at]?.name && key.descending === b[at]?.descending)
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(
    (candidate, at) => candidates.findIndex(other => other.table.oid === candidate.table.oid && sameKeys(other.keys, candidate.keys)) === at,
  )
}

/** The refusal that says most to a person: an existing index and an unservable condition before "nothing to do here". */
function mostTelling(refusals: readonly Reason[]): Reason {
  const order: readonly NoCandidateReason[] = [
    'locked',
    'no-index-serves',
    'not-readable',
    'partitioned',
    'index-exists',
    'tiny-table',
    'no-condition',
    'no-table',
  ]
  for (const reason of order) {
    const found = refusals.find(refusal => refusal.reason === reason)
    if (found !== undefined) return found
  }
  return { reason: 'no-table', why: 'the statement reads no table' }
}
