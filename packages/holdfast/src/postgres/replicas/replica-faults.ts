import { pgErrors } from '../errors.ts'
import { sqlstateOf } from '../sqlstate.ts'

const OWN_CODES: ReadonlySet<string> = new Set(['HF_PG_CONNECT_FAILED', 'HF_PG_LOGIN_REFUSED', 'HF_PG_CONNECTION_LOST'])
/** Full, starting up, and not to be logged in to: another server may well answer. @source PostgreSQL 18, appendix A */
const STATES = /^(08|28|3D|53300|57P)/

/** True when a read failed because of the server that it was sent to, and may be answered by another. */
export function isReplicaFault(error: unknown): boolean {
  const state = sqlstateOf(error)
  if (state !== undefined) return STATES.test(state)
  const { code, syscall } = (error ?? {}) as { code?: unknown; syscall?: unknown }
  if (typeof code !== 'string') return false
  // A failure of the network has the call that failed; ERR_INVALID_ARG_TYPE and its like are the caller's.
  return OWN_CODES.has(code) || (code.startsWith('E') && syscall !== undefined)
}

/** True when replay ended a statement to go on: not the statement's fault, and no trouble of the replica. Outside of a transaction that runs again, nothing else gives
 *  these. @source PostgreSQL 18, 26.4.2 "Handling Query Conflicts" */
export function isReplayConflict(error: unknown): boolean {
  const state = sqlstateOf(error)
  return state === '40001' || state === '40P01'
}

/** The replica answers and its pool is full: sending the read to the primary would carry the overload there. */
const SATURATION_CODES: ReadonlySet<string> = new Set(['HF_PG_ACQUIRE_TIMEOUT', 'HF_PG_QUEUE_FULL'])

/** An error of `pool.connect()` with a code. `pg.Pool` tells of some failures, its time-out among them, in words alone. */
export function asConnectFailure(name: string, error: unknown): unknown {
  const { code } = (error ?? {}) as { code?: unknown }
  if (isReplicaFault(error) || (typeof code === 'string' && SATURATION_CODES.has(code))) return error
  const reason = error instanceof Error ? error.message : String(error)
  return pgErrors.create('HF_PG_CONNECT_FAILED', `no connection to replica ${name}: ${reason}`, { cause: error })
}
