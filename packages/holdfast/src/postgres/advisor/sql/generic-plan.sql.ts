import type { ExplainedPlan } from '../plan.ts'

/** Shows the generic plan of a prepared statement without running it. The session must have plan_cache_mode = force_generic_plan.
 *  In: name, number of parameters. Out: one row, column "QUERY PLAN". PostgreSQL 14. Locks: ACCESS SHARE on the tables. */
export function explainPrepared(name: string, parameterCount: number): string {
  const nulls = Array.from({ length: parameterCount }, () => 'NULL').join(', ')
  return `EXPLAIN (FORMAT JSON) EXECUTE ${name}${parameterCount === 0 ? '' : `(${nulls})`}`
}

export interface GenericPlanRow {
  readonly 'QUERY PLAN': readonly ExplainedPlan[]
}
