import { createHash } from 'node:crypto'
import type { Candidate, IndexKey } from './candidates.ts'
import { MAX_IDENTIFIER_BYTES, quoteIdent, quoteQualified } from './identifier.ts'

/** The key list of a btree index as SQL; directions and NULLS are written only where they are not the default. */
export function keyListSql(keys: readonly IndexKey[]): string {
  return keys
    .map(({ name, descending, nulls }) => {
      const defaultNulls = descending ? 'first' : 'last'
      return `${quoteIdent(name)}${descending ? ' DESC' : ''}${nulls === defaultNulls ? '' : ` NULLS ${nulls.toUpperCase()}`}`
    })
    .join(', ')
}

/** A name for the index that says table and columns, within 63 bytes; cut names end in a hash so that they stay apart. */
export function indexNameFor(table: string, keys: readonly IndexKey[]): string {
  const full = `hf_${[table, ...keys.map(key => `${key.name}${key.descending ? '_desc' : ''}`)].join('_')}_idx`
  if (Buffer.byteLength(full) <= MAX_IDENTIFIER_BYTES) return full
  const tail = `_${hashHex(full).slice(0, 8)}_idx`
  let head = full
  while (Buffer.byteLength(head) + tail.length > MAX_IDENTIFIER_BYTES) head = head.slice(0, -1)
  return head + tail
}

/** What makes two findings the same cause: the columns that are compared for equality. Whether the order or a range is appended may turn out otherwise
 *  in the next trial, and is a question of the remedy. */
export function causeOf(schema: string, table: string, { keys, equalCount }: Pick<Candidate, 'keys' | 'equalCount'>): string {
  const compared = keys.slice(0, equalCount > 0 ? equalCount : keys.length).map(key => key.name)
  return `pg/missing-index:${quoteQualified(schema, table)}{${compared.sort().map(quoteIdent).join(', ')}}`
}

/** The cause of an index with exactly these keys: for one that a person asks for, and for a better one where a first was applied. */
export function exactCauseOf(schema: string, table: string, keys: readonly IndexKey[]): string {
  return `pg/missing-index:${quoteQualified(schema, table)}(${keyListSql(keys)})`
}

/** A short id for people, `I-3fa9`; `length` grows when two causes would share one. */
export function findingIdFor(cause: string, length = 4): string {
  return `I-${hashHex(cause).slice(0, length)}`
}

function hashHex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
