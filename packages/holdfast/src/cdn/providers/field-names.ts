/** What is said of a list of names of request fields that is none. */
export const FIELD_NAMES = 'must be a list of names of request fields'

/** True for a list of field names (RFC 9110 5.1). */
export function areFieldNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(name => typeof name === 'string' && /^[!#$%&'*+\-.^_`|~\w]+$/.test(name))
}
