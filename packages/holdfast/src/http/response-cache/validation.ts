import { stronglyEqual, weaklyEqual } from '../fields/entity-tag.ts'
import { type FieldLines, fieldValue, filterFields } from '../fields/fields.ts'
import type { StoredResponse } from './stored-response.ts'

/** Fields by which a client makes its request conditional or partial. The cache asks the origin for the whole and answers the condition itself. */
export const CONDITIONS: ReadonlySet<string> = new Set(['if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range'])

/** The request as the origin gets it to fill the cache: whole and without conditions. */
export function unconditional(lines: FieldLines): string[] {
  return filterFields(lines, name => !CONDITIONS.has(name))
}

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
