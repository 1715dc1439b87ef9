import { type AdvisorClient, readRows, sqlStateOf } from './client.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import type { Lab, LabIndex } from './lab.ts'
import { type ParameterSet, TRIED_SETS } from './parameters.ts'
import { type ExplainedPlan, usesIndex } from './plan.ts'
import { type ExplainMeasures, type ExplainRow, explainAnalyze, explainOnly } from './sql/explain.sql.ts'
import { SET_STATEMENT_LIMIT } from './sql/lab-session.sql.ts'
import { writeProbe } from './sql/write-probe.sql.ts'

/** Longest that one run of a statement may take on trial; a longer one counts as this long. */
export const TRIAL_RUN_LIMIT_MS = 5000

/** Time that the runs of one statement with one set of indexes aim to stay within. */
const TRIAL_BUDGET_MS = 400

const MAX_ROUNDS = 6
const WRITE_PROBE_ROWS = 1000

/** Sets of parameters with which the planner is asked before the clock is. */
const SCREENED_SETS = 4

/** From here on a run is slow: what an index would save of it shows in a single run, ms. */
export const SLOW_MS = 100

/** Below this a run is so short that starting and ending the executor takes a part of it that tells, ms. */
const SHORT_MS = 0.3

/** From here on the first run needs no repetition because the caches were cold, ms. */
const WARM_MS = 20

/** Sets after which a candidate without any effect is given up. */
const HOPE_SETS = 2

/** Sets of a statement whose first run was cut off. */
const FEWEST_CUT = 2

/** Share of the time before above which a run shows no effect. */
const HOPE_SHARE = 0.8

/** A statement ready to be run in the lab. */
export interface Subject {
  readonly text: string
  readonly sets: readonly ParameterSet[]
  /** Oids of the copied tables that it reads. */
  readonly tables: ReadonlySet<number>
}

/** One statement, timed with one set of indexes visible. Lists run parallel to the subject's parameter sets, and may be shorter. */
export interface Runs {
  /** Best of the rounds: what is above it is the machine's other work. */
  readonly ms: readonly number[]
  /** Median of the rounds: what a call takes. */
  readonly usualMs: readonly number[]
  /** Rows that the statement returned. */
  readonly rows: readonly number[]
  /** Absent where the run took too long. */
  readonly plans: readonly (ExplainedPlan | undefined)[]
  readonly rounds: number
}

/** How a statement is timed. */
export interface Timing {
  /** A slow statement is run with at least so many sets. */
  readonly fewest: number
  /** Runs the sets beyond the first as well, where they are done in no time. Default: not. */
  readonly all?: boolean
  /** Time without the candidates: what is no faster with the first two sets is not run with the others. */
  readonly hopeMs?: number
}

/** Times a statement with only the `visible` ones of the lab's candidates. The runs happen in a read-only transaction in which the others are dropped, and which is
 *  rolled back. */
export function timeStatement(client: AdvisorClient, lab: Lab, subject: Subject, visible: ReadonlySet<string>, timing: Timing): Promise<Runs> {
  return withVisible(client, lab, subject.tables, visible, async () => {
    const [first] = subject.sets
    const warm = await runOnce(client, subject.text, first!, { withBuffers: true, withTiming: false, serializes: lab.serializes })
    const isShort = warm.ms < SHORT_MS
    const plan = planRounds(warm.ms, setCountFor(subject, warm.ms, timing), fewestFor(warm, timing))
    const sets = subject.sets.slice(0, plan.setCount)
    const times: number[][] = sets.map(() => [])
    const shown: Run[] = []
    for (let round = 0; round < plan.rounds; round += 1) {
      for (const [at, set] of sets.entries()) {
        if (at === HOPE_SETS && round === 0 && isHopeless(shown, timing.hopeMs)) return runsOf(times.slice(0, at), shown, 1)
        // What already took long is not run again to be told from milliseconds.
        const measures = { withBuffers: round === 0, withTiming: isShort, serializes: lab.serializes }
        const run = at === 0 && round === 0 && warm.ms >= WARM_MS ? warm : await runOnce(client, subject.text, set, measures)
        times[at]!.push(run.ms)
        if (round === 0) shown.push(run)
      }
    }
    return runsOf(times, shown, plan.rounds)
  })
}

