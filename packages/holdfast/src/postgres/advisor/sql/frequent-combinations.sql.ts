import { quoteIdent, quoteQualified } from '../identifier.ts'

/** The most frequent combinations of values in a sample of a table's pages. Values stay in the process.
 *  In: names, `percent` of the pages, most rows. Out: up to five rows; v0, v1, ... as text. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function frequentCombinations(schema: string, table: string, columns: readonly string[], percent: number, limit: number): string {
  const values = columns.map((name, at) => `${quoteIdent(name)}::text AS v${at}`).join(', ')
  const known = columns.map(name => `${quoteIdent(name)} IS NOT NULL`).join(' AND ')
  const group = columns.map((_, at) => `v${at}`).join(', ')
  return `SELECT /* holdfast */ ${group}, count(*)::float8 AS "sampleCount", (sum(count(*)) OVER ())::float8 AS "sampledRows"
FROM (SELECT ${values} FROM ONLY ${quoteQualified(schema, table)} TABLESAMPLE SYSTEM (${percent}) WHERE ${known} LIMIT ${limit}) s GROUP BY ${group} ORDER BY count(*) DESC LIMIT 5`
}

/** The plan for the rows that have these values. In: names; the values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: ACCESS SHARE. */
export function explainCombination(schema: string, table: string, columns: readonly string[]): string {
  const conditions = columns.map((name, at) => `${quoteIdent(name)} = $${at + 1}`).join(' AND ')
  return `EXPLAIN (FORMAT JSON) /* holdfast */ SELECT FROM ONLY ${quoteQualified(schema, table)} WHERE ${conditions}`
}

export interface CombinationRow {
  readonly sampleCount: number
  readonly sampledRows: number
  readonly [value: `v${number}`]: string
}
