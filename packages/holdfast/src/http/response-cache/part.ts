import { type ByteRange, parseRange } from '../fields/byte-range.ts'
import { type FieldLines, fieldLinesOf, fieldValue } from '../fields/fields.ts'

/** Which bytes of a representation a stored 206 holds, and how many there are in all. */
export interface Part extends ByteRange {
  readonly sizeBytes: number
}

const CONTENT_RANGE = /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(\d{1,15})$/i

/** The part that a 206 says it is (RFC 9110 14.4); `undefined` for several parts, another unit, an unknown size, and what contradicts itself. */
export function partOf(status: number, lines: FieldLines): Part | undefined {
  if (status !== 206) return undefined
  const said = fieldLinesOf(lines, 'content-range')
  const match = said.length === 1 ? CONTENT_RANGE.exec(said[0]!.trim()) : null
  if (match === null) return undefined
  const [first, last, sizeBytes] = match.slice(1).map(Number) as [number, number, number]
  return first <= last && last < sizeBytes ? { first, last, sizeBytes } : undefined
}

/** How many bytes it holds. */
export function lengthOf(part: Part): number {
  return part.last - part.first + 1
}

/** What of the part the request asks for; `undefined` when it asks for more or for something else. */
export function rangeWithin(part: Part, lines: FieldLines): ByteRange | undefined {
  const asked = parseRange(fieldValue(lines, 'range'), part.sizeBytes)
  return asked.kind === 'range' && asked.range.first >= part.first && asked.range.last <= part.last ? asked.range : undefined
}
