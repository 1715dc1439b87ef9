import type { PredictedRange } from '../../core/index.ts'
import { SAME_MS, SAME_RATIO } from './choose-set.ts'
import { type Judgement, judgeHarm, type TrialMeans } from './judge.ts'
import type { Lab, LabIndex } from './lab.ts'
import { usesIndex } from './plan.ts'
import { claimOf, pairsOf } from './subjects.ts'
import { extendsIndex } from './superseded.ts'
import { type Runs, timeStatement } from './trial.ts'
import type { TrialInput, TriedStatement } from './try-workload.ts'

/** Sets run with the whole set, even where each run takes long. */
const FEWEST_SETS = 6

/** Rounds of taking away what does harm. */
const MOST_ROUNDS = 4

/** A statement that takes a larger share of its time than this reads an index without being served by it: a plan may read one in passing, and what is saved, the small
 *  difference of two times, could be twice what is said of it, or nothing. */
const SERVED_RATIO = 0.65

/** A statement timed with the whole chosen set in place. */
export interface ConfirmedStatement {
  readonly tried: TriedStatement
  readonly after: Runs
  readonly means: TrialMeans
  /** Where `means.ratio` lies. */
  readonly range: PredictedRange
  /** Names of the indexes that stood on its tables. */
  readonly standing: ReadonlySet<string>
  /** Whether the set takes enough off it to say that it serves it. */
  readonly isServed: boolean
  /** Chosen indexes that it reads with some parameters, with the share of the calls that read it; shares sum to 1. */
  readonly used: ReadonlyMap<LabIndex, number>
}

/** The set that is left, what the statements take with it, and why an index was taken out again. */
export interface ConfirmedSet {
  readonly indexes: readonly LabIndex[]
  readonly statements: readonly ConfirmedStatement[]
  readonly removed: readonly { readonly index: LabIndex; readonly judgement: Extract<Judgement, { offer: false }> }[]
}

/** Times every statement with the whole set in place, because indexes that each help alone may mislead the planner together. What makes a statement slower is taken out, and
 *  `chooseWithout` asked for the best set without it, so that those whom it served get what serves them next best; what no statement reads is taken out, and what a longer one serves as well. What is changed
 *  is timed again. */
export async function confirmSet(
  input: TrialInput,
  lab: Lab,
  tried: readonly TriedStatement[],
  chosen: readonly LabIndex[],
  chooseWithout: (excluded: ReadonlySet<LabIndex>) => readonly LabIndex[],
): Promise<ConfirmedSet> {
  const removed: { index: LabIndex; judgement: Extract<Judgement, { offer: false }> }[] = []
  let indexes = chosen
  let statements: readonly ConfirmedStatement[] = []
  await lab.tidy()
  for (let round = 0; ; round += 1) {
    statements = await timeAll(input, lab, tried, indexes, statements)
    const mayChange = round < MOST_ROUNDS && input.clock.monotonicMs() <= input.checkDeadlineMs
    const harmful = mayChange ? await findHarm(input, lab, statements, indexes) : undefined
    const idle = indexes.filter(index => !statements.some(({ isServed, used }) => isServed && used.has(index)))
    const spare = harmful === undefined && idle.length === 0 && mayChange ? await findSpare(input, lab, statements, indexes) : undefined
    if (harmful === undefined && idle.length === 0 && spare === undefined) return { indexes, statements, removed }
    const unused = {
      offer: false,
      reason: 'not-used',
      why: 'with the other indexes in place it is not used, or takes nothing off any statement',
    } as const
    if (spare !== undefined) {
      removed.push({ index: spare, judgement: SPARE })
      indexes = indexes.filter(index => index !== spare)
    } else if (harmful === undefined) {
      removed.push(...idle.map(index => ({ index, judgement: unused })))
      indexes = indexes.filter(index => !idle.includes(index))
    } else {
      removed.push(harmful)
      indexes = chooseWithout(new Set(removed.map(({ index }) => index)))
    }
  }
}

