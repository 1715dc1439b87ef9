import { CODINGS, type Coding, preferredCoding } from '../content-coding/coding.ts'
import { type BodyEncodings, type EncodedBody, LEAST_BYTES } from '../content-coding/encoded-body.ts'
import { fieldLinesOf, fieldValue, filterFields, hasField, withField } from '../fields/fields.ts'
import type { RouteRules, ToCdn } from './engine-contract.ts'
import { OWN_TARGET } from './own-target.ts'
import type { HitAnswer } from './respond.ts'
import { varyFields } from './storage-rules.ts'
import type { StoredResponse } from './stored-response.ts'

/** A stored response as it is sent: its own bytes, or these in a coding. */
export interface Representation {
  /** What every answer from it begins with, worked out once; with Content-Length where there is a body. */
  readonly lines: readonly string[]
  readonly body: Uint8Array
  readonly etag: string | undefined
  /** What caches behind this one said in Cache-Status, with a comma where more follows. */
  readonly statusBefore: string
  /** The last hit that was sent, whole and as a 304. */
  lastHit: SentHit | undefined
  lastKnown: SentHit | undefined
}

/** An answer that is right in a part of a second, wall clock. */
export interface SentHit {
  readonly fromMs: number
  /** Not included. */
  readonly untilMs: number
  readonly answer: HitAnswer
}

interface Slot {
  readonly identity: Representation
  /** False: it is sent as it is. */
  readonly isEncodable: boolean
  /** Absent until a coding was asked for. */
  encoded: EncodedBody | undefined
  readonly coded: Map<Coding, Representation>
}

/** Types whose bytes are compressed already. */
const COMPRESSED_TYPE =
  /^\s*(?:image\/(?!svg|bmp|x-icon|vnd\.microsoft\.icon)|video\/|audio\/|font\/woff|application\/(?:zip|gzip|x-gzip|zstd|x-7z|x-rar|pdf|wasm\+br))/i
/** True for a type whose bytes gain nothing by compression. */
export function isCompressedType(type: string): boolean {
  return COMPRESSED_TYPE.test(type)
}

/** What the tags of our encodings end in, before the quotation mark. Tags of handlers do not. */
const TAG_SUFFIX = /;hf=(?:zstd|br|gzip)"/g

/** Of the rules of a route. */
type Sharing = Pick<RouteRules, 'mayEncode' | 'isPartitioned'>

/** The representations of stored responses, in the coding that a request wishes (RFC 9110 8.8.3.3: each with a strong tag of its own). */
export class Representations {
  readonly #bodies: BodyEncodings
  readonly #toCdn: ToCdn | undefined
  readonly #slots = new WeakMap<StoredResponse, Slot>()

  /** `toCdn` names the tags of an answer to CDNs. */
  constructor(bodies: BodyEncodings, toCdn?: ToCdn) {
    this.#bodies = bodies
    this.#toCdn = toCdn
  }

  /** What to send. The rules are those of the response's route and do not change. A promise when the encoding is not made yet. */
  of(stored: StoredResponse, acceptEncoding: string | undefined, rules: Sharing): Representation | Promise<Representation> {
    const slot = this.#slotOf(stored, rules)
    if (!slot.isEncodable) return slot.identity
    const coding = preferredCoding(acceptEncoding)
    return coding === undefined ? slot.identity : this.#coded(slot, stored, coding)
  }

  /** As it was stored, for answers that are a part of it or must not be transformed. */
  identityOf(stored: StoredResponse, rules: Sharing): Representation {
    return this.#slotOf(stored, rules).identity
  }

  #coded(slot: Slot, stored: StoredResponse, coding: Coding): Representation | Promise<Representation> {
    if (slot.encoded === undefined || slot.encoded.isEvicted) slot.encoded = this.#bodies.of(stored.body)
    const { encoded } = slot
    const made = encoded.made.get(coding)
    if (made === 'not-smaller') return slot.identity
    if (made !== undefined) {
      encoded.isUsed = true
      return this.#withBytes(slot, made, coding)
    }
    return this.#bodies
      .make(encoded, stored.body, coding)
      .then(encodedBytes => (encodedBytes === undefined ? slot.identity : this.#withBytes(slot, encodedBytes, coding)))
  }

  #withBytes({ identity, coded }: Slot, body: Uint8Array, coding: Coding): Representation {
    const existing = coded.get(coding)
    if (existing?.body === body) return existing
    const etag = identity.etag === undefined || identity.etag.startsWith('W/') ? identity.etag : `${identity.etag.slice(0, -1)};hf=${coding}"`
    let lines = withField(identity.lines, 'Content-Length', String(body.byteLength))
    if (etag !== undefined) lines = withField(lines, 'ETag', etag)
    lines.push('Content-Encoding', coding)
    const representation: Representation = { ...NOT_SENT, lines, body, etag, statusBefore: identity.statusBefore }
    coded.set(coding, representation)
    return representation
  }

  #slotOf(stored: StoredResponse, { mayEncode, isPartitioned }: Sharing): Slot {
    let slot = this.#slots.get(stored)
    if (slot === undefined) {
      const isEncodable = mayEncode && canBeEncoded(stored)
      slot = {
        identity: toIdentity(stored, isEncodable, lines => this.#toCdn?.(lines, stored.tags, isPartitioned) ?? lines),
        isEncodable,
        encoded: undefined,
        coded: new Map(),
      }
      this.#slots.set(stored, slot)
    }
    return slot
  }
}

/** A condition as the handler can understand it: tags of our encodings become the tags that it gave. */
export function withoutCodingTags(value: string): string {
  return value.replace(TAG_SUFFIX, '"')
}

/** True for a status whose answers have a body. */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 304
}

const NOT_SENT = { lastHit: undefined, lastKnown: undefined }

function canBeEncoded({ status, lines, body, control, part }: StoredResponse): boolean {
  if (part !== undefined || CODINGS.length === 0 || body.byteLength < LEAST_BYTES || control.noTransform || !hasBody(status)) return false
  if (hasField(lines, 'content-encoding') || hasField(lines, 'content-range')) return false
  return !isCompressedType(fieldValue(lines, 'content-type') ?? '')
}

function toIdentity(stored: StoredResponse, isEncodable: boolean, toCdn: (lines: string[]) => string[]): Representation {
  let lines = toCdn(filterFields(stored.lines, name => name !== OWN_TARGET && name !== 'cache-status'))
  if (hasBody(stored.status)) lines.push('Content-Length', String(stored.body.byteLength))
  if (isEncodable && !(varyFields(stored.lines) ?? []).includes('accept-encoding')) {
    const vary = fieldValue(stored.lines, 'vary')
    lines = withField(lines, 'Vary', vary === undefined || vary.trim() === '' ? 'Accept-Encoding' : `${vary}, Accept-Encoding`)
  }
  const statusBefore = fieldLinesOf(stored.lines, 'cache-status')
    .map(member => `${member}, `)
    .join('')
  return { ...NOT_SENT, lines, body: stored.body, etag: stored.etag, statusBefore }
}
