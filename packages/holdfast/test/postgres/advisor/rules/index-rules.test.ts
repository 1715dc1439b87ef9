import { describe, expect, it } from 'vitest'
import { reasonNotToDrop } from '../../../../src/postgres/advisor/apply-rule.ts'
import { known, unknown } from '../../../../src/postgres/advisor/facts/known.ts'
import type { OfferedIndex, RuleFacts } from '../../../../src/postgres/advisor/facts/rule-facts.ts'
import { rebuildSql } from '../../../../src/postgres/advisor/rules/drop-index.ts'
import { duplicateIndex, serves } from '../../../../src/postgres/advisor/rules/duplicate-index.ts'
import { covers, foreignKeyIndex, LEAST_ROWS } from '../../../../src/postgres/advisor/rules/foreign-key-index.ts'
import { estimateIndexWaste, indexBloat } from '../../../../src/postgres/advisor/rules/index-bloat.ts'
import { invalidIndex } from '../../../../src/postgres/advisor/rules/invalid-index.ts'
import { LEAST_INDEX_BYTES, UNUSED_AFTER_DAYS, unusedIndex } from '../../../../src/postgres/advisor/rules/unused-index.ts'
import type { ForeignKeyRow } from '../../../../src/postgres/advisor/sql/foreign-keys.sql.ts'
import type { IndexHealthRow } from '../../../../src/postgres/advisor/sql/index-health.sql.ts'
import { DAY_MS, healthyFacts, indexHealth, NOW_MS, serverFacts } from './healthy-facts.ts'

const LONG_AGO = NOW_MS - UNUSED_AFTER_DAYS * DAY_MS

function withIndex(index: IndexHealthRow, changes: Partial<RuleFacts> = {}): RuleFacts {
  return healthyFacts({ indexes: known([index]), ...changes })
}

describe('pg/unused-index', () => {
  it('speaks after 35 days without a scan, and not a moment before', () => {
    expect(unusedIndex.judge(withIndex(indexHealth('i', ['a'], { lastScanMs: LONG_AGO }))).findings).toHaveLength(1)
    expect(unusedIndex.judge(withIndex(indexHealth('i', ['a'], { lastScanMs: LONG_AGO + 1 }))).findings).toEqual([])
  })

  it('goes by what it watched where the server knows no last scan', () => {
    const index = indexHealth('i', ['a'], { lastScanMs: null, scanCount: 0 })
    const watched = (sinceMs: number): RuleFacts => withIndex(index, { indexWatch: known(new Map([[index.oid, sinceMs]])) })
    expect(unusedIndex.judge(watched(LONG_AGO)).findings).toHaveLength(1)
    const early = unusedIndex.judge(watched(LONG_AGO + 1000))
    expect(early.findings).toEqual([])
    expect(early.unknown[0]?.why).toContain('1 index(es) were not seen to be read')
  })

  it('does not count the time before a reset of the counters', () => {
    const index = indexHealth('i', ['a'], { lastScanMs: null, scanCount: 0 })
    const facts = withIndex(index, { indexWatch: known(new Map([[index.oid, LONG_AGO]])), server: serverFacts({ statsResetMs: NOW_MS - DAY_MS }) })
    expect(unusedIndex.judge(facts).findings).toEqual([])
  })

  it('names the grant where nothing can be watched', () => {
    const facts = withIndex(indexHealth('i', ['a'], { lastScanMs: null }), { indexWatch: unknown('no room', 'GRANT CREATE ON DATABASE shop TO app') })
    expect(unusedIndex.judge(facts)).toMatchObject({ findings: [], unknown: [{ grant: 'GRANT CREATE ON DATABASE shop TO app' }] })
  })

  it.each([
    ['backs a constraint or is the replica identity', { isNeeded: true }],
    ['is unique', { isUnique: true }],
    ['belongs to a partition', { isPartitioned: true }],
    ['is not valid', { isValid: false }],
    ['is small', { sizeBytes: LEAST_INDEX_BYTES - 1 }],
  ] as const)('is silent when the index %s', (_what, changes) => {
    expect(unusedIndex.judge(withIndex(indexHealth('i', ['a'], { lastScanMs: LONG_AGO, ...changes })))).toEqual({ findings: [], unknown: [] })
  })

  it('does not know while a replica was not asked, and is silent when it is read there', () => {
    const index = indexHealth('i', ['a'], { lastScanMs: LONG_AGO })
    const server = serverFacts({ replicaCount: 1 })
    expect(unusedIndex.judge(withIndex(index, { server })).unknown[0]?.why).toContain('1 replica(s)')
    const read = known([[{ oid: index.oid, scanCount: 4, statsResetMs: null }]])
    expect(unusedIndex.judge(withIndex(index, { server, replicaScans: read })).findings).toEqual([])
    expect(unusedIndex.judge(withIndex(index, { server, replicaScans: known([[]]) })).findings).toHaveLength(1)
  })

  it('does not know on a standby', () => {
    const facts = withIndex(indexHealth('i', ['a'], { lastScanMs: LONG_AGO }), { server: serverFacts({ isReplica: true }) })
    expect(unusedIndex.judge(facts)).toMatchObject({ findings: [], unknown: [{ why: expect.stringContaining('standby') }] })
  })
})

