import { serverMajor } from '@holdfast/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlanTreeNode, StatementAnalysis } from '../../../../src/postgres/plans/index.ts'
import { type PlansFixture, plansFixture } from './fixture.ts'

let fixture: PlansFixture
beforeAll(async () => {
  fixture = await plansFixture('plans')
})
afterAll(() => fixture.close())

function nodes(node: PlanTreeNode): PlanTreeNode[] {
  return [node, ...node.children.flatMap(nodes)]
}

function kinds({ advice }: StatementAnalysis): string[] {
  return advice.map(({ kind }) => kind)
}

describe('the plan of one statement', () => {
  it('is measured node by node, and names the worst one', async () => {
    const analysis = await fixture.analyze({
      sql: 'select id from parcel where agent_id = $1 order by sent_at desc limit 5',
      params: [7],
      analyze: true,
    })
    const scan = nodes(analysis.plan).find(node => node.type === 'Seq Scan')!
    expect(analysis).toMatchObject({ measured: true, plannedFor: 'given', worstNode: scan.id, worst: expect.stringContaining('Seq Scan on parcel') })
    expect(scan).toMatchObject({ schema: 'public', table: 'parcel', actualRows: 20, removedRows: 59_980, loops: 1 })
    expect(scan.blocks!.hit + scan.blocks!.read).toBeGreaterThan(500)
    expect(scan.conditions.join()).toContain('agent_id = 7')
    const shares = nodes(analysis.plan).map(node => node.share)
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5)
    expect(nodes(analysis.plan).reduce((sum, node) => sum + node.selfMs!, 0)).toBeLessThanOrEqual(analysis.executionMs! * 1.01)
  })

  it('proposes an index for a scan that throws almost everything away, with how much it would help', async () => {
    const { advice } = await fixture.analyze({ sql: 'select id from parcel where agent_id = $1', params: [7], analyze: true })
    expect(advice).toMatchObject([
      {
        kind: 'index',
        sql: ['CREATE INDEX CONCURRENTLY hf_parcel_agent_id_idx ON public.parcel USING btree (agent_id)'],
        gain: { tier: 'modeled', basis: expect.stringContaining('20 of 60,000 rows') },
      },
    ])
    expect(advice[0]!.gain!.ratio).toBeLessThan(0.3)
  })

  it('proposes an index that also gives the order where only the first rows are needed', async () => {
    const { advice } = await fixture.analyze({ sql: "select id, weight from parcel where status = 'sent' order by weight limit 10", analyze: true })
    expect(advice.map(({ sql }) => sql.join())).toEqual([expect.stringContaining('(status, weight)')])
  })

  it('tries the index on a copy when asked to, and then says what was measured', async () => {
    const before = await fixture.state()
    const { advice } = await fixture.analyze({ sql: 'select id from parcel where agent_id = $1', analyze: true, tryIndex: true })
    expect(advice).toMatchObject([{ kind: 'index', gain: { tier: 'measured', basis: expect.stringContaining('copy of parcel') } }])
    expect(advice[0]!.gain!.ratio).toBeLessThan(0.5)
    expect(await fixture.state()).toEqual(before)
  })

  it('has nothing to say of a plan that is fine', async () => {
    for (const sql of ['select * from parcel where id = 77', 'select sum(weight) from parcel', 'select * from tiny where v = 3']) {
      expect(await fixture.analyze({ sql, analyze: true }), sql).toMatchObject({ advice: [], notes: [] })
    }
  })

  it('asks for extended statistics where columns that go together make the estimate wrong by ten times', async () => {
    const sql = "select count(*) from parcel where city = 'city 8' and state = 'state 2'"
    const { advice, plan } = await fixture.analyze({ sql, analyze: true })
    expect(Math.max(...nodes(plan).map(node => node.offBy ?? 1))).toBeGreaterThan(10)
    const [statistics] = advice.filter(({ kind }) => kind === 'statistics')
    expect(statistics).toMatchObject({
      sql: [expect.stringContaining('(dependencies, mcv) ON city, state FROM public.parcel'), 'ANALYZE public.parcel'],
    })
    for (const statement of statistics!.sql) await fixture.app.query(statement)
    expect(kinds(await fixture.analyze({ sql, analyze: true }))).not.toContain('statistics')
    await fixture.app.query('drop statistics hf_parcel_city_state_stat; analyze parcel')
  })

  it('asks for ANALYZE where the planner knows nothing of a table', async () => {
    await fixture.app.query("create table fresh as select i as k, 'v' || i as v from generate_series(1, 5000) i")
    const { advice } = await fixture.analyze({ sql: 'select * from fresh where k > 10' })
    expect(advice).toMatchObject([{ kind: 'analyze', sql: ['ANALYZE public.fresh'] }])
    await fixture.app.query('drop table fresh')
  })

  it('measures what more work_mem does for a sort that goes to disk', async () => {
    const connect = async () => {
      const client = await fixture.connect()
      await client.query("set work_mem = '1MB'; set max_parallel_workers_per_gather = 0")
      return client
    }
    const sql = 'select array_agg(x.note) from (select note, sent_at from parcel order by note desc, sent_at offset 0) x'
    const { plan, advice } = await fixture.analyze({ sql, analyze: true }, { connect })
    expect(nodes(plan).find(node => node.type === 'Sort')?.spill).toMatchObject({ what: 'sort', diskKb: expect.any(Number) })
    // Offered only when the clock agrees, and whether memory beats this machine's disk is the machine's business.
    for (const one of advice.filter(({ kind }) => kind === 'work-mem')) {
      expect(one).toMatchObject({ sql: ["SET LOCAL work_mem = '16MB'"], gain: { tier: 'measured' } })
      expect(one.gain!.ratio).toBeLessThanOrEqual(0.9)
    }
  })

  it.each([
    ["select count(*) from parcel where agent_id::text = '7'", /agent_id.*cast.*agent_id = \$1::integer/],
    ["select count(*) from parcel where lower(note) = 'x'", /note.*function.*bare column/],
    ["select count(*) from parcel where note like '%abc1%'", /begins with a wildcard.*trigram/],
    ["select count(*) from parcel where note like 'note ab1%'", /fixed beginning.*text_pattern_ops/],
    ["select count(*) from parcel where note ilike 'NOTE AB1%'", /ignores case.*trigram/],
    ['select id from parcel order by id offset 50000 limit 10', /throws away 50,000 rows.*page by key/],
  ])('asks for a rewrite of %s', async (sql, summary) => {
    const { advice } = await fixture.analyze({ sql, analyze: true })
    expect(advice.filter(({ kind }) => kind === 'rewrite')).toMatchObject([{ summary: expect.stringMatching(summary), gain: { tier: 'modeled' } }])
    expect(advice.find(({ kind }) => kind === 'rewrite')!.gain!.ratio).toBeLessThan(0.5)
    expect(kinds({ advice } as StatementAnalysis)).not.toContain('index')
  })

  it('looks through a view, and advises on the table behind it', async () => {
    const { advice, plan } = await fixture.analyze({ sql: 'select * from parcel_secret where agent_id = 5', analyze: true })
    expect(nodes(plan).map(node => node.table)).toContain('parcel')
    expect(kinds({ advice } as StatementAnalysis)).toContain('index')
  })

  it('counts the time of a WITH query and of an InitPlan where it is waited for', async () => {
    const sql =
      'with busy as materialized (select agent_id, count(*) n from parcel group by 1) select * from busy where n > (select avg(weight) from parcel)'
    const { plan } = await fixture.analyze({ sql, analyze: true })
    const below = plan.children.reduce((sum, child) => sum + child.totalMs!, 0)
    expect(plan).toMatchObject({
      type: 'CTE Scan',
      children: [{ type: expect.stringContaining('(CTE busy)') }, { type: expect.stringContaining('(InitPlan') }],
    })
    expect(plan.selfMs).toBeCloseTo(Math.max(0, plan.totalMs! - below), 3)
    expect(nodes(plan).reduce((sum, node) => sum + node.selfMs!, 0)).toBeCloseTo(plan.totalMs!, 3)
  })

  it('is the generic plan without parameters, and runs nothing', async () => {
    const analysis = await fixture.analyze({ sql: 'select id from parcel where agent_id = $1 and status = $2' })
    expect(analysis).toMatchObject({ plannedFor: 'generic', measured: false, notes: [expect.stringContaining('generic')] })
    expect(analysis).not.toHaveProperty('executionMs')
    expect(kinds(analysis)).toEqual(['index'])
  })

  it('shows the plan of a write, and changes nothing', async () => {
    const before = await fixture.state()
    const writes = [
      'update parcel set weight = 0 where agent_id = 7',
      'delete from parcel',
      "insert into tiny select 1000 + id, 1 from parcel where status = 'lost'",
      'select * from parcel where id = 1 for update',
    ]
    if ((await serverMajor(fixture.app)) >= 15) writes.push('merge into tiny t using parcel p on t.k = p.id when matched then update set v = 1')
    for (const sql of writes) {
      const analysis = await fixture.analyze({ sql })
      expect(analysis, sql).toMatchObject({ measured: false, notes: [expect.stringContaining('planned and not run')] })
    }
    expect(await fixture.state()).toEqual(before)
  })
})

describe('literals', () => {
  it('are shown to the caller who gave them', async () => {
    const analysis = await fixture.analyze({ sql: "select id from parcel where note = 'my own' and status = $1", params: ['lost'], analyze: true })
    expect(JSON.stringify(analysis.plan)).toContain("'my own'")
    expect(JSON.stringify(analysis.plan)).toContain("'lost'")
  })

  it('of rows are never shown: parameters that were taken from the data', async () => {
    const analysis = await fixture.analyze({ sql: 'select id from parcel where note = $1 and city = $2', analyze: true })
    expect(analysis.runs.map(run => run.plannedFor)).toEqual(['typical', 'frequent', 'rare'])
    expect(analysis.plan.conditions.join()).toMatch(/note.* = \?/)
    expect(JSON.stringify(analysis)).not.toMatch(/'note |'city /)
  })

  it('of a view belong to its author', async () => {
    const analysis = await fixture.analyze({ sql: 'select id from parcel_secret where agent_id = 7', analyze: true })
    expect(JSON.stringify(analysis)).not.toContain('top-secret')
    expect(JSON.stringify(analysis.plan)).toContain('agent_id = 7')
  })
})
