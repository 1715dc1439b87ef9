import { createHash } from 'node:crypto'
import type { Counter, Registry } from '../../telemetry/index.ts'
import type { Coding } from './coding.ts'
import { encode } from './encode.ts'
import { type BodyEncodings, EncodedBody } from './encoded-body.ts'

/** What a coding must save to be kept. */
const LEAST_SAVING = 0.1
/** Encodings under way; beyond them an answer goes out as it is, and the next request asks again. */
const PENDING_LIMIT = 16

/** Encoded bodies, each made once, on first demand, and found by content: an answer that was confirmed, or read from Redis anew, keeps its encodings. In
 *  this process only. Bounded by bytes; what was not used since it was last looked at leaves first. */
export class EncodedBodies implements BodyEncodings {
  readonly #limitBytes: number
  readonly #bodies = new Map<string, EncodedBody>()
  readonly #count: (outcome: 'kept' | 'not_smaller' | 'failed' | 'busy' | 'evicted') => void
  #sizeBytes = 0
  #pendingCount = 0

  constructor(limitBytes: number, registry: Registry) {
    this.#limitBytes = limitBytes
    const counter = registry.counter({
      name: 'holdfast_http_cache_encodings',
      help: 'Encodings of stored answers, by what became of them.',
      labels: ['outcome'],
    })
    const bound = new Map<string, Counter>()
    this.#count = outcome => {
      const existing = bound.get(outcome) ?? counter.bind(outcome)
      bound.set(outcome, existing)
      existing.add()
    }
  }

  /** Where the encodings of these bytes are kept. O(bytes). */
  of(bytes: Uint8Array): EncodedBody {
    const hash = createHash('sha256').update(bytes).digest('base64')
    const existing = this.#bodies.get(hash)
    if (existing !== undefined) return existing
    const body = new EncodedBody()
    this.#bodies.set(hash, body)
    this.#resize(EMPTY_BYTES)
    return body
  }

  /** The bytes in the coding; `undefined` when that is not worth it, failed, or too many are under way. */
  make(body: EncodedBody, bytes: Uint8Array, coding: Coding): Promise<Uint8Array | undefined> {
    const existing = body.pending.get(coding)
    if (existing !== undefined) return existing
    if (this.#pendingCount >= PENDING_LIMIT) {
      this.#count('busy')
      return Promise.resolve(undefined)
    }
    this.#pendingCount++
    const pending = this.#encode(body, bytes, coding).finally(() => {
      this.#pendingCount--
      body.pending.delete(coding)
    })
    body.pending.set(coding, pending)
    return pending
  }

  async #encode(body: EncodedBody, bytes: Uint8Array, coding: Coding): Promise<Uint8Array | undefined> {
    let encoded: Buffer
    try {
      encoded = await encode(bytes, coding)
    } catch {
      this.#count('failed')
      return undefined
    }
    if (encoded.byteLength > bytes.byteLength * (1 - LEAST_SAVING)) {
      body.made.set(coding, 'not-smaller')
      this.#count('not_smaller')
      return undefined
    }
    // Cut to size: zlib's buffer may be a slice of a larger one.
    const kept = Uint8Array.prototype.slice.call(encoded)
    this.#count('kept')
    if (body.isEvicted) return kept
    body.made.set(coding, kept)
    this.#resize(kept.byteLength)
    return kept
  }

  #resize(addedBytes: number): void {
    this.#sizeBytes += addedBytes
    if (this.#sizeBytes <= this.#limitBytes) return
    for (const [hash, body] of this.#bodies) {
      this.#bodies.delete(hash)
      if (body.isUsed) {
        body.isUsed = false
        this.#bodies.set(hash, body)
        continue
      }
      this.#sizeBytes -= EMPTY_BYTES
      for (const made of body.made.values()) if (made !== 'not-smaller') this.#sizeBytes -= made.byteLength
      // Answers in memory still point here, and would keep the bytes.
      body.made.clear()
      body.isEvicted = true
      this.#count('evicted')
      if (this.#sizeBytes <= this.#limitBytes) return
    }
  }
}

/** What a body costs before it has an encoding: its place in the Map, the hash and two Maps. */
const EMPTY_BYTES = 400
