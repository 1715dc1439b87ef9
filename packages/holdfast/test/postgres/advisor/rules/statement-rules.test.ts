import { beforeAll, describe, expect, it } from 'vitest'
import type { Finding } from '../../../../src/core/index.ts'
import type { IndexFacts } from '../../../../src/postgres/advisor/catalog.ts'
import { known } from '../../../../src/postgres/advisor/facts/known.ts'
import type { RuleFacts, RuleStatement } from '../../../../src/postgres/advisor/facts/rule-facts.ts'
import { statementTraits } from '../../../../src/postgres/advisor/facts/statement-traits.ts'
import { loadParser } from '../../../../src/postgres/advisor/predicates.ts'
import { ruleMatches } from '../../../../src/postgres/advisor/rule-glob.ts'
import { bySeverityThenTime } from '../../../../src/postgres/advisor/rule-order.ts'
import { cacheableStatement } from '../../../../src/postgres/advisor/rules/cacheable-statement.ts'
import { castDefeatsIndex, rewriteFor } from '../../../../src/postgres/advisor/rules/cast-defeats-index.ts'
import { highCost } from '../../../../src/postgres/advisor/rules/high-cost.ts'
import { offsetPaging } from '../../../../src/postgres/advisor/rules/offset-paging.ts'
import type { Rule } from '../../../../src/postgres/advisor/rules/rule.ts'
import { selectStar } from '../../../../src/postgres/advisor/rules/select-star.ts'
import { workMem } from '../../../../src/postgres/advisor/rules/work-mem.ts'
import { catalogOf, indexFacts, statementWindow, tableFacts } from '../facts.ts'
import { healthyFacts, ruleStatement, serverFacts, tableHealth } from './healthy-facts.ts'

beforeAll(() => loadParser())

const LEAD = tableFacts('lead', { id: 1e6, day: 1000 }, { indexes: [indexFacts('lead_day', ['day'])] })

function judge(rule: Rule, statement: RuleStatement, facts: Partial<RuleFacts> = {}): ReturnType<Rule['judge']>['findings'] {
  return rule.judge(healthyFacts({ statements: [statement], catalog: catalogOf(LEAD), tables: known([tableHealth('lead')]), ...facts })).findings
}

describe('statementTraits', () => {
  it('sees OFFSET, the star of the outermost SELECT, and columns inside casts and functions', () => {
    expect(statementTraits('select * from lead order by id offset $1')).toMatchObject({ pagesByOffset: true, selectsStar: true, wrapped: [] })
    expect(statementTraits('select l.* from lead l')).toMatchObject({ selectsStar: true })
    expect(statementTraits('select count(*) from (select * from lead) l')).toMatchObject({ pagesByOffset: false, selectsStar: false })
    expect(statementTraits('select id from lead where day::date = $1 and $2 = lower(name)').wrapped).toMatchObject([
      { by: 'cast', name: 'date', column: { name: 'day' } },
      { by: 'function', name: 'lower', column: { name: 'name' } },
    ])
    expect(statementTraits('select id from lead where day = $1::date').wrapped).toEqual([])
    expect(statementTraits('this is no SQL')).toEqual({ pagesByOffset: false, selectsStar: false, wrapped: [] })
  })
})

describe('pg/offset-paging', () => {
  const blocks = (blocksPerCall: number): Pick<RuleStatement, 'blocks'> => ({
    blocks: { calls: 10, blocksPerCall, tempBlocksPerCall: 0, rowsPerCall: 20 },
  })

  it('speaks when ten blocks are read for each row, and not of a first page', () => {
    expect(judge(offsetPaging, ruleStatement('select id from lead order by id offset $1 limit $2', blocks(200)))).toHaveLength(1)
    expect(judge(offsetPaging, ruleStatement('select id from lead order by id offset $1 limit $2', blocks(199)))).toEqual([])
    expect(judge(offsetPaging, ruleStatement('select id from lead order by id limit $1', blocks(1000)))).toEqual([])
    expect(judge(offsetPaging, ruleStatement('select id from lead offset $1', { ...blocks(1000), shareOfTime: 0.009 }))).toEqual([])
  })
})

