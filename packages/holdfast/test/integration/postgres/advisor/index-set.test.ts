import { type ClonedDatabase, cloneDatabase, flushStatistics } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdviceReport, createAdvisor } from '../../../../src/postgres/advisor/index.ts'

const ROWS = 25_000

/** Leads with skewed agents and states, a zip code that decides the city, a column that most updates change, and flags. */
const SEED = `
create table lead (id int primary key, agent_id int, reporter_id int not null, status text not null, score int not null, email text not null, zip text not null, city text not null,
  ref text, archived boolean not null, attributes jsonb not null, note text not null, created_at timestamptz not null, last_seen_at timestamptz not null) with (fillfactor = 60);
insert into lead select i, case when i % 29 = 0 then null else 1 + (i * 7919) % 400 end, 1 + (i * 7907 + 13) % 400, case when i % 31 = 0 then 'open' when i % 7 = 0 then 'won' else 'lost' end,
  (i * 31) % 1000, 'User.' || i || '@Example.com', 'zip ' || (i * 613) % 2000, 'city ' || ((i * 613) % 2000) / 10, case when i % 50 = 0 then 'ref ' || i end, i % 10 <> 0,
  jsonb_build_object('plan', 'plan ' || i % 900, 'code', 'code-' || i, 'about', 'about the lead ' || i), repeat(md5(i::text), 3), timestamptz '2026-01-01' + i * interval '1 min', timestamptz '2026-06-01' + (i * 7) % 5000 * interval '1 min'
from generate_series(1, ${ROWS}) i;
create table job (id int primary key, status text not null, run_at timestamptz not null, note text not null);
insert into job select i, case when i > ${ROWS - 40} then 'waiting' else 'done' end, timestamptz '2026-01-01' + i * interval '1 s', repeat('x', 60) from generate_series(1, ${ROWS}) i;
vacuum analyze lead, job`

type Read = readonly [text: string, values: (call: number) => readonly unknown[]]

