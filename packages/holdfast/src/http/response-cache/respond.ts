import { type FieldLines, fieldLinesOf, filterFields } from '../fields/fields.ts'
import type { Answer } from './conditions.ts'
import { hasBody, type Representation, type SentHit } from './representation.ts'
import type { StoredResponse } from './stored-response.ts'

/** How an answer came about (RFC 9211 2). */
export type Outcome =
  | { readonly kind: 'hit'; readonly ttlSec: number; readonly detail?: string }
  | {
      readonly kind: 'forward'
      readonly why: ForwardReason
      readonly status?: number
      readonly isStored?: boolean
      readonly isCollapsed?: boolean
      readonly detail?: string
    }
  | { readonly kind: 'refused' }

/** RFC 9211 2.2, and why nothing was stored. */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

/** An answer ready to be sent. `body` is absent for HEAD, 304 and 416. */
export interface CacheAnswer {
  readonly status: number
  /** Shared between answers: never changed. */
  readonly lines: FieldLines
  readonly body: Uint8Array | undefined
  readonly outcome: Outcome
}

/** The answer of a plain hit. */
export interface HitAnswer extends CacheAnswer {
  readonly outcome: Outcome & { readonly kind: 'hit' }
}

/** The fields that a 304 carries (RFC 9110 15.4.5). */
const ON_NOT_MODIFIED: ReadonlySet<string> = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
  'age',
  'cache-status',
  'cdn-cache-control',
  // What a cache has of an answer that it confirms is replaced by what comes along (RFC 9111 4.3.4).
  'cache-tag',
  'surrogate-key',
  'cache-groups',
  'last-modified',
  'x-cache',
])

const NO_LINES: FieldLines = []

/** The answer to one request from a representation of a stored response; `forReceiver` are lines that are nobody else's. Age is there on every answer that was not made for this request (RFC 9111 5.1). */
export function respond(
  stored: StoredResponse,
  representation: Representation,
  method: string,
  answer: Answer,
  outcome: Outcome,
  nowMs: number,
  forReceiver: FieldLines = NO_LINES,
): CacheAnswer {
  const isKnown = answer.kind === 'not-modified'
  const lines = representation.lines.slice()
  lines.push('Cache-Status', representation.statusBefore + cacheStatus(outcome), 'X-Cache', shortStatus(outcome))
  if (outcome.kind === 'hit' || nowMs - stored.bornAtMs >= 1000) lines.push('Age', String(ageSec(stored, nowMs)))
  const { body } = representation
  if (isKnown) {
    return { status: 304, lines: [...filterFields(lines, name => ON_NOT_MODIFIED.has(name)), ...forReceiver], body: undefined, outcome }
  }
  for (const text of forReceiver) lines.push(text)
  if (answer.kind === 'whole') {
    return { status: stored.status, lines, body: method === 'HEAD' || !hasBody(stored.status) ? undefined : body, outcome }
  }
  const sizeBytes = stored.part?.sizeBytes ?? body.byteLength
  if (answer.kind === 'unsatisfiable') {
    const without = filterFields(lines, name => !name.startsWith('content-'))
    return { status: 416, lines: [...without, 'Content-Range', `bytes */${sizeBytes}`, 'Content-Length', '0'], body: undefined, outcome }
  }
  const { first, last } = answer.range
  const offset = stored.part?.first ?? 0
  const part = [
    ...filterFields(lines, name => name !== 'content-length'),
    'Content-Range',
    `bytes ${first}-${last}/${sizeBytes}`,
    'Content-Length',
    String(last - first + 1),
  ]
  return { status: 206, lines: part, body: body.subarray(first - offset, last + 1 - offset), outcome }
}

/** The answer of a plain hit, whole or as a 304; made once a second for all who ask, because Age and the rest of the lifetime do not change within one.
 *  @source bench/http: its lines alone were 1 us of a hit */
export function hitAnswer(stored: StoredResponse, representation: Representation, method: string, isKnown: boolean, nowMs: number): HitAnswer {
  const last = isKnown ? representation.lastKnown : representation.lastHit
  const isLast = last !== undefined && nowMs >= last.fromMs && nowMs < last.untilMs
  const { answer } = isLast ? last : makeHit(stored, representation, isKnown, nowMs)
  return method === 'HEAD' ? { ...answer, body: undefined } : answer
}

function makeHit(stored: StoredResponse, representation: Representation, isKnown: boolean, nowMs: number): SentHit {
  const outcome = hitOutcome(stored, nowMs)
  const age = ageSec(stored, nowMs)
  const all = [...representation.lines, 'Cache-Status', representation.statusBefore + cacheStatus(outcome), 'X-Cache', shortStatus(outcome)]
  all.push('Age', String(age))
  const lines = isKnown ? filterFields(all, name => ON_NOT_MODIFIED.has(name)) : all
  const body = !isKnown && hasBody(stored.status) ? representation.body : undefined
  const answer: HitAnswer = { status: isKnown ? 304 : stored.status, lines, body, outcome }
  const untilMs = Math.min(stored.freshUntilMs - outcome.ttlSec * 1000, stored.bornAtMs + (age + 1) * 1000)
  const hit = { fromMs: nowMs, untilMs, answer }
  representation[isKnown ? 'lastKnown' : 'lastHit'] = hit
  return hit
}

/** What a hit says of itself. */
export function hitOutcome(stored: StoredResponse, nowMs: number, detail?: string): HitAnswer['outcome'] {
  const ttlSec = Math.floor((stored.freshUntilMs - nowMs) / 1000)
  return detail === undefined ? { kind: 'hit', ttlSec } : { kind: 'hit', ttlSec, detail }
}

/** Whole seconds since the response was generated, as far as can be known (RFC 9111 4.2.3). */
export function ageSec(stored: StoredResponse, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - stored.bornAtMs) / 1000))
}

/** Cache-Status appended to what caches behind us said (RFC 9211 2), and the short form. */
export function statusLines(outcome: Outcome, behind: FieldLines): string[] {
  const members = [...fieldLinesOf(behind, 'cache-status'), cacheStatus(outcome)]
  return ['Cache-Status', members.join(', '), 'X-Cache', shortStatus(outcome)]
}

function cacheStatus(outcome: Outcome): string {
  if (outcome.kind === 'hit') return `Holdfast; hit; ttl=${outcome.ttlSec}${detailOf(outcome.detail)}`
  if (outcome.kind === 'refused') return 'Holdfast; detail=only-if-cached'
  const { why, status, isStored, isCollapsed, detail } = outcome
  const parts = [
    `fwd=${why}`,
    ...(status === undefined ? [] : [`fwd-status=${status}`]),
    ...(isStored ? ['stored'] : []),
    ...(isCollapsed ? ['collapsed'] : []),
  ]
  return `Holdfast; ${parts.join('; ')}${detailOf(detail)}`
}

function detailOf(detail: string | undefined): string {
  return detail === undefined ? '' : `; detail=${detail}`
}

function shortStatus(outcome: Outcome): string {
  if (outcome.kind === 'hit') return outcome.ttlSec < 0 ? 'STALE' : 'HIT'
  if (outcome.kind === 'forward' && (outcome.why === 'bypass' || outcome.why === 'method' || outcome.why === 'request')) return 'BYPASS'
  return 'MISS'
}
