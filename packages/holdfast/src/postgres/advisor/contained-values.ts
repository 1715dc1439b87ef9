type Pick = <T>(items: readonly T[]) => T | undefined

const OPERATORS: ReadonlySet<string> = new Set(['@>', '&&', '@@', '?'])

/** Whether an operator asks for a part of a value. */
export function isContainment(operator: string): boolean {
  return OPERATORS.has(operator)
}

/** What an application asks a stored value for with such an operator: one member of a document, one of its keys, one element of an array, one word of a text.
 *  `type` is the parameter's. `undefined` when the value holds none. */
export function containedValue(operator: string, type: string, value: string, pick: Pick): string | undefined {
  if (operator === '@@') return lexemeOf(value, pick)
  if (operator === '?') return keyOf(value, pick)
  if (type === 'jsonb') return memberOf(value, pick)
  const element = pick(elementsOf(value))
  // One of `ARRAY[$1, $2]` is asked for by itself.
  return element === undefined || !type.endsWith('[]') ? element : `{${quotedElement(element)}}`
}

/** What `document->>key` gives; `undefined` for NULL. */
export function valueAt(document: string, key: string): string | undefined {
  const value = ((JSON.parse(document) ?? {}) as Readonly<Record<string, unknown>>)[key]
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** One member of a document, as a document. */
function memberOf(document: string, pick: Pick): string | undefined {
  const members = Object.entries((JSON.parse(document) ?? {}) as object)
  const plain = members.filter(([, value]) => typeof value !== 'object' || value === null)
  const member = pick(plain.length > 0 ? plain : members)
  return member === undefined ? undefined : JSON.stringify({ [member[0]]: member[1] })
}

/** The elements of an array of one dimension, as PostgreSQL writes it; NULLs are left out. */
function elementsOf(array: string): string[] {
  if (!/^\{[^{]/.test(array)) return []
  return [...array.matchAll(/"((?:[^"\\]|\\.)*)"|[^,{}"]+/g)].flatMap(([bare, quoted]) =>
    quoted === undefined ? (bare === 'NULL' ? [] : [bare]) : [quoted.replace(/\\(.)/g, '$1')],
  )
}

function quotedElement(element: string): string {
  return /^[\w.:@+-]+$/.test(element) && element.toUpperCase() !== 'NULL' ? element : `"${element.replace(/["\\]/g, '\\$&')}"`
}

/** A word of a text vector: `'word':3,7 'other':1`. */
function lexemeOf(vector: string, pick: Pick): string | undefined {
  const words = [...vector.matchAll(/'((?:[^']|'')*)'/g)].map(([, word]) => word!.replaceAll("''", "'"))
  // Quoted, because it may hold what to_tsquery takes for an operator; the other readers of queries pass the quotes by.
  const word = pick(words)
  return word === undefined ? undefined : `'${word.replaceAll("'", "''")}'`
}

/** A key of a document. */
function keyOf(document: string, pick: Pick): string | undefined {
  return pick(Object.keys((JSON.parse(document) ?? {}) as object))
}
