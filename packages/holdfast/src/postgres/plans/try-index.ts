import type { Clock } from '../../core/index.ts'
import type { Catalog } from '../advisor/catalog.ts'
import type { AdvisorClient } from '../advisor/client.ts'
import { readRows } from '../advisor/client.ts'
import { indexNameFor } from '../advisor/index-definition.ts'
import { indexSql } from '../advisor/missing-index-finding.ts'
import type { ParsedStatement } from '../advisor/predicates.ts'
import type { Refusal } from '../advisor/refusal.ts'
import { findMissingIndexes } from '../advisor/rules/missing-index.ts'
import { STATEMENTS_EXTENSION, type StatementsExtensionRow } from '../advisor/sql/statements-extension.sql.ts'
import type { PlanAdvice } from './plan-advice.ts'

/** What a trial needs. */
export interface TryContext {
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly random: () => number
  readonly labLimitBytes: number
  readonly onProgress: (line: string) => void
}

/** Replaces proposed indexes by what the advisor's trial says of them on a copy of the table: confirmed ones carry the measured ratio, others are left out
 *  and the reason is returned. Parameters are sampled from the rows, as the advisor does. */
export async function tryIndexes(
  context: TryContext,
  parsed: ParsedStatement,
  catalog: Catalog,
  proposed: readonly PlanAdvice[],
): Promise<{ readonly advice: readonly PlanAdvice[]; readonly notes: readonly string[] }> {
  const [first] = proposed.filter(({ kind }) => kind === 'index')
  if (first === undefined) return { advice: proposed, notes: [] }
  const [rights] = await readRows<StatementsExtensionRow>(context.client, STATEMENTS_EXTENSION)
  // One call of a second: the account of writes is not taken, as one statement says nothing of them.
  const window = { queryId: '', calls: 1, totalMs: 1000, meanMs: 1000, deviationMs: 0, errorMs: 0, rows: 0 }
  const { found, refused } = await findMissingIndexes({
    ...context,
    catalog,
    statements: [{ parsed, window, shareOfTime: 1 }],
    writes: new Map(),
    windowMs: 0,
    mayTry: rights?.mayCreate === true,
  })
  const others = proposed.filter(({ kind }) => kind !== 'index')
  const confirmed = found.map(({ index: { candidate }, served: [{ means }], tier }): PlanAdvice => {
    const { table } = candidate
    const { sql } = indexSql(table.schema, table.name, candidate, indexNameFor(table.name, candidate))
    const times = tier === 'measured' ? `: ${means.beforeMs.toFixed(2)} -> ${means.afterMs.toFixed(2)} ms` : ''
    const basis = `run on a copy of ${table.name} with parameters from its rows${times}`
    return { kind: 'index', node: first.node, summary: first.summary, sql, gain: { ratio: means.ratio, tier, basis } }
  })
  return { advice: [...others, ...confirmed], notes: refused.map(refusalNote) }
}

/** The server's words on a trial that failed may hold a value that was taken from a row. */
function refusalNote({ reason, why }: Refusal): string {
  return `no index is offered: ${reason === 'trial-failed' ? 'the trial on a copy of the table failed' : why}`
}
