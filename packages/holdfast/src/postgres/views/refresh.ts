import { type Clock, type HoldfastError, isHoldfastError, type Logger } from '../../core/index.ts'
import { type AdvisorClient, messageOf, readRows, sqlStateOf, withClient } from '../advisor/client.ts'
import type { InvalidationTarget } from '../outbox.ts'
import { asciiJson, REMOVE_ROWS } from '../sql/outbox-rows.sql.ts'
import { cancellable, takeSessionLock, type UpkeepDeps, type UpkeepSession } from '../upkeep/upkeep-session.ts'
import { viewErrors } from './errors.ts'
import { countViewRows, refreshView } from './sql/view-facts.sql.ts'
import { BEGIN_REFRESH, BURY_DEAD_REFRESHES, END_REFRESH, FORGET_REFRESHES, IS_VIEW_DUE_DONE, NOTE_TAGS } from './sql/view-log.sql.ts'
import { overdueFrom, type ResolvedView } from './view-definition.ts'
import { requireView } from './view-subject.ts'

/** How a refresh went. */
export interface RefreshReport {
  /** As SQL text. */
  readonly view: string
  readonly tookMs: number
  readonly rowCount: number
  /** False for the first filling, for which a view need not be readable. */
  readonly isConcurrent: boolean
  /** `done`: everybody's cache has dropped the tags. `noted`: it will, when Redis can be reached. `none`: there are no tags, or no cache. */
  readonly invalidation: 'done' | 'noted' | 'none'
}

/** What a refresh works with. */
export interface RefreshContext extends UpkeepDeps {
  readonly clock: Clock
  readonly logger: Logger
  readonly target: InvalidationTarget | undefined
  readonly dueAtMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: (line: string) => void
}

/** Refreshes a view under its lock: refresh, log and tags are one transaction, so that whoever dies leaves all of them or nothing but a line in the log.
 *  `undefined`: that moment of the schedule was done by another.
 *  @throws HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_PG_VIEW_*, the signal's reason */
export async function refresh(session: UpkeepSession, definition: ResolvedView, context: RefreshContext): Promise<RefreshReport | undefined> {
  const { client, role } = session
  const { clock, dueAtMs, signal } = context
  const view = await requireView(client, definition.relation, role)
  const names = [view.schema, view.name]
  if (!(await takeSessionLock(client, `holdfast:view:${view.quoted}`, 0, clock, signal))) {
    throw viewErrors.create('HF_PG_VIEW_BUSY', `${view.quoted} is being refreshed by another process`)
  }
  await client.query(BURY_DEAD_REFRESHES, names)
  if (dueAtMs !== undefined) {
    const [row] = await readRows<{ done: boolean }>(client, IS_VIEW_DUE_DONE, [...names, dueAtMs])
    if (row?.done === true) return undefined
  }
  await client.query(FORGET_REFRESHES, names)
  const [begun] = await readRows<{ id: string }>(client, BEGIN_REFRESH, [...names, dueAtMs ?? null])
  const startedMs = clock.monotonicMs()
  try {
    context.onProgress(refreshView(view.quoted, view.isConcurrent))
    const { rowCount, tookMs, rowId } = await cancellable(context, session.pid, signal, () =>
      runRefresh(client, view, definition, begun!.id, context),
    )
    const invalidation = await announce(client, definition.tags, rowId, context)
    return { view: view.quoted, tookMs, rowCount, isConcurrent: view.isConcurrent, invalidation }
  } catch (error) {
    const known = signal?.aborted === true ? error : explain(error, view.quoted, definition)
    await noteFailure(session, context, begun!.id, known, clock.monotonicMs() - startedMs, signal?.aborted === true)
    throw known
  }
}

async function runRefresh(
  client: AdvisorClient,
  view: { readonly quoted: string; readonly isConcurrent: boolean },
  definition: ResolvedView,
  id: string,
  { clock, target, dueAtMs }: RefreshContext,
): Promise<{ rowCount: number; tookMs: number; rowId: string | undefined }> {
  const startedMs = clock.monotonicMs()
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE')
  await client.query("SELECT /* holdfast */ set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)", [
    String(definition.lockMs),
    String(definition.statementMs),
  ])
  await client.query(refreshView(view.quoted, view.isConcurrent))
  const [counted] = await readRows<{ rowCount: number }>(client, countViewRows(view.quoted))
  const rowCount = counted!.rowCount
  const rowId = await noteTags(client, definition.tags, target)
  const overdueAtMs = overdueFrom(definition, dueAtMs, clock.nowMs())
  const tookMs = clock.monotonicMs() - startedMs
  await client.query(END_REFRESH, [id, 'refreshed', null, tookMs, rowCount, overdueAtMs ?? null])
  await client.query('COMMIT')
  return { rowCount, tookMs, rowId }
}

/** With other processes to tell, the tags go into the outbox, so that another completes them when this one dies before Redis has them. */
async function noteTags(client: AdvisorClient, tags: readonly string[], target: InvalidationTarget | undefined): Promise<string | undefined> {
  if (tags.length === 0 || target?.isShared !== true) return undefined
  const [row] = await readRows<{ id: string }>(client, NOTE_TAGS, [target.namespace, asciiJson(tags)])
  return row?.id
}

async function announce(
  client: AdvisorClient,
  tags: readonly string[],
  rowId: string | undefined,
  { target, logger }: RefreshContext,
): Promise<RefreshReport['invalidation']> {
  if (tags.length === 0 || target === undefined) return 'none'
  try {
    if (!(await target.invalidate(tags))) return 'noted'
    if (rowId !== undefined) await client.query(REMOVE_ROWS, [[rowId]])
    return 'done'
  } catch (error) {
    // The view is fresh, and the row of the outbox is there for whoever comes next.
    logger.warn({ err: error, tags }, 'postgres: the tags of a refreshed view could not be dropped yet')
    return 'noted'
  }
}

async function noteFailure(session: UpkeepSession, deps: UpkeepDeps, id: string, error: unknown, tookMs: number, isStopped: boolean): Promise<void> {
  const values = [id, isStopped ? 'stopped' : isHoldfastError(error) ? error.code : 'failed', messageOf(error), tookMs, null, null]
  try {
    await session.client.query('ROLLBACK')
    await session.client.query(END_REFRESH, values)
  } catch {
    // The connection may be what failed.
    await withClient(deps.connect, client => client.query(END_REFRESH, values)).catch(problem =>
      deps.logger.warn({ problem: messageOf(problem) }, 'the log of views could not be written'),
    )
  }
}

function explain(error: unknown, view: string, { lockMs, statementMs }: ResolvedView): HoldfastError {
  if (isHoldfastError(error)) return error
  const details = { cause: error, context: { view, sqlState: sqlStateOf(error) } }
  switch (sqlStateOf(error)) {
    case '55P03':
      return viewErrors.create('HF_PG_VIEW_LOCKED', `${view}: no lock within ${lockMs} ms`, details)
    case '57014':
      return viewErrors.create('HF_PG_VIEW_TIMEOUT', `${view}: not refreshed within ${statementMs} ms`, details)
    default:
      return viewErrors.create('HF_PG_VIEW_FAILED', `${view}: ${messageOf(error)}`, details)
  }
}
