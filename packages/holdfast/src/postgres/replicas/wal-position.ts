/** A position in the write-ahead log: bytes since its beginning. */
export type WalPosition = bigint

/** Reads PostgreSQL's own notation, for example `16/B374D848`; `undefined` for anything else. */
export function parseWalPosition(text: string): WalPosition | undefined {
  const found = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text)
  return found === null ? undefined : (BigInt(`0x${found[1]}`) << 32n) | BigInt(`0x${found[2]}`)
}

/** The same, backwards. */
export function formatWalPosition(position: WalPosition): string {
  return `${(position >> 32n).toString(16)}/${(position & 0xffff_ffffn).toString(16)}`.toUpperCase()
}

/** The later of two; `undefined` is before everything. */
export function laterPosition(one: WalPosition | undefined, other: WalPosition | undefined): WalPosition | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one > other ? one : other
}
