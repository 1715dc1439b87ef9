import { preferredCoding } from '../content-coding/coding.ts'
import { stronglyEqual, weaklyEqual } from '../fields/entity-tag.ts'
import { type FieldLines, fieldValue, filterFields, withField } from '../fields/fields.ts'
import { withoutCodingTags } from './representation.ts'
import { TRAIT } from './request-traits.ts'
import type { StoredResponse } from './stored-response.ts'

/** Fields by which a client makes its request conditional or partial. The cache asks the origin for the whole and answers the condition itself. */
export const CONDITIONS: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'])

/** The request as the origin gets it to fill the cache: whole, without conditions, with the one coding that the answer may be in. */
export function unconditional(lines: FieldLines): string[] {
  const whole = filterFields(lines, name => !CONDITIONS.has(name))
  const acceptEncoding = fieldValue(lines, 'accept-encoding')
  if (acceptEncoding === undefined) return whole
  // Spellings of one wish are one variant, so the handler must not see more of the wish than that.
  const coding = preferredCoding(acceptEncoding) ?? 'identity'
  return coding === acceptEncoding ? whole : withField(whole, 'Accept-Encoding', coding)
}

/** The request with its conditions and range, with the one coding that the answer may be in; `undefined` when they name tags of our encodings, which the
 *  origin does not know. */
export function withConditions(lines: FieldLines): string[] | undefined {
  const isOurs = lines.some((text, i) => i % 2 === 1 && TAGGED.has(lines[i - 1]!.toLowerCase()) && withoutCodingTags(text) !== text)
  if (isOurs) return undefined
  const whole = unconditional(lines)
  return [...whole, ...filterFields(lines, name => CONDITIONS.has(name))]
}

/** What a part says of the size of its whole (RFC 9110 14.4); 0 where it says nothing. */
export function wholeSizeBytes(lines: FieldLines): number {
  return Number(/\/(\d+)$/.exec(fieldValue(lines, 'content-range') ?? '')?.[1] ?? 0)
}

/** The request as the origin gets it when the cache has no part in it: as it came, but for tags of our encodings, of which the origin knows nothing. */
export function understandable({ lines, traits }: { readonly lines: FieldLines; readonly traits: number }): FieldLines {
  if ((traits & (TRAIT.precondition | TRAIT.conditional)) === 0) return lines
  const understood = lines.map((text, i) => (i % 2 === 1 && TAGGED.has(lines[i - 1]!.toLowerCase()) ? withoutCodingTags(text) : text))
  return understood.some((text, i) => text !== lines[i]) ? understood : lines
}

const TAGGED: ReadonlySet<string> = new Set(['if-match', 'if-none-match', 'if-range'])

/** The request as the origin gets it to confirm what is stored (RFC 9111 4.3.1). Several stored tags may be offered at once. */
export function conditional(lines: FieldLines, stored: readonly StoredResponse[]): string[] {
  const asked = unconditional(lines)
  const etags = [...new Set(stored.flatMap(({ etag }) => (etag === undefined ? [] : [etag])))]
  if (etags.length > 0) asked.push('If-None-Match', etags.join(', '))
  const [first] = stored
  if (first?.lastModified !== undefined) asked.push('If-Modified-Since', first.lastModified)
  return asked
}

/** True when the response can be asked about. */
export function hasValidator(stored: StoredResponse): boolean {
  return stored.etag !== undefined || stored.lastModified !== undefined
}

/** Which of the stored responses a 304 confirms (RFC 9111 4.3.4): by strong tag, by weak tag, by Last-Modified; without a validator, the only one. */
export function confirmedBy(lines: FieldLines, stored: readonly StoredResponse[]): StoredResponse | undefined {
  const etag = fieldValue(lines, 'etag')
  if (etag !== undefined) {
    return (
      stored.find(response => response.etag !== undefined && stronglyEqual(response.etag, etag)) ??
      stored.find(response => response.etag !== undefined && weaklyEqual(response.etag, etag))
    )
  }
  const lastModified = fieldValue(lines, 'last-modified')
  if (lastModified !== undefined) {
    const same = stored.find(response => response.lastModified === lastModified)
    if (same !== undefined) return same
  }
  return stored.length === 1 && (lastModified === undefined || stored[0]?.lastModified === undefined) ? stored[0] : undefined
}

/** Whether the answer to a HEAD agrees with what is stored (RFC 9111 4.3.5). When it does not, what is stored is old. */
export function agreesWithHead(stored: StoredResponse, lines: FieldLines): boolean {
  const same = (name: string, own: string | undefined): boolean => {
    const said = fieldValue(lines, name)
    return said === undefined || own === undefined || said === own
  }
  return same('etag', stored.etag) && same('last-modified', stored.lastModified) && same('content-length', String(stored.body.byteLength))
}
