import { lexSql } from './sql-lexer.ts'

/** Characters of one statement that are looked at. The rest of a longer one is cut off: a bulk insert's megabytes say nothing more. */
export const LEXED_CHARS_LIMIT = 65_536

/** A parameter, so that the shape of a statement still parses and has the fingerprint of the statement. */
const PLACEHOLDER = '$1'
const MASK = '?'
/** Tokens of a group that is compared with its neighbour. Without a limit, parentheses nested n deep would cost n squared. */
const FOLDED_TOKENS_LIMIT = 200

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
    if (kind === 'literal') parts.push(MASK)
    else if (kind !== 'skip') parts.push(text.slice(start, end))
    else if (parts.length > 0 && parts[parts.length - 1] !== ' ') parts.push(' ')
  })
  return parts.join('').trim()
}

/** The numbers of the parameters as they stand in the text, `2,1` for `b = $2 and a = $1`; empty where they count up from 1, as they mostly do. Two texts of one shape
 *  with different orders mean the same and take their values in another order. */
export function paramOrderOf(text: string): string {
  const params = paramsOf(text.length > LEXED_CHARS_LIMIT ? text.slice(0, LEXED_CHARS_LIMIT) : text)
  return params.every((param, at) => param === at + 1) ? '' : params.join(',')
}

function paramsOf(text: string): number[] {
  const params: number[] = []
  lexSql(text, (kind, start, end) => {
    if (kind === 'parameter') params.push(Number(text.slice(start + 1, end)))
  })
  return params
}

/** A pair of parentheses that is open. `lastGroup` is the pair that closed last inside it. */
interface OpenGroup {
  readonly start: number
  lastGroup: { readonly end: number; readonly text: string } | undefined
}

/** Collects tokens and folds what repeats: `$1, $1` to `$1`, and a group equal to the one before it, as in `VALUES ($1), ($1)`. */
class ShapeBuilder {
  readonly #parts: string[] = []
  readonly #open: OpenGroup[] = [{ start: 0, lastGroup: undefined }]

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
    if (symbol === '(') this.#open.push({ start: this.#parts.length, lastGroup: undefined })
    this.#parts.push(symbol)
    if (symbol === ')' && this.#open.length > 1) this.#closeGroup(this.#open.pop()!.start)
  }

  toString(): string {
    return this.#parts.join('')
  }

  #closeGroup(start: number): void {
    const around = this.#open[this.#open.length - 1]!
    if (this.#parts.length - start > FOLDED_TOKENS_LIMIT) return
    const text = this.#parts.slice(start).join('')
    const isRepeated = this.#parts[start - 1] === ',' && around.lastGroup?.end === start - 1 && around.lastGroup.text === text
    if (isRepeated) this.#parts.length = start - 1
    else around.lastGroup = { end: this.#parts.length, text }
  }
}

function isWordLike(part: string): boolean {
  return /\w/.test(part)
}
