import { type AdvisorClient, messageOf, sqlStateOf } from '../advisor/client.ts'
import { factsErrors } from './errors.ts'

/** Longest any one statement may run, and the longest wait for a lock. A look at a database must never become its load. */
const STATEMENT_LIMIT_MS = 5000
const LOCK_LIMIT_MS = 500

const LIMITS = "SELECT /* holdfast */ set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)"

/** Runs `work` on a fresh connection, inside one transaction under time-outs, which is read-only unless `isWriting`. The connection is closed afterwards.
 *  Two round trips beside those of `work`, so that no setting outlives the transaction on a pooler.
 *  @throws HF_PG_FACTS_AWAY, HF_PG_FACTS_TIMEOUT, and what `work` throws */
export async function readSession<T>(
  connect: () => Promise<AdvisorClient>,
  work: (client: AdvisorClient) => Promise<T>,
  isWriting = false,
): Promise<T> {
  let client: AdvisorClient
  try {
    client = await connect()
  } catch (error) {
    throw factsErrors.create('HF_PG_FACTS_AWAY', `no connection to PostgreSQL: ${messageOf(error)}`, { cause: error })
  }
  try {
    await client.query(isWriting ? 'BEGIN' : 'BEGIN READ ONLY')
    await client.query(LIMITS, [String(STATEMENT_LIMIT_MS), String(LOCK_LIMIT_MS)])
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    throw translated(error)
  } finally {
    // The facts are in hand; a connection that fails while it is being closed takes nothing from them.
    await client.end().catch(() => undefined)
  }
}

function translated(error: unknown): unknown {
  const { code } = Object(error) as { code?: unknown }
  if (typeof code === 'string' && code.startsWith('HF_')) return error
  const state = sqlStateOf(error)
  // 57014 query_canceled, 55P03 lock_not_available.
  if (state === '57014' || state === '55P03') {
    return factsErrors.create(
      'HF_PG_FACTS_TIMEOUT',
      `${messageOf(error)} (limits: ${STATEMENT_LIMIT_MS} ms a statement, ${LOCK_LIMIT_MS} ms a lock)`,
      {
        cause: error,
      },
    )
  }
  // Class 57P: the server is going away. No SQLSTATE: the connection broke.
  if (state === undefined || state.startsWith('57P') || state.startsWith('08')) {
    return factsErrors.create('HF_PG_FACTS_AWAY', `PostgreSQL went away: ${messageOf(error)}`, { cause: error })
  }
  return error
}
