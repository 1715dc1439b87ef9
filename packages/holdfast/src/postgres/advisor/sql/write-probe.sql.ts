import { quoteIdent, quoteQualified } from '../identifier.ts'

/** Rewrites some rows of the lab's copy with their own values, to time what a write costs. The copy's pages are full, so the new versions
 *  go to other pages and into every index. Rolled back by the caller.
 *  In: lab, table, a column, the number of rows. Out: as EXPLAIN. PostgreSQL 14. Locks: ROW EXCLUSIVE on the copy. */
export function writeProbe(lab: string, table: string, column: string, rowCount: number): string {
  const name = quoteQualified(lab, table)
  const c = quoteIdent(column)
  return `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) /* holdfast */ UPDATE ${name} SET ${c} = ${c} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${name} LIMIT ${rowCount}))`
}
