/** Bytes `first` to `last`, both included. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** What a Range field asks of a representation (RFC 9110 14.2). `ignored`: absent, another unit, malformed, or more than one range, which a server may
 *  answer with the whole. */
export type RangeRequest = { readonly kind: 'ignored' } | { readonly kind: 'unsatisfiable' } | { readonly kind: 'range'; readonly range: ByteRange }

const IGNORED: RangeRequest = { kind: 'ignored' }
const RANGE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/** Reads a Range field against a representation of `sizeBytes`. */
export function parseRange(value: string | undefined, sizeBytes: number): RangeRequest {
  const match = value === undefined ? null : RANGE.exec(value.trim())
  if (match === null) return IGNORED
  const [, from, to] = match as unknown as [string, string, string]
  if (from === '') {
    if (to === '') return IGNORED
    const suffixBytes = Number(to)
    if (suffixBytes === 0 || sizeBytes === 0) return { kind: 'unsatisfiable' }
    return { kind: 'range', range: { first: Math.max(0, sizeBytes - suffixBytes), last: sizeBytes - 1 } }
  }
  const first = Number(from)
  if (to !== '' && Number(to) < first) return IGNORED
  if (first >= sizeBytes) return { kind: 'unsatisfiable' }
  return { kind: 'range', range: { first, last: to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1) } }
}
