import type { Clock, EvidenceTier } from '../../../core/index.ts'
import { type Candidate, proposeCandidates, resolveColumn } from '../candidates.ts'
import type { Catalog, TableFacts } from '../catalog.ts'
import { type AdvisorClient, messageOf, readRows, sqlStateOf } from '../client.ts'
import { chooseBest, type Judgement, judgeTrial } from '../judge.ts'
import { type Lab, type LabIndex, withLab } from '../lab.ts'
import type { ParameterSet } from '../parameters.ts'
import type { ParsedStatement } from '../predicates.ts'
import type { Refusal, RefusalReason } from '../refusal.ts'
import { rewriteForLab } from '../rewrite.ts'
import { sampleParameters } from '../sample-parameters.ts'
import { VOLATILE_FUNCTIONS, type VolatileFunctionRow } from '../sql/volatile-functions.sql.ts'
import { probeWrites, type StatementTrial, tryStatement } from '../trial.ts'
import type { StatementWindow } from '../workload.ts'
import { type TableWrites, type WriteCost, writeCostOf } from '../write-account.ts'

/** Below this share of the database's time a statement is left alone: its whole removal would not be felt. */
const LEAST_SHARE = 0.01

/** Tables copied in one run of the rule. Others are refused as not tried, and come first the next time their share is larger. */
const MAX_LABS = 3

/** A statement of the workload with its place in it. */
export interface ExaminedStatement {
  readonly parsed: ParsedStatement
  readonly window: StatementWindow
  /** Share of all statement time in the window, 0..1. */
  readonly shareOfTime: number
}

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

/** An index that the clock found worth having, for one statement. */
export interface FoundIndex {
  readonly candidate: Candidate
  readonly index: LabIndex
  readonly examined: ExaminedStatement
  readonly trial: StatementTrial
  readonly judgement: Extract<Judgement, { offer: true }>
  readonly tier: EvidenceTier
  readonly cost: WriteCost
}

export interface MissingIndexOutput {
  readonly found: readonly FoundIndex[]
  readonly refused: readonly Refusal[]
}

/** Rule `pg/missing-index`: proposes indexes for the statements that take most time, builds them on a copy of the table, and offers those that the clock
 *  confirms with sampled parameters, hot and rare. Takes ACCESS SHARE on the tables; writes only into its lab. */
export async function findMissingIndexes(input: MissingIndexInput): Promise<MissingIndexOutput> {
  const refused: Refusal[] = []
  const volatile = await volatileFunctions(input)
  const byTable = new Map<number, TableJobs>()
  for (const examined of input.statements) {
    const { candidates, refusal } = proposeCandidates(examined.parsed, input.catalog)
    const reason = refusal ?? notWorthTrying(examined, volatile, input.mayTry)
    if (reason === undefined) assign(byTable, examined, candidates)
    else refused.push(refusalOf(examined, reason.reason, reason.why))
  }

  const found: FoundIndex[] = []
  const groups = [...byTable.values()].sort((a, b) => timeOf(b.jobs) - timeOf(a.jobs))
  for (const [at, group] of groups.entries()) {
    for (const outcome of at < MAX_LABS ? await tryTable(input, group) : group.jobs.map(notTried)) {
      if ('index' in outcome) found.push(outcome)
      else refused.push(outcome)
    }
  }
  // A statement that is served through one table is not refused for another.
  const served = new Set(found.map(index => index.examined.window.queryId))
  return { found, refused: refused.filter(refusal => !served.has(refusal.queryId)) }
}

interface TableJobs {
  readonly table: TableFacts
  readonly jobs: Job[]
}

function notWorthTrying(
  { parsed, shareOfTime }: ExaminedStatement,
  volatile: ReadonlySet<string>,
  mayTry: boolean,
): Pick<Refusal, 'reason' | 'why'> | undefined {
  if (shareOfTime < LEAST_SHARE) return { reason: 'cheap', why: `${percent(shareOfTime)} of the database's time: nothing to gain` }
  const unsafe = parsed.unsafe ?? calledVolatile(parsed, volatile)
  if (unsafe !== undefined) return { reason: 'unsafe', why: `it is not run on trial: ${unsafe}` }
  return mayTry ? undefined : { reason: 'not-tried', why: 'the role may not create the schema of the lab: GRANT CREATE ON DATABASE' }
}

