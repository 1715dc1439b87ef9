/** Tells whether a key matches. */
export type GlobMatch = (key: string) => boolean

type Token = '*' | ((char: string) => boolean)

/** Prepares a pattern as Redis' SCAN reads it: `*` any number of characters, `?` one, `[ab]` `[a-z]` `[^a]` one of a set, `\x` the character x. One
 *  difference: `?` is one UTF-16 unit here and one byte there. At worst O(pattern * key) for one key.
 *  @source redis 7.2 src/util.c stringmatchlen */
export function compileGlob(glob: string): GlobMatch {
  const tokens = tokensOf(glob)
  return key => matches(tokens, key)
}

/** A text that stands for itself in a pattern. */
export function escapeGlob(text: string): string {
  return text.replace(/[\\*?[\]^-]/g, '\\$&')
}

function matches(tokens: readonly Token[], key: string): boolean {
  let token = 0
  let at = 0
  let lastStar = -1
  let retryAt = 0
  while (at < key.length) {
    const current = tokens[token]
    if (current === '*') {
      lastStar = token++
      retryAt = at
    } else if (current?.(key[at]!)) {
      token++
      at++
    } else if (lastStar >= 0) {
      // Only the last star needs to take more: an earlier one that did would leave less for this one.
      token = lastStar + 1
      at = ++retryAt
    } else {
      return false
    }
  }
  while (tokens[token] === '*') token++
  return token === tokens.length
}

function tokensOf(glob: string): Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at]!
    if (char === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*')
    } else if (char === '?') {
      tokens.push(() => true)
    } else if (char === '[') {
      const { token, end } = readSet(glob, at + 1)
      tokens.push(token)
      at = end
    } else {
      const literal = char === '\\' && at + 1 < glob.length ? glob[++at]! : char
      tokens.push(found => found === literal)
    }
  }
  return tokens
}

/** A set that is not closed ends with the pattern, as in Redis. */
function readSet(glob: string, start: number): { token: Token; end: number } {
  const isNegated = glob[start] === '^'
  const ranges: [low: string, high: string][] = []
  let at = isNegated ? start + 1 : start
  for (; at < glob.length && glob[at] !== ']'; at++) {
    if (glob[at] === '\\' && at + 1 < glob.length) {
      ranges.push([glob[++at]!, glob[at]!])
    } else if (glob[at + 1] === '-' && at + 2 < glob.length) {
      const [from, to] = [glob[at]!, glob[at + 2]!]
      ranges.push(from <= to ? [from, to] : [to, from])
      at += 2
    } else {
      ranges.push([glob[at]!, glob[at]!])
    }
  }
  return { token: char => ranges.some(([low, high]) => char >= low && char <= high) !== isNegated, end: at }
}
