import { quoteQualified } from '../identifier.ts'

interface CopyInput {
  readonly lab: string
  readonly schema: string
  readonly table: string
}

/** An empty unlogged table like the original, NOT NULL and statistics targets included, defaults and constraints not.
 *  PostgreSQL 14. Locks: ACCESS SHARE on the original. */
export function createLabTable({ lab, schema, table }: CopyInput): string {
  return `CREATE UNLOGGED TABLE ${quoteQualified(lab, table)} (LIKE ${quoteQualified(schema, table)} INCLUDING STATISTICS INCLUDING STORAGE) WITH (autovacuum_enabled = off)`
}

/** Copies the rows, in the order in which they lie, or those of a sample of the pages.
 *  In: `percent`, 100 for all. PostgreSQL 14. Locks: ACCESS SHARE on the original. */
export function fillLabTable({ lab, schema, table }: CopyInput, percent: number): string {
  const sample = percent < 100 ? ` TABLESAMPLE SYSTEM (${percent})` : ''
  return `INSERT /* holdfast */ INTO ${quoteQualified(lab, table)} SELECT * FROM ONLY ${quoteQualified(schema, table)}${sample}`
}
