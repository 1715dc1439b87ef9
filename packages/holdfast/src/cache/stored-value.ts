import { Packr } from 'msgpackr'
import { NOT_READ, readFrozen } from './msgpack-reader.ts'

/** How a value is kept. `plain`: objects, arrays and primitives, frozen deeply and shared. `rich`: holds a Date, Map, Set, bytes or a class
 *  instance, which cannot be frozen; kept encoded and decoded for each reader, so that all see the same as from Redis and none can change it. */
export type StoredValue =
  | { readonly kind: 'plain'; readonly value: unknown; readonly sizeBytes: number }
  | { readonly kind: 'rich'; readonly body: Buffer }

const OPTIONS = { moreTypes: true, useBigIntExtension: true, copyBuffers: true }
/** Writes each shape once and then only values: half the size and time for lists of rows. Reads both, as objects. */
const plainPackr = new Packr({ ...OPTIONS, mapsAsObjects: true })
/** Repeats the keys: for a few objects half the time to read, because no shape has to be prepared first. */
const smallPackr = new Packr({ ...OPTIONS, useRecords: false })
/** Keeps a Map apart from an object. */
const richPackr = new Packr(OPTIONS)
/** Estimated size up to which repeating the keys is faster to read; about four rows of six columns. */
const SMALL_BYTES = 1024
const MAX_DEPTH = 200
const OBJECT_BYTES = 40
const SLOT_BYTES = 16

/** Prepares a value for storing. Plain values are frozen in place, or with `asCopies` kept encoded as a rich one is. `undefined` when it cannot be stored: functions, symbols, cycles, nesting beyond 200. */
export function toStored(value: unknown, asCopies = false): StoredValue | undefined {
  const walk = { isRich: false, sizeBytes: 0 }
  if (!inspect(value, walk, 0)) return undefined
  if (walk.isRich || (asCopies && isObject(value))) {
    const body = encodeBody(richPackr, value)
    return body && { kind: 'rich', body }
  }
  freezeDeep(value)
  return { kind: 'plain', value, sizeBytes: walk.sizeBytes }
}

/** As {@link toStored}, over a copy: the caller's object is neither frozen nor shared. */
export function copyToStored(value: unknown, asCopies = false): StoredValue | undefined {
  const walk = { isRich: false, sizeBytes: 0 }
  if (!inspect(value, walk, 0)) return undefined
  const isRich = walk.isRich || (asCopies && isObject(value))
  const body = encodeBody(isRich ? richPackr : plainPackrFor(walk.sizeBytes), value)
  return body && fromBody(body, isRich)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** The value for one reader. */
export function readStored(stored: StoredValue): unknown {
  return stored.kind === 'plain' ? stored.value : richPackr.unpack(stored.body)
}

/** Decodes without copying bytes: they stay slices of the body. */
const sharedPackr = new Packr({ ...OPTIONS, copyBuffers: false })

/** The value of a rich body for all readers who promise not to change it: its bytes are slices of the body. */
export function readShared(body: Buffer): unknown {
  return sharedPackr.unpack(body)
}

/** Estimated size: in memory for a plain value, encoded for a rich one. */
export function sizeOf(stored: StoredValue): number {
  return stored.kind === 'plain' ? stored.sizeBytes : stored.body.length
}

/** Msgpack bytes of a stored value. */
export function bodyOf(stored: StoredValue): Buffer | undefined {
  return stored.kind === 'rich' ? stored.body : encodeBody(plainPackrFor(stored.sizeBytes), stored.value)
}

/** A stored value from its bytes, which begin at `start`. @throws whatever msgpackr throws on bytes that are not msgpack. */
export function fromBody(bytes: Buffer, isRich: boolean, start = 0): StoredValue {
  // The reply may be a slice of a larger network buffer, which a kept slice would keep alive.
  if (isRich) return { kind: 'rich', body: Buffer.from(bytes.subarray(start)) }
  return { kind: 'plain', value: readPlain(bytes, start), sizeBytes: OBJECT_BYTES + (bytes.length - start) * 2 }
}

function readPlain(bytes: Buffer, start: number): unknown {
  try {
    return readFrozen(bytes, start)
  } catch (error) {
    if (error !== NOT_READ) throw error
    const value: unknown = plainPackr.unpack(bytes, { start })
    freezeDeep(value)
    return value
  }
}

function plainPackrFor(sizeBytes: number): Packr {
  return sizeBytes <= SMALL_BYTES ? smallPackr : plainPackr
}

function encodeBody(packr: Packr, value: unknown): Buffer | undefined {
  try {
    return packr.pack(value)
  } catch {
    return undefined
  }
}

/** False when the value cannot be stored. */
function inspect(value: unknown, walk: { isRich: boolean; sizeBytes: number }, depth: number): boolean {
  switch (typeof value) {
    case 'string':
      walk.sizeBytes += SLOT_BYTES + value.length
      return true
    case 'function':
    case 'symbol':
      return false
    case 'object':
      return value === null || inspectObject(value, walk, depth)
    default:
      walk.sizeBytes += SLOT_BYTES
      return true
  }
}

function inspectObject(value: object, walk: { isRich: boolean; sizeBytes: number }, depth: number): boolean {
  if (depth > MAX_DEPTH) return false
  walk.sizeBytes += OBJECT_BYTES
  if (Array.isArray(value)) return value.every(item => inspect(item, walk, depth + 1))
  if (value instanceof Map || value instanceof Set) {
    walk.isRich = true
    return [...value].every(item => inspect(item, walk, depth + 1))
  }
  // Bytes and dates hold nothing that could be unencodable, and a walk over a long buffer would be slow.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Date) {
    walk.isRich = true
    return true
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) walk.isRich = true
  for (const key of Object.keys(value)) {
    if (key === '__proto__') walk.isRich = true
    walk.sizeBytes += SLOT_BYTES
    if (!inspect((value as Record<string, unknown>)[key], walk, depth + 1)) return false
  }
  return true
}

/** Only for values that the inspection found plain: no cycles, no inherited keys. */
function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) for (const item of value) freezeDeep(item)
  // Half the time of Object.values, which makes an array for each object. The prototype was found to be Object's own, so nothing is inherited.
  else for (const key in value) freezeDeep((value as Record<string, unknown>)[key])
  Object.freeze(value)
}
