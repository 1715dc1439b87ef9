import { maskLiterals } from '../statement-shape.ts'

/** What PostgreSQL shows in place of the text to a role that may not read it. */
const HIDDEN = '<insufficient privilege>'

/** The text of a statement as the server shows it, for people: no literal of it, at most `limit` characters. Null where the role may not see it, and where
 *  there is none. */
export function seenStatement(text: string | null, limit = 500): string | null {
  if (text === null || text === '' || text === HIDDEN) return null
  const masked = maskLiterals(text)
  return masked.length > limit ? `${masked.slice(0, limit - 1)}…` : masked
}
