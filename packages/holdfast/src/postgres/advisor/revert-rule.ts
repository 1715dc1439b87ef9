import { type Finding, moveFinding } from '../../core/index.ts'
import { type ActionContext, logFailure } from './action.ts'
import { readCatalog } from './catalog.ts'
import { advisorErrors } from './errors.ts'
import { type ChangeLimits, changeError, dropLeftover, guardChange, readIndexState, runChange } from './guarded-change.ts'
import type { LedgerEntry } from './ledger.ts'
import type { RuleChange } from './rule-change.ts'

/** Undoes a rule's change: an index is built again from its definition, storage parameters and statistics go back. Under the guards of every change.
 *  @throws HF_PG_REVERT_IMPOSSIBLE for what leaves nothing to undo, HF_PG_FINDING_STATE, and those of building an index. */
export async function revertRule(context: ActionContext, entry: LedgerEntry, change: RuleChange, limits: ChangeLimits): Promise<Finding> {
  const { clock, ledger } = context
  const { finding } = entry
  const startedMs = clock.monotonicMs()
  const detail = finding.recommendation.revertSql.join('; ')
  try {
    await undo(context, entry, change, limits)
    const over = finding.verification?.verdict === 'no effect' || finding.verification?.verdict === 'regressed'
    const reverted = moveFinding(finding, over ? 'gone' : 'open', `ran: ${detail}`, clock.nowMs())
    await ledger.save({ ...entry, finding: reverted })
    await ledger.audit({ what: 'revert', findingId: finding.id, outcome: 'done', durationMs: clock.monotonicMs() - startedMs, detail })
    return reverted
  } catch (error) {
    await logFailure(context, 'revert', finding.id, clock.monotonicMs() - startedMs, error)
    throw error
  }
}

async function undo(context: ActionContext, entry: LedgerEntry, change: RuleChange, limits: ChangeLimits): Promise<void> {
  const { client, onProgress } = context
  const { finding, bookkeeping } = entry
  if (finding.state !== 'applied' && finding.state !== 'verified' && finding.state !== 'regressed') {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state}; there is nothing to revert`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const { revertSql } = finding.recommendation
  if (revertSql.length === 0) {
    throw advisorErrors.create(
      'HF_PG_REVERT_IMPOSSIBLE',
      `finding ${finding.id} ran ${finding.recommendation.sql.join('; ')}, which leaves nothing to undo`,
      {
        context: { id: finding.id, rule: finding.rule },
      },
    )
  }
  const { schema, table: name, indexName } = bookkeeping
  const table = (await readCatalog(client, [{ schema, name }])).table({ schema, name })
  // A table that was dropped took all of it along.
  if (table === undefined) return
  const isIndex = change.kind === 'drop-index'
  await guardChange(context, table, limits, isIndex)
  const there = isIndex ? await readIndexState(client, schema, indexName) : undefined
  // Of a revert that was killed in mid-build.
  if (there?.isValid === false && !there.isBuilding) await dropLeftover(context, schema, indexName, limits.lockMs)
  else if (there !== undefined) {
    throw advisorErrors.create('HF_PG_INDEX_EXISTS', `${schema}.${indexName} exists already`, { context: { name: indexName } })
  }
  for (const sql of revertSql) {
    onProgress(sql)
    try {
      await runChange(context, sql, limits)
    } catch (error) {
      if (isIndex) await clearFailedBuild(context, schema, indexName, limits)
      throw changeError(error, `reverting ${finding.id}`, limits, context.signal)
    }
  }
}

/** A concurrent build that fails leaves an INVALID index; it must not stay. On a connection of its own, for the one that failed may be gone. */
async function clearFailedBuild(context: ActionContext, schema: string, indexName: string, limits: ChangeLimits): Promise<void> {
  await dropLeftover(context, schema, indexName, limits.lockMs)
}