describe('pg/offset-paging and what only looks like it', () => {
  const text = 'select id from lead where day = $1 order by id limit $2 offset $3'
  const blocks = { calls: 10, blocksPerCall: 5000, tempBlocksPerCall: 0, rowsPerCall: 20 }

  it('is silent on the OFFSET that Prisma writes behind what is not sorted', () => {
    for (const unsorted of ['select id from lead where id in ($1, $2) offset $3', 'select count(*) from (select id from lead offset $1) as sub'])
      expect(judge(offsetPaging, ruleStatement(unsorted, { blocks }))).toEqual([])
  })

  it('leaves a statement to the index that is offered for it', () => {
    const statement = ruleStatement(text, { blocks })
    const offered = (targetQueryIds: string[]) => [{ schema: 'public', table: 'lead', keys: [], targetQueryIds }]
    expect(judge(offsetPaging, statement, { offered: offered([statement.window.queryId]) })).toEqual([])
    expect(judge(offsetPaging, statement, { offered: offered(['another']) })).toHaveLength(1)
  })
})

describe('pg/select-star', () => {
  const wide = (rowBytes: number): Partial<RuleFacts> => ({ tables: known([tableHealth('lead', { rowBytes })]) })

  it('speaks of rows of 2 kB and more', () => {
    expect(judge(selectStar, ruleStatement('select * from lead where id = $1'), wide(2000))).toHaveLength(1)
    expect(judge(selectStar, ruleStatement('select * from lead where id = $1'), wide(1999))).toEqual([])
    expect(judge(selectStar, ruleStatement('select id from lead where id = $1'), wide(5000))).toEqual([])
  })

  it('counts what is kept out of line', () => {
    const documents = (toastBytes: number): Partial<RuleFacts> => ({ tables: known([tableHealth('lead', { toastBytes })]) })
    expect(judge(selectStar, ruleStatement('select * from lead where id = $1'), documents(3000 * 100_000))).toMatchObject([
      { title: 'SELECT * reads all 4 columns of lead, 3 kB a row' },
    ])
    expect(judge(selectStar, ruleStatement('select * from lead where id = $1'), documents(1000 * 100_000))).toEqual([])
  })
})

describe('pg/high-cost', () => {
  it.each([
    [499, []],
    [500, ['info']],
    [1000, ['warning']],
  ] as const)('with a mean of %d ms: %j', (meanMs, severities) => {
    const statement = ruleStatement('select count(*) from lead', { window: statementWindow('1', 10, meanMs) })
    expect(judge(highCost, statement).map(({ severity }) => severity)).toEqual(severities)
  })
})

describe('pg/cast-defeats-index', () => {
  it('speaks when the column has an index of its own and the table is not small', () => {
    const statement = (): RuleStatement => ruleStatement('select id from lead where day::date = $1')
    expect(judge(castDefeatsIndex, statement())).toHaveLength(1)
    expect(judge(castDefeatsIndex, statement(), { catalog: catalogOf({ ...LEAD, rowCount: 9_999 }) })).toEqual([])
    expect(judge(castDefeatsIndex, statement(), { catalog: catalogOf({ ...LEAD, indexes: [] }) })).toEqual([])
    const expression = (keys: string): IndexFacts =>
      indexFacts('lead_other', ['x'], {
        keys: [{ column: null, descending: false }],
        definition: `CREATE INDEX lead_other ON lead USING btree (${keys})`,
      })
    const withIndex = (keys: string): number =>
      judge(castDefeatsIndex, statement(), { catalog: catalogOf({ ...LEAD, indexes: [...LEAD.indexes, expression(keys)] }) }).length
    expect([withIndex('((day)::date)'), withIndex('lower(name)')]).toEqual([0, 1])
  })

  it('is silent on a varchar compared as text, which its index serves', () => {
    const day = { ...LEAD.columns.get('day')!, type: 'character varying(20)' }
    const catalog = catalogOf({ ...LEAD, columns: new Map([...LEAD.columns, ['day', day]]) })
    expect(judge(castDefeatsIndex, ruleStatement('select id from lead where day::text = $1'), { catalog })).toEqual([])
    expect(judge(castDefeatsIndex, ruleStatement('select id from lead where day::date = $1'), { catalog })).toHaveLength(1)
  })

  it('says what to write instead', () => {
    expect(rewriteFor({ column: { name: 'day' }, by: 'cast', name: 'date' }, 'timestamp with time zone').summary).toContain(
      "day >= $1 AND day < $1 + interval '1 day'",
    )
    expect(rewriteFor({ column: { name: 'id' }, by: 'cast', name: 'text' }, 'integer').summary).toContain('id = $1::integer')
    expect(rewriteFor({ column: { name: 'name' }, by: 'function', name: 'lower' }, 'text').summary).toContain('(lower(name))')
  })
})

