import type { Finding } from '../../core/index.ts'
import { delay } from '../../core/index.ts'
import type { Candidate } from './candidates.ts'
import { type Catalog, readCatalog } from './catalog.ts'
import type { SeenBinds } from './examined.ts'
import { figuresOf, statementsOnTable } from './figures.ts'
import { causeOf, exactCauseOf, indexNameFor } from './index-definition.ts'
import { sweepLabs } from './lab.ts'
import { idForCause, type Ledger, type LedgerEntry } from './ledger.ts'
import { findingOf, foundAgain } from './missing-index-finding.ts'
import { parseWorkload, tablesNamed } from './parse-workload.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import { readWorkload, type Surroundings } from './read-workload.ts'
import type { Refusal } from './refusal.ts'
import { ruleMatches } from './rule-glob.ts'
import { bySeverityThenTime } from './rule-order.ts'
import { type FoundIndex, findMissingIndexes } from './rules/missing-index.ts'
import type { RuleUnknown } from './rules/rule.ts'
import { type RulesContext, runRules } from './run-rules.ts'
import { selectStatements, type UnexaminedStatement } from './select-statements.ts'
import { type ServedReport, servedStatements } from './served-statements.ts'
import { SET_LIMITS } from './sql/session-facts.sql.ts'
import { type WorkloadMark, type WorkloadWindow, windowBetween } from './workload.ts'
import { accountWrites, type WorkloadStatement } from './write-account.ts'

/** Longest wait for any lock, ms. */
const LOCK_LIMIT_MS = 1000

/** Fewer sets say less than values drawn from rows do. */
const FEWEST_SEEN = 4

