import { asLive, type Judgement, judgeTrial, meansOf, NOISE_MS, type TrialMeans, VETO_RATIO } from './judge.ts'
import type { Lab, LabIndex } from './lab.ts'
import { usesIndex } from './plan.ts'
import { paceOf, pairsOf, usualPairsOf } from './subjects.ts'
import { type Runs, timeStatement } from './trial.ts'
import type { TrialInput, TriedStatement } from './try-workload.ts'

/** Sets run with the whole set, even where each run takes long. */
const FEWEST_SETS = 6

/** Rounds of taking away what does harm. */
const MOST_ROUNDS = 4

/** A statement that takes a larger share of its time than this reads an index without being served by it: a plan may read one in passing. */
const SERVED_RATIO = 0.8

/** A statement timed with the whole chosen set in place. */
export interface ConfirmedStatement {
  readonly tried: TriedStatement
  readonly after: Runs
  readonly means: TrialMeans
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

/** Times every statement with the whole set in place, because indexes that each help alone may mislead the planner together. What no statement reads, and what makes a
 *  statement slower, is taken out, and the rest timed again. Leaves only the set in the lab. */
export async function confirmSet(input: TrialInput, lab: Lab, tried: readonly TriedStatement[], chosen: readonly LabIndex[]): Promise<ConfirmedSet> {
  const removed: { index: LabIndex; judgement: Extract<Judgement, { offer: false }> }[] = []
  let indexes = chosen
  await lab.drop([...lab.indexes.values()].filter(index => !indexes.includes(index)))
  await lab.tidy()
  for (let round = 0; ; round += 1) {
    const statements = await timeAll(input, lab, tried, indexes)
    const harmful = round < MOST_ROUNDS ? await findHarm(input, lab, statements) : undefined
    const idle = indexes.filter(index => !statements.some(({ isServed, used }) => isServed && used.has(index)))
    if (harmful === undefined && idle.length === 0) return { indexes, statements, removed }
    const unused = {
      offer: false,
      reason: 'not-used',
      why: 'with the other indexes in place it is not used, or takes nothing off any statement',
    } as const
    const out = harmful === undefined ? idle.map(index => ({ index, judgement: unused })) : [harmful]
    removed.push(...out)
    indexes = indexes.filter(index => !out.some(other => other.index === index))
    await lab.drop(out.map(({ index }) => index))
  }
}

async function timeAll(input: TrialInput, lab: Lab, tried: readonly TriedStatement[], indexes: readonly LabIndex[]): Promise<ConfirmedStatement[]> {
  const names = new Set(indexes.map(index => index.name))
  const pace = paceOf(tried.map(({ prepared }) => prepared))
  const statements: ConfirmedStatement[] = []
  for (const statement of tried) {
    const { prepared } = statement
    if (!indexes.some(index => prepared.subject.tables.has(index.candidate.table.oid))) continue
    const after = await timeStatement(input.client, lab, prepared.subject, names, { fewest: FEWEST_SETS, all: true })
    const pairs = pairsOf(prepared, after)
    const means = asLive(meansOf(usualPairsOf(prepared, after)), prepared.examined.window.meanMs / pace)
    statements.push({ tried: statement, after, means, isServed: means.ratio <= SERVED_RATIO, used: usedIndexes(pairs, after, indexes) })
  }
  return statements
}

/** The index of least use among those that a slower statement reads; the slowness is measured twice, the second time beside the statement without indexes. */
async function findHarm(
  input: TrialInput,
  lab: Lab,
  statements: readonly ConfirmedStatement[],
): Promise<ConfirmedSet['removed'][number] | undefined> {
  for (const { tried, after, means, used } of statements) {
    if (used.size === 0 || !isSlower(pairsOf(tried.prepared, after), means)) continue
    const { subject } = tried.prepared
    const before = await timeStatement(input.client, lab, subject, new Set(), { fewest: FEWEST_SETS })
    const again = await timeStatement(input.client, lab, subject, new Set(lab.indexes.keys()), { fewest: FEWEST_SETS })
    const judgement = judgeTrial({ pairs: pairsOf({ ...tried.prepared, before }, again), used: true })
    if (judgement.offer || judgement.reason !== 'regresses') continue
    const [index] = [...used.keys()].sort((a, b) => savedWith(a, statements) - savedWith(b, statements))
    return { index: index!, judgement }
  }
  return undefined
}

function isSlower(pairs: ReturnType<typeof pairsOf>, means: TrialMeans): boolean {
  if (means.afterMs > means.beforeMs * VETO_RATIO + NOISE_MS) return true
  const judgement = judgeTrial({ pairs, used: true })
  return !judgement.offer && judgement.reason === 'regresses'
}

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
