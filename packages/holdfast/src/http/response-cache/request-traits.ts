import type { FieldLines } from '../fields/fields.ts'

/** What the fields of a request are about, as bits, so that a plain request is known to be plain after one pass. */
export const TRAIT = {
  /** If-Match, If-Unmodified-Since: the handler's business. */
  precondition: 1,
  /** If-None-Match. */
  noneMatch: 2,
  /** If-Modified-Since. */
  modifiedSince: 128,
  range: 256,
  /** Any of these three. */
  conditional: 386,
  /** Cache-Control, Pragma. */
  control: 4,
  /** Says where the request came from in a way that the key does not know. It may be answered from the cache, and must not fill it. */
  forwarding: 8,
  /** Turns the request into another one. It goes around the cache. */
  overriding: 16,
  /** Announces a body. */
  body: 32,
  acceptEncoding: 64,
} as const

const TRAITS: ReadonlyMap<string, number> = new Map<string, number>([
  ['if-match', TRAIT.precondition],
  ['if-unmodified-since', TRAIT.precondition],
  ['if-none-match', TRAIT.noneMatch],
  ['if-modified-since', TRAIT.modifiedSince],
  ['range', TRAIT.range],
  ['cache-control', TRAIT.control],
  ['pragma', TRAIT.control],
  ['forwarded', TRAIT.forwarding],
  ['x-forwarded-host', TRAIT.forwarding],
  ['x-forwarded-proto', TRAIT.forwarding],
  ['x-forwarded-scheme', TRAIT.forwarding],
  ['x-forwarded-port', TRAIT.forwarding],
  ['x-forwarded-prefix', TRAIT.forwarding],
  ['x-forwarded-path', TRAIT.forwarding],
  ['x-forwarded-server', TRAIT.forwarding],
  ['x-host', TRAIT.forwarding],
  ['x-http-method-override', TRAIT.overriding],
  ['x-http-method', TRAIT.overriding],
  ['x-method-override', TRAIT.overriding],
  ['x-original-url', TRAIT.overriding],
  ['x-rewrite-url', TRAIT.overriding],
  ['upgrade', TRAIT.overriding],
  ['transfer-encoding', TRAIT.body],
  ['accept-encoding', TRAIT.acceptEncoding],
])

/** Where a name stands by its length, its first and its last letter, in whatever case. */
function placeOf(name: string): number {
  const { length } = name
  return ((length << 5) ^ ((name.charCodeAt(0) | 32) << 2) ^ (name.charCodeAt(length - 1) | 32)) & 1023
}

/** 1 at the places of the names above: nearly all other names are told apart from them by it, without a look at all of their letters. To look them all up was a quarter of
 *  what a hit takes here. */
const PLACES = new Uint8Array(1024)
for (const name of [...TRAITS.keys(), 'content-length']) PLACES[placeOf(name)] = 1

/** The traits of a request. O(lines). */
export function traitsOf(lines: FieldLines): number {
  let traits = 0
  for (let i = 0; i < lines.length; i += 2) {
    if (PLACES[placeOf(lines[i]!)] !== 1) continue
    const name = lines[i]!.toLowerCase()
    if (name === 'content-length') traits |= lines[i + 1] === '0' ? 0 : TRAIT.body
    else traits |= TRAITS.get(name) ?? 0
  }
  return traits
}

/** True for a GET or HEAD that may mean another request than its method and URL say, or brings a body where none belongs. Other methods only invalidate. */
export function goesAround(method: string, traits: number): boolean {
  return (method === 'GET' || method === 'HEAD') && (traits & (TRAIT.overriding | TRAIT.body)) !== 0
}
