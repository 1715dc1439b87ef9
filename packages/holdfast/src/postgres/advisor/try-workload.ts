import type { Clock } from '../../core/index.ts'
import { type Candidate, candidateKey, wholeOf } from './candidates.ts'
import type { Catalog, TableFacts } from './catalog.ts'
import { type AdvisorClient, messageOf, sqlStateOf } from './client.ts'
import { copyTables } from './copy-tables.ts'
import type { ExaminedStatement } from './examined.ts'
import { type Judgement, judgeTrial } from './judge.ts'
import type { Lab, LabIndex } from './lab.ts'
import { pageShareOf, rowsReadPerRow, usesIndex } from './plan.ts'
import type { RefusalReason } from './refusal.ts'
import { byRank, turnEndMs } from './share-trial-time.ts'
import { FEWEST_BEFORE, liveRatioOf, meanBefore, type PreparedStatement, paceOf, pairsOf, prepareStatement } from './subjects.ts'
import { plannedCost, plannedIndexes, type Runs, SLOW_MS, screenSubjects, timeStatement } from './trial.ts'

/** Sets run with a candidate, even where each run takes long. */
const FEWEST_AFTER = 4

/** Of a table in which a statement reads no larger share of its pages, an index by itself cannot take off the half that is asked of it. */
const LITTLE_SHARE = 0.2

const HOPELESS_ALONE = { offer: false, reason: 'no-gain', why: 'the time goes where that index by itself changes nothing' } as const

/** A statement with the indexes that might serve it. */
export interface Job {
  readonly examined: ExaminedStatement
  readonly candidates: readonly Candidate[]
}

export interface TrialInput {
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly random: () => number
  readonly catalog: Catalog
  readonly labLimitBytes: number
  /** By `clock.monotonicMs`; what is not tried by then is not tried. */
  readonly deadlineMs: number
  /** From then on the chosen set is changed no more, but for what no statement reads. */
  readonly checkDeadlineMs: number
  readonly onProgress: (line: string) => void
}

/** What one statement takes with some indexes. */
export interface TrialOption {
  readonly indexes: readonly LabIndex[]
  readonly judgement: Extract<Judgement, { offer: true }>
  /** Whether hardly a row is read that is not returned: then a longer key finds nothing faster. */
  readonly isTight: boolean
  /** Whether of the rows read hardly any is returned. */
  readonly isWasteful: boolean
}

/** What the trial found of one statement. */
export interface TriedStatement {
  readonly prepared: PreparedStatement
  readonly options: readonly TrialOption[]
  /** Why other candidates are no options. */
  readonly told: readonly Extract<Judgement, { offer: false }>[]
}

/** A statement that was not tried. */
export interface Untried {
  readonly examined: ExaminedStatement
  readonly reason: RefusalReason
  readonly why: string
  readonly rewrite?: string
}

/** Copies the tables, builds every candidate, and times every statement with each candidate that the planner would use for it, alone and with others that it would use
 *  at once. What is of use to no statement is dropped again; the rest stands in the lab when this returns. */
export async function tryWorkload(
  input: TrialInput,
  lab: Lab,
  jobs: readonly Job[],
): Promise<{ tried: readonly TriedStatement[]; untried: readonly Untried[] }> {
  const untried: Untried[] = []
  const copied = await copyTables(input, lab, jobs)
  const prepared: PreparedStatement[] = []
  // Patterns of which nothing is known come last: by then the others have told how fast live calls are.
  const isUnknown = ({ candidates }: Job): number => Number(candidates.some(candidate => candidate.needsPrefix))
  for (const job of jobs.toSorted((a, b) => isUnknown(a) - isUnknown(b))) {
    const outcome = await prepare(input, lab, job, copied, prepared)
    if ('reason' in outcome) untried.push(outcome)
    else prepared.push(outcome)
  }
  const pace = paceOf(prepared)
  const trials = prepared.map(statement => new StatementTrial({ ...statement, liveMs: statement.examined.window.meanMs / pace }))
  const tables = tablesByTime(prepared, lab)
  const work = tables.map(({ oid }) =>
    prepared.reduce((sum, { candidates }) => sum + candidates.filter(candidate => candidate.table.oid === oid).length, 0),
  )
  for (const [at, facts] of tables.entries()) {
    const deadlineMs = turnEndMs(input.clock.monotonicMs(), input.deadlineMs, work.slice(at))
    await tryTable({ ...input, deadlineMs }, lab, facts, trials)
  }
  await tryTogether(input, lab, trials)
  const tried: TriedStatement[] = []
  for (const trial of trials) {
    if (trial.wasTried) tried.push(trial)
    else
      untried.push({
        examined: trial.prepared.examined,
        reason: 'not-tried',
        why: 'the time for trials was over; statements that take more time came first',
      })
  }
  return { tried, untried }
}

