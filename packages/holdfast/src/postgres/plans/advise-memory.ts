import type { PlanAdvice } from './plan-advice.ts'
import { nodesOf, type PlanTree, type PlanTreeNode, planTreeOf } from './plan-tree.ts'
import type { ReadOnlySession } from './read-only-session.ts'
import { SET_WORK_MEM } from './sql/begin-read-only.sql.ts'
import type { GivenStatement } from './statement.ts'

/** Most memory that is proposed for one sort or hash. */
const MOST_KB = 256 * 1024

/** What a larger work_mem must save to be worth setting. */
const OFFER_RATIO = 0.9

/** Where a sort, hash or aggregate went to disk: runs the statement again with as much work_mem as it would have needed, in turn with the setting of now, and
 *  offers it when the clock agrees. 4 runs of the statement, each under the same time-out. */
export async function adviseMemory(
  session: ReadOnlySession,
  statement: GivenStatement,
  values: readonly unknown[],
  tree: PlanTree,
): Promise<PlanAdvice[]> {
  const spilled = nodesOf(tree.root).filter(node => node.spill !== undefined)
  const [first] = spilled
  if (first === undefined) return []
  const neededKb = Math.max(...spilled.map(node => node.spill!.neededKb))
  const sizeMb = Math.min(MOST_KB / 1024, 2 ** Math.max(2, Math.ceil(Math.log2(neededKb / 1024))))
  const times = { before: Number.POSITIVE_INFINITY, after: Number.POSITIVE_INFINITY }
  let stillSpills = false
  for (let round = 0; round < 2; round += 1) {
    const now = await session.explain(statement, values, true)
    times.before = Math.min(times.before, now['Execution Time'] ?? 0)
    await session.aside(async () => {
      await session.client.query(SET_WORK_MEM, [`${sizeMb}MB`])
      const larger = await session.explain(statement, values, true)
      times.after = Math.min(times.after, larger['Execution Time'] ?? 0)
      stillSpills = nodesOf(planTreeOf(larger, text => text).root).some(node => node.spill !== undefined)
    })
  }
  const ratio = times.before > 0 ? times.after / times.before : 1
  if (stillSpills || ratio > OFFER_RATIO) return []
  return [
    {
      kind: 'work-mem',
      node: first.id,
      summary: `work_mem of ${sizeMb} MB for this statement: ${spilled.map(spillText).join(' and ')} went to disk`,
      sql: [`SET LOCAL work_mem = '${sizeMb}MB'`],
      gain: {
        ratio,
        tier: 'measured',
        basis: `best of two runs each: ${times.before.toFixed(1)} -> ${times.after.toFixed(1)} ms, and nothing on disk`,
      },
    },
  ]
}

function spillText({ spill }: PlanTreeNode): string {
  return `${spill!.what === 'sort' ? 'a sort' : spill!.what === 'hash' ? 'a hash' : 'an aggregate'} of ${(spill!.diskKb / 1024).toFixed(1)} MB`
}