/** What is known of `before` holds for the statements on whose tables nothing has changed. */
async function timeAll(
  input: TrialInput,
  lab: Lab,
  tried: readonly TriedStatement[],
  indexes: readonly LabIndex[],
  before: readonly ConfirmedStatement[],
): Promise<ConfirmedStatement[]> {
  const statements: ConfirmedStatement[] = []
  for (const statement of tried) {
    const { prepared } = statement
    const standing = indexes.filter(index => prepared.subject.tables.has(index.candidate.table.oid))
    if (standing.length === 0) continue
    const names = new Set(standing.map(index => index.name))
    const known = before.find(
      ({ tried: other, standing: then }) => other === statement && names.size === then.size && [...names].every(name => then.has(name)),
    )
    statements.push(known ?? (await timeOne(input, lab, statement, names, indexes)))
  }
  return statements
}

async function timeOne(
  input: TrialInput,
  lab: Lab,
  tried: TriedStatement,
  standing: ReadonlySet<string>,
  indexes: readonly LabIndex[],
): Promise<ConfirmedStatement> {
  const { prepared } = tried
  const after = await timeStatement(input.client, lab, prepared.subject, standing, { fewest: FEWEST_SETS, all: true })
  const pairs = pairsOf(prepared, after)
  const { means, range } = claimOf(prepared, after)
  return { tried, after, means, range, standing, isServed: means.ratio <= SERVED_RATIO, used: usedIndexes(pairs, after, indexes) }
}

/** The index of least use among those that a slower statement reads; the slowness is measured twice, the second time beside the statement without indexes. */
async function findHarm(
  input: TrialInput,
  lab: Lab,
  statements: readonly ConfirmedStatement[],
  indexes: readonly LabIndex[],
): Promise<ConfirmedSet['removed'][number] | undefined> {
  for (const { tried, after, used } of statements) {
    if (used.size === 0 || judgeHarm(pairsOf(tried.prepared, after)) === undefined) continue
    const { subject } = tried.prepared
    const before = await timeStatement(input.client, lab, subject, new Set(), { fewest: FEWEST_SETS })
    const again = await timeStatement(input.client, lab, subject, new Set(indexes.map(index => index.name)), { fewest: FEWEST_SETS })
    const judgement = judgeHarm(pairsOf({ ...tried.prepared, before }, again))
    if (judgement === undefined) continue
    const [index] = [...used.keys()].sort((a, b) => savedWith(a, statements) - savedWith(b, statements))
    return { index: index!, judgement }
  }
  return undefined
}

/** An index with whose columns another one begins that serves its statements as well: the choice took both because each was the best of some statement by a hair. */
async function findSpare(
  input: TrialInput,
  lab: Lab,
  statements: readonly ConfirmedStatement[],
  indexes: readonly LabIndex[],
): Promise<LabIndex | undefined> {
  for (const index of indexes) {
    if (!indexes.some(other => extendsIndex(other.candidate, index.candidate))) continue
    const others = new Set(indexes.filter(other => other !== index).map(other => other.name))
    let isSpare = true
    for (const { tried, means, used } of statements) {
      if (!isSpare || !used.has(index)) continue
      const { prepared } = tried
      const without = await timeStatement(input.client, lab, prepared.subject, others, { fewest: FEWEST_SETS, all: true })
      isSpare = claimOf(prepared, without).means.afterMs <= means.afterMs * SAME_RATIO + SAME_MS
    }
    if (isSpare) return index
  }
  return undefined
}

const SPARE = { offer: false, reason: 'not-used', why: 'another index of the set begins with its columns and serves as well' } as const

function savedWith(index: LabIndex, statements: readonly ConfirmedStatement[]): number {
  const served = statements.filter(statement => statement.used.has(index))
  return served.reduce((sum, { tried, means, used }) => sum + tried.prepared.examined.window.totalMs * (1 - means.ratio) * used.get(index)!, 0)
}

/** The indexes that the plans read, each with its part: a plan counts as much as its parameters do, and is shared by the indexes that it reads. */
function usedIndexes(pairs: ReturnType<typeof pairsOf>, { plans }: Runs, indexes: readonly LabIndex[]): ReadonlyMap<LabIndex, number> {
  const parts = new Map<LabIndex, number>()
  let sum = 0
  for (const [at, plan] of plans.entries()) {
    const read = plan === undefined ? [] : indexes.filter(index => usesIndex(plan.Plan, index.name))
    // Never nothing: an index read for a seldom set is in use.
    const weight = Math.max(1e-6, pairs[at]!.weight)
    for (const index of read) parts.set(index, (parts.get(index) ?? 0) + weight / read.length)
    if (read.length > 0) sum += weight
  }
  return new Map([...parts].map(([index, part]) => [index, part / sum]))
}