/** Rows read for each row returned, up to which a plan wastes none. */
const TIGHT_ROWS = 1.2

/** From here on it wastes many. */
const WASTEFUL_ROWS = 3

interface Judged extends Pick<TrialOption, 'isTight' | 'isWasteful'> {
  readonly judgement: Judgement
}

/** What the plans say of the rows read in vain. */
function wasteOf({ plans }: Runs): Pick<TrialOption, 'isTight' | 'isWasteful'> {
  const perRow = plans.map(plan => (plan === undefined ? Number.POSITIVE_INFINITY : rowsReadPerRow(plan.Plan))).sort((a, b) => a - b)
  return { isTight: perRow.every(rows => rows <= TIGHT_ROWS), isWasteful: (perRow[perRow.length >> 1] ?? 0) > WASTEFUL_ROWS }
}

/** Gathers what the clock says of one statement. */
class StatementTrial implements TriedStatement {
  readonly prepared: PreparedStatement
  readonly options: TrialOption[] = []
  readonly told: Extract<Judgement, { offer: false }>[] = []
  /** Indexes that the planner reads for it together with others. */
  readonly partners = new Set<LabIndex>()
  /** What was found of single indexes, by `candidateKey`. */
  readonly alone = new Map<string, Judged>()
  wasTried = false

  constructor(prepared: PreparedStatement) {
    this.prepared = prepared
  }

  note(indexes: readonly LabIndex[], { judgement, ...waste }: Judged): void {
    if (judgement.offer) this.options.push({ indexes, judgement, ...waste })
    else this.told.push(judgement)
  }
}

async function prepare(
  input: TrialInput,
  lab: Lab,
  { examined, candidates }: Job,
  copied: ReadonlyMap<number, string>,
  others: readonly PreparedStatement[],
): Promise<PreparedStatement | Untried> {
  const usable = candidates.filter(candidate => lab.tables.has(candidate.table.oid))
  if (usable.length === 0) {
    const why = candidates.map(candidate => copied.get(candidate.table.oid)).find(problem => problem !== undefined)
    return { examined, reason: 'trial-failed', why: why ?? 'its tables could not be copied' }
  }
  if (input.clock.monotonicMs() > input.deadlineMs)
    return { examined, reason: 'not-tried', why: 'the time for trials was over; statements that take more time came first' }
  try {
    const liveRatio = liveRatioOf(others, new Set(usable.map(candidate => candidate.table.oid)))
    const prepared = await prepareStatement(input.client, lab, examined, usable, input.catalog, input.random, liveRatio)
    if (prepared === undefined) {
      return { examined, reason: 'no-parameters', why: 'no values could be had for its parameters, or its text could not be turned into a SELECT' }
    }
    return prepared.candidates.length > 0 ? prepared : { examined, reason: 'no-index-serves', why: '', ...prepared.unserved }
  } catch (error) {
    // Without an SQLSTATE it is a lost connection or a fault of ours; neither is a verdict on the statement.
    if (sqlStateOf(error) === undefined) throw error
    return { examined, reason: 'trial-failed', why: `the trial failed: ${messageOf(error)}` }
  }
}

function tablesByTime(prepared: readonly PreparedStatement[], lab: Lab): TableFacts[] {
  const time = (oid: number): number =>
    prepared.reduce(
      (sum, { candidates, examined }) => sum + (candidates.some(candidate => candidate.table.oid === oid) ? examined.window.totalMs : 0),
      0,
    )
  return [...lab.tables.values()].map(({ facts }) => facts).sort((a, b) => time(b.oid) - time(a.oid))
}

