import { lexSql } from './sql-lexer.ts'

/** Characters of one statement that are looked at. The rest of a longer one is cut off: a bulk insert's megabytes say nothing more. */
export const LEXED_CHARS_LIMIT = 65_536

const PLACEHOLDER = '?'

/** A key under which two texts meet when they differ in nothing but literals, parameters, the length of their lists, comments and white space.
 *  Costs about 1 us for each 100 characters, so it is used for texts that were not seen before. */
export function shapeOf(text: string): string {
  const shape = new ShapeBuilder()
  lexSql(text.length > LEXED_CHARS_LIMIT ? text.slice(0, LEXED_CHARS_LIMIT) : text, (kind, start, end) => {
    if (kind === 'skip') return
    if (kind === 'literal' || kind === 'parameter') shape.literal()
    else if (kind === 'word') shape.word(text.slice(start, end))
    else shape.symbol(text[start]!)
  })
  return shape.toString()
}

/** The text for people: literals become `?`, parameters stay, comments go, white space collapses. */
export function maskLiterals(text: string): string {
  const parts: string[] = []
  lexSql(text.length > LEXED_CHARS_LIMIT ? text.slice(0, LEXED_CHARS_LIMIT) : text, (kind, start, end) => {
    if (kind === 'literal') parts.push(PLACEHOLDER)
    else if (kind !== 'skip') parts.push(text.slice(start, end))
    else if (parts.length > 0 && parts[parts.length - 1] !== ' ') parts.push(' ')
  })
  return parts.join('').trim()
}

/** Collects tokens and folds what repeats: `?, ?` to `?`, and a group equal to the one before it, as in `VALUES (?), (?)`. */
class ShapeBuilder {
  readonly #parts: string[] = []
  readonly #openAt: number[] = []
  #lastGroup = { end: -1, text: '' }

  literal(): void {
    const parts = this.#parts
    if (parts[parts.length - 1] === ',' && parts[parts.length - 2] === PLACEHOLDER) parts.pop()
    else parts.push(PLACEHOLDER)
  }

  word(word: string): void {
    const last = this.#parts[this.#parts.length - 1]
    // Two neighbouring words need something between them; a symbol separates by itself.
    this.#parts.push(last !== undefined && (last.length > 1 || isWordLike(last)) ? ` ${word}` : word)
  }

  symbol(symbol: string): void {
    if (symbol === '(') this.#openAt.push(this.#parts.length)
    this.#parts.push(symbol)
    if (symbol === ')') this.#closeGroup()
  }

  toString(): string {
    return this.#parts.join('')
  }

  #closeGroup(): void {
    const start = this.#openAt.pop()
    if (start === undefined) return
    const text = this.#parts.slice(start).join('')
    if (this.#parts[start - 1] === ',' && this.#lastGroup.end === start - 1 && this.#lastGroup.text === text) this.#parts.length = start - 1
    else this.#lastGroup = { end: this.#parts.length, text }
  }
}

function isWordLike(part: string): boolean {
  return part === PLACEHOLDER || /\w/.test(part)
}
