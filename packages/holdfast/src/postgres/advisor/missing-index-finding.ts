import { type Evidence, type Finding, type Measurement, moveFinding, type Recommendation } from '../../core/index.ts'
import type { IndexKey } from './candidates.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import { indexNameFor, keyListSql } from './index-definition.ts'
import { ASSUMED_LIMIT } from './parameters.ts'
import { renderPlan, rowsReadPerRow } from './plan.ts'
import type { FoundIndex } from './rules/missing-index.ts'
import type { StatementWindow } from './workload.ts'

/** What is said of the locks of a concurrent build. */
export const BUILD_LOCK_NOTE =
  'CREATE INDEX CONCURRENTLY: reads and writes go on. It waits for transactions that are open when it starts; a lock time-out bounds the wait.'

/** Measurement of a statement's window. */
export function measurementOf(window: StatementWindow | undefined, windowMs: number): Measurement {
  return { sampleCount: window?.calls ?? 0, windowMs, meanMs: window?.meanMs ?? 0, meanErrorMs: window?.errorMs ?? 0 }
}

/** SQL that makes the index and that takes it away. */
export function indexSql(schema: string, table: string, keys: readonly IndexKey[], indexName: string): Pick<Recommendation, 'sql' | 'revertSql'> {
  return {
    sql: [`CREATE INDEX CONCURRENTLY ${quoteIdent(indexName)} ON ${quoteQualified(schema, table)} USING btree (${keyListSql(keys)})`],
    revertSql: [`DROP INDEX CONCURRENTLY ${quoteQualified(schema, indexName)}`],
  }
}

/** The finding of one index that serves one or more statements; `group` is ordered by time saved. */
export function findingOf(id: string, group: readonly [FoundIndex, ...FoundIndex[]], windowMs: number, atMs: number): Finding {
  const [main] = group
  const { table, keys } = main.candidate
  const columns = keys.map(key => key.name).join(', ')
  const savedMs = group.reduce((sum, { examined, judgement }) => sum + examined.window.totalMs * (1 - judgement.ratio), 0)
  return {
    id,
    rule: 'pg/missing-index',
    state: 'open',
    title: `missing index on ${table.name}(${columns})`,
    savesMsPerSec: windowMs > 0 ? (savedMs * 1000) / windowMs : 0,
    evidence: evidenceOf(main, windowMs),
    recommendation: recommendationOf(group),
    history: [{ atMs, state: 'open', note: `found with ${main.examined.window.calls} calls in ${(windowMs / 1000).toFixed(0)} s` }],
  }
}

/** The finding found again: new numbers under the known id and history. One that was gone, or verified and lost its index, is open again. */
export function foundAgain(known: Finding, fresh: Finding, atMs: number): Finding {
  const snoozed = known.state === 'snoozed' && (known.snoozedUntilMs ?? 0) > atMs
  const base = known.state === 'open' || snoozed ? known : moveFinding(known, 'open', 'found again', atMs)
  const { verification: _old, ...kept } = base
  return { ...kept, ...fresh, id: known.id, state: base.state, history: base.history }
}

function evidenceOf(found: FoundIndex, windowMs: number): Evidence {
  const { examined, trial, judgement, index, candidate } = found
  const readPerRow = trial.planBefore === undefined ? {} : { rowsReadPerRow: rowsReadPerRow(trial.planBefore.Plan) }
  const evidence: Evidence = {
    tier: found.tier,
    statement: examined.parsed.text,
    queryId: examined.window.queryId,
    before: { ...measurementOf(examined.window, windowMs), ...readPerRow },
    shareOfTime: examined.shareOfTime,
  }
  const after = trial.plansAfter.get(index.name)
  const rename = new Map([[index.name, indexNameFor(candidate.table.name, candidate.keys)]])
  const plans = {
    ...(trial.planBefore === undefined ? {} : { planBefore: renderPlan(trial.planBefore.Plan) }),
    ...(after === undefined ? {} : { planAfter: renderPlan(after.Plan, rename) }),
  }
  // On a sample of the table only the ratio says something; its milliseconds would be those of a smaller table.
  if (found.tier === 'modeled') return { ...evidence, ...plans }
  const measured = { sampleCount: trial.runs, windowMs: trial.tookMs }
  const afterRead = after === undefined ? {} : { rowsReadPerRow: rowsReadPerRow(after.Plan) }
  const pairs = trial.results.get(index.name)?.pairs ?? []
  const kinds = [...new Set(pairs.map(pair => pair.kind))].join(', ')
  return {
    ...evidence,
    ...plans,
    trial: {
      before: { ...measured, meanMs: judgement.beforeMs, ...readPerRow },
      after: { ...measured, meanMs: judgement.afterMs, ...afterRead },
      note: `on a copy of ${candidate.table.name}, parameters sampled from its rows (${kinds}), LIMIT taken as ${ASSUMED_LIMIT}, best of each set's runs`,
    },
  }
}

function recommendationOf(group: readonly [FoundIndex, ...FoundIndex[]]): Recommendation {
  const [main] = group
  const { candidate, index, judgement, cost } = main
  const { table, keys } = candidate
  const hot = table.updateCount > 0 ? `, HOT share of updates now ${((table.hotUpdateCount / table.updateCount) * 100).toFixed(0)} %` : ''
  const lost = cost.lostHotPerSec > 0 ? `; ${cost.lostHotPerSec.toFixed(1)} updates/s change an indexed column and can no longer be HOT` : ''
  const more = group.length > 1 ? `, and ${group.length - 1} more` : ''
  return {
    ...indexSql(table.schema, table.name, keys, indexNameFor(table.name, keys)),
    summary: `Index ${table.name}(${keyListSql(keys)}) so that the statement${more} reads only the rows it returns`,
    predictedRatio: judgement.ratio,
    costNote: `about ${sizeText(index.sizeBytes)} on disk; ${cost.writesPerSec.toFixed(1)} writes/s on the table in the window would pay about ${cost.msPerSec.toFixed(2)} ms/s${hot}${lost}`,
    lockNote: BUILD_LOCK_NOTE,
    risk: cost.lostHotPerSec > 0 ? 'medium' : 'low',
  }
}

function sizeText(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.max(1, Math.round(bytes / 1024))} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`
}
