import { type ByteRange, parseRange } from '../fields/byte-range.ts'
import { noneMatchMatches, stronglyEqual } from '../fields/entity-tag.ts'
import { type FieldLines, fieldLinesOf, fieldValue } from '../fields/fields.ts'
import { parseHttpDate } from '../fields/http-date.ts'
import { rangeWithin } from './part.ts'
import type { Representation } from './representation.ts'
import type { StoredResponse } from './stored-response.ts'

/** How a stored response answers one request. */
export type Answer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' }

/** The answer to a request without conditions. */
export const WHOLE: Answer = { kind: 'whole' }
const NOT_MODIFIED: Answer = { kind: 'not-modified' }

/** Evaluates the conditions and the range of a GET or HEAD against what is about to be sent (RFC 9110 13.2.2, RFC 9111 4.3.2). If-Match and
 *  If-Unmodified-Since are the origin's business and never reach this point. */
export function answerFor(method: string, lines: FieldLines, stored: StoredResponse, { etag, body }: Representation, nowMs: number): Answer {
  if (stored.part !== undefined) {
    const range = rangeWithin(stored.part, lines)
    return { kind: 'part', range: range ?? stored.part }
  }
  // 13.2.1: conditions apply where the answer would be 200; a stored 404 is sent as it is.
  if (stored.status !== 200) return WHOLE
  const noneMatch = fieldValue(lines, 'if-none-match')
  if (noneMatch !== undefined) {
    // Almost always: one tag, as it was given out.
    if (noneMatch === etag || noneMatchMatches(noneMatch, etag)) return NOT_MODIFIED
  } else if (isUnmodifiedSince(lines, stored, nowMs)) return NOT_MODIFIED
  const range = fieldValue(lines, 'range')
  if (method !== 'GET' || range === undefined || !ifRangeHolds(lines, stored, etag, nowMs)) return WHOLE
  const asked = parseRange(range, body.byteLength)
  if (asked.kind === 'ignored') return WHOLE
  return asked.kind === 'unsatisfiable' ? { kind: 'unsatisfiable' } : { kind: 'part', range: asked.range }
}

/** RFC 9110 13.1.3. Without Last-Modified, a cache compares with Date, and without that with the time of receipt (RFC 9111 4.3.2). */
function isUnmodifiedSince(lines: FieldLines, stored: StoredResponse, nowMs: number): boolean {
  const since = fieldLinesOf(lines, 'if-modified-since')
  const sinceMs = since.length === 1 ? parseHttpDate(since[0]!, nowMs) : undefined
  if (sinceMs === undefined) return false
  const modified = stored.lastModified ?? fieldValue(stored.lines, 'date')
  const modifiedMs = modified === undefined ? undefined : parseHttpDate(modified, nowMs)
  return modifiedMs !== undefined && modifiedMs <= sinceMs
}

/** RFC 9110 13.1.5: an absent If-Range holds, and one with a strong tag that is the same, or exactly the same date of a strong Last-Modified. */
export function ifRangeHolds(lines: FieldLines, stored: StoredResponse, etag: string | undefined, nowMs: number): boolean {
  const ifRange = fieldValue(lines, 'if-range')?.trim()
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"') || ifRange.startsWith('W/')) return etag !== undefined && stronglyEqual(ifRange, etag)
  if (stored.lastModified !== ifRange) return false
  // 8.8.2.2: a date is strong when it lies a while before the response was generated.
  const date = fieldValue(stored.lines, 'date')
  const [modifiedMs, dateMs] = [parseHttpDate(ifRange, nowMs), date === undefined ? undefined : parseHttpDate(date, nowMs)]
  return modifiedMs !== undefined && dateMs !== undefined && dateMs - modifiedMs >= 1000
}
