import { describe, expect, it } from 'vitest'
import { known, unknown } from '../../../../src/postgres/advisor/facts/known.ts'
import type { RuleFacts } from '../../../../src/postgres/advisor/facts/rule-facts.ts'
import { autovacuumSettings } from '../../../../src/postgres/advisor/rules/autovacuum-settings.ts'
import { bloat, estimateWaste, LEAST_WASTED_BYTES } from '../../../../src/postgres/advisor/rules/bloat.ts'
import { deadTuples, vacuumTrigger } from '../../../../src/postgres/advisor/rules/dead-tuples.ts'
import { extendedStatistics, offBy } from '../../../../src/postgres/advisor/rules/extended-statistics.ts'
import { LEAST_UPDATES, lowHotRatio } from '../../../../src/postgres/advisor/rules/low-hot-ratio.ts'
import { overdueView } from '../../../../src/postgres/advisor/rules/overdue-view.ts'
import type { Rule } from '../../../../src/postgres/advisor/rules/rule.ts'
import { sequenceEnd } from '../../../../src/postgres/advisor/rules/sequence-end.ts'
import { staleStatistics } from '../../../../src/postgres/advisor/rules/stale-statistics.ts'
import { statisticsNameFor } from '../../../../src/postgres/advisor/rules/statistics-name.ts'
import { wraparound } from '../../../../src/postgres/advisor/rules/wraparound.ts'
import type { TableHealthRow } from '../../../../src/postgres/advisor/sql/table-health.sql.ts'
import type { ViewRefreshRow } from '../../../../src/postgres/advisor/sql/view-refreshes.sql.ts'
import { healthyFacts, indexHealth, NOW_MS, serverFacts, tableHealth } from './healthy-facts.ts'

/** Findings of a rule about one table. */
function judge(rule: Rule, table: Partial<TableHealthRow>, facts: Partial<RuleFacts> = {}): ReturnType<Rule['judge']>['findings'] {
  return rule.judge(healthyFacts({ tables: known([tableHealth('lead', table)]), indexes: known([indexHealth('i', ['a'])]), ...facts })).findings
}

describe('pg/low-hot-ratio', () => {
  it('speaks from 10,000 updates on, of which fewer than half are HOT', () => {
    expect(judge(lowHotRatio, { updateCount: LEAST_UPDATES, hotUpdateCount: LEAST_UPDATES / 2 - 1 })).toHaveLength(1)
    expect(judge(lowHotRatio, { updateCount: LEAST_UPDATES, hotUpdateCount: LEAST_UPDATES / 2 })).toEqual([])
    expect(judge(lowHotRatio, { updateCount: LEAST_UPDATES - 1, hotUpdateCount: 0 })).toEqual([])
    expect(judge(lowHotRatio, { updateCount: LEAST_UPDATES, hotUpdateCount: 0 }, { indexes: known([]) })).toEqual([])
  })

  it('advises room where updates found none, and not where the server does not count it', () => {
    const [full] = judge(lowHotRatio, { updateCount: LEAST_UPDATES, hotUpdateCount: 0, newPageUpdateCount: LEAST_UPDATES })
    expect(full?.recommendation.sql).toEqual(['ALTER TABLE public.lead SET (fillfactor = 85)'])
    const [old] = judge(lowHotRatio, { updateCount: LEAST_UPDATES, hotUpdateCount: 0, newPageUpdateCount: null })
    expect(old?.recommendation).toMatchObject({ sql: [], confidence: 'low' })
  })
})

describe('pg/dead-tuples', () => {
  it('speaks at twice what starts an autovacuum, from 10,000 dead rows on', () => {
    expect(judge(deadTuples, { deadCount: 40_100 })).toHaveLength(1)
    expect(judge(deadTuples, { deadCount: 40_099 })).toEqual([])
    expect(judge(deadTuples, { rowCount: 100, deadCount: 9_999 })).toEqual([])
    expect(judge(deadTuples, { rowCount: 100, deadCount: 10_000 })).toHaveLength(1)
  })

  it('goes by the settings of the table', () => {
    const options = ['autovacuum_vacuum_scale_factor=0.01', 'autovacuum_vacuum_threshold=1000']
    expect(vacuumTrigger({ options, rowCount: 100_000 }, serverFacts())).toBe(2000)
    expect(judge(deadTuples, { options, deadCount: 10_000 })).toHaveLength(1)
  })

  it('says what is not known of snapshots', () => {
    const [finding] = judge(deadTuples, { deadCount: 50_000 }, { sessions: unknown('hidden', 'GRANT pg_monitor TO app') })
    expect(finding?.evidence.figures).toContainEqual({ name: 'Oldest snapshot that VACUUM must spare', value: 'not known: hidden' })
  })
})

