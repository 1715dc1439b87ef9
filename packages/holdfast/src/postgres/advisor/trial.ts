import type { Clock } from '../../core/index.ts'
import { type AdvisorClient, readRows, sqlStateOf } from './client.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import type { TrialResult } from './judge.ts'
import type { Lab } from './lab.ts'
import type { ParameterSet } from './parameters.ts'
import { type ExplainedPlan, usesIndex } from './plan.ts'
import { type ExplainRow, explainAnalyze } from './sql/explain.sql.ts'
import { writeProbe } from './sql/write-probe.sql.ts'

/** Longest that one run of a statement may take on trial; a longer one counts as this long. */
export const TRIAL_RUN_LIMIT_MS = 5000

/** Time that the runs of one statement aim to stay within. */
const TRIAL_BUDGET_MS = 500

const MAX_ROUNDS = 5
const WRITE_PROBE_ROWS = 500

/** Results by candidate's index name, and the plans of the first set. */
export interface StatementTrial {
  readonly results: ReadonlyMap<string, TrialResult>
  readonly planBefore: ExplainedPlan | undefined
  readonly plansAfter: ReadonlyMap<string, ExplainedPlan>
  readonly tookMs: number
  readonly runs: number
}

interface Run {
  readonly ms: number
  readonly plan: ExplainedPlan | undefined
}

/** Times a statement with each of the lab's `indexes` alone and with none. Runs of all variants alternate, so that other load on the machine falls on all
 *  alike; of each set the best run counts. Every variant runs in a read-only transaction in which the other indexes are dropped, and which is rolled back. */
export async function tryStatement(
  client: AdvisorClient,
  lab: Lab,
  text: string,
  sets: readonly ParameterSet[],
  indexes: readonly string[],
  clock: Clock,
): Promise<StatementTrial> {
  const startedMs = clock.monotonicMs()
  await client.query("SELECT /* holdfast */ set_config('statement_timeout', $1, false)", [String(TRIAL_RUN_LIMIT_MS)])
  const [warm] = await runVariant(client, lab, text, sets.slice(0, 1), indexes, undefined)
  const plan = planRounds(warm?.ms ?? 0, sets.length)
  const used = sets.slice(0, plan.setCount)
  const variants: (string | undefined)[] = [undefined, ...indexes]
  const best = new Map<string | undefined, Run[]>()
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const at of variants.keys()) {
      const variant = variants[(at + round) % variants.length]
      const runs = await runVariant(client, lab, text, used, indexes, variant)
      const known = best.get(variant)
      best.set(variant, known === undefined ? runs : runs.map((run, set) => (run.ms < known[set]!.ms ? run : known[set]!)))
    }
  }
  const before = best.get(undefined) ?? []
  const results = new Map<string, TrialResult>()
  const plansAfter = new Map<string, ExplainedPlan>()
  for (const name of indexes) {
    const after = best.get(name) ?? []
    const pairs = used.map((set, at) => ({ kind: set.kind, beforeMs: before[at]!.ms, afterMs: after[at]!.ms }))
    results.set(name, { pairs, used: after.some(run => run.plan !== undefined && usesIndex(run.plan.Plan, name)), rounds: plan.rounds })
    const shown = after.find(run => run.plan !== undefined && usesIndex(run.plan.Plan, name))?.plan
    if (shown !== undefined) plansAfter.set(name, shown)
  }
  const planBefore = before.find(run => run.plan !== undefined)?.plan
  return { results, planBefore, plansAfter, tookMs: clock.monotonicMs() - startedMs, runs: used.length * plan.rounds }
}

/** Time of one written row on the copy, with all its indexes, and what `index` adds to it; ms. The copy is unlogged: the WAL is not in it. */
export async function probeWrites(
  client: AdvisorClient,
  lab: Lab,
  indexes: readonly string[],
  index: string,
): Promise<{ readonly rowMs: number; readonly indexMs: number }> {
  const [column] = lab.table.columns.keys()
  const times = { with: Number.POSITIVE_INFINITY, without: Number.POSITIVE_INFINITY }
  for (let round = 0; round < 3; round += 1) {
    for (const variant of ['without', 'with'] as const) {
      await client.query('BEGIN')
      try {
        await dropOthers(client, lab, indexes, variant === 'with' ? index : undefined)
        const [row] = await readRows<ExplainRow>(client, writeProbe(lab.schema, lab.table.name, column ?? '', WRITE_PROBE_ROWS))
        times[variant] = Math.min(times[variant], row?.['QUERY PLAN'][0]?.['Execution Time'] ?? 0)
      } finally {
        await client.query('ROLLBACK')
      }
    }
  }
  const rowCount = Math.min(WRITE_PROBE_ROWS, Math.max(1, lab.table.rowCount))
  return { rowMs: times.with / rowCount, indexMs: Math.max(0, times.with - times.without) / rowCount }
}

/** How often to run how many sets, given the time of one run. */
export function planRounds(runMs: number, setCount: number): { readonly rounds: number; readonly setCount: number } {
  // A statement of a second or more is told from one of milliseconds by any single run.
  const sets = runMs >= 1000 ? Math.min(2, setCount) : runMs >= 250 ? Math.min(3, setCount) : setCount
  const rounds = Math.floor(TRIAL_BUDGET_MS / Math.max(0.1, runMs * sets))
  return { rounds: Math.max(1, Math.min(MAX_ROUNDS, rounds)), setCount: sets }
}

async function runVariant(
  client: AdvisorClient,
  lab: Lab,
  text: string,
  sets: readonly ParameterSet[],
  indexes: readonly string[],
  visible: string | undefined,
): Promise<Run[]> {
  await client.query('BEGIN')
  try {
    await dropOthers(client, lab, indexes, visible)
    await client.query('SET TRANSACTION READ ONLY')
    const runs: Run[] = []
    for (const set of sets) runs.push(await runOnce(client, text, set))
    return runs
  } finally {
    await client.query('ROLLBACK')
  }
}

async function dropOthers(client: AdvisorClient, lab: Lab, indexes: readonly string[], visible: string | undefined): Promise<void> {
  const hidden = indexes.filter(name => name !== visible).map(name => quoteQualified(lab.schema, name))
  if (hidden.length > 0) await client.query(`DROP INDEX ${hidden.join(', ')}`)
}

async function runOnce(client: AdvisorClient, text: string, set: ParameterSet): Promise<Run> {
  await client.query(`SAVEPOINT ${quoteIdent('run')}`)
  try {
    const [row] = await readRows<ExplainRow>(client, explainAnalyze(text), [...set.values])
    const plan = row?.['QUERY PLAN'][0]
    return { ms: plan?.['Execution Time'] ?? 0, plan }
  } catch (error) {
    // 57014 query_canceled: the statement took longer than a run may. That is a measurement, too.
    if (sqlStateOf(error) !== '57014') throw error
    await client.query(`ROLLBACK TO SAVEPOINT ${quoteIdent('run')}`)
    return { ms: TRIAL_RUN_LIMIT_MS, plan: undefined }
  }
}