function notTried({ examined }: Job): Refusal {
  return refusalOf(examined, 'not-tried', `${MAX_LABS} tables are copied in one run; other tables took more time`)
}

/** Copies a table and tries all its statements on the copy. */
async function tryTable(input: MissingIndexInput, { table, jobs }: TableJobs): Promise<(FoundIndex | Refusal)[]> {
  input.onProgress(`copying ${table.schema}.${table.name} to try ${jobs.length === 1 ? 'one statement' : `${jobs.length} statements`}`)
  const referenced = new Set(jobs.flatMap(job => referencedColumns(job.examined.parsed, table, input.catalog)))
  try {
    return await withLab(input.client, table, { limitBytes: input.labLimitBytes, referenced }, async lab => {
      const outcomes: (FoundIndex | Refusal)[] = []
      for (const job of jobs) outcomes.push(await tryJob(input, lab, job))
      return outcomes
    })
  } catch (error) {
    // No room on disk, or a lock that somebody holds: this table cannot be copied now, another may.
    if (sqlStateOf(error) === undefined) throw error
    return jobs.map(({ examined }) => refusalOf(examined, 'trial-failed', `${table.name} could not be copied: ${messageOf(error)}`))
  }
}

/** Candidates built and tried together. */
const BATCH = 2

interface BuiltCandidate {
  readonly candidate: Candidate
  readonly index: LabIndex
}

interface Job {
  readonly examined: ExaminedStatement
  readonly candidates: readonly Candidate[]
}

async function tryJob(input: MissingIndexInput, lab: Lab, { examined, candidates }: Job): Promise<FoundIndex | Refusal> {
  const rewritten = rewriteForLab(examined.parsed, ref => input.catalog.table(ref)?.oid === lab.table.oid)
  if (rewritten === undefined) return refusalOf(examined, 'no-parameters', 'the text could not be turned into a SELECT for the trial')
  try {
    const sets = await sampleParameters(input.client, lab, examined.parsed, rewritten, input.catalog, input.random)
    if (sets === undefined) return refusalOf(examined, 'no-parameters', 'no values could be sampled for its parameters')
    let refusal: Refusal | undefined
    // A build costs more than all runs together, so the less likely candidates are built only when the likely ones fail.
    for (let at = 0; at < candidates.length; at += BATCH) {
      const outcome = await tryBatch(input, lab, examined, candidates.slice(at, at + BATCH), rewritten.text, sets)
      // What writes would pay for one index they would pay for its likes.
      if ('index' in outcome || outcome.reason === 'write-heavy') return outcome
      if (refusal === undefined || refusal.reason === 'not-used') refusal = outcome
    }
    return refusal ?? refusalOf(examined, 'not-used', 'nothing to try')
  } catch (error) {
    // Without an SQLSTATE it is a lost connection or a fault of ours; neither is a verdict on the statement.
    if (sqlStateOf(error) === undefined) throw error
    return refusalOf(examined, 'trial-failed', `the trial failed: ${messageOf(error)}`)
  }
}

async function tryBatch(
  input: MissingIndexInput,
  lab: Lab,
  examined: ExaminedStatement,
  candidates: readonly Candidate[],
  text: string,
  sets: readonly ParameterSet[],
): Promise<FoundIndex | Refusal> {
  const built: BuiltCandidate[] = []
  try {
    for (const candidate of candidates) built.push({ candidate, index: await lab.build(candidate) })
    const trial = await tryStatement(
      input.client,
      lab,
      text,
      sets,
      built.map(({ index }) => index.name),
      input.clock,
    )
    return await decide(input, lab, examined, built, trial)
  } finally {
    for (const { index } of built) await lab.drop(index)
  }
}

