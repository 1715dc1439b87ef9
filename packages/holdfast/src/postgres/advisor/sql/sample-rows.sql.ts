import { quoteIdent, quoteQualified } from '../identifier.ts'

/** Values of some columns, as text, of randomly chosen rows; rows with a NULL in one of them are left out, and so are those whose column `besides` has one of the values
 *  of $1. Of less than all rows in random order, because the first of them would be the oldest of the table.
 *  In: names, percent of rows (BERNOULLI) or pages (SYSTEM), most rows. Out: columns c0, c1, ... PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function sampleRows(
  schema: string,
  table: string,
  columns: readonly string[],
  method: 'BERNOULLI' | 'SYSTEM',
  percent: number,
  limit: number,
  besides?: string,
): string {
  const list = columns.map((column, at) => `${quoteIdent(column)}::text AS c${at}`).join(', ')
  const notNull = columns.map(column => `${quoteIdent(column)} IS NOT NULL`).join(' AND ')
  const others = besides === undefined ? '' : ` AND ${quoteIdent(besides)}::text <> ALL ($1)`
  const sample = percent < 100 ? ` TABLESAMPLE ${method} (${percent})` : ''
  return `SELECT /* holdfast */ ${list} FROM ${quoteQualified(schema, table)}${sample} WHERE ${notNull}${others}${percent < 100 ? ' ORDER BY random()' : ''} LIMIT ${limit}`
}

export type SampledRow = Readonly<Record<`c${number}`, string>>