/** Reads that an index serves, with what the set must hold for them. */
const READS: readonly (readonly [...Read, RegExp])[] = [
  [
    'select id, score from lead where agent_id = $1 and status = $2 order by created_at desc limit 20',
    call => [1 + call, call % 2 === 0 ? 'open' : 'won'],
    /btree \(agent_id/,
  ],
  ['select id from lead where lower(email) = lower($1)', call => [`user.${call * 99 + 1}@example.com`], /btree \(lower\(email\)\)/],
  ['select id from lead where attributes @> $1::jsonb', call => [JSON.stringify({ plan: `plan ${call * 7}` })], /gin \(attributes jsonb_path_ops\)/],
  ['select id, score from lead where agent_id is null and not archived order by score desc limit 30', () => [], /WHERE .*NOT archived/],
  [
    'select id from lead where (agent_id = $1 or reporter_id = $1) and status = $2',
    call => [1 + call, 'open'],
    /btree \((reporter_id|agent_id, status|status)/,
  ],
  // Its text in pg_stat_statements does not say which key; that one finds a single row, another many, and the third is prose, does.
  ["select id from lead where attributes->>'code' = $1", call => [`code-${call * 77}`], /btree \(\(\(attributes ->> 'code'::text\)\)\)/],
  ['select id from lead where ref = $1', call => [`ref ${call * 50}`], /\(ref\) WHERE .*ref IS NOT NULL/],
  // Of the state that is asked for there are hardly any rows, and those are the newest; by the oldest ones of the other state the time alone would seem enough.
  [
    "select id from job where status = 'waiting' and run_at <= now() order by run_at limit 5 for update skip locked",
    () => [],
    /job USING btree \(status, run_at\)/,
  ],
  ['select id, email from lead where city = $1 and zip = $2', call => [`city ${call}`, `zip ${call * 10 + 3}`], /btree \(zip\)/],
]

/** Reads that must get no index, with the reasons that may be given, and what would give the trap away in a definition. */
const TRAPS: readonly (readonly [...Read, RegExp, RegExp])[] = [
  [
    'select id from lead where last_seen_at > $1 order by last_seen_at desc limit 10',
    () => ['2026-06-04'],
    /^(write-heavy|small-gain|regresses|no-gain)$/,
    /last_seen_at/,
  ],
  ['select sum(score) from lead where archived = $1', () => [true], /^no-index-serves$/, /btree \(archived/],
  ['select count(*) from lead where created_at::date = $1', () => ['2026-01-05'], /^no-index-serves$/, /::date/],
  ["select count(*) from lead where note like '%' || $1 || '%'", call => [`q${call}`], /^no-index-serves$/, /note/],
  ["select count(*) from lead where attributes->>'plan' = $1", call => [`plan ${call}`], /^no-index-serves$/, /'plan'/],
  ['select id from lead where id = $1 and status = $2', call => [call, 'open'], /^(index-exists|cheap)$/, /btree \(id/],
]

/** A text with its parameters and constants made alike. */
const shape = (statement: string): string => statement.replace(/\$\d+|'[^']*'/g, '?').replace(/limit \d+/, 'limit ?')

let database: ClonedDatabase
let app: pg.Client
let report: AdviceReport
let definitions: string

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  return client
}

beforeAll(async () => {
  database = await cloneDatabase({ name: 'index-set' })
  app = await connect()
  for (const statement of SEED.split(';')) await app.query(statement)
  const advisor = createAdvisor({ connect })
  const since = await advisor.mark()
  for (let call = 0; call < 800; call += 1) await app.query('update lead set last_seen_at = now() where id = $1', [1 + ((call * 7919) % ROWS)])
  for (let call = 0; call < 10; call += 1) {
    for (const [text, values] of READS) await app.query(text, [...values(call)])
    // These run seldom: an index on the hot column would save less than its updates lose, and what no index serves must not be nearly all the time that is left.
    if (call < 2) for (const [text, values] of TRAPS) await app.query(text, [...values(call)])
  }
  await flushStatistics(app)
  report = await advisor.advise({ since, rules: 'pg/missing-index' })
  definitions = report.findings.flatMap(finding => finding.recommendation.sql).join('\n')
})

afterAll(async () => {
  await app.end()
  await database.drop()
})

describe('the set of indexes', () => {
  it.each(READS.map(([text, , wanted]) => [text, wanted] as const))('serves %s', (text, wanted) => {
    expect(definitions, JSON.stringify(report.refused)).toMatch(wanted)
    const served = report.served.find(({ statement }) => shape(statement) === shape(text))
    const all = report.findings.map(({ id }) => id)
    expect(all).toEqual(expect.arrayContaining([...served!.findingIds]))
    expect(served!.afterMs! / served!.beforeMs!).toBeCloseTo(served!.ratio, 6)
    expect(served!.ratio).toBeLessThan(0.5)
  })

  it('has every statement of the window served, refused or not examined, with the reason, and each once', () => {
    const told = [...report.served, ...report.refused, ...report.unexamined].map(({ queryId }) => queryId)
    expect(told).toHaveLength(report.statementCount)
    expect(new Set(told).size).toBe(report.statementCount)
    expect(report.served.length + report.refused.length).toBe(report.examinedCount)
  })

  it.each(TRAPS.map(([text, , reason, trap]) => [text, reason, trap] as const))('takes no trap for %s', (text, reason, trap) => {
    expect(definitions).not.toMatch(trap)
    expect(report.refused.find(refusal => shape(refusal.statement) === shape(text))?.reason).toMatch(reason)
  })

  it('puts the city into no index: the zip code has decided it', () => {
    expect(definitions).not.toContain('city')
  })

  it('holds no index whose columns begin another one', () => {
    const keys = report.findings
      .map(({ recommendation }) => /USING btree \(([^)]*)\)$/.exec(recommendation.sql[0]!)?.[1])
      .filter(found => found !== undefined)
    for (const one of keys) expect(keys.filter(other => other.startsWith(`${one}, `))).toEqual([])
  })

  it('says how to write what no index serves', () => {
    expect(report.refused.find(({ statement }) => statement.includes('::date'))?.rewrite).toContain("created_at < $1 + interval '1 day'")
    expect(report.refused.find(({ statement }) => statement.includes('note like'))?.rewrite).toContain('pg_trgm')
    expect(report.refused.find(({ statement }) => statement.includes('->>'))?.rewrite).toContain('advise with its parameters')
  })

  it('names every statement that an index serves, and puts the whole gain down once', () => {
    const saved = report.findings.reduce((sum, finding) => sum + finding.savesMsPerSec, 0)
    const figures = report.findings.flatMap(finding => finding.evidence.figures ?? [])
    expect(figures.length).toBeGreaterThanOrEqual(READS.length)
    expect(saved).toBeGreaterThan(0)
    // In a second of the window the reads took less than what would be saved if gains were counted twice.
    const taken = report.findings[0]!.evidence.before.meanMs / report.findings[0]!.evidence.shareOfTime
    expect(saved).toBeLessThan((taken * report.findings[0]!.evidence.before.sampleCount * 1000) / report.windowMs)
  })

  it('tries a statement with the parameters that it was seen with, where it is given some', async () => {
    const text = 'select count(*) from lead where note like $1'
    const seen = Array.from({ length: 8 }, (_, call) => [`${call}abc%`])
    const advisor = createAdvisor({ connect })
    const since = await advisor.mark()
    for (const values of seen) await app.query(text, values)
    // The server keeps statements of databases that are gone.
    const ofThis = 'dbid = (select oid from pg_database where datname = current_database())'
    const { rows } = await app.query(`select queryid::text as id from pg_stat_statements where query = $1 and ${ofThis}`, [text])
    const { findings } = await advisor.advise({ since, rules: 'pg/missing-index', binds: new Map([[rows[0].id, seen]]) })
    expect(findings.map(finding => finding.recommendation.sql[0])).toEqual([expect.stringMatching(/\(note( text_pattern_ops)?\)/)])
    expect(findings[0]?.evidence.trial?.note).toContain('as seen')
  })

  it('is read by every one of its statements once it is there', async () => {
    for (const finding of report.findings) for (const sql of finding.recommendation.sql) await app.query(sql)
    for (const [text, values] of READS) {
      const { rows } = await app.query(`explain ${text}`, [...values(3)])
      expect(rows.map(row => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan')
    }
  })
})
