/** Reads msgpack of plain values into frozen objects: what `stored-value.ts` writes, with and without msgpackr's records. It learns the shapes of the
 *  objects that pass, and builds an object of a known shape in one step, frozen, so that a small value takes about a third of msgpackr's time and the
 *  walk to freeze it. @source bench/results/cache/what-does-decoding-cost.json
 *  @throws {@link NOT_READ} for what it does not know (BigInt, bytes, other extensions, a key `__proto__`), and on bytes that are no msgpack: ask msgpackr. */
export function readFrozen(bytes: Buffer, start: number): unknown {
  src = bytes
  at = start
  end = bytes.length
  windowStart = 0
  windowEnd = 0
  if (records.length > 0) records = []
  const value = readValue()
  if (at !== end) throw NOT_READ
  return value
}

/** One error for all, because it never leaves the cache and a stack trace costs more than reading. */
export const NOT_READ: Error = new Error('not msgpack of a plain value')

/** Keys of one shape. Objects with more are dictionaries, whose keys differ each time. */
const MAX_KEYS = 32
/** Different keys that may follow after the same keys. */
const MAX_NEXT = 8
/** Keys remembered in all; about 1 MB with their builders. */
const MAX_STEPS = 4096
/** Keys met after that which are not known; then everything is forgotten and learned anew, because the shapes in use may be others by now. */
const MAX_UNKNOWN = 10_000
/** Objects of one shape after which code for it is prepared. Below, preparing costs more than it saves. */
const PREPARE_AFTER = 3
/** Strings up to here are cut out of one decoded window, which is faster than a call for each; V8 copies them, so the window is not kept alive. */
const MAX_CUT = 12
const WINDOW_BYTES = 2048

const NO_BYTES = new Uint8Array(0)
/** Seen so often less than never that no code is prepared. */
const NEVER = Number.NEGATIVE_INFINITY

type Build = (values: unknown[]) => object

/** A key in the order of a shape. The steps from a root to here are a shape if an object ended here. */
interface Step {
  readonly keys: readonly string[]
  /** The last key as msgpack: what is compared. */
  readonly bytes: Uint8Array
  readonly next: Step[]
  seen: number
  build: Build | undefined
}

// One reader, never re-entered: reading calls nothing of anybody else's. Fields of an object would cost a load for each byte.
let src: Uint8Array & Buffer = Buffer.alloc(0)
let at = 0
let end = 0
let window = ''
let windowStart = 0
let windowEnd = 0
let records: Step[] = []
/** By number of keys and length of the first. */
let roots: (Step | undefined)[] = []
let stepCount = 0
let unknownCount = 0
let mayPrepare = true

function readValue(): unknown {
  const token = src[at++]!
  if (token < 0x40) return token
  if (token < 0x80) {
    const record = records[token & 0x3f]
    return record === undefined ? token : readRecord(record)
  }
  if (token < 0x90) return readMap(token & 0x0f)
  if (token < 0xa0) return readArray(token & 0x0f)
  if (token < 0xc0) return readString(token & 0x1f)
  if (token >= 0xe0) return token - 0x100
  return readLong(token)
}

function readLong(token: number): unknown {
  switch (token) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xd4:
      return readExtension()
    case 0xd9:
      return readString(src[at++]!)
    case 0xda:
      return readString(readUint16())
    case 0xdb:
      return readString(readUint32())
    case 0xdc:
      return readArray(readUint16())
    case 0xdd:
      return readArray(readUint32())
    case 0xde:
      return readMap(readUint16())
    default:
      return readNumber(token)
  }
}

function readNumber(token: number): number {
  switch (token) {
    case 0xca:
      at += 4
      return src.readFloatBE(at - 4)
    case 0xcb:
      at += 8
      return src.readDoubleBE(at - 8)
    case 0xcc:
      return src[at++]!
    case 0xcd:
      return readUint16()
    case 0xce:
      return readUint32()
    case 0xd0:
      return (src[at++]! << 24) >> 24
    case 0xd1:
      return (readUint16() << 16) >> 16
    case 0xd2:
      return readUint32() | 0
    default:
      throw NOT_READ
  }
}

function readUint16(): number {
  at += 2
  return (src[at - 2]! << 8) | src[at - 1]!
}

function readUint32(): number {
  const high = readUint16()
  return high * 0x10000 + readUint16()
}

/** `undefined`, or the definition of a record followed by its first one. */
function readExtension(): unknown {
  const type = src[at++]
  const id = src[at++]! & 0x3f
  if (type === 0) return undefined
  if (type !== 0x72) throw NOT_READ
  const token = src[at++]!
  const count = token === 0xdc ? readUint16() : token - 0x90
  if (!(count >= 0 && count <= end - at)) throw NOT_READ
  const shape = readShape(count)
  records[id] = shape
  return readRecord(shape)
}

