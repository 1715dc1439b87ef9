import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { seedLeads } from '../../src/index.ts'
import { seededDatabase } from './seeded-database.ts'

const TABLES = ['carrier', 'agent', 'lead', 'lead_assignment', 'event']
const databases: ClonedDatabase[] = []
afterAll(() => Promise.all(databases.map(database => database.drop())))

async function seeded(seed: number): Promise<{ url: string; rows: Readonly<Record<string, number>> }> {
  const database = await seededDatabase({ seed })
  databases.push(database)
  return database
}

async function ask<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

async function checksums(url: string): Promise<unknown> {
  const parts = TABLES.map(table => `(select md5(string_agg(t::text, e'\\n' order by id)) from ${table} t) as ${table}`)
  return (await ask(url, `select ${parts.join(', ')}`))[0]
}

describe('the seed', () => {
  it('makes the same rows from the same number, and others from another', async () => {
    const [first, again, other] = [await seeded(1), await seeded(1), await seeded(2)]
    const sums = await checksums(first.url)
    expect(await checksums(again.url)).toEqual(sums)
    const otherSums = (await checksums(other.url)) as Record<string, string>
    for (const [table, sum] of Object.entries(sums as Record<string, string>)) expect(otherSums[table], table).not.toBe(sum)
  })

  it('says how many rows it wrote, table by table', async () => {
    const { url, rows } = await seeded(3)
    for (const [table, count] of Object.entries(rows)) expect(await ask(url, `select count(*)::int from ${table}`), table).toEqual([{ count }])
    expect(Object.keys(rows)).toEqual(TABLES)
  })

  it('tells one story: a new lead has no agent, an open assignment is counted, ids go on after the last', async () => {
    const { url } = await seeded(4)
    expect(await ask(url, `select 1 from lead_assignment a join lead l on l.id = a.lead_id where l.status = 'new'`)).toEqual([])
    expect(
      await ask(
        url,
        `select g.id from agent g where current_lead_count <> (select count(*) from lead_assignment a where a.agent_id = g.id and a.status = 'open')`,
      ),
    ).toEqual([])
    expect(
      await ask(
        url,
        `select 1 from event e left join lead l on l.id = e.entity_id where l.id is null or e.occurred_at < l.created_at - interval '1 day'`,
      ),
    ).toEqual([])
    expect(await ask(url, 'insert into lead_assignment (lead_id, agent_id) values (1, 1) returning id')).toEqual([{ id: 6001 }])
  })

  it('has the skew of real data: a busy tenth of the agents, few escalated leads', async () => {
    const { url } = await seeded(5)
    const [busy] = await ask<{ share: number }>(
      url,
      'select (count(*) filter (where agent_id <= 50))::float8 / count(*) as share from lead_assignment',
    )
    expect(busy!.share).toBeGreaterThan(0.18)
    const [escalated] = await ask<{ share: number }>(
      url,
      `select (count(*) filter (where status = 'escalated'))::float8 / count(*) as share from lead`,
    )
    expect(escalated!.share).toBeGreaterThan(0.01)
    expect(escalated!.share).toBeLessThan(0.03)
  })

  it('leaves out the index that the demonstration is about', async () => {
    const { url } = await seeded(6)
    const indexes = await ask<{ indexdef: string }>(url, `select indexdef from pg_indexes where tablename = 'lead_assignment'`)
    expect(indexes.filter(({ indexdef }) => indexdef.includes('agent_id'))).toEqual([])
  })

  it('changes nothing where its tables are there already', async () => {
    const database = await cloneDatabase({ name: 'leads_taken' })
    databases.push(database)
    const client = new Client({ connectionString: database.url })
    await client.connect()
    try {
      await client.query(`create table lead (note text); insert into lead values ('mine')`)
      await expect(seedLeads(sql => client.query(sql))).rejects.toMatchObject({ code: '42P07' })
      expect((await client.query('select * from lead')).rows).toEqual([{ note: 'mine' }])
      expect((await client.query(`select 1 from pg_class where relname = 'agent'`)).rows).toEqual([])
    } finally {
      await client.end()
    }
  })

  it('refuses a number out of range', async () => {
    await expect(seedLeads(async () => undefined, { seed: -1 })).rejects.toThrow(RangeError)
  })
})
