import { type ClonedDatabase, cloneDatabase, fakeClock } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { holdfast } from '../../../src/runtime/index.ts'

let database: ClonedDatabase

beforeAll(async () => {
  database = await cloneDatabase({ name: 'own' })
})
afterAll(() => database.drop())

it('makes a pool of a URL, watches it, and ends it at the stop', async () => {
  const hf = await holdfast({ pg: database.url })
  expect((await hf.pg.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  expect(await hf.pg.transaction(async tx => (await tx.query('select 2 as n')).rows)).toEqual([{ n: 2 }])
  expect(hf.pg.poolState()).toEqual({ used: 0, idle: 1, waiting: 0, max: 10 })
  expect(hf.pg.pool).toBeInstanceOf(pg.Pool)
  await hf.stop()
  await expect(hf.pg.pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_POOL_ENDED' })
  expect(hf.pg.pool.totalCount).toBe(0)
})

it('makes a pool of a configuration, and sees what goes through its classes', async () => {
  const hf = await holdfast({ pg: { connectionString: database.url, max: 3, classes: { critical: { reserved: 1 } } } })
  const { pool } = hf.pg as unknown as { pool: { of(name: string): pg.Pool } }
  await pool.of('critical').query('select 3 as critical')
  const held = await pool.of('critical').connect()
  expect(hf.pg.statements().map(({ text }) => text)).toEqual(['select $1 as critical'])
  expect(hf.pg.poolState()).toEqual({ used: 1, idle: 0, waiting: 0, max: 3 })
  expect(hf.pg.holders()).toEqual([expect.objectContaining({ callSite: expect.stringContaining('own-pool.test.ts') })])
  held.release()
  await hf.stop()
})

it('stops though a connection is never given back', async () => {
  const clock = fakeClock()
  const hf = await holdfast({ pg: database.url, clock })
  const client = (await hf.pg.pool.connect()) as unknown as pg.PoolClient
  const problems: unknown[] = []
  let isStopped = false
  void hf.stop().then(() => {
    isStopped = true
  }, problems.push)
  for (let waitedMs = 0; !isStopped && waitedMs < 5000; waitedMs += 500) {
    clock.advance(500)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  }
  expect([isStopped, problems]).toEqual([true, []])
  client.release(true)
})

it('refuses a bad setting with HF_CONFIG_INVALID and leaves a pool of the caller open', async () => {
  await expect(holdfast({ pg: { connectionString: database.url, max: 0 } })).rejects.toMatchObject({ code: 'HF_CONFIG_INVALID' })
  const pool = new pg.Pool({ connectionString: database.url })
  const hf = await holdfast({ pg: pool })
  await hf.stop()
  expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await pool.end()
})
