import { STORED_FORMAT, type StoredVariants } from '../http/response-cache/response-store.ts'
import type { StoredResponse } from '../http/response-cache/stored-response.ts'

/** What the cache of a data center keeps under one key: the variants, and the marks of what they were made of when they were stored. */
export interface Frame {
  readonly variants: StoredVariants
  /** By name of the mark; see `PurgeMarks`. */
  readonly marks: Readonly<Record<string, string>>
}

/** What stands before the bodies. */
interface Head {
  readonly varyBy: readonly string[]
  readonly marks: Readonly<Record<string, string>>
  readonly responses: readonly (Omit<StoredResponse, 'body'> & { readonly sizeBytes: number })[]
}

const PREFIX_BYTES = 8

/** One block of bytes: format and length of the head (4 bytes each), the head as JSON, the bodies. */
export function encodeFrame({ variants, marks }: Frame): Uint8Array<ArrayBuffer> {
  const { varyBy, responses } = variants
  const head: Head = { varyBy, marks, responses: responses.map(({ body, ...response }) => ({ ...response, sizeBytes: body.byteLength })) }
  const headBytes = new TextEncoder().encode(JSON.stringify(head, withNaN))
  const bodiesBytes = responses.reduce((sum, { body }) => sum + body.byteLength, 0)
  const frame = new Uint8Array(PREFIX_BYTES + headBytes.byteLength + bodiesBytes)
  const prefix = new DataView(frame.buffer)
  prefix.setUint32(0, STORED_FORMAT)
  prefix.setUint32(4, headBytes.byteLength)
  frame.set(headBytes, PREFIX_BYTES)
  let at = PREFIX_BYTES + headBytes.byteLength
  for (const { body } of responses) {
    frame.set(body, at)
    at += body.byteLength
  }
  return frame
}

/** Reads a frame; `undefined` when it is none, of another version, or cut off. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.byteLength < PREFIX_BYTES) return undefined
  const prefix = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const bodiesAt = PREFIX_BYTES + prefix.getUint32(4)
  if (prefix.getUint32(0) !== STORED_FORMAT || bodiesAt > bytes.byteLength) return undefined
  let head: Head
  try {
    head = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, bodiesAt)), fromNaN)
  } catch {
    return undefined
  }
  let at = bodiesAt
  const responses = head.responses.map(({ sizeBytes, ...response }): StoredResponse => {
    const body = bytes.subarray(at, at + sizeBytes)
    at += sizeBytes
    // JSON has no undefined: an absent value of Vary came as null.
    return { ...response, selectedBy: response.selectedBy.map(value => value ?? undefined), body }
  })
  return at === bytes.byteLength ? { variants: { varyBy: head.varyBy, responses }, marks: head.marks } : undefined
}

/** Invalid freshness is NaN (RFC 9111 4.2.1), which JSON cannot say. */
function withNaN(_name: string, value: unknown): unknown {
  return Number.isNaN(value) ? { nan: true } : value
}

function fromNaN(_name: string, value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'nan' in value ? Number.NaN : value
}