describe('pg/autovacuum-settings', () => {
  it('speaks of a table that changes and is left alone, and puts back what was set', () => {
    const [own] = judge(autovacuumSettings, { updateCount: 10_000, options: ['autovacuum_enabled=false'] })
    expect(own?.recommendation).toMatchObject({
      sql: ['ALTER TABLE public.lead RESET (autovacuum_enabled)'],
      revertSql: ['ALTER TABLE public.lead SET (autovacuum_enabled = false)'],
    })
    expect(judge(autovacuumSettings, { updateCount: 9_999, options: ['autovacuum_enabled=false'] })).toEqual([])
    const [server] = judge(autovacuumSettings, { updateCount: 10_000 }, { server: serverFacts({ autovacuumOn: false }) })
    expect(server?.recommendation.manual).toContain('server')
  })

  it('speaks of a trigger of a million rows', () => {
    expect(judge(autovacuumSettings, { updateCount: 10_000, rowCount: 4_999_750 })).toHaveLength(1)
    expect(judge(autovacuumSettings, { updateCount: 10_000, rowCount: 4_999_000 })).toEqual([])
    const [finding] = judge(autovacuumSettings, { updateCount: 10_000, rowCount: 10_000_000, options: ['autovacuum_vacuum_scale_factor=0.15'] })
    expect(finding?.recommendation).toMatchObject({
      sql: ['ALTER TABLE public.lead SET (autovacuum_vacuum_scale_factor = 0.01)'],
      revertSql: ['ALTER TABLE public.lead SET (autovacuum_vacuum_scale_factor = 0.15)'],
    })
  })
})

describe('pg/stale-statistics', () => {
  it('speaks at twice what starts an automatic ANALYZE, and of a table that never had one', () => {
    const analyzedMs = NOW_MS - 600_000
    expect(judge(staleStatistics, { changedSinceAnalyze: 20_100, analyzedMs })).toHaveLength(1)
    expect(judge(staleStatistics, { changedSinceAnalyze: 20_099, analyzedMs })).toEqual([])
    expect(judge(staleStatistics, { changedSinceAnalyze: 20_100, analyzedMs: analyzedMs + 1 })).toEqual([])
    expect(judge(staleStatistics, { rowCount: -1, analyzedMs: null })).toHaveLength(1)
    expect(judge(staleStatistics, { rowCount: 9_999, liveCount: 9_999, changedSinceAnalyze: 9_999 })).toEqual([])
  })
})

describe('pg/wraparound', () => {
  it('speaks beyond half as much again as what forces a vacuum; critical from the failsafe on', () => {
    expect(judge(wraparound, { xidAge: 300_000_001 })).toMatchObject([{ severity: 'warning' }])
    expect(judge(wraparound, { xidAge: 300_000_000 })).toEqual([])
    expect(judge(wraparound, { xidAge: 1_600_000_000 })).toMatchObject([{ severity: 'critical' }])
  })
})

describe('pg/bloat', () => {
  const airy = { pageCount: 4096 + 1000, rowCount: 1000 * 102, rowBytes: 50 }

  it('estimates from the width of the rows, and not without statistics of every column', () => {
    const table = tableHealth('lead', airy)
    expect(estimateWaste(table, 8192)).toEqual({ tableBytes: 5096 * 8192, wastedBytes: 4096 * 8192 })
    expect(estimateWaste({ ...table, columnsWithStatistics: 3 }, 8192)).toBeUndefined()
    expect(estimateWaste({ ...table, rowBytes: null }, 8192)).toBeUndefined()
  })

  it('speaks when half and 16 MB are air', () => {
    expect(judge(bloat, airy)).toHaveLength(1)
    expect(judge(bloat, { ...airy, rowCount: 3000 * 102 })).toEqual([])
    const least = LEAST_WASTED_BYTES / 8192
    expect(judge(bloat, { pageCount: least, rowCount: 1, rowBytes: 50 })).toEqual([])
    expect(judge(bloat, { pageCount: least + 1, rowCount: 1, rowBytes: 50 })).toHaveLength(1)
  })

  it('believes pgstattuple', () => {
    const { oid } = tableHealth('lead')
    expect(judge(bloat, airy, { measuredWaste: known(new Map([[oid, { tableBytes: 5096 * 8192, wastedBytes: 1000 }]])) })).toEqual([])
    const measured = known(new Map([[oid, { tableBytes: 5096 * 8192, wastedBytes: 4000 * 8192 }]]))
    expect(judge(bloat, airy, { measuredWaste: measured })).toMatchObject([{ recommendation: { confidence: 'high' } }])
  })
})

