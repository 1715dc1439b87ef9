import { type Clock, type Duration, parseDurationMs, parseSizeBytes, type Size, systemClock } from '../../core/index.ts'
import { type Catalog, readCatalog } from '../advisor/catalog.ts'
import { type AdvisorClient, readRows, withClient } from '../advisor/client.ts'
import type { ParameterSet } from '../advisor/parameters.ts'
import { adviseIndexes } from './advise-index.ts'
import { adviseMemory } from './advise-memory.ts'
import { adviseRewrites } from './advise-rewrite.ts'
import { adviseStatistics } from './advise-statistics.ts'
import { planErrors } from './errors.ts'
import type { Explained } from './explained-node.ts'
import { maskForeignLiterals, textsOf } from './mask-literals.ts'
import type { PlanAdvice } from './plan-advice.ts'
import { planErrorOf } from './plan-error.ts'
import { type PlanTree, type PlanTreeNode, planTreeOf } from './plan-tree.ts'
import { unprovenBecause } from './proof.ts'
import { inReadOnlyTransaction, type ReadOnlySession } from './read-only-session.ts'
import { type Reach, reachOf } from './relations.ts'
import { sampleValues } from './sample-values.ts'
import { TABLE_STATISTICS, type TableStatisticsRow } from './sql/table-statistics.sql.ts'
import { type GivenStatement, readStatement } from './statement.ts'
import { tryIndexes } from './try-index.ts'

/** Where a statement is analysed. */
export interface AnalyzerOptions {
  /** A fresh, connected, direct connection, closed after each call; as for the advisor. */
  readonly connect: () => Promise<AdvisorClient>
  readonly clock?: Clock
  /** 0 up to, not including, 1; picks parameters from sampled rows. Default Math.random. */
  readonly random?: () => number
  /** A table larger than this is tried on a sample of its pages, with `tryIndex`. Default 256 MB. */
  readonly labLimit?: Size
  /** Hears what is being done, in lines for people. */
  readonly onProgress?: (line: string) => void
}

/** What to analyse, and how far to go. */
export interface AnalyzeRequest {
  /** One SELECT, VALUES, INSERT, UPDATE, DELETE or MERGE, with $1, $2, ... or without. */
  readonly sql: string
  /** Values of $1, $2, ...; absent: the plan is the generic one, and with `analyze` the values are taken from rows. */
  readonly params?: readonly unknown[]
  /** Run it and measure every step. Only for a statement that is proven to be read-only. Default false: the plan with its estimates. */
  readonly analyze?: boolean
  /** Try a proposed index on a copy of the table, as the advisor does; needs CREATE on the database and room for the copy. Default false. */
  readonly tryIndex?: boolean
  /** Longest single run or planning. Default 5 s. */
  readonly statementTimeout?: Duration
  /** Longest wait for a lock. Default 1 s. */
  readonly lockTimeout?: Duration
}

/** Which values the plan is for. `frequent`, `rare`, `typical`: taken from rows. */
export type PlannedFor = 'given' | 'generic' | ParameterSet['kind']

/** A statement's plan, and what would help. */
export interface StatementAnalysis {
  /** The text as it was given. */
  readonly statement: string
  readonly plannedFor: PlannedFor
  /** True when the statement was run. */
  readonly measured: boolean
  readonly planningMs?: number
  readonly executionMs?: number
  /** Every run with values taken from rows; the plan shown is that of the slowest. */
  readonly runs: readonly { readonly plannedFor: PlannedFor; readonly executionMs: number }[]
  readonly plan: PlanTreeNode
  /** `id` of the node with the largest share. */
  readonly worstNode: number
  /** The worst node in one sentence. */
  readonly worst: string
  /** Empty is an answer: nothing to do. */
  readonly advice: readonly PlanAdvice[]
  /** What limits this answer. */
  readonly notes: readonly string[]
}

