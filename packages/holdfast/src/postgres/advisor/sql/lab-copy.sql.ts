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

/** Makes the planner know the copy, and its rows be read as old ones are: hint bits would otherwise be made by the first reads and be counted as theirs. With
 *  `isVisible` the visibility map is made as well; without it index-only scans look into the table, as they do in the original.
 *  PostgreSQL 14. Locks: SHARE UPDATE EXCLUSIVE on the copy. */
export function settleLabTable({ lab, table }: CopyInput, isVisible: boolean): readonly string[] {
  const name = quoteQualified(lab, table)
  return isVisible ? [`VACUUM (ANALYZE) ${name}`] : [`SELECT /* holdfast */ count(*) FROM ${name}`, `ANALYZE ${name}`]
}
