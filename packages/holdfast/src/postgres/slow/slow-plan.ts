import { isHoldfastError } from '../../core/index.ts'
import type { Row } from '../advisor/client.ts'
import { COUNTED_AS } from '../own-statement.ts'
import { maskForeignLiterals } from '../plans/mask-literals.ts'
import { type PlanTreeNode, planTreeOf } from '../plans/plan-tree.ts'
import { inReadOnlyTransaction } from '../plans/read-only-session.ts'
import { readStatement } from '../plans/statement.ts'
import { errorLabel } from '../sqlstate.ts'
import type { UserClient } from '../user-pool.ts'
import type { SlowCall } from './slow-statements.ts'

/** The plan of a slow statement, as PostgreSQL would run it. Estimates only: nothing was run. */
export interface SlowPlan {
  /** One line a step, indented; literals are `?`. At most 16,384 characters. */
  readonly text: string
  /** The step that the planner gives the largest share of the cost, for example `Seq Scan on lead, 93 % of the cost`. */
  readonly worstStep: string
  readonly atMs: number
}

/** Longest planning and longest wait for a lock: planning takes milliseconds, and what does not is not worth a connection. */
const LIMITS = { statementMs: 1000, lockMs: 100 }
const TEXT_LIMIT = 16_384

/** Plans one call on a connection of the pool, in a READ ONLY transaction that is rolled back. 5 round trips. Returns the reason where there is no plan.
 *  Rejects when the connection cannot be used any more. */
export async function planOf(client: UserClient, call: SlowCall, atMs: number): Promise<SlowPlan | string> {
  try {
    const statement = await readStatement(call.text)
    if (!('SelectStmt' in statement.root)) return 'it is no SELECT'
    if (statement.writes !== undefined) return `${statement.writes}, and a write is never planned again`
    const explained = await inReadOnlyTransaction(unobservedClient(client), LIMITS, session => session.explain(statement, call.values, false))
    const { root, worst } = planTreeOf(explained, condition => maskForeignLiterals(condition, NOBODYS))
    return { text: render(root, 0).join('\n').slice(0, TEXT_LIMIT), worstStep: `${nameOf(worst)}, ${percent(worst.share)} of the cost`, atMs }
  } catch (error) {
    // Messages quote parameters; codes do not.
    return `it could not be planned (${isHoldfastError(error) ? error.code : errorLabel(error)})`
  }
}

/** No literal is shown, not even the caller's: plans leave the process. */
const NOBODYS: ReadonlySet<string> = new Set()

/** The same connection, whose statements are not counted as the service's. */
function unobservedClient(client: UserClient): Parameters<typeof inReadOnlyTransaction>[0] {
  // The driver takes a config object in the place of the text.
  const query = client.query as unknown as (config: object, values?: unknown[]) => Promise<{ rows: Row[]; rowCount: number | null }>
  return {
    query: (config: string | object, values?: unknown[]) =>
      query.call(client, { ...(typeof config === 'string' ? { text: config } : config), [COUNTED_AS]: '' }, values),
    end: async () => {},
  }
}

function render(node: PlanTreeNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  const line = `${indent}${nameOf(node)}  (${node.estimatedRows} rows, ${percent(node.share)} of the cost)`
  return [line, ...node.conditions.map(condition => `${indent}  ${condition}`), ...node.children.flatMap(child => render(child, depth + 1))]
}

function nameOf({ type, index, table, schema }: PlanTreeNode): string {
  const on = table === undefined ? '' : ` on ${schema === undefined || schema === 'public' ? '' : `${schema}.`}${table}`
  return `${type}${index === undefined ? '' : ` using ${index}`}${on}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
