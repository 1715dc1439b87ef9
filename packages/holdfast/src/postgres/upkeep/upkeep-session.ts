import { type Clock, delay, isHoldfastError, type Logger } from '../../core/index.ts'
import { type AdvisorClient, messageOf, readRows, withClient } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { SET_LIMITS } from '../advisor/sql/session-facts.sql.ts'
import { pgErrors } from '../errors.ts'
import { migrationErrors } from '../migrations/errors.ts'
import { CANCEL_STATEMENT, SET_DATE_STYLE, TRY_UPKEEP_LOCK, UPKEEP_SESSION, type UpkeepSessionRow } from './sql/session.sql.ts'

/** What archive, views and maintenance work with. */
export interface UpkeepDeps {
  /** A fresh, connected, direct connection to the primary: not one of the application's pool, and not through a pooler in transaction mode. Closed after each
   *  use. `async () => { const c = new pg.Client(url); await c.connect(); return c }`. */
  readonly connect: () => Promise<AdvisorClient>
  readonly clock: Clock
  readonly logger: Logger
}

/** A connection of one run. */
export interface UpkeepSession extends UpkeepSessionRow {
  readonly client: AdvisorClient
}

/** Pause between two tries for a lock. */
const LOCK_POLL_MS = 100

/** Runs `work` on a connection of its own, which may write and has a session of its own. It is closed afterwards, and with it go its locks and settings.
 *  @throws HF_PG_CONNECT_FAILED, HF_PG_NOT_DIRECT, HF_PG_READ_ONLY, and what `work` throws */
export function withUpkeepSession<T>({ connect }: Pick<UpkeepDeps, 'connect'>, work: (session: UpkeepSession) => Promise<T>): Promise<T> {
  const connectOrSay = (): Promise<AdvisorClient> =>
    connect().catch(error => {
      if (isHoldfastError(error)) throw error
      throw pgErrors.create('HF_PG_CONNECT_FAILED', `no connection for upkeep: ${messageOf(error)}`, { cause: error })
    })
  return withClient(connectOrSay, async client => {
    const [session] = await readRows<UpkeepSessionRow>(client, UPKEEP_SESSION)
    if (typeof client.processID === 'number' && client.processID !== session!.pid) {
      throw advisorErrors.create(
        'HF_PG_NOT_DIRECT',
        `database ${session!.database}: backend ${session!.pid} answers, and ${client.processID} was logged in to`,
      )
    }
    if (session!.isReadOnly) throw migrationErrors.create('HF_PG_READ_ONLY', `database ${session!.database} accepts no writes here`)
    await client.query(SET_DATE_STYLE)
    return work({ ...session!, client })
  })
}

/** Bounds for the statements that follow on this connection; 0 means none. */
export async function setLimits(client: AdvisorClient, limits: { readonly lockMs: number; readonly statementMs: number }): Promise<void> {
  await client.query(SET_LIMITS, [String(Math.ceil(limits.lockMs)), String(Math.ceil(limits.statementMs))])
}

/** Takes the lock of the session, for which it tries for `waitMs`: the server notices a killed client only after the statement under way.
 *  @throws the signal's reason */
export async function takeSessionLock(client: AdvisorClient, key: string, waitMs: number, clock: Clock, signal?: AbortSignal): Promise<boolean> {
  const giveUpAtMs = clock.monotonicMs() + waitMs
  for (;;) {
    const [row] = await readRows<{ taken: boolean }>(client, TRY_UPKEEP_LOCK, [key])
    if (row?.taken === true) return true
    if (clock.monotonicMs() >= giveUpAtMs) return false
    await delay(clock, LOCK_POLL_MS, signal)
  }
}

/** Runs one long statement, which an abort ends in the server. Rejects with the signal's reason then. */
export async function cancellable<T>(
  deps: Pick<UpkeepDeps, 'connect' | 'logger'>,
  pid: number,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  let cancelling: Promise<unknown> | undefined
  const cancel = (): void => {
    cancelling = withClient(deps.connect, client => client.query(CANCEL_STATEMENT, [pid])).catch(error =>
      deps.logger.warn({ pid, problem: messageOf(error) }, 'a statement could not be cancelled'),
    )
  }
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    return await work()
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  } finally {
    signal?.removeEventListener('abort', cancel)
    // What comes next on this connection must not be what it ends.
    await cancelling
  }
}
