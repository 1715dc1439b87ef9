import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import { selectStatements } from '../../../src/postgres/advisor/select-statements.ts'
import { steadyCalls } from '../../../src/postgres/advisor/steady-calls.ts'
import type { WorkloadWindow } from '../../../src/postgres/advisor/workload.ts'
import { statementWindow } from './facts.ts'

beforeAll(loadParser)

/** A window in which each text ran that often for so long. */
function windowOf(ran: readonly (readonly [text: string, calls: number, meanMs: number])[]) {
  const statements = new Map(ran.map(([, calls, meanMs], at) => [String(at), statementWindow(String(at), calls, meanMs)]))
  const totalMs = [...statements.values()].reduce((sum, statement) => sum + statement.totalMs, 0)
  const window: WorkloadWindow = { fromMs: 0, toMs: 1, windowMs: 1, totalCalls: 1, totalMs, reset: false, fell: new Set(), statements }
  const texts = new Map(ran.map(([text], at) => [String(at), text]))
  const parsed = new Map([...texts].flatMap(([id, text]) => [[id, parseStatement(text)] as const]).filter(([, statement]) => statement !== undefined))
  return { window, texts, parsed: parsed as Parameters<typeof selectStatements>[2] }
}

describe('selectStatements', () => {
  it('has every statement of the window in one of its lists, with the reason', () => {
    const { window, texts, parsed } = windowOf([
      ['select * from t where a = $1', 1, 5000],
      ['select * from t where b = $1', 900, 1],
      ['select * from t where c = $1', 1, 0.1],
      ['insert into t values ($1)', 50, 1],
      ['select $1', 70, 1],
      ['COMMIT', 70, 1],
    ])
    const { examined, unexamined } = selectStatements(window, texts, parsed, { minCalls: 1, limit: 2, bindsOf: () => [] })
    expect(examined.map(({ parsed: { text } }) => text)).toEqual(['select * from t where a = $1', 'select * from t where b = $1'])
    expect(unexamined.map(({ reason, statement }) => `${reason}: ${statement}`)).toEqual([
      'adds-rows: insert into t values ($1)',
      'no-table: select $1',
      'not-read: COMMIT',
      'beyond-limit: select * from t where c = $1',
    ])
  })

  it('passes over what ran less often than is asked for', () => {
    const { window, texts, parsed } = windowOf([['select * from t where a = $1', 3, 5]])
    const { examined, unexamined } = selectStatements(window, texts, parsed, { minCalls: 4, limit: 9, bindsOf: () => [] })
    expect(examined).toEqual([])
    expect(unexamined).toMatchObject([{ reason: 'few-calls', calls: 3, why: '3 calls in the window; 4 are asked for' }])
  })
})

describe('steadyCalls', () => {
  it('counts on a twenty-fifth of a single call, and on nearly all of many', () => {
    expect([0, 1, 10, 1000].map(calls => Number(steadyCalls(calls).toFixed(2)))).toEqual([0, 0.04, 5.42, 948.56])
  })
})
