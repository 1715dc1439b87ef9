import type { Clock, EvidenceTier, PredictedRange } from '../../../core/index.ts'
import type { IndexWorld } from '../asks.ts'
import { candidateKey, proposeCandidates, wholeOf } from '../candidates.ts'
import type { Catalog, TableFacts } from '../catalog.ts'
import { chooseSet } from '../choose-set.ts'
import { type AdvisorClient, readRows } from '../client.ts'
import { type ConfirmedStatement, confirmSet } from '../confirm-set.ts'
import { readDocumentKeys } from '../document-keys.ts'
import type { ExaminedStatement } from '../examined.ts'
import { columnsOf } from '../index-definition.ts'
import type { TrialMeans, TrialPair } from '../judge.ts'
import { type Lab, type LabIndex, withLab } from '../lab.ts'
import type { ParsedStatement } from '../predicates.ts'
import type { Refusal, RefusalReason } from '../refusal.ts'
import { FUNCTION_VOLATILITY, type FunctionVolatilityRow } from '../sql/function-volatility.sql.ts'
import { TRIGRAM_OPCLASS, type TrigramOpclassRow } from '../sql/trigram-opclass.sql.ts'
import { steadyCalls } from '../steady-calls.ts'
import { likelyMs, paceOf, pairsOf } from '../subjects.ts'
import { extendsIndex, supersededBy } from '../superseded.ts'
import { probeWrites, type Runs } from '../trial.ts'
import { type Job, type TrialOption, type TriedStatement, tryWithChosen, tryWorkload } from '../try-workload.ts'
import {
  entrySpots,
  isHotColumn,
  noCheaperThan,
  type PricedWrites,
  type TableWrites,
  type WriteCost,
  writeCostOf,
  writeMsOf,
} from '../write-account.ts'

/** Below this share of the database's time a statement is left alone: its whole removal would not be felt. It is this small because a few slow statements may take nearly
 *  all the time, and be nearly nothing once they are served. */
const LEAST_SHARE = 0.0001

/** A call that takes less can win nothing that a clock tells from noise, ms. */
const LEAST_MEAN_MS = 0.1

/** Longest that copying, building and timing may take. What is not tried by then is named. With 5 minutes as the promise, this leaves time for the last check of the set. */
export const TRIAL_LIMIT_MS = 170_000

/** Longest, beyond that, until the set is changed no more. */
const CHECK_LIMIT_MS = 60_000

export interface MissingIndexInput {
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly random: () => number
  readonly catalog: Catalog
  /** Most time first. */
  readonly statements: readonly ExaminedStatement[]
  readonly writes: ReadonlyMap<number, TableWrites>
  readonly windowMs: number
  readonly labLimitBytes: number
  /** False when the role may not create a schema: nothing can be tried, so nothing is offered. */
  readonly mayTry: boolean
  readonly onProgress: (line: string) => void
}

/** A statement that a chosen index serves. */
export interface ServedStatement {
  readonly examined: ExaminedStatement
  readonly before: Runs
  readonly after: Runs
  readonly means: TrialMeans
  readonly range: PredictedRange
  readonly pairs: readonly TrialPair[]
  /** True when the parameters are those of live calls. */
  readonly areBound: boolean
  /** Of the time saved, the part that is put down to this index, ms per second. */
  readonly savesMsPerSec: number
}

/** An index of the chosen set, with the statements that read it, those that save most first. */
export interface FoundIndex {
  readonly index: LabIndex
  readonly served: readonly [ServedStatement, ...ServedStatement[]]
  readonly tier: EvidenceTier
  readonly cost: WriteCost
  /** Names of indexes that stand on the table now and that this one makes unnecessary. */
  readonly supersedes: readonly string[]
}

export interface MissingIndexOutput {
  readonly found: readonly FoundIndex[]
  readonly refused: readonly Refusal[]
}

/** Rule `pg/missing-index`: proposes indexes for the statements, builds them on copies of the tables, times the statements with sampled parameters, hot and rare, and
 *  chooses the set that saves the whole workload most, writes and size weighed. Takes ACCESS SHARE on the tables; writes only into its lab. */
