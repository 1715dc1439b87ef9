import { type Finding, moveFinding } from '../../core/index.ts'
import { type ActionContext, logFailure } from './action.ts'
import { readCatalog, type TableFacts } from './catalog.ts'
import { readRows } from './client.ts'
import { advisorErrors } from './errors.ts'
import { type ChangeLimits, changeError, dropLeftover, guardChange, readIndexState, runChange } from './guarded-change.ts'
import type { LedgerEntry } from './ledger.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import type { RuleChange } from './rule-change.ts'
import { settleCounters } from './settle-counters.ts'
import { INDEX_HEALTH, type IndexHealthRow } from './sql/index-health.sql.ts'

/** Makes the change of a rule's finding under the guards of every change: right, one at a time, bounded waits. Every outcome is in the audit log.
 *  @throws HF_PG_APPLY_MANUAL, HF_PG_APPLY_OUTDATED, HF_PG_FINDING_STATE, and those of building an index. */
export async function applyRule(context: ActionContext, entry: LedgerEntry, change: RuleChange, limits: ChangeLimits): Promise<Finding> {
  const { client, clock, ledger } = context
  const { finding, bookkeeping } = entry
  const startedMs = clock.monotonicMs()
  try {
    await make(context, entry, change, limits)
    const tookMs = clock.monotonicMs() - startedMs
    await settleCounters(client, clock)
    const { schema } = await readSurroundings(client)
    const { mark } = await readWorkload(client, schema, false)
    const detail = finding.recommendation.sql.join('; ')
    // The old verdict was about another change.
    const { verification: _old, ...rest } = finding
    const applied = moveFinding(rest, 'applied', `ran in ${(tookMs / 1000).toFixed(2)} s: ${detail}`, clock.nowMs())
    await ledger.save({ ...entry, finding: applied, bookkeeping: { ...bookkeeping, afterMark: mark } })
    await ledger.audit({ what: 'apply', findingId: finding.id, outcome: 'done', durationMs: tookMs, detail })
    return applied
  } catch (error) {
    await logFailure(context, 'apply', finding.id, clock.monotonicMs() - startedMs, error)
    throw error
  }
}

async function make(context: ActionContext, entry: LedgerEntry, change: RuleChange, limits: ChangeLimits): Promise<void> {
  const { finding, bookkeeping } = entry
  if (finding.state !== 'open' && finding.state !== 'snoozed' && finding.state !== 'regressed') {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state} and cannot be applied`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const { manual, summary } = finding.recommendation
  if (change.kind === 'manual') {
    throw advisorErrors.create(
      'HF_PG_APPLY_MANUAL',
      `finding ${finding.id} is not applied by Holdfast: ${manual ?? 'it is no change of the database'}`,
      {
        hint: `do it by hand: ${summary}`,
        context: { id: finding.id, rule: finding.rule },
      },
    )
  }
  const { schema, table: name } = bookkeeping
  const table = (await readCatalog(context.client, [{ schema, name }])).table({ schema, name })
  if (table === undefined) throw advisorErrors.create('HF_PG_APPLY_OUTDATED', `${schema}.${name} is no longer there`)
  // A drop waits for whoever may still use the index; the others wait for locks alone, and these are bounded.
  await guardChange(context, table, limits, change.kind === 'drop-index')
  if (change.kind === 'drop-index') await dropIndex(context, entry, change, table, limits)
  else await runAll(context, finding.recommendation.sql, `${finding.rule} on ${schema}.${name}`, limits)
}

async function dropIndex(
  context: ActionContext,
  { finding, bookkeeping }: LedgerEntry,
  change: Extract<RuleChange, { kind: 'drop-index' }>,
  table: TableFacts,
  limits: ChangeLimits,
): Promise<void> {
  const { schema, indexName } = bookkeeping
  const what = `dropping ${schema}.${indexName}`
  const now = (await readRows<IndexHealthRow>(context.client, INDEX_HEALTH)).find(index => index.oid === change.oid)
  const changed = reasonNotToDrop(now, change, table)
  if (changed !== undefined) {
    throw advisorErrors.create('HF_PG_APPLY_OUTDATED', `${what}: ${changed}`, { context: { id: finding.id, index: indexName } })
  }
  const [sql] = finding.recommendation.sql
  context.onProgress(sql ?? '')
  try {
    await runChange(context, sql ?? '', limits)
  } catch (error) {
    const state = await readIndexState(context.client, schema, indexName)
    // A drop that gave up half-way leaves the index INVALID: nothing reads it any more, so the way out is forward.
    if (state?.isValid !== false) throw changeError(error, what, limits, context.signal)
    await dropLeftover(context, schema, indexName, limits.lockMs)
  }
}

/** Why the index is no longer the one that was judged. */
export function reasonNotToDrop(
  now: IndexHealthRow | undefined,
  change: Extract<RuleChange, { kind: 'drop-index' }>,
  table: Pick<TableFacts, 'oid'>,
): string | undefined {
  if (now === undefined || now.tableOid !== table.oid) return 'the index is no longer there, or its table is locked'
  if (now.definition !== change.definition) return `it is another index now: ${now.definition}`
  if (now.isNeeded) return 'it backs a constraint, a foreign key or the replica identity by now'
  if (change.scanCount >= 0 && now.scanCount > change.scanCount)
    return `it has been read ${now.scanCount - change.scanCount} time(s) since it was judged`
  return undefined
}

async function runAll(context: ActionContext, statements: readonly string[], what: string, limits: ChangeLimits): Promise<void> {
  for (const sql of statements) {
    context.onProgress(sql)
    try {
      await runChange(context, sql, limits)
    } catch (error) {
      throw changeError(error, what, limits, context.signal)
    }
  }
}
