import { type Finding, isHoldfastError, moveFinding } from '../../core/index.ts'
import { type ActionContext, logFailure } from './action.ts'
import { readCatalog, type TableFacts } from './catalog.ts'
import { messageOf, sqlStateOf, withClient } from './client.ts'
import { advisorErrors } from './errors.ts'
import { bytesText } from './figure-text.ts'
import { type ChangeLimits, changeError, dropLeftover, guardChange, readIndexState, runChange } from './guarded-change.ts'
import { isPlain, shapeSql } from './index-definition.ts'
import type { Bookkeeping, LedgerEntry } from './ledger.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import { watchBuild } from './watch-build.ts'

/** Builds a finding's index. Afterwards it is there and valid, or nothing of it is left and this throws. Every outcome is in the audit log. */
export async function applyFinding(context: ActionContext, entry: LedgerEntry, limits: ChangeLimits, maxIndexBytes: number): Promise<Finding> {
  const { clock, ledger } = context
  const { finding, bookkeeping } = entry
  const startedMs = clock.monotonicMs()
  try {
    refuseTooLarge(entry, maxIndexBytes)
    const notes = await build(context, entry, limits)
    const tookMs = clock.monotonicMs() - startedMs
    const { schema } = await readSurroundings(context.client)
    const { mark } = await readWorkload(context.client, schema, false)
    const note = [`built ${bookkeeping.indexName} in ${(tookMs / 1000).toFixed(2)} s`, ...notes].join('; ')
    // The old verdict was about another build.
    const { verification: _old, ...rest } = finding
    const applied = moveFinding(rest, 'applied', note, clock.nowMs())
    await ledger.save({ ...entry, finding: applied, bookkeeping: { ...bookkeeping, afterMark: mark } })
    await ledger.audit({
      what: 'apply',
      findingId: finding.id,
      outcome: 'done',
      durationMs: tookMs,
      detail: [...finding.recommendation.sql, ...notes].join('; '),
    })
    return applied
  } catch (error) {
    await logFailure(context, 'apply', finding.id, clock.monotonicMs() - startedMs, error)
    throw error
  }
}

function refuseTooLarge({ bookkeeping: { indexName, sizeBytes = 0 } }: LedgerEntry, maxIndexBytes: number): void {
  if (sizeBytes <= maxIndexBytes) return
  throw advisorErrors.create(
    'HF_PG_APPLY_TOO_LARGE',
    `${indexName} would take about ${bytesText(sizeBytes)}, and may take ${bytesText(maxIndexBytes)}`,
    {
      context: { sizeBytes, maxIndexBytes },
    },
  )
}

async function build(context: ActionContext, { finding, bookkeeping }: LedgerEntry, limits: ChangeLimits): Promise<string[]> {
  const { client, onProgress } = context
  if (finding.state !== 'open' && finding.state !== 'snoozed' && finding.state !== 'regressed') {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state} and cannot be applied`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const { schema, table: name, indexName } = bookkeeping
  const what = `building ${indexName} on ${schema}.${name}`
  const table = (await readCatalog(client, [{ schema, name }])).table({ schema, name })
  if (table === undefined) throw advisorErrors.create('HF_PG_APPLY_OUTDATED', `${what}: the table is no longer there`)
  const session = await guardChange(context, table, limits)
  const notes = await clearLeftovers(context, table, bookkeeping, limits)

  const [sql, ...more] = finding.recommendation.sql
  onProgress(sql ?? '')
  const stopWatching = watchBuild(context, session.pid)
  try {
    await runChange(context, sql ?? '', limits)
  } catch (error) {
    throw await undo(context, bookkeeping, limits, changeError(error, what, limits, context.signal))
  } finally {
    await stopWatching()
  }
  const state = await readIndexState(client, schema, indexName)
  if (state?.isValid !== true) {
    throw await undo(context, bookkeeping, limits, advisorErrors.create('HF_PG_APPLY_FAILED', `${what}: the server left it INVALID`))
  }
  return [...notes, ...(await analyze(context, more, limits))]
}

/** Runs what follows the build. The index is there and valid by then, so a failure is told, not thrown; autovacuum will analyze the table in time. */
async function analyze(context: ActionContext, statements: readonly string[], limits: ChangeLimits): Promise<string[]> {
  const notes: string[] = []
  for (const statement of statements) {
    context.onProgress(statement)
    try {
      await runChange(context, statement, limits)
    } catch (error) {
      // An abort comes too late for the index, which is there.
      if (sqlStateOf(error) === undefined && context.signal?.aborted !== true) throw error
      notes.push(`${statement} failed: ${messageOf(error)}`)
    }
  }
  return notes
}

/** Takes away what a failed build left, and gives the error to throw: the leftover's when it could not be taken away, for that is the worse one. */
async function undo(context: ActionContext, { schema, indexName }: Bookkeeping, limits: ChangeLimits, error: unknown): Promise<unknown> {
  try {
    // On a connection of its own: the one that failed may be gone.
    const left = await withClient(context.connect, client => readIndexState(client, schema, indexName))
    // A valid one, or one being built, is somebody else's who was faster.
    if (left?.isValid !== false || left.isBuilding) return error
    await dropLeftover(context, schema, indexName, limits.lockMs)
    return error
  } catch (dropError) {
    return isHoldfastError(dropError) ? dropError : error
  }
}

/** Drops INVALID indexes of the same name or the same keys that nobody is building. A valid one ends the apply.
 *  @throws HF_PG_INDEX_EXISTS, HF_PG_APPLY_BUSY, HF_PG_INDEX_LEFTOVER */
async function clearLeftovers(context: ActionContext, table: TableFacts, bookkeeping: Bookkeeping, limits: ChangeLimits): Promise<string[]> {
  const { client, onProgress } = context
  const named = await readIndexState(client, bookkeeping.schema, bookkeeping.indexName)
  const twins = table.indexes.filter(index => index.name !== bookkeeping.indexName && hasKeys(index, bookkeeping))
  const validTwin = twins.find(index => index.isValid)
  if (named !== undefined && (named.tableOid !== table.oid || named.isValid !== false)) {
    throw advisorErrors.create('HF_PG_INDEX_EXISTS', `${bookkeeping.schema}.${bookkeeping.indexName} exists already`, {
      context: { name: bookkeeping.indexName },
    })
  }
  if (validTwin !== undefined) {
    throw advisorErrors.create('HF_PG_INDEX_EXISTS', `${validTwin.name} has the same keys already`, { context: { name: validTwin.name } })
  }
  const notes: string[] = []
  const invalid = [...(named === undefined ? [] : [bookkeeping.indexName]), ...twins.map(index => index.name)]
  for (const name of invalid) {
    const state = await readIndexState(client, bookkeeping.schema, name)
    if (state?.isBuilding === true) throw advisorErrors.create('HF_PG_APPLY_BUSY', `${name} is being built by another session`, { context: { name } })
    onProgress(`dropping ${name}, an INVALID index that a failed build left behind`)
    await dropLeftover(context, bookkeeping.schema, name, limits.lockMs)
    notes.push(`dropped ${name}, an INVALID index left by a failed build`)
  }
  return notes
}

function hasKeys(index: TableFacts['indexes'][number], bookkeeping: Bookkeeping): boolean {
  const { keys } = bookkeeping
  if (!isPlain(bookkeeping)) return index.definition.endsWith(shapeSql(bookkeeping))
  if (index.isPartial || index.isUnique || index.method !== 'btree' || index.keys.length !== keys.length) return false
  return keys.every((key, at) => index.keys[at]?.column === key.name && index.keys[at]?.descending === key.descending)
}
