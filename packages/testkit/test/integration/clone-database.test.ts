import pg from 'pg'
import { expect, it } from 'vitest'
import { cloneDatabase } from '../../src/clone-database.ts'

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1)

it('gives each test a database of its own, with pg_stat_statements', async () => {
  const [a, b] = await Promise.all([cloneDatabase({ name: 'a' }), cloneDatabase({ name: 'b' })])
  await query(a.url, 'CREATE TABLE fund (id int)')
  expect(await query(b.url, "SELECT to_regclass('fund') AS found")).toEqual([{ found: null }])
  expect(await query(b.url, 'SELECT count(*) > 0 AS counts FROM pg_stat_statements')).toEqual([{ counts: true }])
  await Promise.all([a.drop(), b.drop()])
})

it('copies the rows of its template', async () => {
  const template = await cloneDatabase({ name: 'template' })
  await query(template.url, 'CREATE TABLE fund AS SELECT generate_series(1, 3) AS id')
  const clone = await cloneDatabase({ template: databaseOf(template.url) })
  expect(await query(clone.url, 'SELECT count(*)::int AS n FROM fund')).toEqual([{ n: 3 }])
  await Promise.all([clone.drop(), template.drop()])
})

it('removes the database while somebody is still connected', async () => {
  const { url, drop } = await cloneDatabase()
  const holder = new pg.Client({ connectionString: url })
  holder.on('error', () => undefined)
  await holder.connect()
  await drop()
  await expect(query(url, 'SELECT 1')).rejects.toMatchObject({ code: '3D000' })
  await holder.end().catch(() => undefined)
})
