import { type FieldLines, hasField } from '../fields/fields.ts'

/** Fields by which a proxy tells the origin what the client asked for. From anybody else they can change an answer without being part of its key. */
const FORWARDING = [
  'forwarded',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-forwarded-port',
  'x-forwarded-prefix',
  'x-forwarded-server',
  'x-host',
  'x-forwarded-path',
] as const

/** Fields that turn a request into another one. */
const OVERRIDING = ['x-http-method-override', 'x-http-method', 'x-method-override', 'x-original-url', 'x-rewrite-url', 'upgrade'] as const

/** True when the request says where it came from in a way that the key does not know. It may be answered from the cache, and must not fill it. */
export function hasForwarding(lines: FieldLines): boolean {
  return FORWARDING.some(name => hasField(lines, name))
}

/** True when the request may mean another than its method and URL say, or brings a body where none belongs. It goes around the cache. */
export function goesAround(method: string, lines: FieldLines): boolean {
  if (OVERRIDING.some(name => hasField(lines, name))) return true
  return (
    (method === 'GET' || method === 'HEAD') && (hasField(lines, 'content-length') || hasField(lines, 'transfer-encoding')) && !hasEmptyBody(lines)
  )
}

function hasEmptyBody(lines: FieldLines): boolean {
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    if (name === 'transfer-encoding') return false
    if (name === 'content-length' && lines[i + 1] !== '0') return false
  }
  return true
}