describe('pg/duplicate-index', () => {
  const narrow = indexHealth('narrow', ['a'])
  const wide = indexHealth('wide', ['a', 'b'], { traits: ['1978 0 0', '1978 0 0'] })

  it.each([
    ['another operator class', { traits: ['4000 0 0'] }],
    ['another collation', { traits: ['1978 950 0'] }],
    ['another direction or place of nulls', { traits: ['1978 0 3'] }],
    ['a predicate', { predicate: '(b > 3)' }],
    ['another method', { method: 'hash' }],
    ['a column that the other does not carry', { included: ['c'] }],
    ['a constraint', { isNeeded: true }],
    ['uniqueness of its own', { isUnique: true }],
  ] as const)('keeps an index with %s', (_what, changes) => {
    expect(serves(wide, indexHealth('narrow', ['a'], changes))).toBe(false)
  })

  it('drops the beginning of a longer index, and what that one carries', () => {
    expect(serves(wide, narrow)).toBe(true)
    expect(serves(wide, indexHealth('narrow', ['a'], { included: ['b'] }))).toBe(true)
    expect(serves(narrow, wide)).toBe(false)
  })

  it('drops the younger of two twins, never both, and keeps the one that enforces', () => {
    const old = indexHealth('old', ['a'], { oid: 1 })
    const young = indexHealth('young', ['a'], { oid: 2 })
    expect(duplicateIndex.judge(healthyFacts({ indexes: known([old, young]) })).findings.map(({ target }) => target?.indexName)).toEqual(['young'])
    const key = indexHealth('key', ['a'], { oid: 3, isNeeded: true, isUnique: true })
    expect(duplicateIndex.judge(healthyFacts({ indexes: known([old, key]) })).findings.map(({ target }) => target?.indexName)).toEqual(['old'])
  })

  it('names as the one that stays none that is dropped itself', () => {
    const carrying = indexHealth('carrying', ['a', 'b'], { oid: 1, included: ['c'], sizeBytes: 3e6 })
    const twin = indexHealth('twin', ['a', 'b'], { oid: 2, sizeBytes: 1e6 })
    const short = indexHealth('short', ['a'], { oid: 3 })
    const { findings } = duplicateIndex.judge(healthyFacts({ indexes: known([carrying, twin, short]) }))
    expect(findings.map(({ title }) => title.split(',')[0])).toEqual([
      'index short on lead is the beginning of carrying',
      'index twin on lead is a duplicate of carrying',
    ])
  })

  it('counts unique twins as twins only when they treat nulls alike', () => {
    const one = indexHealth('one', ['a'], { isUnique: true })
    expect(serves(indexHealth('two', ['a'], { isUnique: true }), one)).toBe(true)
    expect(serves(indexHealth('two', ['a'], { isUnique: true, nullsNotDistinct: true }), one)).toBe(false)
    expect(serves(indexHealth('two', ['a', 'b'], { isUnique: true, traits: ['1978 0 0', '1978 0 0'] }), one)).toBe(false)
  })

  it('does not compare indexes of two tables', () => {
    const elsewhere = indexHealth('elsewhere', ['a'], { tableOid: 99 })
    expect(duplicateIndex.judge(healthyFacts({ indexes: known([narrow, elsewhere]) })).findings).toEqual([])
  })
})

describe('pg/invalid-index', () => {
  it('names the valid twin, and says nothing for sure while a build may be running', () => {
    const broken = indexHealth('broken', ['a'], { isValid: false })
    const [finding] = invalidIndex.judge(healthyFacts({ indexes: known([broken, indexHealth('whole', ['a'])]) })).findings
    expect(finding?.recommendation.summary).toContain('whole has the same keys')
    const building = invalidIndex.judge(withIndex(indexHealth('broken', ['a'], { isValid: false, mayBeBuilding: true })))
    expect(building).toMatchObject({ findings: [], unknown: [{ why: expect.stringContaining('may be in the making') }] })
  })
})

describe('pg/index-bloat', () => {
  const judge = (changes: Partial<IndexHealthRow>): ReturnType<typeof indexBloat.judge> =>
    indexBloat.judge(healthyFacts({ indexes: known([indexHealth('lead_at_idx', ['at'], changes)]) }))
  /** What 100,000 keys of 8 bytes fill: 366 rows a page of 8 kB at 90 %, one page above, one of its own. */
  const full = (274 + 2) * 8192

  it('speaks from half of the index and 16 MB of air on', () => {
    expect(estimateIndexWaste(indexHealth('i', ['at'], { keyBytes: 8, sizeBytes: full }), 8192)).toBe(0)
    const wasted = 16 * 1024 ** 2
    expect(judge({ keyBytes: 8, sizeBytes: full + wasted - 8192 }).findings).toEqual([])
    expect(judge({ keyBytes: 8, sizeBytes: full + wasted }).findings).toMatchObject([
      { subject: 'public.lead_at_idx', recommendation: { sql: ['REINDEX INDEX CONCURRENTLY public.lead_at_idx'], confidence: 'medium' } },
    ])
    expect(judge({ keyBytes: 8, rowCount: 1e7, sizeBytes: full * 100 + 2 * wasted }).findings).toEqual([])
  })

  it('counts room that was asked for as used, and knows nothing of other methods, of INVALID ones, and without statistics', () => {
    const airy = { keyBytes: 8, sizeBytes: 1024 ** 3 }
    expect(judge(airy).findings).toHaveLength(1)
    for (const changes of [{ method: 'gin' }, { isValid: false }, { keyBytes: null }, { rowCount: 0 }] as const)
      expect(judge({ ...airy, ...changes }).findings).toEqual([])
    const spacious = { keyBytes: 8, rowCount: 1e7, sizeBytes: 480 * 1024 ** 2 }
    expect(judge(spacious).findings).toHaveLength(1)
    expect(judge({ ...spacious, fillFactor: 50 }).findings).toEqual([])
  })
})

