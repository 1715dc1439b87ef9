import { jobsErrors } from './errors.ts'
import type { StandardSchema } from './standard-schema.ts'

/** JSON text of a payload.
 *  @throws HF_JOBS_PAYLOAD naming the place of the first value that JSON would change or lose; HF_JOBS_PAYLOAD_TOO_LARGE */
export function encodePayload(job: string, payload: unknown, limitBytes: number): string {
  const text = jsonOf(payload)
  // What became text does not contain itself.
  const bad = findNonJson(payload, text === undefined ? new Set() : undefined)
  if (bad !== undefined || text === undefined) {
    throw jobsErrors.create('HF_JOBS_PAYLOAD', `${job}: payload${bad ?? ' cannot be turned into JSON'}`, { context: { job } })
  }
  // No character takes more than three bytes.
  if (text.length * 3 <= limitBytes) return text
  const sizeBytes = Buffer.byteLength(text)
  if (sizeBytes <= limitBytes) return text
  throw jobsErrors.create('HF_JOBS_PAYLOAD_TOO_LARGE', `${job}: the payload has ${sizeBytes} bytes, the limit is ${limitBytes}`, {
    context: { job, sizeBytes, limitBytes },
  })
}

/** The payload as the schema gives it. @throws HF_JOBS_PAYLOAD naming each issue and its place, and no value */
export async function validatePayload<Output>(job: string, payload: unknown, schema: StandardSchema<unknown, Output> | undefined): Promise<Output> {
  if (schema === undefined) return payload as Output
  const result = await schema['~standard'].validate(payload)
  if (result.issues === undefined) return result.value
  const list = result.issues.slice(0, ISSUES_SHOWN).map(({ message, path = [] }) => `${['payload', ...path.map(segment)].join('.')}: ${message}`)
  throw jobsErrors.create('HF_JOBS_PAYLOAD', `${job}: ${list.join('; ')}`, { context: { job, issues: list } })
}

const ISSUES_SHOWN = 10

function segment(part: unknown): string {
  return String(typeof part === 'object' && part !== null && 'key' in part ? part.key : part)
}

function jsonOf(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload)
  } catch {
    return undefined
  }
}

/** What JSON cannot carry, behind its place; `undefined` when all of it can. Properties that are undefined are left out, as JSON does. */
function findNonJson(value: unknown, parents: Set<object> | undefined): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : ` is ${value}, which JSON turns into null`
    case 'object':
      return value === null ? undefined : findInObject(value, parents)
    default:
      return ` is ${value === undefined ? 'undefined' : `a ${typeof value}`}, which is not JSON`
  }
}

function findInObject(value: object, parents: Set<object> | undefined): string | undefined {
  if (parents?.has(value)) return ' contains itself'
  parents?.add(value)
  const bad = Array.isArray(value) ? findInArray(value, parents) : findInRecord(value, parents)
  parents?.delete(value)
  return bad
}

function findInArray(values: readonly unknown[], parents: Set<object> | undefined): string | undefined {
  for (let i = 0; i < values.length; i++) {
    const bad = findNonJson(values[i], parents)
    if (bad !== undefined) return `[${i}]${bad}`
  }
  return undefined
}

function findInRecord(record: object, parents: Set<object> | undefined): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(record)
  if (prototype !== null && prototype !== Object.prototype) return ` is a ${record.constructor?.name ?? 'class'}, which comes back as something else`
  for (const key of Object.keys(record)) {
    const value = (record as Record<string, unknown>)[key]
    if (value === undefined) continue
    const bad = findNonJson(value, parents)
    if (bad !== undefined) return `.${key}${bad}`
  }
  return undefined
}