async function tryTable(input: TrialInput, lab: Lab, table: TableFacts, trials: readonly StatementTrial[]): Promise<void> {
  const onTable = trials.filter(trial => trial.prepared.subject.tables.has(table.oid))
  const wanted = new Map<string, Candidate>()
  for (const candidate of byRank(onTable.map(({ prepared }) => prepared.candidates.filter(({ table: { oid } }) => oid === table.oid)))) {
    if (!wanted.has(candidateKey(candidate))) wanted.set(candidateKey(candidate), candidate)
  }
  input.onProgress(
    `trying ${wanted.size} indexes on ${table.schema}.${table.name} with ${onTable.length === 1 ? 'one statement' : `${onTable.length} statements`}`,
  )
  const built: LabIndex[] = []
  const startMs = input.clock.monotonicMs()
  const buildEndMs = startMs + (input.deadlineMs - startMs) / 2
  for (const candidate of wanted.values()) {
    // What is built and not tried is of no use.
    if (input.clock.monotonicMs() > buildEndMs) break
    const index = await build(lab, candidate)
    if (index !== undefined) built.push(index)
  }
  await findPartners(input, lab, onTable, built)
  for (const index of built) if (input.clock.monotonicMs() <= input.deadlineMs) await tryIndex(input, lab, index, onTable)
  if (input.clock.monotonicMs() <= input.deadlineMs) for (const trial of onTable) trial.wasTried = true
  const useful = new Set(onTable.flatMap(trial => [...trial.partners, ...trial.options.flatMap(option => option.indexes)]))
  await lab.drop(built.filter(index => !useful.has(index)))
}

async function build(lab: Lab, candidate: Candidate): Promise<LabIndex | undefined> {
  try {
    return await lab.build(candidate)
  } catch (error) {
    // A key too long, an operator class that does not fit, no time: this index cannot be, another may.
    if (sqlStateOf(error) === undefined) throw error
    return undefined
  }
}

/** Asks the planner which indexes it would read if all were there: an OR, or a join, may need several at once. */
async function findPartners(input: TrialInput, lab: Lab, trials: readonly StatementTrial[], built: readonly LabIndex[]): Promise<void> {
  if (built.length === 0) return
  const names = new Set(built.map(index => index.name))
  const found = await screenSubjects(
    input.client,
    lab,
    trials.map(trial => trial.prepared.subject),
    names,
  )
  for (const [at, sets] of found.entries()) {
    for (const used of sets) for (const name of used) trials[at]!.partners.add(lab.indexes.get(name)!)
  }
}

async function tryIndex(input: TrialInput, lab: Lab, index: LabIndex, trials: readonly StatementTrial[]): Promise<void> {
  const visible = new Set([index.name])
  const found = await screenSubjects(
    input.client,
    lab,
    trials.map(trial => trial.prepared.subject),
    visible,
  )
  for (const [at, sets] of found.entries()) {
    const trial = trials[at]!
    trial.wasTried = true
    if (!sets.some(used => used.has(index.name))) continue
    const whole = wholeOf(index.candidate)
    const known = whole && trial.alone.get(candidateKey(whole))
    if (known === undefined && (await isHopelessAlone(input, lab, trial.prepared, index))) {
      trial.told.push(HOPELESS_ALONE)
      continue
    }
    // To time the same entries once more would take time from others.
    const judged = known ?? (await judge(input, lab, trial.prepared, [index]))
    trial.alone.set(candidateKey(index.candidate), judged)
    trial.note([index], judged)
  }
}

/** Of a slow statement that reads its pages elsewhere, or of which no run came to an end, where the planner expects little of the index: to time it would take seconds and
 *  tell nothing. The index stays for what is tried with others. */
