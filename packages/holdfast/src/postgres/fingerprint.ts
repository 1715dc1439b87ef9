import { createHash } from 'node:crypto'
import { fingerprintSync, loadModule, normalizeSync } from 'libpg-query'
import { maskLiterals, shapeOf } from './statement-shape.ts'

/** Longest statement text that is kept, in characters. */
export const STORED_TEXT_LIMIT = 8192

const FINGERPRINT = /^[0-9a-f]{16}$/

/** What a statement is, without its literals. */
export interface StatementIdentity {
  /** 16 hexadecimal digits as libpg_query 18 computes them; the same for the text in `pg_stat_statements`. A text that the parser refuses
   *  gets `~` and 15 digits of its own. */
  readonly fingerprint: string
  /** Normalised text, at most 8,192 characters. Holds no literal. */
  readonly text: string
}

/** Loads the parser (WebAssembly, about 2 MB, once a process). */
export const loadParser: () => Promise<void> = loadModule

/** Identifies one statement. Costs 50 to 200 us, so it runs off the path of queries. The parser must be loaded; without it every statement is
 *  identified by its shape. */
export function identifyStatement(text: string): StatementIdentity {
  const parsable = text.length > STORED_TEXT_LIMIT ? shapeOf(text) : text
  const fingerprint = attempt(() => fingerprintSync(parsable))
  // libpg-query hands some parse errors back as if they were results.
  if (fingerprint === undefined || !FINGERPRINT.test(fingerprint)) return { fingerprint: `~${hash(shapeOf(text))}`, text: stored(maskLiterals(text)) }
  // Normalising leaves comments and the constants of utility statements in place; masking takes what is left.
  return { fingerprint, text: stored(maskLiterals(attempt(() => normalizeSync(parsable)) ?? parsable)) }
}

/** Cuts a text to what may be kept, marked by an ellipsis. */
function stored(text: string): string {
  return text.length > STORED_TEXT_LIMIT ? `${text.slice(0, STORED_TEXT_LIMIT - 1)}…` : text
}

function attempt(parse: () => string): string | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 15)
}
