import type { Coding } from './coding.ts'

/** A body in the codings that were asked for. */
export class EncodedBody {
  /** `'not-smaller'`: it was tried and is not worth it. */
  readonly made: Map<Coding, Uint8Array | 'not-smaller'> = new Map()
  readonly pending: Map<Coding, Promise<Uint8Array | undefined>> = new Map()
  /** Set on each use after the first. */
  isUsed = false
  /** True when it left: ask for another. */
  isEvicted = false
}

/** Smaller bodies gain less than the fields cost. */
export const LEAST_BYTES = 1024

/** Where bodies get their encodings. */
export interface BodyEncodings {
  /** Where the encodings of these bytes are kept. */
  of(bytes: Uint8Array): EncodedBody
  /** The bytes in the coding; `undefined` when that is not worth it, failed, or too many are under way. */
  make(body: EncodedBody, bytes: Uint8Array, coding: Coding): Promise<Uint8Array | undefined>
}