/** Rows that the statement returns with each set of parameters, without any candidate; of the first sets only, where all take longer than it may. */
export function countRows(client: AdvisorClient, lab: Lab, subject: Subject): Promise<readonly number[]> {
  return withVisible(client, lab, subject.tables, new Set(), async () => {
    const rows: number[] = []
    let spentMs = 0
    for (const set of subject.sets) {
      if (spentMs > TRIAL_BUDGET_MS) break
      const run = await runOnce(client, subject.text, set, { withBuffers: false, withTiming: false, serializes: false })
      spentMs += run.ms
      rows.push(run.rows)
    }
    return rows
  })
}

/** Names of the `visible` candidates that the planner would read for some set of parameters. Runs nothing. */
export function plannedIndexes(client: AdvisorClient, lab: Lab, subject: Subject, visible: ReadonlySet<string>): Promise<ReadonlySet<string>[]> {
  return withVisible(client, lab, subject.tables, visible, () => plansOf(client, subject, visible))
}

/** What the planner expects the statement to cost, on average over some sets of parameters. Runs nothing. */
export function plannedCost(client: AdvisorClient, lab: Lab, { text, sets, tables }: Subject, visible: ReadonlySet<string>): Promise<number> {
  return withVisible(client, lab, tables, visible, async () => {
    let sum = 0
    const screened = sets.slice(0, SCREENED_SETS)
    for (const set of screened) {
      const [row] = await readRows<ExplainRow>(client, explainOnly(text), [...set.values])
      sum += row?.['QUERY PLAN'][0]?.Plan['Total Cost'] ?? 0
    }
    return sum / screened.length
  })
}

/** As `plannedIndexes`, of several statements at once. */
export function screenSubjects(
  client: AdvisorClient,
  lab: Lab,
  subjects: readonly Subject[],
  visible: ReadonlySet<string>,
): Promise<readonly ReadonlySet<string>[][]> {
  const tables = new Set(subjects.flatMap(subject => [...subject.tables]))
  return withVisible(client, lab, tables, visible, async () => {
    const found: ReadonlySet<string>[][] = []
    for (const subject of subjects) found.push(await plansOf(client, subject, visible))
    return found
  })
}

/** Time of one written row on the copy, with all its indexes, and what `index` adds to it; ms. The copy is unlogged: the WAL is not in it. */
export async function probeWrites(client: AdvisorClient, lab: Lab, index: LabIndex): Promise<{ readonly rowMs: number; readonly indexMs: number }> {
  const { table } = index.candidate
  const [column] = table.columns.keys()
  const times = { with: Number.POSITIVE_INFINITY, without: Number.POSITIVE_INFINITY }
  const tables = new Set([table.oid])
  for (let round = 0; round < 3; round += 1) {
    for (const variant of ['without', 'with'] as const) {
      const visible = new Set(variant === 'with' ? [index.name] : [])
      const spent = await withVisible(client, lab, tables, visible, () => probeOnce(client, lab.schema, table.name, column ?? ''), true)
      times[variant] = Math.min(times[variant], spent)
    }
  }
  const rowCount = Math.min(WRITE_PROBE_ROWS, Math.max(1, table.rowCount))
  return { rowMs: times.with / rowCount, indexMs: Math.max(0, times.with - times.without) / rowCount }
}

/** How often to run how many sets, given the time of one run. */
export function planRounds(runMs: number, setCount: number, fewest = 2): { readonly rounds: number; readonly setCount: number } {
  // A statement of a second or more is told from one of milliseconds by any single run.
  const most = runMs >= 1000 ? Math.max(2, fewest) : runMs >= SLOW_MS ? Math.max(3, fewest) : setCount
  const sets = Math.min(most, setCount)
  const rounds = Math.floor(TRIAL_BUDGET_MS / Math.max(0.1, runMs * sets))
  return { rounds: Math.max(1, Math.min(MAX_ROUNDS, rounds)), setCount: sets }
}

function setCountFor({ sets }: Subject, runMs: number, { all = false }: Timing): number {
  const isDrawn = sets.some(set => set.kind !== 'observed')
  const isAffordable = runMs * sets.length <= TRIAL_BUDGET_MS
  return isDrawn && !(all && isAffordable) ? Math.min(TRIED_SETS, sets.length) : sets.length
}

