import { listMembers } from './fields.ts'

/** Equal by the weak comparison (RFC 9110 8.8.3.2). Text that is no entity tag matches only itself. */
export function weaklyEqual(a: string, b: string): boolean {
  return opaque(a) === opaque(b)
}

/** Equal by the strong comparison: the same, and neither is weak. */
export function stronglyEqual(a: string, b: string): boolean {
  return a === b && !a.startsWith('W/')
}

/** Whether `If-None-Match: value` matches a representation with this tag (RFC 9110 13.1.2): `*` matches any, else one of the list by the weak comparison. */
export function noneMatchMatches(value: string, etag: string | undefined): boolean {
  if (value.trim() === '*') return true
  return etag !== undefined && listMembers(value).some(member => weaklyEqual(member, etag))
}

function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}
