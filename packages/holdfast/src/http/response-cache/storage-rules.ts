import { type FieldLines, fieldValue, filterFields, hasField, listMembers } from '../fields/fields.ts'
import { type RequestControl, type ResponseControl, readResponseControl } from './control.ts'
import type { EngineRequest } from './engine-contract.ts'
import { lengthOf, type Part } from './part.ts'

/** Why a response is not stored. The names appear in Cache-Status details and metrics. */
export type UnstorableReason =
  | 'method'
  | 'request-no-store'
  | 'status'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'cookie'
  | 'set-cookie'
  | 'vary'
  | 'no-lifetime'
  | 'range'
  | 'untrusted'

/** What is asked of the storage rules. */
export interface StorageQuestion {
  readonly method: string
  readonly requestLines: FieldLines
  readonly requestControl: RequestControl
  readonly status: number
  readonly lines: FieldLines
  readonly control: ResponseControl
  /** True when it says itself how long it is fresh, or the route does. */
  readonly hasLifetime: boolean
  /** False when the request may only read. */
  readonly mayFill: boolean
  /** True when the answer is kept for one identity and never shared. */
  readonly isPartitioned: boolean
  /** True for a 206 whose part is known. */
  readonly isPart: boolean
  /** Cookies on the request do not forbid sharing what does not say `public` or `s-maxage`. Default policy: they do. */
  readonly ignoresCookies: boolean
}

/** Status codes whose caching rules this cache implements (RFC 9111 3: needed with `must-understand`). 304 has rules of its own. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 203, 204, 206, 300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 414, 415, 416, 417, 421, 422, 426, 451, 500,
  501, 502, 503, 504,
])

/** What decides who may see an answer. */
type Sharing = Pick<StorageQuestion, 'requestLines' | 'lines' | 'control' | 'ignoresCookies'>

/** Why a response must not be stored in this shared cache (RFC 9111 3), or `undefined` when it may. */
export function whyUnstorable(question: StorageQuestion): UnstorableReason | undefined {
  const { method, requestControl, status, lines, control, isPartitioned, isPart } = question
  if (!question.mayFill) return 'untrusted'
  if (method !== 'GET') return 'method'
  if (requestControl.noStore) return 'request-no-store'
  if (status < 200 || (status === 206 && !isPart) || status === 304) return 'status'
  // 5.2.2.3: must-understand overrides no-store for codes that are understood, and forbids the others.
  if (control.mustUnderstand && !UNDERSTOOD.has(status)) return 'status'
  if (control.noStore && !control.mustUnderstand) return 'no-store'
  if (!isPart && hasField(lines, 'content-range')) return 'range'
  if (varyFields(lines) === undefined) return 'vary'
  return (
    (isPartitioned ? undefined : whyUnshareable(question)) ?? (question.hasLifetime || canBeValidated(lines, control) ? undefined : 'no-lifetime')
  )
}

/** Why an answer to this request must not be given to another. RFC 9111 3.5 lets must-revalidate suffice with Authorization; that says nothing about who may
 *  see the answer, and we ask for a word about sharing. */
function whyUnshareable({ requestLines, lines, control, ignoresCookies }: Sharing): UnstorableReason | undefined {
  if (control.isPrivate) return 'private'
  if (control.isPublic || control.sMaxAgeSec !== undefined) return undefined
  if (hasField(requestLines, 'authorization')) return 'authorization'
  if (hasField(requestLines, 'cookie') && !ignoresCookies) return 'cookie'
  // The cookie itself is never stored; what comes with it may be somebody's own page.
  return hasField(lines, 'set-cookie') ? 'set-cookie' : undefined
}

/** True when the answer was made for who asked, by the rules for what is stored here. CDNs look at no cookies, and know no identities. */
export function isForOne({ lines: requestLines, rules }: Pick<EngineRequest, 'lines' | 'rules'>, lines: FieldLines): boolean {
  const { isPartitioned, ignoresCookies, targets } = rules
  return isPartitioned || whyUnshareable({ requestLines, lines, control: readResponseControl(lines, targets), ignoresCookies }) !== undefined
}

/** A response that must be validated each time is worth storing when there is something to validate it with. */
function canBeValidated(lines: FieldLines, control: ResponseControl): boolean {
  const mayBeStored = control.isPublic || control.noCache || control.maxAgeSec !== undefined
  return mayBeStored && (hasField(lines, 'etag') || hasField(lines, 'last-modified'))
}

/** Most field names in Vary that are looked at; more would make every request its own variant. */
const VARY_LIMIT = 16

/** The fields that Vary names, lower case, sorted, each once; `undefined` when no later request can match (`*`, RFC 9111 4.1) or the list is unreasonable. */
export function varyFields(lines: FieldLines): readonly string[] | undefined {
  const value = fieldValue(lines, 'vary')
  if (value === undefined) return []
  const names = [...new Set(listMembers(value).map(name => name.toLowerCase()))].sort()
  return names.includes('*') || names.length > VARY_LIMIT ? undefined : names
}

/** False when the response, or its part, says another length than it has (RFC 9111 3.3, RFC 9112 8, RFC 9110 14.4). */
export function isWhole(lines: FieldLines, body: Uint8Array, part: Part | undefined): boolean {
  const length = fieldValue(lines, 'content-length')
  return (length === undefined || length === String(body.byteLength)) && (part === undefined || lengthOf(part) === body.byteLength)
}

/** Fields that belong to one connection, or are made anew for each answer (RFC 9111 3.1, RFC 9110 7.6.1). */
const NEVER_STORED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'set-cookie',
  'server-timing',
  'ratelimit',
  'ratelimit-policy',
])

/** Fields of one answer that are not stored and yet are its receiver's: set-cookie, measurements, limits. */
const FOR_THE_RECEIVER: ReadonlySet<string> = new Set(['set-cookie', 'server-timing', 'ratelimit', 'ratelimit-policy'])

/** The lines that are not stored and go to the one whose request this answered: cookies, and what `private` and `no-cache` name. */
export function linesForReceiver(lines: FieldLines, control: ResponseControl): readonly string[] {
  const isPlain = control.unstorableFields.length === 0
  const connection = isPlain ? [] : listMembers(fieldValue(lines, 'connection') ?? '').map(name => name.toLowerCase())
  return filterFields(
    lines,
    name =>
      FOR_THE_RECEIVER.has(name) || (!isPlain && control.unstorableFields.includes(name) && !NEVER_STORED.has(name) && !connection.includes(name)),
  )
}

/** The lines of a response that are stored: without those of the connection, those that Connection names, and those that `private` or `no-cache` names. */
export function storableLines(lines: FieldLines, control: ResponseControl): string[] {
  const named = new Set([...listMembers(fieldValue(lines, 'connection') ?? '').map(name => name.toLowerCase()), ...control.unstorableFields])
  return filterFields(lines, name => !NEVER_STORED.has(name) && !named.has(name))
}
