import { type Asks, type IndexWorld, readAsks, type Why } from './asks.ts'
import type { Catalog, IndexFacts, TableFacts } from './catalog.ts'
import { type Combination, combinationsOf } from './combinations.ts'
import { quoteQualified } from './identifier.ts'
import { isPlain, shapeSql } from './index-definition.ts'
import type { ParsedStatement, Scope, TableRef } from './predicates.ts'
import { resolveColumn } from './resolve-column.ts'

/** An index that might serve a statement. */
export interface Candidate extends Combination {
  readonly table: TableFacts
  /** It helps only if the statement asks its documents for this key, which its text in pg_stat_statements does not say. */
  readonly documentKey?: string
  /** Whether that key holds prose. */
  readonly isProse?: boolean
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

/** Nothing is proposed, and why. */
export interface NoCandidate extends Why {
  readonly reason: NoCandidateReason
}

export interface Proposal {
  readonly candidates: readonly Candidate[]
  /** Filled when there is no candidate. */
  readonly refusal?: NoCandidate
}

/** Below this a table is read whole in about the time that an index takes: 32 pages of 8 kB come in 0.2 ms. */
export const TINY_TABLE_BYTES: number = 32 * 8192

/** More candidates than this on one table for one statement cost more time to build than they find. */
const MAX_CANDIDATES = 10

/** As many candidates for each key of a document that a statement may ask for. */
const MAX_KEYED = 4

/** A world in which nothing is known but the catalog. */
const BARE_WORLD: IndexWorld = { immutable: new Set(), trigramOpclass: undefined, isHot: () => false }

/** Proposes indexes for a statement, table by table, the likeliest first. Pure; the clock decides later. */
export function proposeCandidates(statement: ParsedStatement, catalog: Catalog, world: IndexWorld = BARE_WORLD): Proposal {
  const refusals: NoCandidate[] = []
  const candidates: Candidate[] = []
  for (const scope of statement.scopes) {
    for (const ref of scope.tables) {
      const proposed = proposeForTable(scope, ref, catalog, world)
      candidates.push(...proposed.candidates)
      refusals.push(...proposed.refusals)
    }
  }
  // Stable: the order within a table, likeliest first, is kept.
  const chosen = distinct(candidates).sort((a, b) => b.table.heapBytes - a.table.heapBytes)
  if (chosen.length > 0) return { candidates: chosen }
  return { candidates: [], refusal: mostTelling(refusals) }
}

/** True when a valid index on the table has these keys already, as a prefix, read forwards or backwards. */
export function serves(index: IndexFacts, candidate: Candidate): boolean {
  if (!index.isValid) return false
  const whole = wholeOf(candidate)
  if (whole !== undefined && serves(index, whole)) return true
  if (!isPlain(candidate)) return index.definition.endsWith(shapeSql(candidate))
  const { keys, equalCount } = candidate
  if (index.isPartial || index.method !== 'btree' || index.keys.length < keys.length) return false
  const wanted = new Set(keys.slice(0, equalCount).map(key => key.name))
  if (!index.keys.slice(0, equalCount).every(key => key.column !== null && wanted.has(key.column))) return false
  const rest = keys.slice(equalCount)
  const has = index.keys.slice(equalCount, keys.length)
  if (!rest.every((key, at) => has[at]?.column === key.name)) return false
  const flips = rest.filter((key, at) => has[at]?.descending !== key.descending).length
  return flips === 0 || flips === rest.length
}

/** Of a candidate that leaves out what is NULL: the one that does not. */
export function wholeOf({ table, sparseOf }: Candidate): Candidate | undefined {
  return sparseOf === undefined ? undefined : { table, ...sparseOf }
}

/** What makes two candidates the same index. */
export function candidateKey(candidate: Candidate): string {
  return `${candidate.table.oid} ${shapeSql(candidate)}`
}

function proposeForTable(scope: Scope, ref: TableRef, catalog: Catalog, world: IndexWorld): { candidates: Candidate[]; refusals: NoCandidate[] } {
  const table = catalog.table(ref)
  if (table === undefined) return { candidates: [], refusals: [{ reason: 'no-table', why: `${ref.name} is not a table on the search path` }] }
  const unusable = unfit(table)
  if (unusable !== undefined) return { candidates: [], refusals: [unusable] }
  const asks = readAsks(scope, ref, catalog, world)
  if (table.kind === 'p') return { candidates: [], refusals: [byPartition(table, combinationsOf(asks, table, world))] }
  const unique = uniqueIndexWithin(table, new Set(asks.equal.filter(key => key.expression === undefined).map(key => key.name)))
  if (unique !== undefined) return { candidates: [], refusals: [exists(unique, table)] }
  const keyed = keyedCombinations(scope, ref, catalog, world, table)
  const combinations = [...combinationsOf(asks, table, world).slice(0, MAX_CANDIDATES), ...keyed]
  if (combinations.length === 0) return { candidates: [], refusals: [refusalOf(table, [...asks.whys, ...unselective(asks)])] }
  const candidates: Candidate[] = []
  const refusals: NoCandidate[] = []
  for (const combination of combinations) {
    const candidate = { table, ...combination }
    const serving = table.indexes.find(index => serves(index, candidate))
    if (serving === undefined) candidates.push(candidate)
    else refusals.push(exists(serving, table))
  }
  return { candidates, refusals }
}

/** Combinations that hold a key of a document, for every key that the statement may ask for. Two values out of one document cannot be told apart. */
function keyedCombinations(
  scope: Scope,
  ref: TableRef,
  catalog: Catalog,
  world: IndexWorld,
  table: TableFacts,
): (Combination & Required<Pick<Candidate, 'documentKey' | 'isProse'>>)[] {
  const [asked, ...more] = scope.conditions.filter(condition => condition.keyParam !== undefined)
  const found = asked === undefined || more.length > 0 ? undefined : resolveColumn(scope, asked.column, catalog)
  if (found === undefined || found.ref !== ref) return []
  return (world.documentKeys?.get(found.column) ?? []).flatMap(({ key, isProse }) => {
    const asks = readAsks(scope, ref, catalog, { ...world, askedKey: { column: found.column, key } })
    const holding = combinationsOf(asks, table, world).filter(({ keys }) => keys.some(({ expression }) => expression?.includes(' ->> ')))
    return holding.slice(0, MAX_KEYED).map(combination => ({ ...combination, documentKey: key, isProse }))
  })
}

/** Conditions that an index could serve, though none is worth it. */
function unselective({ equal, anyOf }: Asks): Why[] {
  const names = [...equal, ...anyOf].map(key => key.name)
  return names.length === 0 ? [] : [{ why: `${names.join(', ')} alone finds too large a part of the rows, whichever value is asked for` }]
}

function exists(index: IndexFacts, table: TableFacts): NoCandidate {
  return { reason: 'index-exists', why: `${index.name} on ${table.name} has these columns already` }
}

/** A unique index all of whose columns are compared for equality finds the one row; another index adds nothing. */
function uniqueIndexWithin(table: TableFacts, columns: ReadonlySet<string>): IndexFacts | undefined {
  return table.indexes.find(
    index => index.isUnique && index.isValid && !index.isPartial && index.keys.every(key => key.column !== null && columns.has(key.column)),
  )
}

function unfit(table: TableFacts): NoCandidate | undefined {
  if (table.kind !== 'r' && table.kind !== 'm' && table.kind !== 'p') return { reason: 'no-table', why: `${table.name} is a view or foreign table` }
  if (!table.mayRead) return { reason: 'not-readable', why: `the advisor's role may not read ${table.name}: GRANT SELECT ON it` }
  if (table.isLocked) return { reason: 'locked', why: `somebody holds an ACCESS EXCLUSIVE lock on ${table.name}: advise again later` }
  if (table.heapBytes < TINY_TABLE_BYTES && table.kind !== 'p') {
    return { reason: 'tiny-table', why: `${table.name} holds ${Math.round(table.heapBytes / 1024)} kB; reading it whole is as fast as an index` }
  }
  return undefined
}

/** What to try by hand on a partitioned table. Without its partitions a copy of it would say nothing, so nothing is measured. */
function byPartition(table: TableFacts, combinations: readonly Combination[]): NoCandidate {
  const combination = combinations.find(({ where = [] }) => where.length === 0)
  const why = `${table.name} is partitioned; CREATE INDEX CONCURRENTLY is not possible on it, and no index of it is tried`
  const serving = table.indexes.find(index => combination !== undefined && serves(index, { table, ...combination }))
  if (serving !== undefined) return exists(serving, table)
  if (combination === undefined) return { reason: 'partitioned', why }
  const on = quoteQualified(table.schema, table.name)
  const rewrite = `the index that its conditions ask for, not measured: CREATE INDEX ON ONLY ${on} ${shapeSql(combination)}, then the same CONCURRENTLY on each partition, and ALTER INDEX ... ATTACH PARTITION`
  return { reason: 'partitioned', why, rewrite }
}

function refusalOf(table: TableFacts, whys: readonly Why[]): NoCandidate {
  const [why] = whys
  if (why !== undefined) return { reason: 'no-index-serves', ...why }
  return { reason: 'no-condition', why: `the statement reads ${table.name} without a condition or order that an index could serve` }
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  const seen = new Map<string, Candidate>()
  for (const candidate of candidates) if (!seen.has(candidateKey(candidate))) seen.set(candidateKey(candidate), candidate)
  return [...seen.values()]
}

/** The refusal that says most to a person: an existing index and an unservable condition before "nothing to do here". */
function mostTelling(refusals: readonly NoCandidate[]): NoCandidate {
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
