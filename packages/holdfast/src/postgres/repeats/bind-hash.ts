/** Characters of one value that are looked at, from its start and from its end. */
const LOOKED_AT = 64
// FNV-1a.
const OFFSET = 0x811c9dc5
const PRIME = 0x01000193

/** A number that is equal for equal parameters and, but for one pair in a billion, differs for different ones. Holds nothing of them.
 *  Of long values it sees the length, the start and the end. About 1 ns a character. */
export function hashBinds(values: unknown): number {
  if (!Array.isArray(values)) return 0
  let hash = OFFSET ^ values.length
  for (let i = 0; i < values.length && i < LOOKED_AT; i++) hash = mixValue(hash, values[i])
  return hash & 0x3fff_ffff
}

/** The same for a text with literals in it, all of which count. */
export function hashText(text: string): number {
  let hash = OFFSET ^ text.length
  for (let i = 0; i < text.length; i++) hash = mix(hash, text.charCodeAt(i))
  return hash & 0x3fff_ffff
}

function mixValue(hash: number, value: unknown): number {
  if (typeof value === 'string') return mixString(mix(hash, 1), value)
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? mix(mix(hash, 2), value) : mixString(hash, String(value))
  if (typeof value === 'object' && value !== null) return mixObject(hash, value)
  return mixString(mix(hash, 3), String(value))
}

function mixObject(hash: number, value: object): number {
  if (value instanceof Date) return mixString(mix(hash, 4), String(value.getTime()))
  if (value instanceof Uint8Array) {
    let mixed = mix(hash, value.length)
    for (let i = 0; i < value.length && i < LOOKED_AT; i++) mixed = mix(mixed, value[i]!)
    return mixed
  }
  if (Array.isArray(value)) {
    let mixed = mix(hash, value.length + 5)
    for (let i = 0; i < value.length && i < LOOKED_AT; i++) mixed = mixString(mixed, String(value[i]))
    return mixed
  }
  // The driver sends an object as JSON; writing it here would cost as much again, so each is taken for another.
  return mix(hash, nextObject++)
}

let nextObject = 0

function mixString(hash: number, text: string): number {
  const { length } = text
  let mixed = mix(hash, length)
  const head = Math.min(length, LOOKED_AT)
  for (let i = 0; i < head; i++) mixed = mix(mixed, text.charCodeAt(i))
  for (let i = Math.max(head, length - LOOKED_AT); i < length; i++) mixed = mix(mixed, text.charCodeAt(i))
  return mixed
}

/** One step of FNV-1a. */
function mix(hash: number, part: number): number {
  return Math.imul(hash ^ part, PRIME)
}