describe('pg/work-mem', () => {
  const spill = (tempBlocksPerCall: number): RuleStatement =>
    ruleStatement('select id from lead order by day', { blocks: { calls: 10, blocksPerCall: 100, tempBlocksPerCall, rowsPerCall: 1 } })

  it('speaks from a megabyte a call on, and advises a power of two that holds twice the spill', () => {
    expect(judge(workMem, spill(127))).toEqual([])
    expect(judge(workMem, spill(128))).toMatchObject([{ recommendation: { sql: ["SET LOCAL work_mem = '8MB'"] } }])
    expect(judge(workMem, spill(100_000))).toMatchObject([
      { recommendation: { sql: [], summary: expect.stringContaining('more than memory should take') } },
    ])
  })
})

describe('pg/cacheable-statement', () => {
  const text = 'select count(*) from lead where id = $1'
  const statement = (calls: number, shareOfTime = 0.05): RuleStatement => ruleStatement(text, { window: statementWindow('1', calls, 5), shareOfTime })
  const changing = (perSec: number): Partial<RuleFacts> => {
    const { nowMs, statsResetMs } = serverFacts()
    return { tables: known([tableHealth('lead', { updateCount: (perSec * (nowMs - statsResetMs!)) / 1000 })]) }
  }

  it('speaks of one call a second with a twentieth of the time, twenty reads for each change', () => {
    expect(judge(cacheableStatement, statement(60), changing(0.05))).toHaveLength(1)
    expect(judge(cacheableStatement, statement(60), changing(0.051))).toEqual([])
    expect(judge(cacheableStatement, statement(59), changing(0))).toEqual([])
    expect(judge(cacheableStatement, statement(60, 0.049), changing(0))).toEqual([])
  })

  it('counts the writes of the window', () => {
    const write = ruleStatement('update lead set day = $1 where id = $2')
    const facts = { parsed: new Map([['2', write.parsed]]), windows: new Map([['2', statementWindow('2', 60, 1)]]) }
    expect(judge(cacheableStatement, statement(600), facts)).toEqual([])
  })

  it('is silent on what depends on the moment, on a view, and on a write', () => {
    expect(judge(cacheableStatement, ruleStatement('select now() - day from lead'))).toEqual([])
    expect(judge(cacheableStatement, ruleStatement('select pick() from lead'), { volatileFunctions: new Set(['pick']) })).toEqual([])
    expect(judge(cacheableStatement, statement(600), { tables: known([]) })).toEqual([])
    expect(judge(cacheableStatement, ruleStatement('update lead set day = $1'))).toEqual([])
  })

  it('promises no saving, and says what it would be at best', () => {
    const [finding] = judge(cacheableStatement, statement(6000), changing(1))
    expect(finding?.savesMsPerSec).toBeUndefined()
    expect(finding?.evidence.figures).toContainEqual({ name: 'At best', value: expect.stringContaining('99 % hits, 495.0 ms saved a second') })
  })
})

describe('choosing and ordering', () => {
  it('matches rules by a pattern', () => {
    expect(ruleMatches(undefined, 'pg/unused-index')).toBe(true)
    expect(ruleMatches('*-index', 'pg/unused-index')).toBe(true)
    expect(ruleMatches('unused-index', 'pg/unused-index')).toBe(true)
    expect(ruleMatches('pg/unused', 'pg/unused-index')).toBe(false)
    expect(ruleMatches('pg.unused-index', 'pg/unused-index')).toBe(false)
  })

  it('puts what ends in an outage before time saved, and warnings before notes', () => {
    const finding = (id: string, severity: Finding['severity'], savesMsPerSec: number): Finding => ({ id, severity, savesMsPerSec }) as Finding
    const order = [finding('note', 'info', 0), finding('warned', 'warning', 0), finding('slow', undefined, 50), finding('full', 'critical', 0)]
    expect(order.toSorted(bySeverityThenTime).map(({ id }) => id)).toEqual(['full', 'slow', 'warned', 'note'])
  })
})
