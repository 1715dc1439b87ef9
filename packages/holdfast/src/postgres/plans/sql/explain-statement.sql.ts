import type { Explained } from '../explained-node.ts'

/** Plans a statement and, with `analyze`, runs it and measures every node. Only sent inside a READ ONLY transaction.
 *  In: the statement; its values are bound. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: what planning the statement takes: ACCESS SHARE, for a
 *  write ROW EXCLUSIVE on its target, until the transaction is rolled back. */
export function explainStatement(statement: string, analyze: boolean): string {
  return `EXPLAIN (${analyze ? 'ANALYZE, BUFFERS, ' : ''}VERBOSE, FORMAT JSON) /* holdfast */ ${statement}`
}

/** Shows the plan that holds for all values of the parameters, without running it. The session must have plan_cache_mode = force_generic_plan.
 *  In: name of the prepared statement, number of parameters. Out and locks as above. PostgreSQL 14. */
export function explainPreparedGeneric(name: string, parameterCount: number): string {
  const nulls = Array.from({ length: parameterCount }, () => 'NULL').join(', ')
  return `EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE ${name}${parameterCount === 0 ? '' : `(${nulls})`}`
}

export interface ExplainedRow {
  readonly 'QUERY PLAN': readonly Explained[]
}