/** What to look at. */
export interface AdviseOptions {
  /** Take the workload since this mark. Absent with `windowMs` absent: since pg_stat_statements was last reset. */
  readonly since?: WorkloadMark
  /** Watch for this long and take the workload of that time. Ignored with `since`. */
  readonly windowMs?: number
  /** Statements with fewer calls in the window are not examined. Default 1: a statement of ten seconds counts as much when it runs once as one of a second that
   *  runs ten times. */
  readonly minCalls?: number
  /** Most statements examined, those with most time first. Default 100. */
  readonly limit?: number
  /** Only rules whose name matches, `*` standing for anything: `'pg/unused-index'`, `'*-index'`. Default: all. */
  readonly rules?: string
  /** Sets of parameters that statements were seen with, by queryId as text; `values[0]` is `$1` of the text in pg_stat_statements, and an array where that is a list. They are used instead of values
   *  drawn from rows, stay in memory, and are shown nowhere. Absent, or without an entry: drawn from rows. */
  readonly binds?: ReadonlyMap<string, readonly (readonly unknown[])[]>
  /** Ends the run in the server and drops the copies that it made; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/** What the advisor found, and what it looked at and left alone. */
export interface AdviceReport {
  readonly atMs: number
  readonly windowMs: number
  /** Statements with calls in the window. */
  readonly statementCount: number
  /** Of those, how many were examined. */
  readonly examinedCount: number
  /** What ends in an outage first, then most time saved first. Empty is an answer: nothing to do. */
  readonly findings: readonly Finding[]
  /** Of those, the ids that make up the set of indexes: chosen and timed together, so that each is worth what it says beside the others. What the other rules advise is
   *  not part of it. */
  readonly indexSet: readonly string[]
  /** Every examined statement that an index of the set serves. */
  readonly served: readonly ServedReport[]
  /** Every other examined statement, with the reason. */
  readonly refused: readonly Refusal[]
  /** Every statement that was not examined, with the reason. Together with `served` and `refused` these are all statements of the window. */
  readonly unexamined: readonly UnexaminedStatement[]
  /** What rules could not judge, and the right that is missing. */
  readonly unknown: readonly RuleUnknown[]
  /** What limits this report: missing rights, counters that were reset. */
  readonly notes: readonly string[]
  /** How long it took. */
  readonly tookMs: number
}

export interface AdviseContext extends RulesContext {
  readonly random: () => number
  readonly labLimitBytes: number
  /** What the service's own pool has seen of a statement, by its text in pg_stat_statements. */
  readonly bindsOf: ((text: string) => readonly SeenBinds[]) | undefined
  readonly onProgress: (line: string) => void
}

/** Reads the workload, runs the rules, keeps the findings. */
export async function advise(context: AdviseContext, options: AdviseOptions): Promise<AdviceReport> {
  const { client, clock, surroundings, ledger } = context
  const { minCalls = 1, limit = 100, rules } = options
  const startedMs = clock.monotonicMs()
  // Nothing here is worth waiting for behind somebody's DDL.
  await client.query(SET_LIMITS, [String(LOCK_LIMIT_MS), '0'])
  const swept = surroundings.mayCreate ? await sweepLabs(client) : []
  const since = options.since ?? (await watch(context, options))
  const { mark, texts } = await readWorkload(client, surroundings.schema, true)
  const window = windowBetween(since, mark)
  const parsed = await parseWorkload(window, texts)
  const catalog = await readCatalog(client, tablesNamed(parsed))
  const isAsked = ruleMatches(rules, 'pg/missing-index')
  const { examined: statements, unexamined } = isAsked
    ? selectStatements(window, texts, parsed, { minCalls, limit, bindsOf: queryId => bindsOf(context, options, queryId, texts.get(queryId)) })
    : { examined: [], unexamined: [] }
  const { found, refused } = await findMissingIndexes({
    client,
    clock,
    random: context.random,
    catalog,
    statements,
    writes: accountWrites(withWindows(window, parsed), catalog),
    windowMs: window.windowMs,
    labLimitBytes: context.labLimitBytes,
    mayTry: surroundings.mayCreate,
    onProgress: context.onProgress,
  })
  const findings = await keep(context, found, { window, parsed, catalog })
  // The other rules speak of habits, and what ran once is none.
  const ruled = await runRules(context, { window, parsed, catalog, minCalls: options.minCalls ?? 2, rules })
  return {
    atMs: clock.nowMs(),
    windowMs: window.windowMs,
    statementCount: window.statements.size,
    examinedCount: statements.length,
    findings: [...findings, ...ruled.findings].toSorted(bySeverityThenTime),
    indexSet: findings.map(({ id }) => id),
    served: servedStatements(found, findings),
    refused,
    unexamined,
    unknown: ruled.unknown,
    notes: notesOf(surroundings, ledger, window, swept),
    tookMs: clock.monotonicMs() - startedMs,
  }
}

/** Those that were handed over; else those that the service's own pool has seen, when they are enough to stand for its calls. */
function bindsOf(context: AdviseContext, { binds }: AdviseOptions, queryId: string, text: string | undefined): readonly SeenBinds[] {
  const given = binds?.get(queryId)
  if (given !== undefined) return given.map(values => ({ values, callCount: 1 }))
  const seen = text === undefined ? [] : (context.bindsOf?.(text) ?? [])
  return seen.length < FEWEST_SEEN ? [] : seen
}

async function watch({ client, clock, surroundings }: AdviseContext, { windowMs, signal }: AdviseOptions): Promise<WorkloadMark | undefined> {
  if (windowMs === undefined) return undefined
  const { mark } = await readWorkload(client, surroundings.schema, false)
  await delay(clock, windowMs, signal)
  return mark
}

function withWindows(window: WorkloadWindow, parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>): WorkloadStatement[] {
  return [...parsed].flatMap(([queryId, statement]) => {
    const figures = window.statements.get(queryId)
    return figures === undefined ? [] : [{ parsed: statement, window: figures }]
  })
}

async function keep(
  { clock, ledger }: AdviseContext,
  found: readonly FoundIndex[],
  { window, parsed, catalog }: { window: WorkloadWindow; parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>; catalog: Catalog },
): Promise<Finding[]> {
  const entries: LedgerEntry[] = [...(await ledger.entries())]
  const kept: Finding[] = []
  const taken = new Set<string>()
  for (const index of found) {
    const { candidate } = index.index
    const { table, keys, method, include, where } = candidate
    const { cause, known } = causeAmong(entries, candidate, taken)
    taken.add(cause)
    const atMs = clock.nowMs()
    const fresh = findingOf(idForCause(cause, entries), index, window.windowMs, atMs)
    const finding = known === undefined ? fresh : foundAgain(known.finding, fresh, atMs)
    const targetQueryIds = index.served.map(({ examined }) => examined.window.queryId)
    const onTable = statementsOnTable(parsed, ref => catalog.table(ref)?.oid === table.oid)
    const shape = {
      keys,
      ...(method === undefined ? {} : { method }),
      ...(include === undefined ? {} : { include }),
      ...(where === undefined ? {} : { where }),
    }
    const bookkeeping = {
      schema: table.schema,
      table: table.name,
      ...shape,
      indexName: indexNameFor(table.name, shape),
      planted: false,
      sizeBytes: index.index.sizeBytes,
      targetQueryIds,
      before: figuresOf(window, targetQueryIds, onTable),
    }
    const entry = { cause, finding, bookkeeping }
    await ledger.save(entry)
    entries.push(entry)
    kept.push(finding)
  }
  return kept
}

/** The cause of a found index. Where an index for the same cause is in place already, or found in the same run, this one is a cause of its own: the other must
 *  stay revertible. */
function causeAmong(
  entries: readonly LedgerEntry[],
  candidate: Candidate,
  taken: ReadonlySet<string>,
): { cause: string; known: LedgerEntry | undefined } {
  const { table } = candidate
  const cause = causeOf(table.schema, table.name, candidate)
  const known = entries.find(entry => entry.cause === cause)
  const inPlace = known !== undefined && table.indexes.some(index => index.name === known.bookkeeping.indexName)
  if (!inPlace && !taken.has(cause)) return { cause, known }
  const exact = exactCauseOf(table.schema, table.name, candidate)
  return { cause: exact, known: entries.find(entry => entry.cause === exact) }
}

function notesOf(surroundings: Surroundings, ledger: Ledger, window: WorkloadWindow, swept: readonly string[]): string[] {
  const notes: string[] = []
  const { role, database } = surroundings
  if (!surroundings.mayReadAll) notes.push(`statements of other users are hidden: GRANT pg_read_all_stats TO ${role}`)
  if (!surroundings.mayCreate) notes.push(`no index can be tried on a copy: GRANT CREATE ON DATABASE ${database} TO ${role}`)
  if (!ledger.persistent) notes.push(`findings are kept in this process only: GRANT CREATE ON DATABASE ${database} TO ${role}`)
  if (window.reset || window.fell.size > 0) notes.push('counters were reset inside the window; what ran before the reset is missing')
  for (const name of swept) notes.push(`dropped ${name}, left behind by an advisor that died`)
  return notes
}
