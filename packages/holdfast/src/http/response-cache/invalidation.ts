import { type FieldLines, fieldValue } from '../fields/fields.ts'

/** Methods that change nothing (RFC 9110 9.2.1). Unknown ones count as changing. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** True when what is stored may be old after the request. */
export function isUnsafe(method: string): boolean {
  return !SAFE.has(method)
}

/** Keys to forget after an unsafe request was answered without an error: the target's, and those of Location and Content-Location on the same origin
 *  (RFC 9111 4.4). */
export function invalidatedKeys(
  request: { readonly key: string; keyOf(url: string): string | undefined },
  reply: { readonly status: number; readonly lines: FieldLines },
): string[] {
  if (reply.status < 200 || reply.status >= 400) return []
  const keys = [request.key]
  for (const name of ['location', 'content-location']) {
    const url = fieldValue(reply.lines, name)
    const key = url === undefined ? undefined : request.keyOf(url)
    if (key !== undefined) keys.push(key)
  }
  return [...new Set(keys)]
}
