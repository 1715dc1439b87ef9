/** Field lines as they stand on the wire, in order: name, value, name, value (what node calls `rawHeaders`). Names in any case. */
export type FieldLines = readonly string[]

/** The value of a field, its lines joined by `, ` in their order (RFC 9110 5.3); `undefined` when it has no line. `name` in lower case. O(lines). */
export function fieldValue(lines: FieldLines, name: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < lines.length; i += 2) {
    if (!isName(lines[i]!, name)) continue
    value = value === undefined ? lines[i + 1]! : `${value}, ${lines[i + 1]!}`
  }
  return value
}

/** The values of a field, one for each of its lines. `name` in lower case. */
export function fieldLinesOf(lines: FieldLines, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < lines.length; i += 2) if (isName(lines[i]!, name)) values.push(lines[i + 1]!)
  return values
}

/** True when the field has a line. `name` in lower case. */
export function hasField(lines: FieldLines, name: string): boolean {
  for (let i = 0; i < lines.length; i += 2) if (isName(lines[i]!, name)) return true
  return false
}

/** The lines whose names, in lower case, `keep` accepts. */
export function filterFields(lines: FieldLines, keep: (lowerCaseName: string) => boolean): string[] {
  const kept: string[] = []
  for (let i = 0; i < lines.length; i += 2) if (keep(lines[i]!.toLowerCase())) kept.push(lines[i]!, lines[i + 1]!)
  return kept
}

/** The lines with all of `name` replaced by one with `value`, at the end. */
export function withField(lines: FieldLines, name: string, value: string): string[] {
  const lowerCaseName = name.toLowerCase()
  return [...filterFields(lines, other => other !== lowerCaseName), name, value]
}

/** The members of a comma-separated list, trimmed, without empty ones (RFC 9110 5.6.1.2). Commas inside quoted strings do not separate. */
export function listMembers(value: string): string[] {
  const members: string[] = []
  let start = 0
  let isQuoted = false
  for (let i = 0; i <= value.length; i++) {
    const char = value[i]
    if (isQuoted && char === '\\') i++
    else if (char === '"') isQuoted = !isQuoted
    else if (char === undefined || (char === ',' && !isQuoted)) {
      const member = value.slice(start, i).trim()
      if (member !== '') members.push(member)
      start = i + 1
    }
  }
  return members
}

/** Field names are compared without regard to case (RFC 9110 5.1). */
function isName(written: string, lowerCaseName: string): boolean {
  return written.length === lowerCaseName.length && (written === lowerCaseName || written.toLowerCase() === lowerCaseName)
}
