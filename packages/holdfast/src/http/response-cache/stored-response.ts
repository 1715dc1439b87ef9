import { type FieldLines, fieldValue, filterFields, hasField } from '../fields/fields.ts'
import { formatHttpDate } from '../fields/http-date.ts'
import { type ResponseControl, readResponseControl } from './control.ts'
import { type Exchange, explicitLifetimeMs, heuristicLifetimeMs, initialAgeMs } from './freshness.ts'
import { type Part, partOf } from './part.ts'
import { storableLines } from './storage-rules.ts'

/** A response as it is kept: what came, and what was worked out from it once, so that a hit works out nothing. */
export interface StoredResponse {
  readonly status: number
  /** As stored: no lines of the connection, no Age, with a Date. */
  readonly lines: FieldLines
  readonly body: Uint8Array
  /** Of a 206: which bytes of the whole `body` is. */
  readonly part: Part | undefined
  /** What it was made of: whatever invalidates one of them drops it. */
  readonly tags: readonly string[]
  /** The handler's route, by which answers are counted; `undefined` where it is not known. */
  readonly route: string | undefined
  /** Values of the request fields that Vary names, normalised, in the order of the sorted names; `undefined` for an absent one. */
  readonly selectedBy: readonly (string | undefined)[]
  readonly control: ResponseControl
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** Wall clock: its generation, taken from its age when it came. `now - bornAtMs` is its age. */
  readonly bornAtMs: number
  /** How long after that it is fresh. */
  readonly lifetimeMs: number
  /** Fresh until this moment of the wall clock, and validated before each use when `control.noCache`. */
  readonly freshUntilMs: number
}

/** Lifetimes of a route, for responses that say nothing themselves. */
export interface LifetimeRules {
  /** Fresh for this long when the response has no lifetime of its own; `undefined`: not stored. */
  readonly defaultLifetimeMs: number | undefined
  /** Guess from Last-Modified (RFC 9111 4.2.2). */
  readonly mayGuess: boolean
  /** Targeted fields obeyed (RFC 9213), lower case, most specific first. */
  readonly targets: readonly string[]
}

/** What came from the handler or origin. */
export interface OriginResponse {
  readonly status: number
  readonly lines: FieldLines
  readonly body: Uint8Array
  readonly tags: readonly string[]
  readonly route: string | undefined
}

/** How long a response is fresh by itself or by the rules of its route; `undefined` when neither says. */
export function lifetimeMs(
  status: number,
  lines: FieldLines,
  control: ResponseControl,
  exchange: Exchange,
  rules: LifetimeRules,
): number | undefined {
  const explicitMs = explicitLifetimeMs(lines, control, exchange)
  if (explicitMs !== undefined) return explicitMs
  // no-cache without a lifetime: may be stored, never reused unasked.
  if (control.noCache) return 0
  if (rules.mayGuess) {
    const guessedMs = heuristicLifetimeMs(status, lines, control, exchange)
    if (guessedMs !== undefined) return guessedMs
  }
  return status === 200 ? rules.defaultLifetimeMs : undefined
}

/** Makes what is stored of a response. Whether it may be stored is asked before. */
export function toStored(
  response: OriginResponse,
  control: ResponseControl,
  exchange: Exchange,
  ownLifetimeMs: number,
  selectedBy: readonly (string | undefined)[],
): StoredResponse {
  const kept = storableLines(response.lines, control)
  const lines = withDate(
    filterFields(kept, name => name !== 'age' && name !== 'content-length' && name !== 'content-range'),
    exchange.receivedAtMs,
  )
  const bornAtMs = exchange.receivedAtMs - initialAgeMs(response.lines, exchange)
  return {
    status: response.status,
    lines,
    body: response.body,
    part: partOf(response.status, response.lines),
    tags: response.tags,
    route: response.route,
    selectedBy,
    control,
    etag: fieldValue(lines, 'etag'),
    lastModified: fieldValue(lines, 'last-modified'),
    bornAtMs,
    lifetimeMs: ownLifetimeMs,
    freshUntilMs: bornAtMs + ownLifetimeMs,
  }
}

/** Fields that say how the stored bytes are to be read, or what they were selected by, and therefore stay when a 304 updates the rest (RFC 9111 3.2). */
const OF_THE_BODY: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-range', 'vary', 'age'])

/** The stored response after a 304 confirmed it: its fields replaced by those that came (RFC 9111 3.2, 4.3.4), its age begun anew. */
export function freshen(
  stored: StoredResponse,
  lines: FieldLines,
  exchange: Exchange,
  rules: LifetimeRules,
  tags: readonly string[],
): StoredResponse {
  const ownControl = readResponseControl(lines, rules.targets)
  const brought = filterFields(storableLines(lines, ownControl), name => !OF_THE_BODY.has(name))
  const replaced = new Set<string>()
  for (let i = 0; i < brought.length; i += 2) replaced.add(brought[i]!.toLowerCase())
  const merged = [...filterFields(stored.lines, name => !replaced.has(name) && name !== 'date'), ...brought]
  const control = readResponseControl(merged, rules.targets)
  const updated = { status: stored.status, lines: mergedWithAge(merged, lines), body: stored.body, tags, route: stored.route }
  const freshMs = lifetimeMs(stored.status, merged, control, exchange, rules) ?? 0
  return toStored(updated, control, exchange, freshMs, stored.selectedBy)
}

/** The 304's own Age says how old its word is. */
function mergedWithAge(merged: readonly string[], lines: FieldLines): string[] {
  const age = fieldValue(lines, 'age')
  return age === undefined ? [...merged] : [...merged, 'Age', age]
}

/** RFC 9110 6.6.1: a recipient that stores a response without Date adds the time of its receipt. */
function withDate(lines: readonly string[], receivedAtMs: number): string[] {
  return hasField(lines, 'date') ? [...lines] : [...lines, 'Date', formatHttpDate(receivedAtMs)]
}