describe('pg/sequence-end', () => {
  const sequence = {
    schema: 'public',
    name: 's',
    lastValue: 85,
    maxValue: 100,
    mayRead: true,
    table: null,
    column: null,
    columnType: null,
    columnMax: 9e18,
  }

  it.each([
    [84, []],
    [85, ['warning']],
    [94, ['warning']],
    [95, ['critical']],
  ] as const)('with %d of 100 values given: %j', (lastValue, severities) => {
    const { findings } = sequenceEnd.judge(healthyFacts({ sequences: known([{ ...sequence, lastValue }]) }))
    expect(findings.map(({ severity }) => severity)).toEqual(severities)
  })

  it('does not say that all are given while some are left', () => {
    const [finding] = sequenceEnd.judge(healthyFacts({ sequences: known([{ ...sequence, lastValue: 9_974, maxValue: 10_000 }]) })).findings
    expect(finding?.title).toBe('sequence s has given 99.7 % of its values, 26 are left')
  })

  it('goes by the column where that ends first', () => {
    const fed = {
      ...sequence,
      lastValue: 2_000_000_000,
      maxValue: 9e18,
      table: 'public.lead',
      column: 'id',
      columnType: 'integer',
      columnMax: 2_147_483_647,
    }
    const [finding] = sequenceEnd.judge(healthyFacts({ sequences: known([fed]) })).findings
    expect(finding?.recommendation).toMatchObject({
      risk: 'high',
      sql: ['ALTER TABLE public.lead ALTER COLUMN id TYPE bigint', expect.stringContaining('ALTER SEQUENCE')],
    })
  })

  it('names the grant for one that may not be read', () => {
    const { unknown: missing } = sequenceEnd.judge(healthyFacts({ sequences: known([{ ...sequence, lastValue: null, mayRead: false }]) }))
    expect(missing).toMatchObject([{ grant: 'GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO app' }])
  })
})

describe('pg/overdue-view', () => {
  const view = {
    schema: 'public',
    name: 'report',
    refreshedMs: 0,
    overdueMs: NOW_MS,
    durationMs: 5,
    rowCount: 10,
    failedSince: 0,
    lastOutcome: null,
    hasUniqueIndex: true,
  }
  const judgeView = (changes: Partial<ViewRefreshRow>): ReturnType<Rule['judge']>['findings'] =>
    overdueView.judge(healthyFacts({ viewRefreshes: known([{ ...view, ...changes }]) })).findings

  it('speaks from the moment on that the schedule of the view gives', () => {
    expect(judgeView({})).toHaveLength(1)
    expect(judgeView({ overdueMs: NOW_MS + 1 })).toEqual([])
    expect(judgeView({ overdueMs: null })).toEqual([])
  })

  it('says what fails, and what a refresh by hand locks', () => {
    expect(judgeView({ failedSince: 3, lastOutcome: 'HF_PG_VIEW_FAILED', hasUniqueIndex: false })).toMatchObject([
      {
        recommendation: {
          sql: ['REFRESH MATERIALIZED VIEW public.report'],
          summary: expect.stringContaining('HF_PG_VIEW_FAILED'),
          lockNote: expect.stringContaining('ACCESS EXCLUSIVE'),
        },
      },
    ])
  })

  it('is silent where there is no log, and names the grant where it may not be read', () => {
    expect(overdueView.judge(healthyFacts({ viewRefreshes: unknown('no such table') }))).toEqual({ findings: [], unknown: [] })
    expect(overdueView.judge(healthyFacts({ viewRefreshes: unknown('denied', 'GRANT SELECT') })).unknown).toMatchObject([{ grant: 'GRANT SELECT' }])
  })
})

describe('pg/extended-statistics', () => {
  const found = { schema: 'public', table: 'place', columns: ['city', 'zip'], sampledRows: 20_000, tableRows: 1e6, queryIds: ['1'] }

  it('speaks when the planner expects a tenth, by the median of combinations that the sample holds often enough', () => {
    const combination = (
      actualRows: number,
      plannedRows: number,
      sampleCount = 100,
    ): { actualRows: number; plannedRows: number; sampleCount: number } => ({ actualRows, plannedRows, sampleCount })
    const off = { ...found, combinations: [combination(1000, 100), combination(1000, 100), combination(1000, 900)] }
    expect(offBy(off)).toBe(10)
    expect(extendedStatistics.judge(healthyFacts({ correlated: [off] })).findings).toHaveLength(1)
    const right = { ...found, combinations: [combination(1000, 101)] }
    expect(extendedStatistics.judge(healthyFacts({ correlated: [right] })).findings).toEqual([])
    expect(offBy({ ...found, combinations: [combination(1000, 1, 9)] })).toBe(1)
  })

  it('names statistics within 63 bytes, two cut ones apart', () => {
    const long = 'c'.repeat(60)
    expect(Buffer.byteLength(statisticsNameFor('place', [long, 'a']))).toBeLessThanOrEqual(63)
    expect(statisticsNameFor('place', [long, 'a'])).not.toBe(statisticsNameFor('place', [long, 'b']))
  })
})