/** Explains one statement: its plan as a tree with the time, rows and blocks of each node itself, the worst node, and what would help and by how much. Everything
 *  happens in a READ ONLY transaction that is rolled back; with `tryIndex` also on a copy of one table, which is gone afterwards. A statement runs only with
 *  `analyze`, and only when nothing in it, in its views or in row-level security is volatile. Literals in the answer are those of the request; values taken from
 *  rows and constants of views are `?`. 6 to 20 round trips.
 *  @throws HF_PG_EXPLAIN_SYNTAX, HF_PG_EXPLAIN_SEVERAL, HF_PG_EXPLAIN_KIND, HF_PG_EXPLAIN_NOT_READ_ONLY, HF_PG_EXPLAIN_MISSING, HF_PG_EXPLAIN_NOT_ALLOWED,
 *  HF_PG_EXPLAIN_PARAMETERS, HF_PG_EXPLAIN_TIMEOUT, HF_PG_EXPLAIN_LOCKED, HF_PG_EXPLAIN_FAILED */
export async function analyzeStatement(options: AnalyzerOptions, request: AnalyzeRequest): Promise<StatementAnalysis> {
  const { connect, clock = systemClock, random = Math.random, onProgress = () => undefined } = options
  const labLimitBytes = parseSizeBytes(options.labLimit ?? '256mb')
  const limits = { statementMs: parseDurationMs(request.statementTimeout ?? '5s'), lockMs: parseDurationMs(request.lockTimeout ?? '1s') }
  const statement = await readStatement(request.sql)
  assertParameters(statement, request)
  if (request.analyze === true && statement.writes !== undefined) throw notReadOnly(statement.writes)
  return withClient(connect, async client => {
    const job = { statement, request, random }
    const found = await inReadOnlyTransaction(client, limits, session => look(session, job)).catch(error => {
      throw planErrorOf(error, usesOwnValues(job))
    })
    const [parsed] = found.reach.parsed
    if (request.tryIndex !== true || parsed === undefined) return answerOf(job, found, found.advice, [])
    const tried = await tryIndexes({ client, clock, random, labLimitBytes, onProgress }, parsed, found.catalog, found.advice)
    return answerOf(job, found, tried.advice, tried.notes)
  })
}

interface Job {
  readonly statement: GivenStatement
  readonly request: AnalyzeRequest
  readonly random: () => number
}

interface Run {
  readonly plannedFor: PlannedFor
  readonly values: readonly unknown[]
  readonly explained: Explained
}

interface Found {
  readonly shown: Run
  readonly runs: readonly Run[]
  readonly tree: PlanTree
  readonly reach: Reach
  readonly catalog: Catalog
  readonly advice: readonly PlanAdvice[]
}

async function look(session: ReadOnlySession, job: Job): Promise<Found> {
  const { statement, request } = job
  const { client } = session
  const reach = await reachOf(client, statement)
  if (request.analyze === true) {
    const reason = await unprovenBecause(client, statement, reach)
    if (reason !== undefined) throw notReadOnly(reason)
  }
  const refs = reach.parsed.flatMap(parsed => parsed.scopes.flatMap(scope => scope.tables))
  const catalog = await readCatalog(client, refs)
  const runs = await explain(session, job, reach, catalog)
  const shown = runs.reduce((slowest, run) => (timeOf(run) > timeOf(slowest) ? run : slowest))
  const given = new Set([...statement.constants, ...textsOf(request.params ?? [])])
  const tree = planTreeOf(shown.explained, condition => maskForeignLiterals(condition, given))
  const tables = refs.flatMap(ref => catalog.table(ref)?.oid ?? [])
  const rows = await readRows<TableStatisticsRow>(client, TABLE_STATISTICS, [tables])
  const values = new Map((request.params ?? []).map((value, at) => [at + 1, value]))
  const input = { tree, parsed: reach.parsed, catalog, statistics: new Map(rows.map(row => [row.oid, row])), values }
  const advice = [...adviseStatistics(input), ...adviseRewrites(input), ...adviseIndexes(input)]
  const memory = tree.measured ? await adviseMemory(session, statement, shown.values, tree) : []
  return { shown, runs, tree, reach, catalog, advice: distinct([...advice, ...memory]) }
}

