import type { WalPosition } from './wal-position.ts'

/** What somebody's reads must see. */
export type ReadToken =
  /** Everything up to a position of the primary. */
  | { readonly kind: 'position'; readonly identity: string; readonly position: WalPosition }
  /** Everything that the primary has when the token is used: what was written before is not known more closely. */
  | { readonly kind: 'now' }

const NOW = 'hf1-now'
const TOKEN = /^hf1-([0-9a-z]{1,13})-([0-9a-z]{1,13})$/

/** Letters, digits and hyphens, at most 31 of them: fit for a cookie or a header. It says how far the log of the primary has come, and nothing else. */
export function formatReadToken(token: ReadToken): string {
  if (token.kind === 'now') return NOW
  return `hf1-${BigInt(token.identity).toString(36)}-${token.position.toString(36)}`
}

/** Whatever is not a token counts as `now`: that is never wrong, and costs one short question to the primary. */
export function parseReadToken(text: string): ReadToken {
  const found = TOKEN.exec(text)
  if (found === null) return { kind: 'now' }
  return { kind: 'position', identity: fromBase36(found[1]!).toString(), position: fromBase36(found[2]!) }
}

function fromBase36(digits: string): bigint {
  let value = 0n
  for (const digit of digits) value = value * 36n + BigInt(Number.parseInt(digit, 36))
  return value
}