async function decide(
  input: MissingIndexInput,
  lab: Lab,
  examined: ExaminedStatement,
  built: readonly BuiltCandidate[],
  trial: StatementTrial,
): Promise<FoundIndex | Refusal> {
  const judged = built.map(({ candidate, index }) => ({ candidate, index, judgement: judgeTrial(trial.results.get(index.name)!) }))
  const offers = judged.flatMap(({ candidate, index, judgement }) =>
    judgement.offer ? [{ candidate, index, judgement, afterMs: judgement.afterMs, keyCount: candidate.keys.length }] : [],
  )
  const best = chooseBest(offers)
  if (best === undefined) {
    const told =
      judged.map(({ judgement }) => judgement).find(judgement => !judgement.offer && judgement.reason !== 'not-used') ?? judged[0]?.judgement
    return told === undefined || told.offer ? refusalOf(examined, 'not-used', 'nothing to try') : refusalOf(examined, told.reason, told.why)
  }
  const names = built.map(({ index }) => index.name)
  const probe = await probeWrites(input.client, lab, names, best.index.name)
  const columns = best.candidate.keys.map(key => key.name)
  const cost = writeCostOf(columns, lab.table, input.writes.get(lab.table.oid), probe, input.windowMs)
  const savedMsPerSec = input.windowMs > 0 ? (examined.window.totalMs * (1 - best.judgement.ratio) * 1000) / input.windowMs : 0
  if (input.windowMs > 0 && cost.msPerSec >= savedMsPerSec) {
    const why = `writes would pay ${cost.msPerSec.toFixed(1)} ms/s (${cost.lostHotPerSec.toFixed(0)} updates/s lose HOT) for ${savedMsPerSec.toFixed(1)} ms/s saved on reads`
    return refusalOf(examined, 'write-heavy', why)
  }
  const { candidate, index, judgement } = best
  return { candidate, index, examined, trial, judgement, tier: lab.share < 1 ? 'modeled' : 'measured', cost }
}

async function volatileFunctions({ client, statements }: MissingIndexInput): Promise<ReadonlySet<string>> {
  const called = new Set(statements.flatMap(statement => statement.parsed.functions))
  if (called.size === 0) return called
  const rows = await readRows<VolatileFunctionRow>(client, VOLATILE_FUNCTIONS, [[...called]])
  return new Set(rows.map(row => row.name))
}

function calledVolatile(parsed: ParsedStatement, volatile: ReadonlySet<string>): string | undefined {
  const name = parsed.functions.find(called => volatile.has(called))
  return name === undefined ? undefined : `it calls ${name}(), which may do more than read`
}

function assign(byTable: Map<number, TableJobs>, examined: ExaminedStatement, candidates: readonly Candidate[]): void {
  for (const { table } of candidates) {
    const group = byTable.get(table.oid) ?? { table, jobs: [] }
    byTable.set(table.oid, group)
    if (group.jobs.some(job => job.examined === examined)) continue
    group.jobs.push({ examined, candidates: candidates.filter(candidate => candidate.table.oid === table.oid) })
  }
}

function referencedColumns(parsed: ParsedStatement, table: TableFacts, catalog: Catalog): string[] {
  const columns: string[] = []
  for (const scope of parsed.scopes) {
    const names = [
      ...scope.conditions.flatMap(({ column, other }) => (other === undefined ? [column] : [column, other])),
      ...scope.orderBy.map(key => key.column),
    ]
    for (const name of names) {
      const found = resolveColumn(scope, name, catalog)
      if (found?.table.oid === table.oid) columns.push(found.column.name)
    }
  }
  return columns
}

function refusalOf({ parsed, window, shareOfTime }: ExaminedStatement, reason: RefusalReason, why: string): Refusal {
  return { queryId: window.queryId, statement: parsed.text, calls: window.calls, meanMs: window.meanMs, shareOfTime, reason, why }
}

function timeOf(jobs: readonly Job[]): number {
  return jobs.reduce((sum, job) => sum + job.examined.window.totalMs, 0)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
