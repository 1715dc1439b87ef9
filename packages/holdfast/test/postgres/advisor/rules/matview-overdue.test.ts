import { expect, it } from 'vitest'
import { known, unknown } from '../../../../src/postgres/advisor/facts/known.ts'
import { matviewOverdue } from '../../../../src/postgres/advisor/rules/matview-overdue.ts'
import type { ViewLogRow } from '../../../../src/postgres/views/sql/view-log.sql.ts'
import { overdueFrom } from '../../../../src/postgres/views/view-definition.ts'
import { healthyFacts, NOW_MS } from './healthy-facts.ts'

const HOUR_MS = 3_600_000
const row = (changes: Partial<ViewLogRow>): ViewLogRow => ({
  schema: 'public',
  name: 'fund_performance',
  refreshedAtMs: NOW_MS - 2 * HOUR_MS,
  overdueAtMs: NOW_MS - HOUR_MS / 2,
  durationMs: 1200,
  rowCount: 40,
  lastOutcome: 'HF_PG_VIEW_FAILED',
  lastDetail: 'division by zero',
  lastAtMs: NOW_MS - HOUR_MS,
  refreshCount: 9,
  meanMs: 1100,
  nowMs: NOW_MS,
  ...changes,
})

it('speaks when the log says that a view is too old, with why, and not a moment before', () => {
  const judge = (changes: Partial<ViewLogRow>) => matviewOverdue.judge(healthyFacts({ viewLog: known([row(changes)]) })).findings
  const [finding] = judge({})
  expect(finding).toMatchObject({ subject: 'public.fund_performance', severity: 'warning', recommendation: { risk: 'low' } })
  expect(finding!.title).toMatch(/fund_performance is 2(\.0)? h old/)
  expect(JSON.stringify(finding!.evidence)).toContain('HF_PG_VIEW_FAILED, division by zero')
  expect(judge({ overdueAtMs: NOW_MS })).toEqual([])
  expect(judge({ overdueAtMs: null })).toEqual([])
  expect(matviewOverdue.judge(healthyFacts({ viewLog: unknown('no right') })).unknown).toEqual([{ why: 'no right' }])
})

it('calls a view overdue half a period after the moment that was missed', () => {
  const hourly = { nextDue: (afterMs: number) => (Math.floor(afterMs / HOUR_MS) + 1) * HOUR_MS, maxAgeMs: undefined }
  expect(overdueFrom(hourly, 10 * HOUR_MS, 10 * HOUR_MS + 5000)).toBe(11.5 * HOUR_MS)
  expect(overdueFrom(hourly, undefined, 10.9 * HOUR_MS)).toBe(11.5 * HOUR_MS)
  expect(overdueFrom({ ...hourly, maxAgeMs: 1000 }, 0, 5000)).toBe(6000)
  expect(overdueFrom({ nextDue: undefined, maxAgeMs: undefined }, undefined, 5000)).toBeUndefined()
})
