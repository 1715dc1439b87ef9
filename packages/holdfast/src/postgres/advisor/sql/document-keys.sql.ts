import { quoteIdent, quoteQualified } from '../identifier.ts'

/** Keys of the documents in a column, those that most of the sampled rows have first, with the mean length of what they hold in characters, and the mean of the blanks in
 *  it. Documents that are no objects have none.
 *  In: names, percent of pages. Out: at most 12 rows. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function documentKeys(schema: string, table: string, column: string, percent: number): string {
  const name = quoteIdent(column)
  const sample = percent < 100 ? ` TABLESAMPLE SYSTEM (${percent})` : ''
  return `SELECT /* holdfast */ k.key, coalesce(avg(length(k.value)), 0)::float8 AS length, coalesce(avg(length(k.value) - length(replace(k.value, ' ', ''))), 0)::float8 AS blanks FROM (SELECT ${name} AS document FROM ${quoteQualified(schema, table)}${sample} WHERE jsonb_typeof(${name}) = 'object' LIMIT 500) d
CROSS JOIN LATERAL jsonb_each_text(d.document) AS k(key, value) GROUP BY k.key ORDER BY count(*) DESC, k.key LIMIT 12`
}

export interface DocumentKeyRow {
  readonly key: string
  readonly length: number
  readonly blanks: number
}
