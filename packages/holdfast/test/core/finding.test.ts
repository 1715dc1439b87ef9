import { expect, it } from 'vitest'
import { type Finding, type FindingState, moveFinding } from '../../src/core/index.ts'

const open: Finding = {
  id: 'I-1',
  rule: 'pg/missing-index',
  state: 'open',
  title: 'missing index',
  savesMsPerSec: 1,
  evidence: { tier: 'measured', statement: 'select 1', before: { sampleCount: 1, windowMs: 1, meanMs: 1 }, shareOfTime: 1 },
  recommendation: { sql: [], revertSql: [], summary: '', costNote: '', lockNote: '', risk: 'low' },
  history: [],
}

it('walks from open over applied to verified and keeps the history', () => {
  const path: FindingState[] = ['applied', 'verified', 'regressed', 'open', 'gone']
  const end = path.reduce((finding, state, i) => moveFinding(finding, state, `step ${i}`, i), open)
  expect(end.state).toBe('gone')
  expect(end.history.map(event => event.state)).toEqual(path)
  expect(open.history).toEqual([])
})

it.each([
  ['open', 'verified'],
  ['open', 'regressed'],
  ['snoozed', 'verified'],
  ['gone', 'applied'],
] as const)('never goes from %s to %s: that would claim a measurement that nobody made', (from, to) => {
  expect(() => moveFinding({ ...open, state: from }, to, '', 0)).toThrow(expect.objectContaining({ code: 'HF_BUG_FINDING_TRANSITION' }))
})
