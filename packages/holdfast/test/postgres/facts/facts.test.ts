import { describe, expect, it } from 'vitest'
import { useOf } from '../../../src/postgres/facts/index-facts.ts'
import { lockChains } from '../../../src/postgres/facts/lock-chains.ts'
import { seenStatement } from '../../../src/postgres/facts/seen-statement.ts'
import { growthOf } from '../../../src/postgres/facts/size-facts.ts'
import type { LockWaitRow } from '../../../src/postgres/facts/sql/lock-waits.sql.ts'
import { parseTableName } from '../../../src/postgres/facts/table-name.ts'

const DAY_MS = 86_400_000

function session(pid: number, blockedBy: readonly number[] = [], waitedMs: number | null = null): LockWaitRow {
  return {
    ...{ pid, role: 'app', application: `app-${pid}`, state: 'active', statement: `UPDATE t SET a = 'secret ${pid}'`, transactionMs: 10 },
    ...{ waitedMs, isWaiting: blockedBy.length > 0, lockMode: 'ShareLock', lockType: 'transactionid', relation: null, blockedBy },
  }
}

describe('the chains of locks', () => {
  it('begin at the session that waits for nobody and go on by distance', () => {
    const { waitingCount, chains } = lockChains([session(1), session(3, [2], 50), session(2, [1], 900), session(4, [2, 1], 20)])
    expect(waitingCount).toBe(3)
    expect(chains).toHaveLength(1)
    expect(chains[0]).toMatchObject({ holder: { pid: 1, depth: 0 }, longestWaitMs: 900 })
    expect(chains[0]!.waiters.map(({ pid, depth }) => [pid, depth])).toEqual([
      [2, 1],
      [4, 1],
      [3, 2],
    ])
  })

  it('show one who waits for two sessions under both, the longest wait first', () => {
    const { chains } = lockChains([session(1), session(2), session(3, [1, 2], 70), session(4, [2], 900)])
    expect(chains.map(chain => [chain.holder.pid, chain.waiters.map(({ pid }) => pid)])).toEqual([
      [2, [3, 4]],
      [1, [3]],
    ])
  })

  it('end although the sessions wait in a circle', () => {
    const { chains } = lockChains([session(1, [2], 300), session(2, [1], 500)])
    expect(chains.map(chain => [chain.holder.pid, chain.waiters.map(({ pid }) => pid)])).toEqual([[2, [1]]])
  })

  it('name a holder that is not seen, and no literal of any statement', () => {
    const { chains } = lockChains([session(3, [0], 70)])
    expect(chains[0]!.holder).toMatchObject({ pid: 0, application: 'a prepared transaction', statement: null })
    expect(chains[0]!.waiters[0]!.statement).toBe('UPDATE t SET a = ?')
    expect(chains[0]!.waiters[0]!.lockMode).toBe('ShareLock on a transactionid')
  })
})

describe('the use of an index', () => {
  const plain = { isValid: true, backsConstraint: false, isUnique: false, isReplicaIdentity: false, scanCount: 0 }
  it.each([
    [{ ...plain, isValid: false, scanCount: 9 }, 30 * DAY_MS, 'invalid'],
    [{ ...plain, backsConstraint: true }, 30 * DAY_MS, 'constraint'],
    [{ ...plain, isUnique: true }, 30 * DAY_MS, 'constraint'],
    [{ ...plain, isReplicaIdentity: true }, null, 'constraint'],
    [{ ...plain, scanCount: 1 }, 1, 'scanned'],
    [plain, 6 * DAY_MS, 'too early'],
    [plain, 8 * DAY_MS, 'not scanned'],
    [plain, null, 'not scanned'],
  ] as const)('of %j after %s ms is %s', (index, ageMs, use) => {
    expect(useOf(index, ageMs)).toBe(use)
  })
})

describe('growth', () => {
  it('is said by the day, over at most the last 30 days', () => {
    const points = [0, 10, 39, 40].map(day => ({ atMs: day * DAY_MS, sizeBytes: day * 1000 }))
    expect(growthOf(points)).toEqual({ fromMs: 10 * DAY_MS, toMs: 40 * DAY_MS, bytesPerDay: 1000, pointCount: 3 })
  })

  it('is not said from less than an hour, nor from nothing', () => {
    expect(growthOf([])).toBeNull()
    const points = [0, 3_599_999].map(atMs => ({ atMs, sizeBytes: atMs }))
    expect(growthOf(points)).toBeNull()
  })
})

describe('the name of a table', () => {
  it.each([
    ['lead', undefined, 'lead'],
    ['public.lead', 'public', 'lead'],
    ['Lead', undefined, 'Lead'],
    ['"a.b"."c""d"', 'a.b', 'c"d'],
    ['app."Lead Event"', 'app', 'Lead Event'],
  ])('%s is understood', (text, schema, name) => {
    expect(parseTableName(text)).toEqual({ schema, name })
  })

  it.each(['', 'a.b.c', '"open', 'a.', '.b', 'a\0b'])('%j is refused', text => {
    expect(() => parseTableName(text)).toThrow(expect.objectContaining({ code: 'HF_PG_TABLE_UNKNOWN' }))
  })
})

it('shows no literal of a statement that was cut in the middle of one', () => {
  expect(seenStatement("SELECT * FROM lead WHERE email = 'someone@exam")).toBe('SELECT * FROM lead WHERE email = ?')
  expect(seenStatement('<insufficient privilege>')).toBeNull()
  expect(seenStatement(`SELECT ${'a, '.repeat(400)}b`)).toHaveLength(500)
})
