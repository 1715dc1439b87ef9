import { type Evidence, type Finding, type Measurement, moveFinding, type PredictedRange, type Recommendation } from '../../core/index.ts'
import { bytesText } from './figure-text.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import { type IndexShape, indexNameFor, shapeSql } from './index-definition.ts'
import { renderPlan, rowsReadPerRow, usesIndex } from './plan.ts'
import type { FoundIndex } from './rules/missing-index.ts'
import type { StatementWindow } from './workload.ts'

/** What is said of the locks of a concurrent build. */
export const BUILD_LOCK_NOTE =
  'CREATE INDEX CONCURRENTLY: reads and writes go on. It waits for transactions that are open when it starts; a lock time-out bounds the wait.'

/** Measurement of a statement's window. */
export function measurementOf(window: StatementWindow | undefined, windowMs: number): Measurement {
  return { sampleCount: window?.calls ?? 0, windowMs, meanMs: window?.meanMs ?? 0, meanErrorMs: window?.errorMs ?? 0 }
}

/** SQL that makes the index and that takes it away. Only ANALYZE tells the planner what the values of an expression are, so it follows where there is one. */
export function indexSql(schema: string, table: string, shape: IndexShape, indexName: string): Pick<Recommendation, 'sql' | 'revertSql'> {
  const on = quoteQualified(schema, table)
  const create = `CREATE INDEX CONCURRENTLY ${quoteIdent(indexName)} ON ${on} ${shapeSql(shape)}`
  return {
    sql: shape.keys.some(key => key.expression !== undefined) ? [create, `ANALYZE ${on}`] : [create],
    revertSql: [`DROP INDEX CONCURRENTLY ${quoteQualified(schema, indexName)}`],
  }
}

/** The finding of one index of the chosen set. */
export function findingOf(id: string, found: FoundIndex, windowMs: number, atMs: number): Finding {
  const [{ examined }] = found.served
  const { candidate } = found.index
  return {
    id,
    rule: 'pg/missing-index',
    state: 'open',
    title: `missing index on ${candidate.table.name}(${candidate.keys.map(key => key.expression ?? key.name).join(', ')})`,
    savesMsPerSec: found.served.reduce((sum, served) => sum + served.savesMsPerSec, 0),
    evidence: evidenceOf(found, windowMs),
    recommendation: recommendationOf(found),
    history: [{ atMs, state: 'open', note: `found with ${examined.window.calls} calls in ${(windowMs / 1000).toFixed(0)} s` }],
  }
}

/** The finding found again: new numbers under the known id and history. One that was gone, or verified and lost its index, is open again. */
export function foundAgain(known: Finding, fresh: Finding, atMs: number): Finding {
  const snoozed = known.state === 'snoozed' && (known.snoozedUntilMs ?? 0) > atMs
  const base = known.state === 'open' || snoozed ? known : moveFinding(known, 'open', 'found again', atMs)
  const { verification: _old, ...kept } = base
  return { ...kept, ...fresh, id: known.id, state: base.state, history: base.history }
}

function evidenceOf({ index, served, tier }: FoundIndex, windowMs: number): Evidence {
  const [{ examined, before, after, means, range }] = served
  const { candidate } = index
  const planBefore = before.plans.find(plan => plan !== undefined)
  const planAfter = after.plans.find(plan => plan !== undefined && usesIndex(plan.Plan, index.name))
  const readPerRow = planBefore === undefined ? {} : { rowsReadPerRow: rowsReadPerRow(planBefore.Plan) }
  const rename = new Map([[index.name, indexNameFor(candidate.table.name, candidate)]])
  const evidence: Evidence = {
    tier,
    statement: examined.parsed.text,
    queryId: examined.window.queryId,
    before: { ...measurementOf(examined.window, windowMs), ...readPerRow },
    shareOfTime: examined.shareOfTime,
    figures: served.map(({ examined: other, means: { ratio }, savesMsPerSec }) => ({
      name: shortText(other.parsed.text),
      value: `x ${ratio.toPrecision(2)} of its time, ${savesMsPerSec.toFixed(1)} ms/s saved, ${other.window.calls} calls`,
    })),
    ...(planBefore === undefined ? {} : { planBefore: renderPlan(planBefore.Plan) }),
    ...(planAfter === undefined ? {} : { planAfter: renderPlan(planAfter.Plan, rename) }),
  }
  // On a sample of the table only the ratio says something; its milliseconds would be those of a smaller table.
  if (tier === 'modeled') return evidence
  const afterRead = planAfter === undefined ? {} : { rowsReadPerRow: rowsReadPerRow(planAfter.Plan) }
  const kinds = [...new Set(served[0].pairs.map(pair => pair.kind))].join(', ')
  return {
    ...evidence,
    trial: {
      before: { sampleCount: before.ms.length * before.rounds, windowMs: sumOf(before.ms) * before.rounds, meanMs: means.beforeMs, ...readPerRow },
      after: { sampleCount: after.ms.length * after.rounds, windowMs: sumOf(after.ms) * after.rounds, meanMs: means.afterMs, ...afterRead },
      note: `on a copy of ${candidate.table.name} with all indexes of this report in place; parameters ${served[0].areBound ? 'as seen' : 'sampled from its rows'} (${kinds}), weighted so that they return as many rows as live calls; median of each set's runs; ${rangeText(range, means.beforeMs)}`,
    },
  }
}

function recommendationOf({ index, served, cost, supersedes }: FoundIndex): Recommendation {
  const [main, ...more] = served
  const { candidate } = index
  const { table } = candidate
  const name = indexNameFor(table.name, candidate)
  const hot = table.updateCount > 0 ? `, HOT share of updates now ${((table.hotUpdateCount / table.updateCount) * 100).toFixed(0)} %` : ''
  const lost = cost.lostHotPerSec > 0 ? `; ${cost.lostHotPerSec.toFixed(1)} updates/s change an indexed column and can no longer be HOT` : ''
  const also = more.length > 0 ? `, and ${more.length} more` : ''
  const freed = supersedes.length === 0 ? '' : `; it makes ${supersedes.join(' and ')} unnecessary, which may be dropped when this one is verified`
  return {
    ...indexSql(table.schema, table.name, candidate, name),
    summary: `Index ${table.name} ${shapeSql(candidate).replace('USING btree ', '')} so that the statement${also} reads only the rows it returns${freed}`,
    predictedRatio: main.means.ratio,
    predictedRange: main.range,
    costNote: `about ${bytesText(index.sizeBytes)} on disk; ${cost.writesPerSec.toFixed(1)} writes/s on the table in the window would pay about ${cost.msPerSec.toFixed(2)} ms/s${hot}${lost}`,
    lockNote: BUILD_LOCK_NOTE,
    risk: cost.lostHotPerSec > 0 ? 'medium' : 'low',
  }
}

/** In ms, what the ratios say. */
function rangeText({ low, high, parameters }: PredictedRange, beforeMs: number): string {
  const [from, to] = [low, high].map(ratio => (ratio * beforeMs).toPrecision(2))
  return parameters === 'seen'
    ? `by those sets the mean lies from ${from} to ${to} ms`
    : `by what the application asks for it takes ${from} to ${to} ms`
}

function shortText(statement: string): string {
  const text = statement.replace(/\s+/g, ' ').trim()
  return text.length > 100 ? `${text.slice(0, 99)}…` : text
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}
