import { type AdvisorClient, readRows } from './client.ts'
import { usesIndex } from './plan.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import { rewriteForLab } from './rewrite.ts'
import { explainPrepared, type GenericPlanRow } from './sql/generic-plan.sql.ts'

/** Most statements asked about; the rest of a planted index's table is not looked at. */
const MOST_STATEMENTS = 20

/** Whether the planner would read the index for one of the statements, whatever their parameters. `undefined` when one of them could not be planned and
 *  none of the others reads it. Runs none of them. */
export async function planUsesIndex(
  client: AdvisorClient,
  statements: readonly (ParsedStatement | ParsedInsert)[],
  indexName: string,
): Promise<boolean | undefined> {
  await client.query("SELECT /* holdfast */ set_config('plan_cache_mode', 'force_generic_plan', false)")
  let unknown = false
  for (const statement of statements.slice(0, MOST_STATEMENTS)) {
    if (statement.kind === 'insert') continue
    const rewritten = rewriteForLab(statement, () => false)
    if (rewritten === undefined) continue
    try {
      await client.query(`PREPARE holdfast_plan AS ${rewritten.text}`)
      try {
        const [row] = await readRows<GenericPlanRow>(client, explainPrepared('holdfast_plan', rewritten.params.length))
        const plan = row?.['QUERY PLAN'][0]
        if (plan !== undefined && usesIndex(plan.Plan, indexName)) return true
      } finally {
        await client.query('DEALLOCATE holdfast_plan')
      }
    } catch {
      unknown = true
    }
  }
  return unknown ? undefined : false
}