export async function findMissingIndexes(input: MissingIndexInput): Promise<MissingIndexOutput> {
  const { client, clock, statements, catalog, writes } = input
  const refused: Refusal[] = []
  const volatility = await functionVolatility(input)
  const world = { ...(await worldOf(client, writes, volatility)), documentKeys: await readDocumentKeys(client, statements, catalog) }
  const jobs: Job[] = []
  for (const examined of statements) {
    const { candidates, refusal } = proposeCandidates(examined.parsed, catalog, world)
    const reason: Reason | undefined = refusal ?? notWorthTrying(examined, volatility, input.mayTry)
    if (reason === undefined) jobs.push({ examined, candidates })
    else refused.push(refusalOf(examined, reason.reason, reason.why, reason.rewrite))
  }
  if (jobs.length === 0) return { found: [], refused }
  const deadlineMs = clock.monotonicMs() + TRIAL_LIMIT_MS
  return withLab(client, async lab => {
    const trialInput = { ...input, deadlineMs, checkDeadlineMs: deadlineMs + CHECK_LIMIT_MS }
    const { tried, untried } = await tryWorkload(trialInput, lab, jobs)
    refused.push(...untried.map(({ examined, reason, why, rewrite }) => refusalOf(examined, reason, why, rewrite)))
    const priced = await priceIndexes(input, lab, tried)
    const first = chooseAmong(input, tried, priced)
    const chosen = (await tryWithChosen(trialInput, lab, tried, first)) ? chooseAmong(input, tried, priced) : first
    input.onProgress(`checking the chosen ${chosen.length === 1 ? 'index' : `${chosen.length} indexes`} together`)
    const {
      indexes,
      statements: confirmed,
      removed,
    } = await confirmSet(trialInput, lab, tried, chosen, excluded => chooseAmong(input, tried, priced, excluded))
    const found = indexes.flatMap(index => foundIndex(input, lab, index, confirmed, priced.get(index)!))
    const served = new Set(found.flatMap(index => index.served.map(({ examined }) => examined)))
    for (const statement of tried) {
      const { examined } = statement.prepared
      if (!served.has(examined))
        refused.push(
          refusalOfTried(
            statement,
            removed.map(({ index, judgement }) => ({ name: index.name, ...judgement })),
            priced,
            input.windowMs,
          ),
        )
    }
    return { found, refused }
  })
}

type Reason = Pick<Refusal, 'reason' | 'why' | 'rewrite'>

function notWorthTrying(
  { parsed, window, shareOfTime }: ExaminedStatement,
  volatility: ReadonlyMap<string, string>,
  mayTry: boolean,
): Reason | undefined {
  if (shareOfTime < LEAST_SHARE) return { reason: 'cheap', why: `${(shareOfTime * 100).toFixed(3)} % of the database's time: nothing to gain` }
  if (window.meanMs < LEAST_MEAN_MS) return { reason: 'cheap', why: `a call takes ${window.meanMs.toFixed(3)} ms: nothing to gain` }
  const unsafe = parsed.unsafe ?? calledVolatile(parsed, volatility)
  if (unsafe !== undefined) return { reason: 'unsafe', why: `it is not run on trial: ${unsafe}` }
  return mayTry ? undefined : { reason: 'not-tried', why: 'the role may not create the schema of the lab: GRANT CREATE ON DATABASE' }
}

/** What writers would pay for each index that is an option of some statement. */
async function priceIndexes(input: MissingIndexInput, lab: Lab, tried: readonly TriedStatement[]): Promise<ReadonlyMap<LabIndex, WriteCost>> {
  const priced = new Map<LabIndex, WriteCost>()
  const byKey = new Map<string, WriteCost>()
  const indexes = [...new Set(tried.flatMap(statement => statement.options.flatMap(option => option.indexes)))]
  for (const index of indexes.toSorted((a, b) => Number(a.candidate.sparseOf !== undefined) - Number(b.candidate.sparseOf !== undefined))) {
    const { table, whereColumns = [] } = index.candidate
    const whole = wholeOf(index.candidate)
    const known = whole && byKey.get(candidateKey(whole))
    if (known !== undefined) {
      // No dearer than with the rows that it leaves out; how much less, the few rows of a probe do not tell.
      priced.set(index, known)
      continue
    }
    const writes = input.writes.get(table.oid)
    const probe = writes === undefined ? { rowMs: 0, indexMs: 0 } : await probeWrites(input.client, lab, index)
    const spots = spotsOf(index)
    const cost = writeCostOf(columnsOf(index.candidate, whereColumns), table, writes, probe, input.windowMs, spots)
    priced.set(index, cost)
    byKey.set(candidateKey(index.candidate), cost)
  }
  return priced
}

function spotsOf({ candidate: { keys, method, table }, sizeBytes }: LabIndex): number {
  if (method === 'brin') return 0
  const unknown = { distinctCount: null, correlation: null }
  const isBtree = method === undefined || method === 'btree'
  return entrySpots(
    isBtree ? keys.map(key => (key.expression === undefined ? (table.columns.get(key.name) ?? unknown) : unknown)) : [unknown],
    sizeBytes,
  )
}

