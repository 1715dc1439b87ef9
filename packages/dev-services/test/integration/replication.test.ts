import { type Replication, startReplication } from '@holdfast/dev-services'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

let replication: Replication

beforeAll(async () => {
  const { DATABASE_URL: _, ...env } = process.env
  replication = await startReplication({ replicas: 2, env })
})
afterAll(() => replication.stop())

async function ask<Row>(url: string, text: string): Promise<Row> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query(text)).rows[0]
  } finally {
    await client.end()
  }
}

it('starts replicas that follow the primary', async () => {
  const [first, second] = replication.replicas
  expect(await ask(first!.url, 'select pg_is_in_recovery() as is_replica')).toEqual({ is_replica: true })
  await ask(replication.primary.url, 'drop table if exists followed')
  await ask(replication.primary.url, 'create table followed as select 7 as n')
  for (const { url } of [first!, second!]) {
    await expect.poll(() => ask(url, 'select n from followed').catch(() => undefined), { timeout: 10_000 }).toEqual({ n: 7 })
  }
})

it('kills a replica and starts it again where it was, and freezes one', async () => {
  const [first, second] = replication.replicas
  await first!.kill()
  await expect(ask(first!.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await first!.restart()
  expect(await ask(first!.url, 'select pg_is_in_recovery() as is_replica')).toEqual({ is_replica: true })
  second!.freeze()
  let hasAnswered = false
  const answer = ask(second!.url, 'select 1 as n').then(row => {
    hasAnswered = true
    return row
  })
  await ask(first!.url, 'select pg_sleep(0.1)')
  expect(hasAnswered).toBe(false)
  second!.thaw()
  expect(await answer).toEqual({ n: 1 })
})
