import { describe, expect, it } from 'vitest'
import { type PlanNode, renderPlan, rowsReadPerRow, usesIndex, withoutLiterals } from '../../../src/postgres/advisor/plan.ts'

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
