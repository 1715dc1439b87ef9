import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { OlderClient } from './older-client.ts'

let database: ClonedDatabase
let pool: pg.Pool
let stop: () => Promise<void>

beforeAll(async () => {
  database = await cloneDatabase({ name: 'older_drivers' })
})
beforeEach(async () => {
  pool = new pg.Pool({ connectionString: database.url, max: 1, Client: OlderClient } as pg.PoolConfig)
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  stop = () => watched.stop()
})
afterEach(async () => {
  await stop()
  await pool.end()
})
afterAll(() => database.drop())

describe('over a driver that writes the callback into the config of a query', () => {
  it('leaves a config as it was, so that it can be sent again by promise', async () => {
    const client = await pool.connect()
    const config = { text: 'select $1::int as n', values: [1] }
    expect((await client.query(config)).rows).toEqual([{ n: 1 }])
    expect(Object.keys(config)).toEqual(['text', 'values'])
    expect((await client.query(config)).rows).toEqual([{ n: 1 }])
    client.release()
  })

  it('sends a frozen config by promise, as the driver alone does', async () => {
    const client = await pool.connect()
    expect((await client.query(Object.freeze({ text: 'select 7 as n' }))).rows).toEqual([{ n: 7 }])
    client.release()
  })

  it("leaves the caller's own callback there, not one of ours", async () => {
    const client = await pool.connect()
    const config: { text: string; callback?: unknown } = { text: 'select 1 as n' }
    await new Promise<void>(resolve => {
      const done = (): void => {
        expect(config.callback).toBe(done)
        resolve()
      }
      void client.query(config, done)
    })
    client.release()
  })
})