/** What was cut off at the limit is hardly told better by more of the same. */
function fewestFor({ plan }: Run, { fewest }: Timing): number {
  return plan === undefined ? Math.min(FEWEST_CUT, fewest) : fewest
}

interface Run {
  readonly ms: number
  readonly rows: number
  readonly plan: ExplainedPlan | undefined
}

function runsOf(times: readonly number[][], shown: readonly Run[], rounds: number): Runs {
  return {
    ms: times.map(runs => Math.min(...runs)),
    usualMs: times.map(medianOf),
    rows: shown.map(run => run.rows),
    plans: shown.map(run => run.plan),
    rounds,
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[(sorted.length - 1) >> 1] ?? 0
}

function isHopeless(runs: readonly Run[], hopeMs: number | undefined): boolean {
  return hopeMs !== undefined && runs.every(run => run.ms > hopeMs * HOPE_SHARE)
}

/** Runs `work` in a transaction in which the candidates on `tables` that are not `visible` are gone; nothing of it stays. */
async function withVisible<T>(
  client: AdvisorClient,
  lab: Lab,
  tables: ReadonlySet<number>,
  visible: ReadonlySet<string>,
  work: () => Promise<T>,
  mayWrite = false,
): Promise<T> {
  await client.query(SET_STATEMENT_LIMIT, [String(TRIAL_RUN_LIMIT_MS)])
  await client.query('BEGIN')
  try {
    const hidden = [...lab.indexes.values()].filter(index => tables.has(index.candidate.table.oid) && !visible.has(index.name))
    if (hidden.length > 0) await client.query(`DROP INDEX ${hidden.map(index => quoteQualified(lab.schema, index.name)).join(', ')}`)
    if (!mayWrite) await client.query('SET TRANSACTION READ ONLY')
    return await work()
  } finally {
    await client.query('ROLLBACK')
  }
}

async function plansOf(client: AdvisorClient, { text, sets }: Subject, visible: ReadonlySet<string>): Promise<ReadonlySet<string>[]> {
  const found: ReadonlySet<string>[] = []
  for (const set of sets.slice(0, SCREENED_SETS)) {
    const [row] = await readRows<ExplainRow>(client, explainOnly(text), [...set.values])
    const plan = row?.['QUERY PLAN'][0]
    found.push(new Set(plan === undefined ? [] : [...visible].filter(name => usesIndex(plan.Plan, name))))
  }
  return found
}

async function probeOnce(client: AdvisorClient, schema: string, table: string, column: string): Promise<number> {
  const [row] = await readRows<ExplainRow>(client, writeProbe(schema, table, column, WRITE_PROBE_ROWS))
  return row?.['QUERY PLAN'][0]?.['Execution Time'] ?? 0
}

/** The time from start to end of the executor. pg_stat_statements counts its middle part only, which of a short run may be a third of it; of that, the geometric mean of
 *  the two, which then is as near to one as to the other.
 *  @source PostgreSQL 18, ExecutorRun and ExecutorFinish in pg_stat_statements.c, ExplainOnePlan in explain.c */
function runTimeOf(plan: ExplainedPlan | undefined): number {
  const wholeMs = plan?.['Execution Time'] ?? 0
  const rootMs = plan?.Plan['Actual Total Time']
  if (rootMs === undefined || wholeMs >= SHORT_MS) return wholeMs
  return Math.sqrt(wholeMs * (rootMs + (plan?.Serialization?.Time ?? 0)))
}

/** Buffers are counted once only: counting takes time, too. */
async function runOnce(client: AdvisorClient, text: string, set: ParameterSet, measures: ExplainMeasures): Promise<Run> {
  await client.query(`SAVEPOINT ${quoteIdent('run')}`)
  try {
    const [row] = await readRows<ExplainRow>(client, explainAnalyze(text, measures), [...set.values])
    const plan = row?.['QUERY PLAN'][0]
    return { ms: runTimeOf(plan), rows: plan?.Plan['Actual Rows'] ?? 0, plan }
  } catch (error) {
    // 57014 query_canceled: the statement took longer than a run may. That is a measurement, too.
    if (sqlStateOf(error) !== '57014') throw error
    await client.query(`ROLLBACK TO SAVEPOINT ${quoteIdent('run')}`)
    return { ms: TRIAL_RUN_LIMIT_MS, rows: 0, plan: undefined }
  }
}
