import { type Finding, moveFinding } from '../../core/index.ts'
import { type ActionContext, logFailure } from './action.ts'
import { readCatalog } from './catalog.ts'
import { withClient } from './client.ts'
import { advisorErrors } from './errors.ts'
import { type ChangeLimits, changeError, dropLeftover, guardChange, readIndexState, runChange } from './guarded-change.ts'
import type { LedgerEntry } from './ledger.ts'

/** Drops a finding's index. A finding that a statement asked for is open again, unless its index had no effect; then, and for a planted one, it is gone.
 *  An index that is gone already is no error. */
export async function revertFinding(context: ActionContext, entry: LedgerEntry, limits: ChangeLimits): Promise<Finding> {
  const { clock, ledger } = context
  const { finding, bookkeeping } = entry
  const startedMs = clock.monotonicMs()
  try {
    await dropIndex(context, entry, limits)
    const over = bookkeeping.planted || finding.verification?.verdict === 'no effect'
    const reverted = moveFinding(finding, over ? 'gone' : 'open', `dropped ${bookkeeping.indexName}`, clock.nowMs())
    await ledger.save({ ...entry, finding: reverted })
    const detail = finding.recommendation.revertSql.join('; ')
    await ledger.audit({ what: 'revert', findingId: finding.id, outcome: 'done', durationMs: clock.monotonicMs() - startedMs, detail })
    return reverted
  } catch (error) {
    await logFailure(context, 'revert', finding.id, clock.monotonicMs() - startedMs, error)
    throw error
  }
}

async function dropIndex(context: ActionContext, { finding, bookkeeping }: LedgerEntry, limits: ChangeLimits): Promise<void> {
  const { client, onProgress } = context
  if (finding.state !== 'applied' && finding.state !== 'verified' && finding.state !== 'regressed') {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state}; there is nothing to revert`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const { schema, table: name, indexName } = bookkeeping
  const table = (await readCatalog(client, [{ schema, name }])).table({ schema, name })
  // A table that was dropped took its index along.
  if (table === undefined) return
  await guardChange(context, table, limits)
  if ((await readIndexState(client, schema, indexName)) === undefined) return
  const [sql] = finding.recommendation.revertSql
  onProgress(sql ?? '')
  try {
    await runChange(context, sql ?? '', limits)
  } catch (error) {
    const state = await withClient(context.connect, fresh => readIndexState(fresh, schema, indexName)).catch(() => undefined)
    // A drop that gave up half-way leaves the index INVALID: nothing reads it any more, so the way out is forward.
    if (state?.isValid !== false) throw changeError(error, `dropping ${indexName}`, limits, context.signal)
    await dropLeftover(context, schema, indexName, limits.lockMs)
  }
}
