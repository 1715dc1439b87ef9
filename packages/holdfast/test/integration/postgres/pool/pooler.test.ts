import { type Pooler, startPgBouncer } from '@holdfast/dev-services'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { systemClock } from 'holdfast/core'
import { createAdvisor, createPool, type HoldfastPg, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'

let database: ClonedDatabase
let pooler: Pooler
const opened: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'pooler' })
  pooler = await startPgBouncer({ url: database.url, poolMode: 'transaction', poolSize: 2 })
})
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
})
afterAll(async () => {
  await pooler.stop()
  await database.drop()
})

async function watch(pool: pg.Pool): Promise<HoldfastPg<pg.Pool>> {
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  opened.push(
    () => pool.end(),
    () => watched.stop(),
  )
  return watched
}

it('is found by the first connection, said once, and a direct connection is told from it', async () => {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const through = createPool(pg, { connectionString: pooler.url, max: 4 }, { logger })
  const direct = createPool(pg, { connectionString: database.url })
  opened.push(
    () => through.end(),
    () => direct.end(),
  )
  expect(through.pooler).toBe('unknown')
  await Promise.all(Array.from({ length: 8 }, () => through.query('select pg_sleep(0.01)')))
  await direct.query('select 1')
  expect([through.pooler, direct.pooler]).toEqual(['transaction', 'none'])
  expect(logger.warn.mock.calls.filter(([, line]) => /through a pooler/.test(line))).toHaveLength(1)
})

it('carries named statements, transactions, savepoints and cursors of eight clients over two server sessions', async () => {
  const pool = createPool(pg, { connectionString: pooler.url, max: 8, growAfter: '0ms' })
  const watched = await watch(pool)
  await pool.query('create table account (id int primary key, units int)')
  await pool.query('insert into account select n, 0 from generate_series(1, 8) n')
  const named = async (n: number): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) {
      const { rows } = await pool.query({ name: `q${turn % 5}`, text: `select $1::int + ${turn % 5} as n`, values: [n] })
      expect(rows).toEqual([{ n: n + (turn % 5) }])
    }
  }
  const moving = async (n: number): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) {
      await watched.transaction(async tx => {
        await tx.query('update account set units = units + 1 where id = $1', [n])
        await tx.transaction(inner => inner.query('insert into account values ($1, 0)', [n])).catch(() => undefined)
      })
    }
  }
  await Promise.all(Array.from({ length: 8 }, (_, n) => [named(n), moving(n + 1)]).flat())
  expect((await pool.query('select distinct units from account')).rows).toEqual([{ units: 10 }])
  const { default: Cursor } = await import('pg-cursor')
  const rows = await watched.transaction(async tx => {
    const cursor = tx.client.query(new Cursor('select generate_series(1, 5) as n'))
    const read = [...(await cursor.read(3)), ...(await cursor.read(3))]
    await cursor.close()
    return read
  })
  expect(rows).toHaveLength(5)
})

it('runs a named statement by its name alone', async () => {
  // Long after the start of the process, when a log-in that failed for the pooler's sake must not be taken for a long outage.
  const clock = { ...systemClock, monotonicMs: () => performance.now() + 3_600_000 }
  const pool = createPool(pg, { connectionString: pooler.url, max: 1 }, { clock })
  opened.push(() => pool.end())
  await pool.query({ name: 'sum', text: 'select $1::int + 1 as n', values: [1] })
  expect((await pool.query({ name: 'sum', values: [41] } as unknown as pg.QueryConfig)).rows).toEqual([{ n: 42 }])
})

it("is diagnosed over the caller's own pool, with the statements that rely on a session of their own", async () => {
  const watched = await watch(new pg.Pool({ connectionString: pooler.url, max: 2 }))
  for (const text of [
    "set statement_timeout = '5s'",
    'listen changes',
    'select pg_advisory_lock(7)',
    'create temp table scratch (n int)',
    'prepare p as select 1',
    'select 1',
    'begin; set local lock_timeout = 10; create temp table t (n int) on commit drop; commit',
  ]) {
    await watched.query(text)
  }
  const { isPooled, sessionState } = await watched.diagnosePooler()
  expect(isPooled).toBe(true)
  expect(sessionState.map(({ text }) => text.slice(0, 12))).toEqual(['set statemen', 'listen chang', 'select pg_ad', 'create temp ', 'prepare p as'])
  for (const { why, fix, callCount } of sessionState) expect([why, fix, callCount]).toEqual([expect.any(String), expect.any(String), 1])
})

it('is not seen where there is none', async () => {
  const watched = await watch(new pg.Pool({ connectionString: database.url, max: 2 }))
  await watched.query("set statement_timeout = '5s'")
  expect(await watched.diagnosePooler()).toEqual({ isPooled: false, sessionState: [] })
})

it('is no way to change an index: apply refuses it, and works over a direct connection', async () => {
  const connectTo = (connectionString: string) => async () => {
    const client = new pg.Client({ connectionString })
    await client.connect()
    return client
  }
  const direct = createAdvisor({ connect: connectTo(database.url) })
  const client = await connectTo(database.url)()
  await client.query('create table parcel (id int primary key, zip int)')
  await client.end()
  const { id } = await direct.plant({ table: 'parcel', columns: ['zip'] })
  await expect(createAdvisor({ connect: connectTo(pooler.url) }).apply(id)).rejects.toMatchObject({ code: 'HF_PG_NOT_DIRECT' })
  expect((await direct.apply(id)).state).toBe('applied')
})
