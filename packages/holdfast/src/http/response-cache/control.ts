import { type BareItem, type InnerList, type Item, parseDictionary } from 'structured-headers'
import { type Directives, deltaSeconds, namedFields, parseDirectives } from '../fields/directives.ts'
import { type FieldLines, fieldValue, hasField } from '../fields/fields.ts'

/** What a response says about its storage and reuse by a shared cache. */
export interface ResponseControl {
  readonly noStore: boolean
  /** `private` without field names: not for a shared cache. */
  readonly isPrivate: boolean
  /** `no-cache` without field names: not reused without validation. */
  readonly noCache: boolean
  readonly isPublic: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly noTransform: boolean
  /** Seconds; `NaN` when said invalidly, which counts as stale (RFC 9111 4.2.1). */
  readonly sMaxAgeSec: number | undefined
  readonly maxAgeSec: number | undefined
  /** RFC 5861. Seconds; invalid ones are absent. */
  readonly staleWhileRevalidateSec: number | undefined
  readonly staleIfErrorSec: number | undefined
  /** Fields named by `private="…"` and `no-cache="…"`, lower case: never stored, so never reused. */
  readonly unstorableFields: readonly string[]
  /** The targeted field that was obeyed instead of Cache-Control and Expires (RFC 9213 2.2), lower case. */
  readonly targetedBy: string | undefined
}

/** What a request asks of caches (RFC 9111 5.2.1). */
export interface RequestControl {
  readonly noStore: boolean
  readonly noCache: boolean
  readonly onlyIfCached: boolean
  readonly noTransform: boolean
  readonly maxAgeSec: number | undefined
  readonly minFreshSec: number | undefined
  /** Infinity for `max-stale` without a value. */
  readonly maxStaleSec: number | undefined
  /** RFC 5861 4. */
  readonly staleIfErrorSec: number | undefined
}

/** Reads what a response says. `targets` are the targeted fields obeyed, most specific first, in lower case; the first that is a valid and non-empty
 *  dictionary is used alone. */
export function readResponseControl(lines: FieldLines, targets: readonly string[]): ResponseControl {
  for (const target of targets) {
    const directives = readTargeted(fieldValue(lines, target))
    if (directives !== undefined) return toControl(directives, target)
  }
  return toControl(parseDirectives(fieldValue(lines, 'cache-control')), undefined)
}

/** What a request without Cache-Control and Pragma asks. */
export const NO_REQUEST_CONTROL: RequestControl = {
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  noTransform: false,
  maxAgeSec: undefined,
  minFreshSec: undefined,
  maxStaleSec: undefined,
  staleIfErrorSec: undefined,
}

/** Reads what a request asks. `Pragma: no-cache` counts only without Cache-Control (RFC 9111 5.4). */
export function readRequestControl(lines: FieldLines): RequestControl {
  const directives = parseDirectives(fieldValue(lines, 'cache-control'))
  const noCacheByPragma = !hasField(lines, 'cache-control') && parseDirectives(fieldValue(lines, 'pragma')).has('no-cache')
  return {
    noStore: directives.has('no-store'),
    noCache: directives.has('no-cache') || noCacheByPragma,
    onlyIfCached: directives.has('only-if-cached'),
    noTransform: directives.has('no-transform'),
    maxAgeSec: validSeconds(directives, 'max-age'),
    minFreshSec: validSeconds(directives, 'min-fresh'),
    maxStaleSec: directives.get('max-stale') === true ? Number.POSITIVE_INFINITY : validSeconds(directives, 'max-stale'),
    staleIfErrorSec: validSeconds(directives, 'stale-if-error'),
  }
}

function toControl(directives: Directives, targetedBy: string | undefined): ResponseControl {
  const privateFields = namedFields(directives, 'private')
  const noCacheFields = namedFields(directives, 'no-cache')
  return {
    noStore: directives.has('no-store'),
    isPrivate: directives.has('private') && privateFields.length === 0,
    noCache: directives.has('no-cache') && noCacheFields.length === 0,
    isPublic: directives.has('public'),
    mustRevalidate: directives.has('must-revalidate'),
    proxyRevalidate: directives.has('proxy-revalidate'),
    mustUnderstand: directives.has('must-understand'),
    noTransform: directives.has('no-transform'),
    sMaxAgeSec: deltaSeconds(directives, 's-maxage'),
    maxAgeSec: deltaSeconds(directives, 'max-age'),
    staleWhileRevalidateSec: validSeconds(directives, 'stale-while-revalidate'),
    staleIfErrorSec: validSeconds(directives, 'stale-if-error'),
    unstorableFields: [...privateFields, ...noCacheFields],
    targetedBy,
  }
}

function validSeconds(directives: Directives, name: string): number | undefined {
  const seconds = deltaSeconds(directives, name)
  return Number.isNaN(seconds) ? undefined : seconds
}

/** RFC 9213 2.1: a Structured Fields dictionary, parameters without meaning; a directive of the wrong type is as if it were absent. */
function readTargeted(value: string | undefined): Directives | undefined {
  if (value === undefined) return undefined
  let members: ReadonlyMap<string, Item | InnerList>
  try {
    members = parseDictionary(value)
  } catch {
    return undefined
  }
  if (members.size === 0) return undefined
  const directives = new Map<string, string | true>()
  for (const [name, [item]] of members) {
    const argument = Array.isArray(item) ? undefined : toArgument(name, item as BareItem)
    if (argument !== undefined) directives.set(name, argument)
  }
  return directives
}

const WITH_SECONDS: ReadonlySet<string> = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'])

function toArgument(name: string, item: BareItem): string | true | undefined {
  if (WITH_SECONDS.has(name)) return typeof item === 'number' && Number.isInteger(item) && item >= 0 ? String(item) : undefined
  if (item === true) return true
  return typeof item === 'string' ? item : undefined
}
