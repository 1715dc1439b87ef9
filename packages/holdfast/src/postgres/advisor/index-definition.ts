import { createHash } from 'node:crypto'
import { MAX_IDENTIFIER_BYTES, quoteIdent, quoteQualified } from './identifier.ts'

/** One key of an index. */
export interface IndexKey {
  /** The column; of an expression, the column in it. */
  readonly name: string
  /** The key as SQL, where it is not the plain column: `lower(email)`. */
  readonly expression?: string
  /** Operator class, where it is not the type's default. */
  readonly opclass?: string
  readonly descending: boolean
  /** Where NULLs go; only written out when it is not the direction's default. */
  readonly nulls: 'first' | 'last'
}

/** An index without its table. */
export interface IndexShape {
  readonly keys: readonly IndexKey[]
  /** Default `btree`. */
  readonly method?: 'btree' | 'gin' | 'brin'
  /** Columns carried along, so that the table need not be read. */
  readonly include?: readonly string[]
  /** Conditions as SQL, all of which a row must meet to be in the index. Empty and absent: every row is. */
  readonly where?: readonly string[]
}

/** Pages that one entry of a BRIN index stands for. A quarter of the default: a range of a few hours then reads fewer pages that it does not want, and the index
 *  stays below a ten-thousandth of the table. */
const BRIN_PAGES = 32

/** The key list of an index as SQL; directions and NULLS are written only where they are not the default. */
export function keyListSql(keys: readonly IndexKey[]): string {
  return keys
    .map(({ name, expression, opclass, descending, nulls }) => {
      const defaultNulls = descending ? 'first' : 'last'
      const direction = `${descending ? ' DESC' : ''}${nulls === defaultNulls ? '' : ` NULLS ${nulls.toUpperCase()}`}`
      return `${expression ?? quoteIdent(name)}${opclass === undefined ? '' : ` ${opclass}`}${direction}`
    })
    .join(', ')
}

/** What follows the table in CREATE INDEX. */
export function shapeSql({ keys, method = 'btree', include = [], where = [] }: IndexShape): string {
  const included = include.length === 0 ? '' : ` INCLUDE (${include.map(quoteIdent).join(', ')})`
  const options = method === 'brin' ? ` WITH (pages_per_range = ${BRIN_PAGES})` : ''
  return `USING ${method} (${keyListSql(keys)})${included}${options}${where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`}`
}

/** True when nothing but columns, directions and NULLS makes up the index. */
export function isPlain({ keys, method = 'btree', include = [], where = [] }: IndexShape): boolean {
  return (
    method === 'btree' && include.length === 0 && where.length === 0 && keys.every(key => key.expression === undefined && key.opclass === undefined)
  )
}

/** Every column of the index: a change of one of them is written into the index, and cannot be HOT. */
export function columnsOf({ keys, include = [] }: IndexShape, whereColumns: readonly string[]): string[] {
  return [...new Set([...keys.map(key => key.name), ...include, ...whereColumns])]
}

/** A name for the index that says table and columns, within 63 bytes; cut names, and those of two indexes that differ in more than their columns, end in a hash so
 *  that they stay apart. */
export function indexNameFor(table: string, shape: IndexShape): string {
  const words = [table, ...shape.keys.map(key => `${key.name}${key.descending ? '_desc' : ''}`)]
  if (shape.method !== undefined && shape.method !== 'btree') words.push(shape.method)
  const plain = `hf_${words.join('_')}_idx`
  const full = isPlain(shape) ? plain : `hf_${words.join('_')}_${hashHex(shapeSql(shape)).slice(0, 4)}_idx`
  if (Buffer.byteLength(full) <= MAX_IDENTIFIER_BYTES) return full
  const tail = `_${hashHex(full).slice(0, 8)}_idx`
  let head = full
  while (Buffer.byteLength(head) + tail.length > MAX_IDENTIFIER_BYTES) head = head.slice(0, -1)
  return head + tail
}

/** What makes two findings the same cause: the table and what the index begins with. Which columns follow may turn out otherwise in the next trial, and is a question
 *  of the remedy. */
export function causeOf(schema: string, table: string, { keys }: IndexShape): string {
  const [first] = keys
  return `pg/missing-index:${quoteQualified(schema, table)}{${first === undefined ? '' : (first.expression ?? quoteIdent(first.name))}}`
}

/** The cause of an index with exactly this shape: for one that a person asks for, and for a better one where a first was applied. */
export function exactCauseOf(schema: string, table: string, shape: IndexShape): string {
  const text = isPlain(shape) ? `(${keyListSql(shape.keys)})` : ` ${shapeSql(shape)}`
  return `pg/missing-index:${quoteQualified(schema, table)}${text}`
}

/** A short id for people, `I-3fa9`; `length` grows when two causes would share one. */
export function findingIdFor(cause: string, length = 4): string {
  return `I-${hashHex(cause).slice(0, length)}`
}

function hashHex(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
