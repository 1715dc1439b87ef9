const VALUES_LIMIT = 32
const SET_CHARS_LIMIT = 1024

/** A copy of a set of parameters that the caller may change afterwards, with plain objects as the JSON that the driver sends for them. `undefined` for one that is long (over 32 values
 *  or 1,024 characters, those of lists and objects included) or holds bytes or an object of a class. */
export function copyBinds(values: readonly unknown[]): unknown[] | undefined {
  if (values.length > VALUES_LIMIT || charsOf(values, SET_CHARS_LIMIT) > SET_CHARS_LIMIT) return undefined
  return values.map(copyValue)
}

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyValue)
  return isPlainObject(value) ? JSON.stringify(value) : value
}

/** Characters of a value, roughly; counting ends beyond the limit, so that a large document costs no more than a small one. Infinite for what is not kept. */
function charsOf(value: unknown, limit: number): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null || value instanceof Date) return 8
  if (!Array.isArray(value) && !isPlainObject(value)) return Number.POSITIVE_INFINITY
  let chars = 0
  for (const key in value) {
    // At least one each, so that one that holds itself ends, too.
    chars += key.length + 1
    if (chars > limit) break
    chars += charsOf((value as Record<string, unknown>)[key], limit - chars)
  }
  return chars
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  // The driver asks an object with either method for its value, which is the caller's code.
  return (prototype === Object.prototype || prototype === null) && !('toPostgres' in value) && !('toJSON' in value)
}
