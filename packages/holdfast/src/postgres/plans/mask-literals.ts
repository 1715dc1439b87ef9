import { lexSql } from '../sql-lexer.ts'

/** A condition of a plan in which every literal that the caller did not give is `?`: values taken from rows, and constants of somebody's views and
 *  policies. `given` holds the caller's constants and parameters as text. */
export function maskForeignLiterals(condition: string, given: ReadonlySet<string>): string {
  const parts: string[] = []
  lexSql(condition, (kind, start, end) => {
    const text = condition.slice(start, end)
    if (kind !== 'literal') {
      parts.push(text)
      return
    }
    // The planner prints -5 as '-5'::integer, and a lone minus belongs to an expression.
    parts.push(isGiven(literalValue(text), given) ? text : '?')
  })
  return parts.join('')
}

/** Texts that stand for the caller's values, nested lists included. */
export function textsOf(values: readonly unknown[]): string[] {
  return values.flatMap(value => (Array.isArray(value) ? textsOf(value) : value === null || value === undefined ? [] : [String(value)]))
}

function literalValue(literal: string): string {
  const quote = literal.indexOf("'")
  return quote < 0 ? literal : literal.slice(quote + 1, -1).replaceAll("''", "'")
}

function isGiven(value: string, given: ReadonlySet<string>): boolean {
  if (given.has(value)) return true
  if (!value.startsWith('{') || !value.endsWith('}')) return false
  // An IN list comes back as an array; one that holds quotes or braces itself is masked rather than parsed.
  const items = value.slice(1, -1).split(',')
  return items.every(item => given.has(item) || given.has(item.replace(/^"(.*)"$/, '$1')))
}