function readShape(count: number): Step {
  let step = count > MAX_KEYS ? undefined : rootOf(count)
  const keys: string[] = []
  for (let i = 0; i < count; i++) {
    step &&= nextStep(step)
    keys.push(step === undefined ? readKey() : step.keys[i]!)
  }
  return step ?? newStep(keys, NO_BYTES, NEVER)
}

function readRecord(shape: Step): object {
  const count = shape.keys.length
  const values = new Array<unknown>(count)
  for (let i = 0; i < count; i++) values[i] = readValue()
  return buildObject(shape, values)
}

function readArray(count: number): readonly unknown[] {
  if (count > end - at) throw NOT_READ
  const items = new Array<unknown>(count)
  for (let i = 0; i < count; i++) items[i] = readValue()
  return Object.freeze(items)
}

function readMap(count: number): object {
  if (count === 0) return Object.freeze({})
  if (count > end - at) throw NOT_READ
  if (count > MAX_KEYS) return readDictionary(count, [], [])
  const values = new Array<unknown>(count)
  let step = rootOf(count)
  for (let i = 0; i < count; i++) {
    const next = nextStep(step)
    if (next === undefined) return readDictionary(count, step.keys, values)
    step = next
    values[i] = readValue()
  }
  return buildObject(step, values)
}

/** An object of no known shape, of which some was read already. */
function readDictionary(count: number, keys: readonly string[], values: readonly unknown[]): object {
  const object: Record<string, unknown> = {}
  keys.forEach((key, i) => {
    object[key] = values[i]
  })
  for (let i = keys.length; i < count; i++) {
    const key = readKey()
    object[key] = readValue()
  }
  return Object.freeze(object)
}

function readKey(): string {
  const key = readValue()
  if (typeof key !== 'string' || key === '__proto__') throw NOT_READ
  return key
}

function rootOf(count: number): Step {
  const slot = count * 32 + (src[at]! & 0x1f)
  let root = roots[slot]
  if (root === undefined) {
    root = newStep([], NO_BYTES)
    roots[slot] = root
  }
  return root
}

/** Steps over the key that comes, or returns `undefined` and stays when it is none that a shape may have. */
function nextStep(step: Step): Step | undefined {
  for (const next of step.next) {
    const { bytes } = next
    let i = 0
    while (i < bytes.length && bytes[i] === src[at + i]) i++
    if (i < bytes.length) continue
    at += i
    return next
  }
  return learnStep(step)
}

function learnStep(step: Step): Step | undefined {
  if (stepCount >= MAX_STEPS || step.next.length >= MAX_NEXT) {
    if (++unknownCount >= MAX_UNKNOWN) forgetShapes()
    return undefined
  }
  const length = src[at]! - 0xa0
  if (!(length >= 0 && length <= 0x1f && at + 1 + length <= end)) return undefined
  const bytes = Uint8Array.from(src.subarray(at, at + 1 + length))
  const key = src.toString('utf8', at + 1, at + 1 + length)
  if (key === '__proto__') throw NOT_READ
  const next = newStep([...step.keys, key], bytes)
  step.next.push(next)
  stepCount++
  at += 1 + length
  return next
}

function newStep(keys: readonly string[], bytes: Uint8Array, seen = 0): Step {
  return { keys, bytes, next: [], seen, build: undefined }
}

function forgetShapes(): void {
  roots = []
  stepCount = 0
  unknownCount = 0
}

function buildObject(shape: Step, values: unknown[]): object {
  if (shape.build !== undefined) return shape.build(values)
  if (mayPrepare && ++shape.seen > PREPARE_AFTER) {
    shape.build = prepareBuild(shape.keys)
    if (shape.build !== undefined) return shape.build(values)
  }
  const object: Record<string, unknown> = {}
  shape.keys.forEach((key, i) => {
    object[key] = values[i]
  })
  return Object.freeze(object)
}

/** Code that makes an object of these keys. `undefined`, from then on, in a process that forbids code from strings. */
function prepareBuild(keys: readonly string[]): Build | undefined {
  try {
    const fields = keys.map((key, i) => `${JSON.stringify(key)}:v[${i}]`)
    return new Function('v', `return Object.freeze({${fields.join()}})`) as Build
  } catch {
    mayPrepare = false
    return undefined
  }
}

function readString(length: number): string {
  const start = at
  at += length
  // Also when the length is none, because it lay behind the end.
  if (!(at <= end)) throw NOT_READ
  if (length > MAX_CUT) return src.toString('utf8', start, at)
  for (let i = start; i < at; i++) if (src[i]! > 0x7f) return src.toString('utf8', start, at)
  if (start < windowStart || at > windowEnd) {
    windowStart = start
    windowEnd = Math.min(end, start + WINDOW_BYTES)
    window = src.toString('latin1', windowStart, windowEnd)
  }
  return window.slice(start - windowStart, at - windowStart)
}