function chooseAmong(
  { statements, windowMs, catalog }: MissingIndexInput,
  tried: readonly TriedStatement[],
  priced: ReadonlyMap<LabIndex, WriteCost>,
  excluded: ReadonlySet<LabIndex> = new Set(),
): LabIndex[] {
  const indexes = [...priced.keys()].filter(index => !excluded.has(index))
  const numbers = new Map(indexes.map((index, at) => [index, at]))
  const perHour = windowMs > 0 ? 3_600_000 / windowMs : 1
  const all = tried.map(({ prepared }) => prepared)
  const pace = paceOf(all)
  const choices = tried.map(({ prepared, options }) => {
    const { calls } = prepared.examined.window
    const meanMs = likelyMs(prepared, pace)
    return {
      callsPerHour: calls * perHour,
      beforeMs: meanMs,
      options: options
        .filter(option => !option.indexes.some(index => excluded.has(index)))
        .map(option => {
          const members = option.indexes.map(index => numbers.get(index)!)
          return { members, afterMs: meanMs * ratioOf(option, options), isWasteful: option.isWasteful }
        }),
    }
  })
  const prices = indexes.map(index => ({
    sizeBytes: index.sizeBytes,
    columnCount: columnsOf(index.candidate, []).length,
  }))
  const triedStatements = new Set(tried.map(statement => statement.prepared.examined))
  const fixedMs = statements.filter(examined => !triedStatements.has(examined)).reduce((sum, { window }) => sum + window.totalMs, 0)
  const tables = new Set(statements.flatMap(({ parsed }) => parsed.scopes.flatMap(scope => scope.tables.map(ref => catalog.table(ref)))))
  const tableBytes = [...tables].reduce((sum, table) => sum + (table?.sizeBytes ?? 0), 0)
  // Writes were timed on the copy at its best; on a busy machine they take longer by as much as reads do, and must not seem cheap beside them.
  const writePace = Math.max(1, paceOf(all, 'best'))
  const writes = indexes.map(index => {
    const shorter = indexes.filter(other => extendsIndex(index.candidate, other.candidate)).map(other => priced.get(other)!)
    return { ...noCheaperThan(priced.get(index)!, shorter), chance: chanceOf(index, tried) }
  })
  const writeMsPerHour = (members: ReadonlySet<number>): number => {
    const byTable = new Map<TableFacts, PricedWrites[]>()
    for (const member of members) {
      const { table } = indexes[member]!.candidate
      byTable.set(table, [...(byTable.get(table) ?? []), writes[member]!])
    }
    return [...byTable.values()].reduce((sum, costs) => sum + writeMsOf(costs) * writePace * 3600, 0)
  }
  return [...chooseSet(choices, prices, { tableBytes, fixedMsPerHour: fixedMs * perHour, writeMsPerHour })].map(number => indexes[number]!)
}

/** How many times more the statements that an index would serve ran than one may count on: one that happened to run once in the window may run once a month. */
function chanceOf(index: LabIndex, tried: readonly TriedStatement[]): number {
  let seenMs = 0
  let steadyMs = 0
  for (const { prepared, options } of tried) {
    const ratios = options.filter(option => option.indexes.includes(index)).map(option => option.judgement.ratio)
    if (ratios.length === 0) continue
    const { calls, meanMs } = prepared.examined.window
    const savedMs = meanMs * (1 - Math.min(...ratios))
    seenMs += calls * savedMs
    steadyMs += steadyCalls(calls) * savedMs
  }
  return steadyMs > 0 ? seenMs / steadyMs : 1
}

/** What an option leaves of a statement's time; no less than one whose key is a beginning of its key and wastes no row: what the clock says beyond that is noise, and a
 *  column that the others decide, as a zip code does its city, would come into the index by it. */
function ratioOf(option: TrialOption, options: readonly TrialOption[]): number {
  const shorter = options.filter(other => other.isTight && extendsKey(option, other)).map(other => other.judgement.ratio)
  return Math.max(option.judgement.ratio, ...shorter)
}

function extendsKey({ indexes: [longer, ...more] }: TrialOption, { indexes: [shorter, ...others] }: TrialOption): boolean {
  return longer !== undefined && shorter !== undefined && more.length + others.length === 0 && extendsIndex(longer.candidate, shorter.candidate)
}

function foundIndex(input: MissingIndexInput, lab: Lab, index: LabIndex, confirmed: readonly ConfirmedStatement[], cost: WriteCost): FoundIndex[] {
  const pace = paceOf(confirmed.map(({ tried }) => tried.prepared))
  const served = confirmed
    .filter(({ isServed, used }) => isServed && used.has(index))
    .map(({ tried, after, means, range, used }): ServedStatement => {
      const { examined, before } = tried.prepared
      const pairs = pairsOf(tried.prepared, after)
      const savedMs = examined.window.calls * likelyMs(tried.prepared, pace) * (1 - means.ratio) * used.get(index)!
      return {
        examined,
        before,
        after,
        means,
        range,
        pairs,
        areBound: examined.binds !== undefined,
        savesMsPerSec: input.windowMs > 0 ? (savedMs * 1000) / input.windowMs : 0,
      }
    })
  const [main, ...more] = served.sort((a, b) => b.savesMsPerSec - a.savesMsPerSec)
  if (main === undefined) return []
  const { table } = index.candidate
  const isWhole = [...confirmed.find(({ used }) => used.has(index))!.tried.prepared.subject.tables].every(oid => lab.tables.get(oid)?.share === 1)
  return [{ index, served: [main, ...more], tier: isWhole ? 'measured' : 'modeled', cost, supersedes: supersededBy(index.candidate, table) }]
}

