import { createHash } from 'node:crypto'
import { MAX_IDENTIFIER_BYTES } from '../identifier.ts'

/** A name for statistics that says table and columns, within 63 bytes; a cut one ends in a hash, so that two stay apart. */
export function statisticsNameFor(table: string, columns: readonly string[]): string {
  const full = `hf_${[table, ...columns].join('_')}_stat`
  if (Buffer.byteLength(full) <= MAX_IDENTIFIER_BYTES) return full
  const tail = `_${createHash('sha256').update(full).digest('hex').slice(0, 8)}_stat`
  let head = full
  while (Buffer.byteLength(head) + tail.length > MAX_IDENTIFIER_BYTES) head = head.slice(0, -1)
  return head + tail
}
