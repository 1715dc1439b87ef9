import { collectConfigProblems } from '../../core/index.ts'
import { httpErrors } from '../errors.ts'
import { quotedColumn } from '../sql-names.ts'
import { type CursorSecret, decodeCursor, encodeCursor, type Position } from './cursor.ts'
import { type OrderColumn, orderBy, reversed, rowsAfter, type SortKey } from './keyset-predicate.ts'

/** How a list is paged. */
export interface KeysetOptions {
  /** The order. The last column must be unique and NOT NULL, for example the primary key: with it no row is lost or doubled between pages. */
  readonly order: readonly [OrderColumn, ...OrderColumn[]]
  /** What signs the cursors, newest first. */
  readonly secrets: readonly [CursorSecret, ...CursorSecret[]]
  /** Rows of a page when the request names no number. Default 20. */
  readonly pageSize?: number
  /** Most rows of a page. Default 100. */
  readonly maxPageSize?: number
}

/** What is asked for. */
export interface PageRequest {
  /** The cursor as it came from the client; absent or empty for the first page. */
  readonly cursor?: string | undefined
  /** Rows wanted, as number or text. @throws HF_HTTP_LIMIT_INVALID outside 1 to `maxPageSize` */
  readonly limit?: number | string | undefined
}

/** The list without order and limit, in your SQL; its own parameters first. */
export interface ListQuery {
  /** What stands after SELECT. */
  readonly select: string
  /** What stands after FROM, joins included. */
  readonly from: string
  /** What stands after WHERE. Default: everything. */
  readonly where?: string
  /** The parameters `$1`, `$2`, … of these texts. */
  readonly values?: readonly unknown[]
}

/** A statement for `pg`, which takes it as it is, and what to do with its rows. */
export interface PageQuery {
  /** Your list, bounded by the cursor, ordered, with one row more than asked for. */
  readonly text: string
  readonly values: unknown[]
  /** Makes the page of the rows that the statement gave. */
  page<Row extends object>(rows: readonly Row[]): Page<Row>
}

/** One page. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  /** Cursor of the page after this one; absent on the last. */
  readonly next?: string
  /** Cursor of the page before this one; absent on the first. */
  readonly previous?: string
}

/** Pages of a list by the values of its last row, so that page 10,000 costs what page 1 costs, and rows that come or go move nothing. */
export interface Keyset {
  /** Prepares one page. A cursor is good for the list that it came from: the same FROM, WHERE and parameters, so it cannot carry a position from one tenant or
   *  filter to another. @throws HF_HTTP_CURSOR_INVALID, HF_HTTP_LIMIT_INVALID */
  query(list: ListQuery, request: PageRequest): PageQuery
}

const KEY_COLUMN = 'hf_key_'

