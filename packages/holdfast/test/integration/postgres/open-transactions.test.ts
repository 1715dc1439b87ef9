import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OlderClient } from './older-client.ts'

let database: ClonedDatabase

beforeAll(async () => {
  database = await cloneDatabase({ name: 'open_transactions' })
  const admin = new pg.Client(database.url)
  await admin.connect()
  await admin.query('create table left_behind (i int)')
  await admin.end()
})
afterAll(() => database.drop())

const ways: Record<string, (client: pg.PoolClient) => Promise<unknown> | undefined> = {
  'in a transaction': client => client.query('begin'),
  'in a failed transaction': client => client.query('begin; select 1 / 0').catch(() => undefined),
  'with a statement of its transaction under way': async client => {
    await client.query('begin')
    void client.query('insert into left_behind select 1 from pg_sleep(0.02)')
  },
  'with ROLLBACK TO under way': async client => {
    await client.query('begin; savepoint here')
    void client.query('rollback to here')
  },
  'with COMMIT AND CHAIN under way': async client => {
    await client.query('begin')
    void client.query('commit and chain')
  },
  'with its BEGIN under way': client => void client.query('begin'),
  'with its BEGIN and more under way': client => {
    void client.query('begin')
    void client.query('insert into left_behind values (1)')
    return undefined
  },
}

describe.each([
  ['pg.Pool that is observed', (Client: typeof pg.Client) => new pg.Pool({ connectionString: database.url, max: 1, Client })],
  ['pool of ours', (Client: typeof pg.Client) => createPool(pg, { connectionString: database.url, max: 1, ...{ Client } })],
])('over a %s', (_, open) => {
  describe.each([
    ['the driver installed', pg.Client],
    ['a driver before 8.21, which does not keep the state of transactions', OlderClient],
  ])('with %s', (_name, Client) => {
    it.each(Object.keys(ways))('who waits for a client that comes back %s gets no part of that transaction', async way => {
      const pool = open(Client)
      const watched = observePool(pool, { registry: createRegistry() })
      await watched.start()
      const client = await pool.connect()
      const next = pool.query('insert into left_behind values (2) returning now() = statement_timestamp() as is_own')
      await ways[way]!(client)
      client.release()
      expect((await next).rows).toEqual([{ is_own: true }])
      expect((await pool.query('select i from left_behind')).rows).toEqual([{ i: 2 }])
      await pool.query('delete from left_behind')
      await watched.stop()
      await pool.end()
    })
  })
})

it('hands a client with its COMMIT under way on at once, and refuses a second release of one that is held back', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 1 })
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  const client = await pool.connect()
  await client.query('begin')
  const committed = client.query('commit')
  client.release()
  expect(pool.idleCount).toBe(1)
  await committed
  const again = await pool.connect()
  void again.query('begin')
  again.release()
  expect(pool.idleCount).toBe(0)
  expect(() => again.release()).toThrow('already been released')
  await watched.stop()
  await pool.end()
})
