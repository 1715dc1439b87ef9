import { crc32 } from 'node:zlib'
import { compressBody, expandBody } from './compression.ts'
import { bodyOf, fromBody, type StoredValue } from './stored-value.ts'

/** One tag of an entry with the version that it had before the entry was loaded. */
export interface TagVersion {
  readonly tag: string
  readonly version: number
}

/** One entry as Redis holds it. Times are in milliseconds of the Redis server's clock. */
export interface Payload {
  readonly stored: StoredValue
  /** From here on the entry is stale: it may be served within its grace, and is reloaded. */
  readonly freshUntilMs: number
  /** From here on it is gone. */
  readonly goneAtMs: number
  /** How long the loader took. */
  readonly loadMs: number
  /** How long before `freshUntilMs` reloads may begin, before it is spread at random; 0 for never. */
  readonly earlyMs: number
  readonly tags: readonly TagVersion[]
}

/* version u8 | flags u8 | crc32 u32 of all else | freshUntilMs f64 | goneAtMs f64 | loadMs f32 | earlyMs f32 | tagCount u8 | tags: length u8, utf8, version f64 | body */
/** Grows with every change that older code would misread; flags of later versions are refused likewise. Both are misses, so that two versions of a
 *  service may share a Redis while one replaces the other: each loads what the other wrote. */
const FORMAT = 3
const FLAG_RICH = 1
const CRC_AT = 2
/** The body is as {@link compressBody} makes it. */
const FLAG_COMPRESSED = 2
const KNOWN_FLAGS = FLAG_RICH | FLAG_COMPRESSED
const TAG_COUNT_AT = 30
const HEAD_BYTES = TAG_COUNT_AT + 1

/** Bytes of an entry, compressed when its body has `compressFromBytes` or more; `undefined` when the value cannot be encoded. */
export async function encodePayload(payload: Payload, compressFromBytes: number): Promise<Buffer | undefined> {
  const body = bodyOf(payload.stored)
  if (body === undefined) return undefined
  const compressed = body.length < compressFromBytes ? undefined : await tryCompress(body)
  return assemble(payload, compressed ?? body, compressed !== undefined)
}

async function tryCompress(body: Buffer): Promise<Buffer | undefined> {
  try {
    return await compressBody(body)
  } catch {
    // No memory for it: the value is stored as it is.
    return undefined
  }
}

function assemble(payload: Payload, body: Buffer, isCompressed: boolean): Buffer {
  const names = payload.tags.map(({ tag }) => Buffer.from(tag))
  const tagBytes = names.reduce((sum, name) => sum + 1 + name.length + 8, 0)
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + tagBytes + body.length)
  bytes[0] = FORMAT
  bytes[1] = (payload.stored.kind === 'rich' ? FLAG_RICH : 0) | (isCompressed ? FLAG_COMPRESSED : 0)
  bytes.writeDoubleBE(payload.freshUntilMs, 6)
  bytes.writeDoubleBE(payload.goneAtMs, 14)
  bytes.writeFloatBE(payload.loadMs, 22)
  bytes.writeFloatBE(payload.earlyMs, 26)
  bytes[TAG_COUNT_AT] = names.length
  let at = HEAD_BYTES
  names.forEach((name, i) => {
    bytes[at] = name.length
    name.copy(bytes, at + 1)
    bytes.writeDoubleBE(payload.tags[i]!.version, at + 1 + name.length)
    at += 1 + name.length + 8
  })
  body.copy(bytes, at)
  bytes.writeUInt32BE(checksum(bytes), CRC_AT)
  return bytes
}

/** The entry, or `undefined` when the bytes are of another format, cut short or damaged. At once, unless it is large and compressed. Never throws and
 *  never rejects: what cannot be read is a miss. */
export function decodePayload(bytes: Buffer): Payload | undefined | Promise<Payload | undefined> {
  if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT || (bytes[1]! & ~KNOWN_FLAGS) !== 0) return undefined
  if (bytes.readUInt32BE(CRC_AT) !== checksum(bytes)) return undefined
  try {
    let tags: TagVersion[] = []
    let at = HEAD_BYTES
    if (bytes[TAG_COUNT_AT] === 1 && bytes[at] === 0) {
      tags = namespaceTag(bytes.readDoubleBE(at + 1))
      at += 9
    } else {
      for (let left = bytes[TAG_COUNT_AT]!; left > 0; left--) {
        const end = at + 1 + bytes[at]!
        tags.push({ tag: end === at + 1 ? '' : bytes.toString('utf8', at + 1, end), version: bytes.readDoubleBE(end) })
        at = end + 8
      }
    }
    if ((bytes[1]! & FLAG_COMPRESSED) === 0) return toPayload(bytes, tags, bytes, at)
    const body = expandBody(bytes.subarray(at))
    if (!(body instanceof Promise)) return toPayload(bytes, tags, body, 0)
    return body.then(expanded => toPayload(bytes, tags, expanded, 0)).catch(() => undefined)
  } catch {
    return undefined
  }
}

let lastNamespaceTag: TagVersion[] = []

/** The tag of everything, which is the only one of most entries and seldom changes its version: made once and shared. */
function namespaceTag(version: number): TagVersion[] {
  if (lastNamespaceTag[0]?.version !== version) lastNamespaceTag = [{ tag: '', version }]
  return lastNamespaceTag
}

function toPayload(bytes: Buffer, tags: readonly TagVersion[], body: Buffer, bodyAt: number): Payload {
  return {
    stored: fromBody(body, (bytes[1]! & FLAG_RICH) !== 0, bodyAt),
    freshUntilMs: bytes.readDoubleBE(6),
    goneAtMs: bytes.readDoubleBE(14),
    loadMs: bytes.readFloatBE(22),
    earlyMs: bytes.readFloatBE(26),
    tags,
  }
}

/** What stands before the value of an entry. Read without the value, so its checksum cannot be looked at. */
export type PayloadHead = Pick<Payload, 'freshUntilMs' | 'goneAtMs' | 'tags'>

/** The head of an entry from its first bytes. `short` when more bytes are needed, `undefined` when it is none of ours. */
export function decodeHead(bytes: Buffer): PayloadHead | 'short' | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT) return undefined
  const tags: TagVersion[] = []
  let at = HEAD_BYTES
  for (let left = bytes[TAG_COUNT_AT]!; left > 0; left--) {
    const end = at + 1 + (bytes[at] ?? 0)
    if (end + 8 > bytes.length) return 'short'
    tags.push({ tag: bytes.toString('utf8', at + 1, end), version: bytes.readDoubleBE(end) })
    at = end + 8
  }
  return { freshUntilMs: bytes.readDoubleBE(6), goneAtMs: bytes.readDoubleBE(14), tags }
}

function checksum(bytes: Buffer): number {
  return crc32(bytes.subarray(CRC_AT + 4), bytes.readUInt16BE(0))
}