/** Prepares paging. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createKeyset(options: KeysetOptions): Keyset {
  const { order, secrets, pageSize = 20, maxPageSize = 100 } = options
  const keys = check(options)
  const names = order.map(({ column, direction = 'asc' }) => `${column} ${direction}`).join()
  const bindingOf = ({ from, where = '', values = [] }: ListQuery): string => JSON.stringify([names, from, where, values.map(String)])
  const limitOf = ({ limit = pageSize }: PageRequest): number => {
    const rows = typeof limit === 'string' && /^\d{1,9}$/.test(limit) ? Number(limit) : limit
    if (typeof rows === 'number' && Number.isSafeInteger(rows) && rows >= 1 && rows <= maxPageSize) return rows
    throw httpErrors.create('HF_HTTP_LIMIT_INVALID', `the page size is ${String(limit).slice(0, 40)}, allowed are 1 to ${maxPageSize}`)
  }

  return {
    query: (list, request) => {
      const limit = limitOf(request)
      const binding = bindingOf(list)
      const position = request.cursor === undefined || request.cursor === '' ? undefined : decodeCursor(request.cursor, binding, secrets)
      const cursorAt = (row: object, direction: Position['direction']): string =>
        encodeCursor(
          { direction, values: keys.map((_, i) => (row as Record<string, string | null>)[`${KEY_COLUMN}${i}`] ?? null) },
          binding,
          secrets[0],
        )
      return { ...statementOf(list, keys, position, limit), page: rows => pageOf(rows, limit, keys.length, position, cursorAt) }
    },
  }
}

function statementOf(list: ListQuery, keys: readonly SortKey[], position: Position | undefined, limit: number): { text: string; values: unknown[] } {
  const { select, from, where } = list
  const inOrder = position?.direction === 'back' ? reversed(keys) : keys
  const values = [...(list.values ?? [])]
  const bind = (value: unknown): string => `$${values.push(value)}`
  const conditions = [...(where === undefined ? [] : [`(${where})`]), ...(position === undefined ? [] : [rowsAfter(inOrder, position.values, bind)])]
  // As text: a JS Date would lose the microseconds, and with them rows.
  const read = keys.map(({ sql }, i) => `${sql}::text as ${KEY_COLUMN}${i}`)
  const lines = [
    `select ${[select, ...read].join(', ')}`,
    `from ${from}`,
    ...(conditions.length === 0 ? [] : [`where ${conditions.join(' and ')}`]),
    `order by ${orderBy(inOrder)}`,
    `limit ${bind(limit + 1)}`,
  ]
  return { text: lines.join('\n'), values }
}

function pageOf<Row extends object>(
  rows: readonly Row[],
  limit: number,
  keyCount: number,
  position: Position | undefined,
  cursorAt: (row: object, direction: Position['direction']) => string,
): Page<Row> {
  const isBack = position?.direction === 'back'
  const hasMore = rows.length > limit
  const shown = isBack ? rows.slice(0, limit).reverse() : rows.slice(0, limit)
  const [first, last] = [shown[0], shown.at(-1)]
  return {
    rows: shown.map(row => withoutKeys(row, keyCount)),
    ...(last !== undefined && (isBack || hasMore) ? { next: cursorAt(last, 'forward') } : {}),
    ...(first !== undefined && (isBack ? hasMore : position !== undefined) ? { previous: cursorAt(first, 'back') } : {}),
  }
}

function withoutKeys<Row extends object>(row: Row, count: number): Row {
  const copy = { ...row } as Record<string, unknown>
  for (let i = 0; i < count; i++) delete copy[`${KEY_COLUMN}${i}`]
  return copy as Row
}

function check({ order, secrets, pageSize = 20, maxPageSize = 100 }: KeysetOptions): SortKey[] {
  const problems = collectConfigProblems()
  if (!(Number.isSafeInteger(maxPageSize) && maxPageSize >= 1)) problems.add('maxPageSize', 'must be a whole number of 1 or more')
  if (!(Number.isSafeInteger(pageSize) && pageSize >= 1 && pageSize <= maxPageSize)) problems.add('pageSize', `must be from 1 to ${maxPageSize}`)
  if (order.length === 0) problems.add('order', 'must name at least one column')
  if (order.at(-1)?.nullable) problems.add('order', 'must end with a column that is unique and NOT NULL')
  if (secrets.length === 0) problems.add('secrets', 'must hold at least one key')
  for (const [i, { id, secret }] of secrets.entries()) {
    if (!/^[A-Za-z0-9]{1,16}$/.test(id)) problems.add(`secrets[${i}].id`, 'must be 1 to 16 letters or digits')
    if (Buffer.byteLength(secret) < 16) problems.add(`secrets[${i}].secret`, 'must be at least 16 bytes')
  }
  for (const [i, { column }] of order.entries()) {
    if (!column.split('.').every(part => /^[^\0]{1,63}$/.test(part))) problems.add(`order[${i}].column`, 'is no column name')
  }
  problems.throwIfAny('createKeyset()')
  return order.map(({ column, direction = 'asc', nullable = false }) => ({
    sql: quotedColumn(column),
    isDescending: direction === 'desc',
    isNullable: nullable,
    nullsFirst: direction === 'desc',
  }))
}
