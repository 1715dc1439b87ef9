/** How calls of a statement can repeat. */
export interface RepeatForm {
  /** False for BEGIN, SET, COPY and the like, and where many statements share one record: their repeats say nothing. */
  readonly counts: boolean
  /** True for INSERT, UPDATE, DELETE and MERGE, also inside WITH. */
  readonly isWrite: boolean
  /** A list may be bound as one array: `= any($1)`, `unnest($1)`, JSON. */
  readonly mayTakeArray: boolean
  /** A list may be written out: `in ($1, $2)`, `values ($1), ($2)`. */
  readonly mayTakeList: boolean
}

/** Of what is never counted. */
export const UNCOUNTED: RepeatForm = { counts: false, isWrite: false, mayTakeArray: false, mayTakeList: false }

/** Longest text whose repeats are counted, in characters: a request keeps a text per statement. */
export const COUNTED_CHARS_LIMIT = 8192

const COUNTED = /^\(*(select|insert|update|delete|merge|with|values|table|execute)\b/i
const WRITES = /\b(insert\s+into|update|delete\s+from|merge\s+into)\b/i
const LOCKS = /\bfor\s?(no key update|update|key share|share)\b/i
const TAKES_ARRAY = /\b(any|all|unnest|jsonb?_(to_recordset|populate_recordset|array_elements)(_text)?)\s?\(/i
const TAKES_LIST = /\b(in|values)\s?\(/i

/** Reads the form from the shape of a statement, once for each. */
export function repeatFormOf(shape: string): RepeatForm {
  if (!COUNTED.test(shape) || shape.length > COUNTED_CHARS_LIMIT) return UNCOUNTED
  const isWrite = WRITES.test(shape.replace(LOCKS, ''))
  return { counts: true, isWrite, mayTakeArray: TAKES_ARRAY.test(shape), mayTakeList: TAKES_LIST.test(shape) }
}

/** One element of a written list: a parameter, a quoted or a plain literal, with its cast; or a row of them. */
const ELEMENT = String.raw`(?:\$\d+|'(?:[^']|'')*'|[\w.+-]+)(?:\s*::\s*[\w."[\]]+)?|\([^()]*\)`
const IN_LIST_OF_TWO = new RegExp(String.raw`\bin\s*\(\s*(?:${ELEMENT})\s*,`, 'i')
const TWO_ROWS = /\bvalues\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*,\s*\(/i

/** True when this call asks for several rows at once, as a batch does. A list of one element is no batch: that is what an ORM sends for each row of a loop. */
export function isBatch(form: RepeatForm, text: string, values: unknown): boolean {
  if (form.mayTakeArray && Array.isArray(values) && values.some(isListOfTwo)) return true
  return form.mayTakeList && (IN_LIST_OF_TWO.test(text) || TWO_ROWS.test(text))
}

/** An array, or one that was written as text: `{1,2}` of PostgreSQL, `[1,2]` of JSON. */
function isListOfTwo(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 1
  return typeof value === 'string' && (value.startsWith('{') || value.startsWith('[')) && value.includes(',')
}