async function isHopelessAlone({ client }: TrialInput, lab: Lab, prepared: PreparedStatement, index: LabIndex): Promise<boolean> {
  const plans = prepared.before.plans.flatMap(plan => plan?.Plan ?? [])
  if (meanBefore(prepared) < SLOW_MS) return false
  if (plans.length > 0 && pageShareOf(plans, index.candidate.table.name) > LITTLE_SHARE) return false
  const cost = (visible: ReadonlySet<string>): Promise<number> => plannedCost(client, lab, prepared.subject, visible)
  return (await cost(new Set([index.name]))) > (await cost(new Set())) * (1 - LITTLE_SHARE)
}

/** Times the statements with those indexes at once that the planner would read at once. */
async function tryTogether(input: TrialInput, lab: Lab, trials: readonly StatementTrial[]): Promise<void> {
  const standing = new Set(lab.indexes.keys())
  for (const trial of trials) {
    if (input.clock.monotonicMs() > input.deadlineMs) return
    const tried = new Set<string>()
    for (const used of await plannedIndexes(input.client, lab, trial.prepared.subject, standing)) {
      const indexes = [...used].sort().map(name => lab.indexes.get(name)!)
      const key = indexes.map(index => index.name).join()
      if (indexes.length < 2 || tried.has(key)) continue
      tried.add(key)
      trial.note(indexes, await judge(input, lab, trial.prepared, indexes))
    }
  }
}

/** Times statements whose best indexes were not chosen with what was: in the place of each of those, an index of the chosen that begins with the same column may do.
 *  The planner did not say so, because it read the other one while both were there. What is found is added to the options. Returns whether anything was. */
export async function tryWithChosen(input: TrialInput, lab: Lab, tried: readonly TriedStatement[], chosen: readonly LabIndex[]): Promise<boolean> {
  let found = false
  let isTidy = false
  for (const trial of tried) {
    if (!(trial instanceof StatementTrial) || input.clock.monotonicMs() > input.deadlineMs) continue
    const [best] = trial.options.toSorted((a, b) => a.judgement.afterMs - b.judgement.afterMs)
    const more = (best?.indexes ?? []).filter(index => !chosen.some(other => other === index || beginsLike(other, index)))
    if (best === undefined || more.length === 0 || more.length === best.indexes.length) continue
    const visible = new Set([...chosen, ...more].map(index => index.name))
    const plans = await plannedIndexes(input.client, lab, trial.prepared.subject, visible)
    const used = plans.find(names => names.size > 1 && more.some(index => names.has(index.name)))
    if (used === undefined) continue
    if (!isTidy) await lab.tidy()
    isTidy = true
    const indexes = [...used].sort().map(name => lab.indexes.get(name)!)
    const judged = await judge(input, lab, trial.prepared, indexes)
    trial.note(indexes, judged)
    found ||= judged.judgement.offer
  }
  return found
}

function beginsLike(a: LabIndex, b: LabIndex): boolean {
  const [first, other] = [a.candidate.keys[0], b.candidate.keys[0]]
  return a.candidate.table === b.candidate.table && (first?.expression ?? first?.name) === (other?.expression ?? other?.name)
}

async function judge({ client }: TrialInput, lab: Lab, prepared: PreparedStatement, indexes: readonly LabIndex[]): Promise<Judged> {
  const names = new Set(indexes.map(index => index.name))
  const timing = { fewest: FEWEST_AFTER, hopeMs: meanBefore(prepared) }
  const after = await timeStatement(client, lab, prepared.subject, names, timing)
  const judgement = judgeRuns(prepared, after, indexes)
  const waste = wasteOf(after)
  if (judgement.offer || judgement.reason !== 'regresses') return { judgement, ...waste }
  // A veto may be a slow moment of the machine; a true one comes again, beside the time without the index.
  const before = await timeStatement(client, lab, prepared.subject, new Set(), { fewest: FEWEST_BEFORE })
  return { judgement: judgeRuns({ ...prepared, before }, await timeStatement(client, lab, prepared.subject, names, timing), indexes), ...waste }
}

/** The judgement of a statement's runs with these indexes. */
export function judgeRuns(prepared: PreparedStatement, after: Runs, indexes: readonly LabIndex[]): Judgement {
  const used = indexes.every(index => after.plans.some(plan => plan !== undefined && usesIndex(plan.Plan, index.name)))
  return judgeTrial({ pairs: pairsOf(prepared, after), used })
}
