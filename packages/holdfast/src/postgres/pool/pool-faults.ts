import type { HoldfastError } from '../../core/index.ts'
import { pgErrors } from '../errors.ts'
import { errorLabel, sqlstateOf } from '../sqlstate.ts'
import { describeCallSite } from './call-site.ts'
import type { Member, PoolMemberClient } from './member.ts'

/** What a pool can say of itself in an error. */
export interface PoolCounts {
  readonly name: string
  readonly used: number
  readonly max: number
  readonly waiting: number
}

/** Who holds a connection for longest, as far as the pool itself knows. */
export function heldLongest(members: Iterable<Member>, nowMs: number): string | undefined {
  let oldest: Member | undefined
  for (const member of members) {
    if (member.heldSinceMs !== undefined && member.heldSinceMs < (oldest?.heldSinceMs ?? Number.POSITIVE_INFINITY)) oldest = member
  }
  if (oldest === undefined) return undefined
  const site = oldest.site === undefined ? undefined : describeCallSite(oldest.site)
  return `held ${((nowMs - oldest.heldSinceMs!) / 1000).toFixed(1)} s by ${site ?? 'a caller whose stack was not taken'}`
}

/** The error of a caller whose time is up: nobody gave a connection back, or none could be opened. */
export function waitedInVain(counts: PoolCounts, waitMs: number, limitMs: number, longest: string | undefined, connectError: unknown): HoldfastError {
  if (connectError !== undefined) return connectFailed(connectError, `waited ${Math.round(waitMs)} ms (limit ${limitMs} ms)`)
  const { name, used, max, waiting } = counts
  const where = name === 'default' ? '' : ` of class ${name}`
  const message = `waited ${Math.round(waitMs)} ms for a connection${where} (limit ${limitMs} ms), ${used} of ${max} in use, ${waiting} more wait`
  return pgErrors.create('HF_PG_ACQUIRE_TIMEOUT', longest === undefined ? message : `${message}; the longest is ${longest}`, {
    context: { waitMs, limitMs, ...counts },
  })
}

/** The error of a caller for whom no connection can be opened. */
export function connectFailed(cause: unknown, how: string): HoldfastError {
  const state = errorLabel(cause)
  const reason = cause instanceof Error ? cause.message || (cause as { code?: string }).code : String(cause)
  const code = isRefusedForGood(cause) ? 'HF_PG_LOGIN_REFUSED' : 'HF_PG_CONNECT_FAILED'
  return pgErrors.create(code, `no connection to PostgreSQL: ${reason} (${state}); ${how}`, { cause, context: { sqlstate: state } })
}

/** Wrong password, role or database: trying again changes nothing until somebody mends it. @source PostgreSQL 18, appendix A, classes 28 and 3D */
export function isRefusedForGood(error: unknown): boolean {
  const state = sqlstateOf(error)
  return state !== undefined && (state.startsWith('28') || state.startsWith('3D'))
}

/** True when a connection is worth keeping after this error of a statement: the server answered, and goes on serving the session. */
export function leavesConnectionSound(error: unknown): boolean {
  const state = sqlstateOf(error)
  return state !== undefined && !state.startsWith('08') && !state.startsWith('57P') && (error as { severity?: unknown }).severity === 'ERROR'
}

/** The driver says in words alone that a connection broke under a statement; the same with a code. Every other error as it is. */
export function lostConnection(error: unknown, client: PoolMemberClient): unknown {
  const isCoded = typeof (error as { code?: unknown } | null)?.code === 'string'
  if (isCoded || client.connection?.stream.destroyed !== true) return error
  const reason = error instanceof Error ? error.message : String(error)
  return pgErrors.create('HF_PG_CONNECTION_LOST', `the connection was lost while the statement was under way: ${reason}`, { cause: error })
}
