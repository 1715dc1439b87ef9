import { beforeAll, describe, expect, it } from 'vitest'
import { loadParser, parseStatement } from '../../../src/postgres/advisor/predicates.ts'
import {
  accountWrites,
  entrySpots,
  isHotColumn,
  LOST_HOT_FACTOR,
  noCheaperThan,
  WRITE_SAFETY_FACTOR,
  writeCostOf,
  writeMsOf,
} from '../../../src/postgres/advisor/write-account.ts'
import { catalogOf, indexFacts, statementWindow, tableFacts } from './facts.ts'

beforeAll(loadParser)

const table = tableFacts('lead', { id: 1, seen: 1, status: 1 }, { updateCount: 1000, hotUpdateCount: 900 })
const workload = (text: string, calls: number) => ({ parsed: parseStatement(text)!, window: statementWindow(text, calls, 1) })
const writes = accountWrites(
  [
    workload('insert into lead (id) values ($1)', 100),
    workload('update lead set seen = $1 where id = $2', 1000),
    workload('select * from lead where id = $1', 9999),
    workload('update elsewhere set seen = $1', 50),
    { parsed: parseStatement('insert into lead select * from import')!, window: { ...statementWindow('load', 1, 1), rows: 1_000_000 } },
  ],
  catalogOf(table),
).get(table.oid)
const probe = { rowMs: 0.02, indexMs: 0.005 }

describe('the account of writes', () => {
  it('adds up rows by table and by column set, and leaves out a load that ran once', () => {
    expect(writes).toEqual({ insertedRows: 100, updatedRows: 1000, updatedByColumn: new Map([['seen', 1000]]) })
  })

  it('charges an index on a hot column for the updates that can no longer be HOT', () => {
    const onSeen = writeCostOf(['status', 'seen'], table, writes, probe, 10_000)
    expect(onSeen.lostHotPerSec).toBeCloseTo(90)
    expect(onSeen.msPerSec).toBeCloseTo(((100 * 0.005 + 900 * 0.02 * LOST_HOT_FACTOR + 100 * 0.1 * 0.005) / 10) * WRITE_SAFETY_FACTOR, 1)
    const onStatus = writeCostOf(['status'], table, writes, probe, 10_000)
    expect(onStatus.lostHotPerSec).toBe(0)
    expect(onStatus.msPerSec).toBeLessThan(onSeen.msPerSec / 5)
  })

  it('takes a share of the updates for HOT where the counters do not show it yet, because a table that was just filled has full pages', () => {
    const lost = (changes: Partial<typeof table>): number => writeCostOf(['seen'], { ...table, ...changes }, writes, probe, 10_000).lostHotPerSec
    expect(lost({ updateCount: 0, hotUpdateCount: 0 })).toBeCloseTo(100)
    expect(lost({ updateCount: 1000, hotUpdateCount: 10 })).toBeCloseTo(50)
    expect(lost({ updateCount: 1000, hotUpdateCount: 10, indexes: [indexFacts('known', ['seen'])] })).toBeCloseTo(1)
  })

  it('calls a column hot when a tenth of the updates change it', () => {
    expect(isHotColumn(writes, 'seen')).toBe(true)
    expect(isHotColumn(writes, 'status')).toBe(false)
    expect(isHotColumn(undefined, 'seen')).toBe(false)
  })

  it('charges for lost HOT once, however many indexes hold the column', () => {
    const [one, other] = [writeCostOf(['seen'], table, writes, probe, 10_000), writeCostOf(['status', 'seen'], table, writes, probe, 10_000)]
    const together = writeMsOf([one, other].map(cost => ({ ...cost, chance: 1 })))
    expect(together).toBeLessThan(one.msPerSec * 1.3)
    expect(together).toBeGreaterThan(one.msPerSec + other.entryMsPerSec)
  })

  it('charges an index more whose reads may have run by chance, and for lost HOT only where no surer one has paid for it', () => {
    const sure = { ...writeCostOf(['seen'], table, writes, probe, 10_000), chance: 1 }
    const rare = { ...sure, chance: 25 }
    expect(writeMsOf([rare])).toBeCloseTo(writeMsOf([sure]) * 25)
    expect(writeMsOf([rare, sure]) - writeMsOf([sure])).toBeLessThan(writeMsOf([rare]) / 10)
  })

  it('takes a longer key for no cheaper than the shorter one that begins it, whatever the clock says', () => {
    const cost = (indexMs: number) => writeCostOf(['status'], table, writes, { rowMs: 0.02, indexMs }, 10_000)
    expect(noCheaperThan(cost(0.004), [cost(0.006)])).toMatchObject({ entryMs: cost(0.006).entryMs, entryMsPerSec: cost(0.006).entryMsPerSec })
    expect(noCheaperThan(cost(0.008), [cost(0.006)])).toEqual(cost(0.008))
  })

  it('never takes an entry for free because the clock did not see it', () => {
    expect(writeCostOf(['status'], table, writes, { rowMs: 0.02, indexMs: 0 }, 10_000).entryMs).toBeGreaterThanOrEqual(0.002 * WRITE_SAFETY_FACTOR)
  })

  it('charges entries that fall anywhere for the pages that they touch after each checkpoint, and those that come in order not', () => {
    const cost = (spots: number): number => writeCostOf(['status'], table, writes, probe, 10_000, spots).entryMs
    expect(cost(5000)).toBeGreaterThan(cost(1) * 4)
    expect(cost(1)).toBeCloseTo(probe.indexMs * WRITE_SAFETY_FACTOR, 3)
  })

  it('knows where new rows enter an index: at its end, once for each value, or anywhere', () => {
    const [time, source, id] = [
      { distinctCount: 1e6, correlation: 1 },
      { distinctCount: 500, correlation: 0.01 },
      { distinctCount: 1e6, correlation: 0.01 },
    ]
    const size = 1000 * 8192
    expect([[time], [source], [source, time], [id], [id, time], [time, id]].map(keys => entrySpots(keys, size))).toEqual([1, 500, 500, 1000, 1000, 1])
  })

  it('costs nothing where nothing is written', () => {
    expect(writeCostOf(['id'], table, undefined, probe, 10_000)).toMatchObject({ msPerSec: 0, writesPerSec: 0, lostHotPerSec: 0 })
  })
})
