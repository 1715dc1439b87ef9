import { GREATEST_DELTA_SEC, parseDeltaSeconds } from '../fields/directives.ts'
import { type FieldLines, fieldLinesOf, fieldValue } from '../fields/fields.ts'
import { parseHttpDate } from '../fields/http-date.ts'
import type { ResponseControl } from './control.ts'

/** When a response was asked for and came, wall clock in ms. */
export interface Exchange {
  readonly requestedAtMs: number
  readonly receivedAtMs: number
}

/** Share of the time since the last change that a response without a lifetime is taken as fresh, and its upper bound (RFC 9111 4.2.2). */
const HEURISTIC_SHARE = 0.1
const HEURISTIC_LIMIT_MS = 86_400_000

/** Status codes that may be reused without an explicit lifetime (RFC 9110 15.1). */
const HEURISTICALLY_CACHEABLE: ReadonlySet<number> = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])

/** True when the status code may be reused by a heuristic lifetime. */
export function isHeuristicallyCacheable(status: number): boolean {
  return HEURISTICALLY_CACHEABLE.has(status)
}

/** How long after its generation a response is fresh, in ms, as far as it says so itself (RFC 9111 4.2.1); `undefined` when it does not.
 *  Invalid freshness is 0: stale. */
export function explicitLifetimeMs(lines: FieldLines, control: ResponseControl, exchange: Exchange): number | undefined {
  const seconds = control.sMaxAgeSec ?? control.maxAgeSec
  if (seconds !== undefined) return Number.isNaN(seconds) ? 0 : seconds * 1000
  if (control.targetedBy !== undefined) return undefined
  // More than one Expires: the first or stale; a date has a comma of its own, so lines are told apart and not joined.
  const [expires] = fieldLinesOf(lines, 'expires')
  if (expires === undefined) return undefined
  const expiresAtMs = parseHttpDate(expires, exchange.receivedAtMs)
  if (expiresAtMs === undefined) return 0
  return Math.min(GREATEST_DELTA_SEC * 1000, Math.max(0, expiresAtMs - dateMs(lines, exchange)))
}

/** A tenth of the time since Last-Modified, at most a day (RFC 9111 4.2.2); `undefined` where none may be guessed. */
export function heuristicLifetimeMs(status: number, lines: FieldLines, control: ResponseControl, exchange: Exchange): number | undefined {
  if (!isHeuristicallyCacheable(status) && !control.isPublic) return undefined
  const lastModified = fieldValue(lines, 'last-modified')
  const modifiedAtMs = lastModified === undefined ? undefined : parseHttpDate(lastModified, exchange.receivedAtMs)
  if (modifiedAtMs === undefined) return undefined
  return Math.min(HEURISTIC_LIMIT_MS, Math.max(0, (dateMs(lines, exchange) - modifiedAtMs) * HEURISTIC_SHARE))
}

/** The response's age when it was received, in ms (RFC 9111 4.2.3, corrected_initial_age). */
export function initialAgeMs(lines: FieldLines, exchange: Exchange): number {
  const apparentMs = Math.max(0, exchange.receivedAtMs - dateMs(lines, exchange))
  const delayMs = Math.max(0, exchange.receivedAtMs - exchange.requestedAtMs)
  return Math.max(apparentMs, ageFieldMs(lines) + delayMs)
}

/** RFC 9111 5.1: of a list the first member; anything but a number of seconds is ignored. */
function ageFieldMs(lines: FieldLines): number {
  const value = fieldValue(lines, 'age')
  const seconds = value === undefined ? Number.NaN : parseDeltaSeconds(value.split(',')[0]!.trim())
  return Number.isNaN(seconds) ? 0 : seconds * 1000
}

/** A response without a valid Date counts as generated when it came (RFC 9110 6.6.1). */
function dateMs(lines: FieldLines, { receivedAtMs }: Exchange): number {
  const date = fieldValue(lines, 'date')
  return (date === undefined ? undefined : parseHttpDate(date, receivedAtMs)) ?? receivedAtMs
}
