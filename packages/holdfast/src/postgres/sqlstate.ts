/** Label of a failure without SQLSTATE that came from the network: the server never answered. */
export const CONNECTION_FAILURE = 'connection'
/** Label of a failure without SQLSTATE that came from the driver, such as a wrong argument or its own time-out. */
export const DRIVER_FAILURE = 'driver'

/** Serialization failure and deadlock: the transaction did nothing wrong and may run again whole. @source PostgreSQL 18, 13.5 */
const RETRYABLE_STATES: ReadonlySet<string> = new Set(['40001', '40P01'])
/** The server ended the session: administrator, crash of another backend, start-up or shutdown, idle time-out, database dropped.
 *  A COMMIT that waited for a replica may have been made durable before. @source PostgreSQL 18, appendix A, class 57 */
const SESSION_ENDED_STATES: ReadonlySet<string> = new Set(['57P01', '57P02', '57P03', '57P04', '57P05'])

/** SQLSTATE of an error that the server sent; `undefined` for everything else. */
export function sqlstateOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  // Node's EPIPE also has five capitals in `code`; only the server's messages have a severity.
  return typeof code === 'string' && typeof severity === 'string' && code.length === 5 ? code : undefined
}

/** What the error is counted under: its SQLSTATE, else `connection` or `driver`; an error of ours under what caused it, else its own code. */
export function errorLabel(error: unknown): string {
  const state = sqlstateOf(error)
  if (state !== undefined) return state
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown }
  if (typeof code === 'string' && code.startsWith('HF_')) return cause === undefined || code === 'HF_PG_ACQUIRE_TIMEOUT' ? code : errorLabel(cause)
  return typeof code === 'string' && code.startsWith('E') ? CONNECTION_FAILURE : DRIVER_FAILURE
}

/** True when the whole transaction may simply be run again. */
export function isRetryableInTransaction(error: unknown): boolean {
  const state = sqlstateOf(error)
  return state !== undefined && RETRYABLE_STATES.has(state)
}

/** True when an error of COMMIT leaves open whether it took effect. Any other error that the server sends means that it did not. */
export function leavesOutcomeUnknown(error: unknown): boolean {
  const state = sqlstateOf(error)
  return state === undefined || state.startsWith('08') || SESSION_ENDED_STATES.has(state)
}
