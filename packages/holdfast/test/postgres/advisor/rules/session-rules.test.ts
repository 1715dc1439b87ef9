import { describe, expect, it } from 'vitest'
import { known, unknown } from '../../../../src/postgres/advisor/facts/known.ts'
import { connectionBudget } from '../../../../src/postgres/advisor/rules/connection-budget.ts'
import { idleInTransaction } from '../../../../src/postgres/advisor/rules/idle-in-transaction.ts'
import { headsOf, lockChain } from '../../../../src/postgres/advisor/rules/lock-chain.ts'
import { longTransaction } from '../../../../src/postgres/advisor/rules/long-transaction.ts'
import { randomPageCost } from '../../../../src/postgres/advisor/rules/random-page-cost.ts'
import type { LockWaitRow } from '../../../../src/postgres/advisor/sql/lock-waits.sql.ts'
import type { SessionRow } from '../../../../src/postgres/advisor/sql/sessions.sql.ts'
import { healthyFacts, NOW_MS, serverFacts, session } from './healthy-facts.ts'

describe('pg/idle-in-transaction', () => {
  const judge = (changes: Partial<SessionRow>): ReturnType<typeof idleInTransaction.judge> =>
    idleInTransaction.judge(healthyFacts({ sessions: known([session({ state: 'idle in transaction', ...changes })]) }))

  it('speaks after a minute; critical when writers may wait for it, or after ten', () => {
    expect(judge({ stateMs: NOW_MS - 59_999 }).findings).toEqual([])
    expect(judge({ stateMs: NOW_MS - 60_000 }).findings).toMatchObject([{ severity: 'warning', subject: 'api' }])
    expect(judge({ stateMs: NOW_MS - 60_000, writeLockCount: 1 }).findings).toMatchObject([{ severity: 'critical' }])
    expect(judge({ stateMs: NOW_MS - 600_000 }).findings).toMatchObject([{ severity: 'critical' }])
  })

  it('says how many sessions it may not look at', () => {
    expect(judge({ state: null }).unknown).toMatchObject([{ why: expect.stringContaining('1 session(s)'), grant: 'GRANT pg_monitor TO app' }])
    expect(idleInTransaction.judge(healthyFacts({ sessions: unknown('no') })).unknown).toMatchObject([{ why: 'no' }])
  })
})

describe('pg/long-transaction', () => {
  const judge = (changes: Partial<SessionRow>): ReturnType<typeof longTransaction.judge>['findings'] =>
    longTransaction.judge(healthyFacts({ sessions: known([session(changes)]) })).findings

  it('speaks after five minutes of one that works; an idle one is another rule’s', () => {
    expect(judge({ transactionMs: NOW_MS - 299_999 })).toEqual([])
    expect(judge({ transactionMs: NOW_MS - 300_000 })).toHaveLength(1)
    expect(judge({ state: 'idle in transaction', transactionMs: NOW_MS - 300_000 })).toEqual([])
    expect(judge({ transactionMs: null })).toEqual([])
  })

  it('quotes the name of a prepared transaction', () => {
    expect(judge({ pid: null, who: "it's", state: 'prepared', transactionMs: NOW_MS - 300_000 })).toMatchObject([
      { severity: 'critical', recommendation: { sql: ["ROLLBACK PREPARED 'it''s'"] } },
    ])
  })
})

describe('pg/lock-chain', () => {
  const wait = (pid: number, blockingPids: readonly number[], sinceMs: number | null = NOW_MS - 5000): LockWaitRow => ({
    pid,
    sinceMs,
    mode: 'ShareLock',
    relation: 'lead',
    blockingPids,
  })

  it('finds the head of a chain, through whoever waits in between, and ends in a circle', () => {
    const waits = [wait(3, [2]), wait(2, [1]), wait(5, [6]), wait(6, [5])]
    expect([...headsOf(waits[0]!, waits)]).toEqual([1])
    expect([...headsOf(waits[2]!, waits)]).toEqual([])
  })

  it('speaks after five seconds, one finding a head', () => {
    const judge = (waits: readonly LockWaitRow[]): string[] =>
      lockChain.judge(healthyFacts({ lockWaits: known(waits), sessions: known([session({ pid: 1 })]) })).findings.map(({ title }) => title)
    expect(judge([wait(2, [1]), wait(3, [2])])).toEqual(['2 session(s) wait for a lock of api (pid 1), the longest for 5 s'])
    expect(judge([wait(2, [1], NOW_MS - 4999)])).toEqual([])
    expect(judge([wait(2, [1], null)])).toEqual([])
    expect(judge([wait(2, [0])])[0]).toContain('a prepared transaction')
  })
})

describe('pg/connection-budget', () => {
  const judge = (max: number, connectionCount: number): ReturnType<typeof connectionBudget.judge>['findings'] =>
    connectionBudget.judge(healthyFacts({ server: serverFacts({ connectionCount }), pools: max === 0 ? [] : [{ name: 'api', max, instances: 2 }] }))
      .findings

  it('speaks when the pools may ask for more than is left after the reserve', () => {
    expect(judge(48, 10)).toEqual([])
    expect(judge(49, 10)).toMatchObject([{ severity: 'warning', recommendation: { summary: expect.stringContaining('at most 48 for each') } }])
  })

  it('speaks when four fifths are taken; critical when all are', () => {
    expect(judge(0, 77)).toEqual([])
    expect(judge(0, 78)).toMatchObject([{ severity: 'warning' }])
    expect(judge(0, 97)).toMatchObject([{ severity: 'critical' }])
  })
})

describe('pg/random-page-cost', () => {
  const judge = (changes: Parameters<typeof serverFacts>[0]): ReturnType<typeof randomPageCost.judge> =>
    randomPageCost.judge(healthyFacts({ server: serverFacts({ randomPageCost: 4, ...changes }) }))

  it('speaks when a thousand reads took less than 1 ms each', () => {
    expect(judge({ blocksRead: 1000, blockReadMs: 999 }).findings).toHaveLength(1)
    expect(judge({ blocksRead: 1000, blockReadMs: 1000 }).findings).toEqual([])
    expect(judge({ blocksRead: 999, blockReadMs: 1 }).findings).toEqual([])
    expect(judge({ randomPageCost: 2, blocksRead: 1000, blockReadMs: 1 }).findings).toEqual([])
  })

  it('does not know when reads are not timed', () => {
    expect(judge({ trackIoTiming: false, blocksRead: 1e6 })).toMatchObject({
      findings: [],
      unknown: [{ why: expect.stringContaining('track_io_timing') }],
    })
  })

  it('does not know where pages that were added count as reads', () => {
    expect(judge({ version: 150_018, blocksRead: 1e6, blockReadMs: 1 })).toMatchObject({
      findings: [],
      unknown: [{ why: expect.stringContaining('before PostgreSQL 16') }],
    })
    expect(judge({ version: 160_014, blocksRead: 1e6, blockReadMs: 1 }).findings).toHaveLength(1)
  })
})
