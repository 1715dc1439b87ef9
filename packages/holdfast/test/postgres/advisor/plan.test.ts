import { describe, expect, it } from 'vitest'
import { type PlanNode, pageShareOf, renderPlan, rowsReadPerRow, usesIndex, withoutLiterals } from '../../../src/postgres/advisor/plan.ts'

const plan: PlanNode = {
  'Node Type': 'Limit',
  'Actual Rows': 20,
  'Actual Loops': 1,
  Plans: [
    {
      'Node Type': 'Seq Scan',
      'Relation Name': 'assignment',
      'Plan Rows': 300,
      'Actual Rows': 20,
      'Actual Loops': 1,
      'Rows Removed by Filter': 449_980,
      Filter: "((agent_id = 42) AND (status = 'it''s open'::text) AND (c2 > '-1.5'::numeric))",
    },
  ],
}

describe('plans', () => {
  it('counts the rows read for each row returned', () => {
    expect(rowsReadPerRow(plan)).toBe(22_500)
  })

  it('shows no literal of the application', () => {
    const text = renderPlan(plan)
    expect(text).toContain('Seq Scan on assignment (estimated rows=300, actual rows=20 loops=1')
    expect(text).toContain('Filter: ((agent_id = ?) AND (status = ?::text) AND (c2 > ?::numeric))')
    expect(withoutLiterals('(a = ANY (?))')).toBe('(a = ANY (?))')
    expect(withoutLiterals("(a = 'x1 ''y'' 2') AND (t1.b2 = 7)")).toBe('(a = ?) AND (t1.b2 = ?)')
  })

  it("shows the index's final name", () => {
    const node: PlanNode = { 'Node Type': 'Index Scan', 'Index Name': 'candidate_1', 'Relation Name': 't' }
    expect(renderPlan(node, new Map([['candidate_1', 'hf_t_a_idx']]))).toContain('using hf_t_a_idx on t')
    expect(usesIndex({ 'Node Type': 'Limit', Plans: [node] }, 'candidate_1')).toBe(true)
    expect(usesIndex(plan, 'candidate_1')).toBe(false)
  })
})

describe('pageShareOf', () => {
  const scan = (table: string, pages: number, below: readonly PlanNode[] = []): PlanNode => ({
    'Node Type': 'Seq Scan',
    'Relation Name': table,
    'Shared Hit Blocks': pages + below.reduce((sum, { 'Shared Hit Blocks': more = 0 }) => sum + more, 0),
    Plans: below,
  })

  it('counts what the scans of a table read themselves, not what subqueries below them do', () => {
    const root = scan('call', 10, [scan('payment', 90)])
    expect(pageShareOf([root], 'call')).toBeCloseTo(0.1)
    expect(pageShareOf([root], 'payment')).toBeCloseTo(0.9)
  })

  it('weighs plans by their pages, so that a call that found nothing says little', () => {
    expect(pageShareOf([scan('call', 10, [scan('payment', 990)]), scan('call', 10)], 'call')).toBeCloseTo(20 / 1010)
  })

  it('counts the pages of a bitmap to its table or to none, and says 1 where nothing was read', () => {
    const bitmap: PlanNode = {
      'Node Type': 'Bitmap Heap Scan',
      'Relation Name': 'call',
      'Shared Hit Blocks': 10,
      Plans: [{ 'Node Type': 'Bitmap Index Scan', 'Shared Hit Blocks': 2 }],
    }
    expect(pageShareOf([bitmap], 'call')).toBeCloseTo(0.8)
    expect(pageShareOf([scan('call', 0)], 'payment')).toBe(1)
  })
})
