import type { Coding } from '../content-coding/coding.ts'
import { type FieldLines, fieldValue, filterFields, hasField, listMembers, withField } from '../fields/fields.ts'
import { isCompressedType } from '../response-cache/representation.ts'

/** The head of an answer that is about to be sent. */
export interface AnswerHead {
  readonly method: string
  readonly status: number
  readonly lines: FieldLines
}

/** True when the answer may go out in a coding, if its request wishes one: it has a body of its own that is not encoded yet, of a type that gains by it, and
 *  nothing forbids a change (RFC 9110 7.7, RFC 9111 5.2.2.6). Never a stream of events, whose readers wait for each event. */
export function mayBeEncoded({ status, lines }: AnswerHead): boolean {
  if (status < 200 || status === 204 || status === 205 || status === 206 || status === 304) return false
  if (UNTOUCHABLE.some(name => hasField(lines, name))) return false
  const type = fieldValue(lines, 'content-type')
  if (type === undefined || isCompressedType(type) || /^\s*text\/event-stream\b/i.test(type)) return false
  return !listMembers(fieldValue(lines, 'cache-control') ?? '').some(directive => directive.toLowerCase() === 'no-transform')
}

/** Fields that say what the bytes are, in a way that another coding would make wrong. */
const UNTOUCHABLE = ['content-encoding', 'content-range', 'content-digest', 'repr-digest', 'digest', 'content-md5'] as const

/** The head of an answer that depends on Accept-Encoding, also where this one goes out as it is: caches must know. */
export function varying(lines: FieldLines): string[] {
  const vary = fieldValue(lines, 'vary')
  const names = listMembers(vary ?? '').map(name => name.toLowerCase())
  if (names.includes('*') || names.includes('accept-encoding')) return [...lines]
  return withField(lines, 'Vary', names.length === 0 ? 'Accept-Encoding' : `${vary}, Accept-Encoding`)
}

/** The head of the answer in the coding. Its strong tag becomes weak, because the bytes are others and are not made twice in the same way (RFC 9110 8.8.1);
 *  parts of what is made on the way cannot be asked for. `sizeBytes`: of the encoded body, where it is known. */
export function encodedLines(lines: FieldLines, coding: Coding, sizeBytes?: number): string[] {
  const etag = fieldValue(lines, 'etag')
  const kept = varying(filterFields(lines, name => !CHANGED.has(name)))
  kept.push('Content-Encoding', coding)
  if (etag !== undefined) kept.push('ETag', etag.startsWith('W/') ? etag : `W/${etag}`)
  if (sizeBytes !== undefined) kept.push('Content-Length', String(sizeBytes))
  return kept
}

const CHANGED: ReadonlySet<string> = new Set(['content-length', 'accept-ranges', 'etag'])