describe('pg/foreign-key-index', () => {
  const key: ForeignKeyRow = {
    name: 'lead_agent',
    tableOid: indexHealth('i', ['a']).tableOid,
    schema: 'public',
    table: 'lead',
    kind: 'r',
    rowCount: LEAST_ROWS,
    pageCount: 100,
    columns: ['agent_id'],
    parentSchema: 'public',
    parentTable: 'agent',
    parentColumns: ['id'],
    parentDeleteCount: 1,
  }
  const count = (changes: Partial<ForeignKeyRow>, indexes: readonly IndexHealthRow[] = []): number =>
    foreignKeyIndex.judge(healthyFacts({ foreignKeys: known([{ ...key, ...changes }]), indexes: known(indexes) })).findings.length

  it('speaks from 10,000 rows on, when rows of the target were deleted', () => {
    expect(count({})).toBe(1)
    expect(count({ rowCount: LEAST_ROWS - 1 })).toBe(0)
    expect(count({ parentDeleteCount: 0 })).toBe(0)
    expect(count({}, [indexHealth('i', ['agent_id', 'b'])])).toBe(0)
  })

  it('leaves to the index set what an index of it would serve', () => {
    const plain = (name: string) => ({ name, descending: false, nulls: 'last' as const })
    const withSet = (shape: Partial<OfferedIndex>): number => {
      const offered = [{ schema: 'public', table: 'lead', keys: [plain('agent_id'), plain('status')], targetQueryIds: [], ...shape }]
      return foreignKeyIndex.judge(healthyFacts({ foreignKeys: known([key]), indexes: known([]), offered })).findings.length
    }
    expect(withSet({})).toBe(0)
    expect(withSet({ where: ['agent_id IS NOT NULL'] })).toBe(0)
    expect(withSet({ where: ['NOT gone'] })).toBe(1)
    expect(withSet({ table: 'other' })).toBe(1)
    expect(withSet({ method: 'brin' })).toBe(1)
    expect(withSet({ keys: [plain('status'), plain('agent_id')] })).toBe(1)
  })

  it('is covered by leading columns in any order, and by an index without the nulls', () => {
    const pair = { tableOid: key.tableOid, columns: ['a', 'b'] }
    expect(covers(indexHealth('i', ['b', 'a', 'c']), pair)).toBe(true)
    expect(covers(indexHealth('i', ['a', 'c', 'b']), pair)).toBe(false)
    expect(covers(indexHealth('i', ['agent_id'], { predicate: '(agent_id IS NOT NULL)' }), key)).toBe(true)
    expect(covers(indexHealth('i', ['agent_id'], { predicate: '(active)' }), key)).toBe(false)
    expect(covers(indexHealth('i', ['agent_id'], { isValid: false }), key)).toBe(false)
  })
})

describe('dropping and building again', () => {
  it('builds without stopping writers', () => {
    expect(rebuildSql('CREATE UNIQUE INDEX i ON public.lead USING btree (a)')).toBe(
      'CREATE UNIQUE INDEX CONCURRENTLY i ON public.lead USING btree (a)',
    )
    expect(rebuildSql('CREATE INDEX i ON public.lead USING btree (a)')).toBe('CREATE INDEX CONCURRENTLY i ON public.lead USING btree (a)')
  })

  it('does not drop what is no longer what was judged', () => {
    const index = indexHealth('i', ['a'], { scanCount: 10 })
    const change = { kind: 'drop-index', oid: index.oid, definition: index.definition, scanCount: 10 } as const
    const table = { oid: index.tableOid }
    expect(reasonNotToDrop(index, change, table)).toBeUndefined()
    expect(reasonNotToDrop({ ...index, scanCount: 11 }, change, table)).toContain('read 1 time')
    expect(reasonNotToDrop({ ...index, scanCount: 11 }, { ...change, scanCount: -1 }, table)).toBeUndefined()
    expect(reasonNotToDrop({ ...index, isNeeded: true }, change, table)).toContain('constraint')
    expect(reasonNotToDrop({ ...index, definition: 'CREATE INDEX i ON other' }, change, table)).toContain('another index')
    expect(reasonNotToDrop(undefined, change, table)).toContain('no longer there')
  })
})
