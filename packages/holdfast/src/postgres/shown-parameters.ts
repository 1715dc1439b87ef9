import { lexSql, type SqlTokenKind } from './sql-lexer.ts'

/** How pg_stat_statements shows the values of a list beyond its first. @source PostgreSQL 18, generate_normalized_query in pg_stat_statements.c */
const FOLDED = /^\s*\/\*, \.\.\. \*\//

interface Token {
  readonly kind: SqlTokenKind
  readonly text: string
  /** Of the text that is shown: the first of a list whose other values are left out. */
  readonly isFolded: boolean
}

/** The values of a call for the parameters of `shown`, the text that pg_stat_statements has of the statement: there the constants of the text that was `sent` are
 *  parameters, too, and a list is one, whose value is an array. `undefined` when the two texts are not the same statement. */
export function parametersAsShown(shown: string, sent: string, values: readonly unknown[]): readonly unknown[] | undefined {
  const expected = tokensOf(shown)
  const found = tokensOf(sent)
  const parameters: unknown[] = []
  let at = 0
  for (const token of expected) {
    if (token.kind !== 'parameter') {
      if (!isSame(token, found[at])) return undefined
      at += 1
      continue
    }
    const first = valueAt(found, at, values)
    if (first === undefined) return undefined
    at = first.end
    const list = [first.value]
    while (token.isFolded && found[at]?.text === ',') {
      const next = valueAt(found, at + 1, values)
      if (next === undefined) return undefined
      list.push(next.value)
      at = next.end
    }
    parameters[Number(token.text.slice(1)) - 1] = token.isFolded ? list : first.value
  }
  return at === found.length || (at === found.length - 1 && found[at]?.text === ';') ? Array.from(parameters) : undefined
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  lexSql(text, (kind, start, end) => {
    if (kind !== 'skip') tokens.push({ kind, text: text.slice(start, end), isFolded: kind === 'parameter' && FOLDED.test(text.slice(end, end + 16)) })
  })
  return tokens
}

function isSame(shown: Token, sent: Token | undefined): boolean {
  if (sent === undefined || shown.kind !== sent.kind) return false
  return shown.text === sent.text || (!shown.text.startsWith('"') && shown.text.toLowerCase() === sent.text.toLowerCase())
}

/** The value that stands there: a parameter's, or a constant with its sign. */
function valueAt(tokens: readonly Token[], at: number, values: readonly unknown[]): { readonly value: unknown; readonly end: number } | undefined {
  const token = tokens[at]
  if (token === undefined) return undefined
  const end = at + 1
  if (token.kind === 'parameter') {
    const number = Number(token.text.slice(1))
    return number > values.length ? undefined : { value: values[number - 1], end }
  }
  if (token.kind === 'literal') {
    const value = constantOf(token.text)
    return value === undefined ? undefined : { value, end }
  }
  const word = token.text.toLowerCase()
  if (word === 'true' || word === 'false') return { value: word, end }
  if (word === 'null') return { value: null, end }
  const signed = word === '-' && tokens[end]?.kind === 'literal' ? tokens[end].text : ''
  return /^[\d.]/.test(signed) ? { value: `-${signed}`, end: end + 1 } : undefined
}

/** The text of a constant; `undefined` for those with a prefix, which mean another thing. */
function constantOf(literal: string): string | undefined {
  if (literal.startsWith("'")) return literal.slice(1, -1).replaceAll("''", "'")
  if (literal.startsWith('$')) return literal.slice(literal.indexOf('$', 1) + 1, literal.lastIndexOf('$', literal.length - 2))
  return /^[\d.]/.test(literal) ? literal : undefined
}
