import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdviceReport, createAdvisor } from '../../../../src/postgres/advisor/index.ts'

const SEED = `
create table visit (id bigint primary key, visitor int not null, page text not null, at timestamptz not null, day date not null, doc jsonb not null, tags text[] not null);
create table hit (id bigint primary key, visit_visitor int not null, value text not null);
insert into visit select i, i % 2000, 'page ' || i, timestamptz '2026-01-01' + i * interval '1 min', date '2026-01-01' + i % 300, jsonb_build_object('plan', i % 50), array['a' || i % 10, 'b']
  from generate_series(1, 20000) i;
insert into hit select i, i % 2000, 'v' || i from generate_series(1, 5000) i;
analyze`

const FROM = 'from visit where visitor = $1'

/** pg_stat_statements shows a parameter for every literal; of most of these the server alone could no longer tell the type. */
const READS: readonly string[] = [
  `select json_build_object('id', id, 'page', page) ${FROM}`,
  `select jsonb_build_array('id', id), concat('a', page), format('%s!', page), num_nonnulls(page, 'a') ${FROM}`,
  `select "v"."id", coalesce("h"."data", '[]'::jsonb) from "public"."visit" as "v" left join lateral (select coalesce(jsonb_agg(jsonb_build_object('id', "h"."id")), '[]') as "data"
   from "public"."hit" as "h" where "h"."visit_visitor" = "v"."visitor") as "h" on true where "v"."visitor" = $1`,
  `select extract(dow from at), count(*) ${FROM} group by 1`,
  `select at at time zone 'Europe/Berlin', date_trunc('day', at, 'UTC'), date_bin('1 hour', at, '2000-01-01') ${FROM}`,
  `select row(1, 'a'), array['a', 'b'], '{a,b}'::text[], cast('2026-01-01' as date) ${FROM}`,
  `select id ${FROM} and at >= timestamp with time zone '2026-01-01 00:00:00Z' and day >= date '2026-01-01' and at > now() - interval '9000 days'`,
  `select id ${FROM} and at > current_date - 9000`,
  `select id ${FROM} and page like 'page%' escape '!'`,
  `select doc->>'plan', doc#>>'{a,b}', doc @? '$.plan', jsonb_path_query_first(doc, '$.plan') ${FROM}`,
  'select n.n, v.id from generate_series(1, 3) n(n) join visit v on v.visitor = $1',
  'with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select r.n, v.id from r join visit v on v.visitor = $1 + r.n',
  `select 'größer' as label, case when id > 3 then 'big' else 'small' end, substring(page from 1 for 3), to_char(at, 'YYYY') ${FROM}`,
]

let database: ClonedDatabase
let app: pg.Client
let report: AdviceReport

beforeAll(async () => {
  database = await cloneDatabase({ name: 'literals' })
  app = new pg.Client({ connectionString: database.url })
  await app.connect()
  await app.query(SEED)
  for (const text of READS) for (let call = 0; call < 3; call += 1) await app.query(text, [1 + call])
  await app.query('select pg_stat_force_next_flush()')
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    return client
  }
  report = await createAdvisor({ connect }).advise({ rules: 'pg/missing-index' })
}, 120_000)

afterAll(async () => {
  await app.end()
  await database.drop()
})

describe('a statement with literals in it', () => {
  it('is tried, whatever the literals were', () => {
    const untried = report.refused.filter(({ reason }) => reason === 'trial-failed' || reason === 'no-parameters')
    expect(untried).toEqual([])
    expect(report.served.length + report.refused.length).toBeGreaterThanOrEqual(READS.length)
  })

  it('is served by the index that its condition wants', () => {
    expect(report.findings[0]?.recommendation.sql[0]).toMatch(/visit USING btree \(visitor\b/)
    expect(report.served.length).toBeGreaterThanOrEqual(READS.length - 2)
  })
})