async function explain(session: ReadOnlySession, job: Job, reach: Reach, catalog: Catalog): Promise<[Run, ...Run[]]> {
  const { statement, request, random } = job
  const analyze = request.analyze === true
  if (usesOwnValues(job)) {
    const values = request.params ?? []
    return [{ plannedFor: 'given', values, explained: await session.explain(statement, values, analyze) }]
  }
  if (!analyze) return [{ plannedFor: 'generic', values: [], explained: await session.generic(statement) }]
  const [parsed] = reach.parsed
  const sets = parsed === undefined ? undefined : await sampleValues(session.client, statement, parsed, catalog, random)
  const [first, ...rest] = sets ?? []
  if (first === undefined) {
    throw planErrors.create('HF_PG_EXPLAIN_PARAMETERS', `${statement.parameterCount} parameters, and no values for them could be taken from the data`)
  }
  const run = async ({ kind, values }: ParameterSet): Promise<Run> => ({
    plannedFor: kind,
    values,
    explained: await session.explain(statement, values, true),
  })
  const runs: [Run, ...Run[]] = [await run(first)]
  for (const set of rest) runs.push(await run(set))
  return runs
}

function answerOf({ statement, request }: Job, found: Found, advice: readonly PlanAdvice[], notes: readonly string[]): StatementAnalysis {
  const { shown, runs, tree } = found
  const { 'Planning Time': planningMs, 'Execution Time': executionMs } = shown.explained
  return {
    statement: request.sql,
    plannedFor: shown.plannedFor,
    measured: tree.measured,
    ...(planningMs === undefined ? {} : { planningMs }),
    ...(executionMs === undefined ? {} : { executionMs }),
    runs: runs.flatMap(run => (run.plannedFor === 'given' || !tree.measured ? [] : [{ plannedFor: run.plannedFor, executionMs: timeOf(run) }])),
    plan: tree.root,
    worstNode: tree.worst.id,
    worst: worstText(tree),
    advice,
    notes: [...notesOf(statement, shown), ...notes],
  }
}

function notesOf({ writes }: GivenStatement, { plannedFor }: Run): string[] {
  const notes: string[] = []
  if (writes !== undefined) notes.push(`planned and not run: ${writes}`)
  if (plannedFor === 'generic')
    notes.push('the plan is the generic one: give params for the plan of one call, or analyze to run it with values taken from rows')
  if (plannedFor !== 'generic' && plannedFor !== 'given') notes.push('run with values taken from rows; they are not shown')
  return notes
}

function worstText({ worst, measured }: PlanTree): string {
  const on = worst.table === undefined ? '' : ` on ${worst.table}`
  const share = `${(worst.share * 100).toFixed(0)} % of the ${measured ? 'time' : 'estimated cost'}`
  const time = worst.selfMs === undefined ? '' : ` (${worst.selfMs.toFixed(2)} ms)`
  const removed = worst.removedRows === undefined ? '' : `, which throws away ${Math.round(worst.removedRows).toLocaleString('en-US')} rows`
  return `${worst.type}${on} takes ${share}${time}${removed}`
}

function assertParameters({ parameterCount }: GivenStatement, { params }: AnalyzeRequest): void {
  if (params === undefined || params.length === parameterCount) return
  throw planErrors.create('HF_PG_EXPLAIN_PARAMETERS', `the statement has ${parameterCount} parameters and ${params.length} values were given`)
}

function usesOwnValues({ statement, request }: Job): boolean {
  return statement.parameterCount === 0 || request.params !== undefined
}

function notReadOnly(reason: string): Error {
  return planErrors.create('HF_PG_EXPLAIN_NOT_READ_ONLY', `the statement is not run: ${reason}`, { context: { reason } })
}

function timeOf({ explained }: Run): number {
  return explained['Execution Time'] ?? 0
}

function distinct(advice: readonly PlanAdvice[]): PlanAdvice[] {
  return advice.filter((one, at) => advice.findIndex(other => other.kind === one.kind && other.summary === one.summary) === at)
}
