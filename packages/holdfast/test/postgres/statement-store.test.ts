import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { fakeClock } from '@holdfast/testkit'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser } from '../../src/postgres/fingerprint.ts'
import { createStatementStore, type StatementRecord, type StatementStore } from '../../src/postgres/statement-store.ts'

beforeAll(() => loadParser())

const store = (statementLimit = 1000): StatementStore => createStatementStore({ clock: fakeClock(), statementLimit })

function run(statements: StatementStore, text: string): void {
  const record = statements.recordOf(text)
  record.callCount++
  record.histogram.record(0.001)
}

function recordsOf(statements: StatementStore, count: number): StatementRecord[] {
  return Array.from({ length: count }, (_, n) => statements.recordOf(`select c${n}`))
}

function parsedCount(records: readonly StatementRecord[]): number {
  return records.filter(record => record.identity !== undefined).length
}

function heapUsedAfterGc(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}

describe('the statement store', () => {
  it('gives one record to texts that differ in literals only, and one fingerprint to shapes that mean the same', () => {
    const statements = store()
    expect(statements.recordOf('select 1')).toBe(statements.recordOf('select 2'))
    run(statements, 'select a from t')
    run(statements, 'SELECT a FROM t')
    expect(statements.snapshot()).toHaveLength(1)
    expect(statements.snapshot()[0]).toMatchObject({ callCount: 2, histogram: { count: 2 } })
  })

  it('hands out parameters by the text of pg_stat_statements, with the constants of the text that was sent, and never in the order of another text', () => {
    const statements = store()
    const send = (text: string, values: unknown[]): void => {
      run(statements, text)
      statements.recordOf(text).binds.offer(values, 1, () => 0, text)
    }
    send('select a from t where b = $1 and c = $2', ['b', 'c'])
    send('select a from t where b = $2 and c = $1', ['c', 'b'])
    send('select a from t where d = $1 limit 7', ['d'])
    const valuesOf = (text: string): unknown => statements.bindsOf(text).map(({ values }) => values)
    expect(statements.snapshot()).toHaveLength(2)
    expect(valuesOf('select a from t where b = $1 and c = $2')).toEqual([
      ['b', 'c'],
      ['b', 'c'],
    ])
    expect(valuesOf('SELECT a FROM t WHERE b = $2 AND c = $1')).toEqual([
      ['c', 'b'],
      ['c', 'b'],
    ])
    expect(valuesOf('select a from t where d = $1 limit $2')).toEqual([['d', '7']])
    send("select a from t where at > now() - interval '7 days'", [])
    expect(valuesOf('select a from t where at > now() - interval $1')).toEqual([['7 days']])
    expect(valuesOf('select unseen from t where b = $1')).toEqual([])
  })

  it('parses nothing that nobody asks for while few statements wait, for the first parse of a process costs half a second of CPU', () => {
    const clock = fakeClock()
    const statements = createStatementStore({ clock, statementLimit: 100 })
    const records = recordsOf(statements, 64)
    expect(clock.pendingCount).toBe(0)
    expect(parsedCount(records)).toBe(0)
    expect(statements.identify(records[7]!).text).toBe('select c7')
    expect(parsedCount(records)).toBe(1)
  })

  it('parses off the path, a few at a time, once many wait', () => {
    const clock = fakeClock()
    const statements = createStatementStore({ clock, statementLimit: 100 })
    const records = recordsOf(statements, 80)
    expect(parsedCount(records)).toBe(0)
    clock.advance(20)
    expect(parsedCount(records)).toBe(16)
    clock.advance(80)
    expect(parsedCount(records)).toBe(80)
    expect(clock.pendingCount).toBe(0)
    statements.close()
  })

  it('leaves no timer behind when closed', () => {
    const clock = fakeClock()
    const statements = createStatementStore({ clock, statementLimit: 100 })
    recordsOf(statements, 80)
    expect(clock.pendingCount).toBe(1)
    statements.close()
    expect(clock.pendingCount).toBe(0)
  })

  it('stays flat in memory with 100,000 texts that differ in their literals, and counts every one', () => {
    const statements = store()
    for (let n = 0; n < 20_000; n++) run(statements, `select * from lead where id = ${n} and note = 'literal number ${n}'`)
    const before = heapUsedAfterGc()
    for (let n = 20_000; n < 120_000; n++) run(statements, `select * from lead where id = ${n} and note = 'literal number ${n}'`)
    expect(heapUsedAfterGc() - before).toBeLessThan(2_000_000)
    expect(statements.snapshot().map(({ callCount }) => callCount)).toEqual([120_000])
  })

  it('stays flat in memory with 100,000 distinct statements: beyond the limit they are other, and counted', () => {
    const statements = store(500)
    for (let n = 0; n < 20_000; n++) run(statements, `select column_${n} from lead`)
    statements.snapshot()
    const before = heapUsedAfterGc()
    for (let n = 20_000; n < 120_000; n++) run(statements, `select column_${n} from lead`)
    expect(heapUsedAfterGc() - before).toBeLessThan(2_000_000)
    expect(statements.snapshot()).toHaveLength(501)
    expect(statements.overflowCount).toBe(119_500)
  })

  it('does not keep texts of megabytes', () => {
    const statements = store()
    const before = heapUsedAfterGc()
    for (let n = 0; n < 50; n++) run(statements, `select c${n} from t where a = '${'x'.repeat(1_000_000)}'`)
    statements.snapshot()
    expect(heapUsedAfterGc() - before).toBeLessThan(5_000_000)
    expect(statements.snapshot()).toHaveLength(50)
  })
})
