/** Directives of a Cache-Control field: lower-case names and their arguments, unquoted; `true` without an argument. Of repeated directives the first
 *  stands (RFC 9111 4.2.1). */
export type Directives = ReadonlyMap<string, string | true>

const NO_DIRECTIVES: Directives = new Map()

/** RFC 9110 5.6.2 tchar, and what may stand in a quoted string. Sticky: each is tried where the last ended. */
const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const BLANK = /[ \t]*/y

/** Directives that forbid. They are honoured also where the rest of the field cannot be read, since reading too little must not share too much. */
const FORBIDDING = ['no-store', 'private', 'no-cache'] as const

/** Parses a Cache-Control value (RFC 9111 5.2). Arguments may be tokens or quoted strings. A member that is not `token[=argument]` is skipped up to the next
 *  comma; if it names a directive that forbids, that is kept. */
export function parseDirectives(value: string | undefined): Directives {
  if (value === undefined || value === '') return NO_DIRECTIVES
  const directives = new Map<string, string | true>()
  const keep = (name: string, argument: string | true): void => {
    const lowerCaseName = name.toLowerCase()
    if (!directives.has(lowerCaseName)) directives.set(lowerCaseName, argument)
  }
  let at = 0
  while (at < value.length) {
    at = matchEnd(BLANK, value, at)
    if (value[at] === ',') {
      at++
      continue
    }
    const member = readMember(value, at)
    if (member !== undefined) {
      keep(member.name, member.argument)
      at = member.end + 1
      continue
    }
    const end = value.indexOf(',', at)
    const text = value.slice(at, end < 0 ? value.length : end).toLowerCase()
    // An argument that cannot be read is not the same as none: `max-age = 5` is invalid, and invalid freshness counts as stale (4.2.1).
    const name = /^[^\s=,"]+/.exec(text)?.[0]
    if (name !== undefined) keep(name, '')
    for (const forbidding of FORBIDDING) if (text.includes(forbidding)) directives.set(forbidding, true)
    at = end < 0 ? value.length : end + 1
  }
  return directives
}

function readMember(value: string, start: number): { name: string; argument: string | true; end: number } | undefined {
  const nameEnd = matchEnd(TOKEN, value, start)
  if (nameEnd === start) return undefined
  const name = value.slice(start, nameEnd)
  if (value[nameEnd] !== '=') return endOfMember(value, nameEnd, name, true)
  QUOTED.lastIndex = nameEnd + 1
  const quoted = QUOTED.exec(value)
  if (quoted !== null) return endOfMember(value, QUOTED.lastIndex, name, quoted[1]!.replace(/\\(.)/g, '$1'))
  const argumentEnd = matchEnd(TOKEN, value, nameEnd + 1)
  if (argumentEnd === nameEnd + 1) return undefined
  return endOfMember(value, argumentEnd, name, value.slice(nameEnd + 1, argumentEnd))
}

function endOfMember(value: string, at: number, name: string, argument: string | true): ReturnType<typeof readMember> {
  const end = matchEnd(BLANK, value, at)
  return end === value.length || value[end] === ',' ? { name, argument, end } : undefined
}

function matchEnd(pattern: RegExp, value: string, at: number): number {
  pattern.lastIndex = at
  return pattern.test(value) ? pattern.lastIndex : at
}

/** The greatest number of seconds told apart; larger ones count as this many (RFC 9111 1.2.2). */
export const GREATEST_DELTA_SEC: number = 2 ** 31

/** A directive's delta-seconds. `undefined` when the directive is absent, `NaN` when its argument is not a non-negative whole number. */
export function deltaSeconds(directives: Directives, name: string): number | undefined {
  const argument = directives.get(name)
  if (argument === undefined) return undefined
  return parseDeltaSeconds(argument === true ? '' : argument)
}

/** RFC 9111 1.2.2; `NaN` for anything but digits. */
export function parseDeltaSeconds(text: string): number {
  return /^\d+$/.test(text) ? Math.min(GREATEST_DELTA_SEC, Number(text)) : Number.NaN
}

/** The field names in the argument of `no-cache` or `private` (RFC 9111 5.2.2.4, 5.2.2.7), in lower case; none when the directive is absent or has no argument. */
export function namedFields(directives: Directives, name: 'no-cache' | 'private'): readonly string[] {
  const argument = directives.get(name)
  if (argument === undefined || argument === true) return []
  return argument
    .split(',')
    .map(field => field.trim().toLowerCase())
    .filter(field => field !== '')
}
