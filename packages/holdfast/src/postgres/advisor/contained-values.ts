type Pick = <T>(items: readonly T[]) => T | undefined

const OPERATORS: ReadonlySet<string> = new Set(['@>', '&&', '@@', '?'])

/** Whether an operator asks for a part of a value. */
export function isContainment(operator: string): boolean {
  return OPERATORS.has(operator)
}

/** What an application asks a stored value for with such an operator: `count` members of a document or elements of an array, or as many as it has; one key of a document,
 *  one word of a text.
 *  `type` is the parameter's. `undefined` when the value holds none. */
export function containedValue(operator: string, type: string, value: string, count: number, pick: Pick): string | undefined {
  if (operator === '@@') return lexemeOf(value, pick)
  if (operator === '?') return keyOf(value, pick)
  if (type === 'jsonb') return membersOf(value, count, pick)
  const elements = pickSome(elementsOf(value), count, pick)
  const [element] = elements
  // One of `ARRAY[$1, $2]` is asked for by itself.
  return element === undefined || !type.endsWith('[]') ? element : `{${elements.map(quotedElement).join()}}`
}

/** What `document->>key` gives; `undefined` for NULL. */
export function valueAt(document: string, key: string): string | undefined {
  const value = ((JSON.parse(document) ?? {}) as Readonly<Record<string, unknown>>)[key]
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Members of a document, as a document. */
function membersOf(document: string, count: number, pick: Pick): string | undefined {
  const members = Object.entries((JSON.parse(document) ?? {}) as object)
  const plain = members.filter(([, value]) => typeof value !== 'object' || value === null)
  const some = pickSome(plain.length > 0 ? plain : members, count, pick)
  return some.length === 0 ? undefined : JSON.stringify(Object.fromEntries(some))
}

/** So many different items, or all where there are fewer. */
function pickSome<T>(items: readonly T[], count: number, pick: Pick): T[] {
  const left = [...new Set(items)]
  const some: T[] = []
  while (some.length < count && left.length > 0) some.push(...left.splice(left.indexOf(pick(left)!), 1))
  return some
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