/** Why the set serves a statement that was tried not, or hardly. */
function refusalOfTried(
  { prepared, options, told }: TriedStatement,
  removed: readonly { readonly name: string; readonly reason: RefusalReason; readonly why: string }[],
  priced: ReadonlyMap<LabIndex, WriteCost>,
  windowMs: number,
): Refusal {
  const { examined } = prepared
  const out = removed.find(({ name }) => options.some(option => option.indexes.some(index => index.name === name)))
  if (out !== undefined) return refusalOf(examined, out.reason, out.why)
  const [best] = options.toSorted((a, b) => a.judgement.afterMs - b.judgement.afterMs)
  if (best !== undefined) {
    const counted = steadyCalls(examined.window.calls)
    const saved = windowMs > 0 ? (counted * examined.window.meanMs * (1 - best.judgement.ratio) * 1000) / windowMs : 0
    const costs = best.indexes.map(index => priced.get(index)!)
    const paid = costs.reduce((sum, cost) => sum + cost.msPerSec, 0)
    const lostHot = costs.reduce((sum, cost) => sum + cost.lostHotPerSec, 0)
    const size = best.indexes.reduce((sum, index) => sum + index.sizeBytes, 0) / 1024 ** 2
    const numbers = `${saved.toFixed(1)} ms/s saved on reads, ${paid.toFixed(1)} ms/s paid by writes (${lostHot.toFixed(0)} updates/s lose HOT), ${size.toFixed(1)} MB`
    return paid >= saved / 2
      ? refusalOf(examined, 'write-heavy', `writes would pay too much: ${numbers}`)
      : refusalOf(examined, 'small-gain', `too little for its size: ${numbers}`)
  }
  const most = told.find(judgement => judgement.reason === 'regresses') ?? told.find(judgement => judgement.reason === 'no-gain')
  const last = most ?? { reason: 'not-used' as const, why: 'the planner uses none of the indexes tried, with any of the sampled parameters' }
  return refusalOf(examined, last.reason, last.why)
}

async function worldOf(
  client: AdvisorClient,
  writes: ReadonlyMap<number, TableWrites>,
  volatility: ReadonlyMap<string, string>,
): Promise<IndexWorld> {
  const [trigrams] = await readRows<TrigramOpclassRow>(client, TRIGRAM_OPCLASS)
  return {
    immutable: new Set([...volatility].filter(([, kind]) => kind === 'i').map(([name]) => name)),
    trigramOpclass: trigrams?.opclass,
    isHot: (table: TableFacts, column: string) => isHotColumn(writes.get(table.oid), column),
  }
}

/** The least stable kind of each function that the statements call: `i`, `s` or `v`. */
async function functionVolatility({ client, statements }: MissingIndexInput): Promise<ReadonlyMap<string, string>> {
  const called = new Set(statements.flatMap(statement => statement.parsed.functions))
  if (called.size === 0) return new Map()
  const rows = await readRows<FunctionVolatilityRow>(client, FUNCTION_VOLATILITY, [[...called]])
  return new Map(rows.map(row => [row.name, row.volatility]))
}

function calledVolatile(parsed: ParsedStatement, volatility: ReadonlyMap<string, string>): string | undefined {
  const name = parsed.functions.find(called => volatility.get(called) === 'v')
  return name === undefined ? undefined : `it calls ${name}(), which may do more than read`
}

const PAGE_BY_KEY = 'page by key instead of OFFSET: WHERE (sort columns) > (the last row seen) ORDER BY ... LIMIT'

function refusalOf({ parsed, window, shareOfTime }: ExaminedStatement, reason: RefusalReason, why: string, rewrite?: string): Refusal {
  const isPaged = [...parsed.params.values()].some(use => use.kind === 'offset') && parsed.scopes.some(({ orderBy }) => orderBy.length > 0)
  const advice = rewrite ?? (isPaged && reason !== 'cheap' ? PAGE_BY_KEY : undefined)
  const refusal = { queryId: window.queryId, statement: parsed.text, calls: window.calls, meanMs: window.meanMs, shareOfTime, reason, why }
  return advice === undefined ? refusal : { ...refusal, rewrite: advice }
}
