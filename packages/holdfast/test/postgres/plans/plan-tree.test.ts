import { describe, expect, it } from 'vitest'
import type { ExplainedNode } from '../../../src/postgres/plans/explained-node.ts'
import { nodesOf, planTreeOf } from '../../../src/postgres/plans/plan-tree.ts'

const measured = (type: string, ms: number, more: Partial<ExplainedNode> = {}): ExplainedNode => ({
  'Node Type': type,
  'Total Cost': ms,
  'Plan Rows': 10,
  'Actual Total Time': ms,
  'Actual Rows': 10,
  'Actual Loops': 1,
  ...more,
})

function selfTimes(root: ExplainedNode): Record<string, number> {
  return Object.fromEntries(nodesOf(planTreeOf({ Plan: root }, text => text).root).map(node => [node.type, Math.round(node.selfMs! * 100) / 100]))
}

describe('self time', () => {
  it('is the time of a node without its children', () => {
    const root = measured('Sort', 10, { Plans: [measured('Hash Join', 8, { Plans: [measured('Seq Scan', 5), measured('Hash', 2)] })] })
    expect(selfTimes(root)).toEqual({ Sort: 2, 'Hash Join': 1, 'Seq Scan': 5, Hash: 2 })
  })

  it('counts every loop of the inner side of a nested loop', () => {
    const inner = measured('Index Scan', 0.03, { 'Actual Loops': 200, 'Parent Relationship': 'Inner' })
    const root = measured('Nested Loop', 10, { Plans: [measured('Seq Scan', 2, { 'Parent Relationship': 'Outer' }), inner] })
    expect(selfTimes(root)).toEqual({ 'Nested Loop': 2, 'Seq Scan': 2, 'Index Scan': 6 })
  })

  it('is divided by the processes that worked at once under a Gather', () => {
    const scan = measured('Seq Scan', 30, { 'Actual Loops': 3 })
    expect(selfTimes(measured('Gather', 33, { 'Workers Launched': 2, Plans: [scan] }))).toEqual({ Gather: 3, 'Seq Scan': 30 })
  })

  it('of a WITH query belongs to its reader, not to the node that EXPLAIN hangs it on', () => {
    const cte = measured('Aggregate', 8, { 'Parent Relationship': 'InitPlan', 'Subplan Name': 'CTE busy' })
    const root = measured('Sort', 10, { Plans: [cte, measured('CTE Scan', 9, { 'CTE Name': 'busy' })] })
    expect(selfTimes(root)).toEqual({ Sort: 1, 'Aggregate (CTE busy)': 8, 'CTE Scan': 1 })
  })

  it.each([
    ['InitPlan 1 (returns $0)', '(weight > $0)'],
    ['InitPlan 1', '(weight > (InitPlan 1).col1)'],
  ])('of %s belongs to the node that reads it', (name, filter) => {
    const init = measured('Aggregate', 6, { 'Parent Relationship': 'InitPlan', 'Subplan Name': name })
    const root = measured('Sort', 10, { Plans: [init, measured('Seq Scan', 9, { Filter: filter })] })
    expect(selfTimes(root)).toEqual({ Sort: 1, [`Aggregate (${name})`]: 6, 'Seq Scan': 3 })
  })

  it('is never below zero, and all shares together are one', () => {
    const root = measured('Limit', 1, { Plans: [measured('Sort', 1.2, { Plans: [measured('Seq Scan', 0.5)] })] })
    const nodes = nodesOf(planTreeOf({ Plan: root }, text => text).root)
    expect(nodes.every(node => node.selfMs! >= 0)).toBe(true)
    expect(nodes.reduce((sum, node) => sum + node.share, 0)).toBeCloseTo(1)
  })
})

describe('a plan that was not run', () => {
  const planned = (type: string, cost: number, more: Partial<ExplainedNode> = {}): ExplainedNode => ({
    'Node Type': type,
    'Total Cost': cost,
    'Plan Rows': 1,
    ...more,
  })

  it('is weighed by cost, and a node under LIMIT by the part that is paid', () => {
    const scan = planned('Index Scan', 1000, { 'Plan Rows': 1000 })
    const sub = planned('Seq Scan', 90, { 'Parent Relationship': 'SubPlan' })
    const tree = planTreeOf({ Plan: planned('Append', 100, { Plans: [planned('Limit', 10, { Plans: [scan] }), sub] }) }, text => text)
    expect(tree.measured).toBe(false)
    expect(tree.worst.type).toBe('Seq Scan')
    expect(nodesOf(tree.root).find(node => node.type === 'Index Scan')!.share).toBeCloseTo(0.1, 1)
  })

  it('charges the inner side of a nested loop for its rows, and never more than the loop costs', () => {
    const outer = planned('Seq Scan', 10, { 'Plan Rows': 100, 'Parent Relationship': 'Outer' })
    const inner = planned('Index Scan', 5, { 'Parent Relationship': 'Inner' })
    const { root, worst } = planTreeOf({ Plan: planned('Nested Loop', 210, { Plans: [outer, inner] }) }, text => text)
    expect(worst.type).toBe('Index Scan')
    expect(root.children.reduce((sum, child) => sum + child.share, root.share)).toBeCloseTo(1)
  })
})

describe('rows and memory', () => {
  it('says how far an estimate is off, and nothing of a node that a LIMIT stopped', () => {
    const scan = measured('Seq Scan', 5, { 'Plan Rows': 10_000, 'Actual Rows': 5 })
    expect(planTreeOf({ Plan: scan }, text => text).root.offBy).toBe(2000)
    expect(planTreeOf({ Plan: measured('Limit', 6, { Plans: [scan] }) }, text => text).root.children[0]!.offBy).toBeUndefined()
    const sorted = measured('Limit', 6, { Plans: [measured('Sort', 6, { Plans: [scan] })] })
    expect(nodesOf(planTreeOf({ Plan: sorted }, text => text).root).at(-1)!.offBy).toBe(2000)
  })

  it.each([
    [
      { 'Sort Space Type': 'Disk', 'Sort Space Used': 1000 },
      { what: 'sort', diskKb: 1000, neededKb: 3000 },
    ],
    [{ Workers: [{ 'Sort Space Type': 'Disk', 'Sort Space Used': 500 }] }, { what: 'sort', diskKb: 500, neededKb: 1500 }],
    [
      { 'Hash Batches': 4, 'Peak Memory Usage': 4000, 'Temp Written Blocks': 100 },
      { what: 'hash', diskKb: 800, neededKb: 16_000 },
    ],
    [
      { 'Disk Usage': 2000, 'Peak Memory Usage': 4000 },
      { what: 'aggregate', diskKb: 2000, neededKb: 10_000 },
    ],
    [{ 'Sort Space Type': 'Memory', 'Sort Space Used': 1000 }, undefined],
  ])('reads what went to disk: %j', (figures, spill) => {
    expect(planTreeOf({ Plan: measured('Node', 1, figures as Partial<ExplainedNode>) }, text => text).root.spill).toEqual(spill)
  })

  it('takes the children out of the blocks', () => {
    const root = measured('Sort', 2, {
      'Shared Hit Blocks': 120,
      Plans: [measured('Seq Scan', 1, { 'Shared Hit Blocks': 100, 'Shared Read Blocks': 3 })],
    })
    expect(planTreeOf({ Plan: root }, text => text).root).toMatchObject({
      blocks: { hit: 20, read: 0 },
      children: [{ blocks: { hit: 100, read: 3 } }],
    })
  })
})
