/** What a piece of SQL is. `literal` covers constants and parameters alike; `skip` is white space and comments. */
export type SqlTokenKind = 'word' | 'literal' | 'parameter' | 'symbol' | 'skip'

/** Hears of each token: `text.slice(start, end)`. */
export type SqlTokenListener = (kind: SqlTokenKind, start: number, end: number) => void

const QUOTE = 39
const DOUBLE_QUOTE = 34
const BACKSLASH = 92
const DOLLAR = 36
const DOT = 46
const MINUS = 45
const PLUS = 43
const SLASH = 47
const STAR = 42

/** Cuts SQL into tokens in one pass, without understanding it. An unterminated quote or comment reaches to the end, so that a literal cut in half
 *  is still a literal. Reads strings as `standard_conforming_strings = on` does. @source PostgreSQL 18, 4.1 */
export function lexSql(text: string, onToken: SqlTokenListener): void {
  let at = 0
  while (at < text.length) {
    const end = skipEnd(text, at)
    if (end > at) {
      onToken('skip', at, end)
      at = end
      continue
    }
    at = lexToken(text, at, onToken)
  }
}

function lexToken(text: string, start: number, onToken: SqlTokenListener): number {
  const code = text.charCodeAt(start)
  if (code === QUOTE) return emit(onToken, 'literal', start, stringEnd(text, start, false))
  if (isWordStart(code)) return lexWord(text, start, onToken)
  if (isDigit(code) || (code === DOT && isDigit(text.charCodeAt(start + 1)))) return emit(onToken, 'literal', start, numberEnd(text, start))
  if (code === DOUBLE_QUOTE) return emit(onToken, 'word', start, quotedEnd(text, start, DOUBLE_QUOTE))
  if (code === DOLLAR) return lexDollar(text, start, onToken)
  return emit(onToken, 'symbol', start, start + 1)
}

function emit(onToken: SqlTokenListener, kind: SqlTokenKind, start: number, end: number): number {
  onToken(kind, start, end)
  return end
}

function lexWord(text: string, start: number, onToken: SqlTokenListener): number {
  let end = start + 1
  while (end < text.length && isWordPart(text.charCodeAt(end))) end++
  if (end - start === 1 && text.charCodeAt(end) === QUOTE) {
    const prefix = text[start]!.toLowerCase()
    if ('ebxn'.includes(prefix)) return emit(onToken, 'literal', start, stringEnd(text, end, prefix === 'e'))
  }
  return emit(onToken, 'word', start, end)
}

function lexDollar(text: string, start: number, onToken: SqlTokenListener): number {
  let end = start + 1
  if (isDigit(text.charCodeAt(end))) {
    while (isDigit(text.charCodeAt(end))) end++
    return emit(onToken, 'parameter', start, end)
  }
  while (end < text.length && text.charCodeAt(end) !== DOLLAR && isWordPart(text.charCodeAt(end))) end++
  if (text.charCodeAt(end) !== DOLLAR) return emit(onToken, 'symbol', start, start + 1)
  const close = text.indexOf(text.slice(start, end + 1), end + 1)
  return emit(onToken, 'literal', start, close < 0 ? text.length : close + (end + 1 - start))
}

function skipEnd(text: string, start: number): number {
  const code = text.charCodeAt(start)
  if (isSpace(code)) {
    let end = start + 1
    while (isSpace(text.charCodeAt(end))) end++
    return end
  }
  if (code === MINUS && text.charCodeAt(start + 1) === MINUS) {
    const end = text.indexOf('\n', start)
    return end < 0 ? text.length : end
  }
  return code === SLASH && text.charCodeAt(start + 1) === STAR ? commentEnd(text, start) : start
}

/** Comments nest in PostgreSQL. */
function commentEnd(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const next = text.charCodeAt(at + 1)
    if (code === SLASH && next === STAR) {
      depth++
      at++
    } else if (code === STAR && next === SLASH) {
      depth--
      at++
      if (depth === 0) return at + 1
    }
  }
  return text.length
}

function stringEnd(text: string, quoteAt: number, hasEscapes: boolean): number {
  if (!hasEscapes) return quotedEnd(text, quoteAt, QUOTE)
  for (let at = quoteAt + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === BACKSLASH) at++
    else if (code === QUOTE) {
      if (text.charCodeAt(at + 1) !== QUOTE) return at + 1
      at++
    }
  }
  return text.length
}

function quotedEnd(text: string, start: number, quote: number): number {
  const mark = quote === QUOTE ? "'" : '"'
  let close = text.indexOf(mark, start + 1)
  while (close >= 0 && text.charCodeAt(close + 1) === quote) close = text.indexOf(mark, close + 2)
  return close < 0 ? text.length : close + 1
}

function numberEnd(text: string, start: number): number {
  let end = start + 1
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (isWordPart(code) || code === DOT) continue
    const before = text.charCodeAt(end - 1) | 32
    if ((code === MINUS || code === PLUS) && before === 101 && isDigit(text.charCodeAt(end + 1))) continue
    break
  }
  return end
}

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13)
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57
}

function isWordStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code >= 128
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === DOLLAR
}
