import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createPool, type HoldfastPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'

let database: ClonedDatabase
const pools: pg.Pool[] = []
const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

beforeAll(async () => {
  database = await cloneDatabase({ name: 'size' })
})
afterEach(async () => {
  await Promise.all(pools.splice(0).map(pool => pool.end()))
  vi.clearAllMocks()
})
afterAll(() => database.drop())

function open(settings: object): HoldfastPool<pg.Pool> {
  const pool = createPool(pg, { connectionString: database.url, ...settings }, { logger })
  pools.push(pool)
  return pool
}

/** Callers that ask again and again until told to stop. */
function load(pool: pg.Pool, callers: number, statement: string): () => Promise<unknown> {
  let isOver = false
  const loop = async (): Promise<void> => {
    while (!isOver) await pool.query(statement)
  }
  const all = Array.from({ length: callers }, loop)
  return () => {
    isOver = true
    return Promise.all(all)
  }
}

it('finds by measuring that more connections do more work, and takes them', async () => {
  const pool = open({ sizing: 'measured', max: 12 })
  expect(pool.sizeLimit).toBe(2)
  const stop = load(pool, 40, 'select pg_sleep(0.02)')
  // Sleeping statements cost the server nothing, so each further connection brings its full share.
  await expect.poll(() => pool.sizeLimit, { timeout: 25_000, interval: 100 }).toBeGreaterThanOrEqual(4)
  await expect.poll(() => pool.totalCount, { timeout: 5000 }).toBeGreaterThanOrEqual(4)
  expect(pool.totalCount).toBeLessThanOrEqual(pool.sizeLimit)
  await stop()
})

it('leaves the server as many connections as serverReserve says, over all instances, and serves everybody with what it has', async () => {
  const admin = new pg.Client(database.url)
  await admin.connect()
  const { rows } = await admin.query<{ room: number }>(
    `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - coalesce(current_setting('reserved_connections', true)::int, 0) - (select sum(numbackends)::int from pg_stat_database) as room`,
  )
  const serverReserve = rows[0]!.room - 6
  const instances = Array.from({ length: 3 }, () => open({ max: 20, growAfter: '0ms', connectsAtOnce: 1, serverReserve }))
  const stops = instances.map(pool => load(pool, 20, 'select pg_sleep(0.005)'))
  await expect.poll(() => logger.warn.mock.calls.some(([{ err }]) => err.code === 'HF_PG_SERVER_FULL'), { timeout: 20_000 }).toBe(true)
  const counted = async (): Promise<number> =>
    (await admin.query<{ count: number }>('select count(*)::int as count from pg_stat_activity where datname = current_database()')).rows[0]!.count -
    1
  const seen: number[] = []
  for (let n = 0; n < 20; n++) {
    await admin.query('select pg_sleep(0.02)')
    seen.push(await counted())
  }
  // One of each instance may be there to ask, and is given back.
  expect(Math.max(...seen)).toBeLessThanOrEqual(6 + instances.length)
  expect(seen.toSorted((a, b) => a - b)[10]).toBeGreaterThanOrEqual(5)
  for (const { totalCount } of instances) expect(totalCount).toBeGreaterThan(0)
  await Promise.all(stops.map(stop => stop()))
  await admin.end()
})

it('says of a pool that callers wait because connections are held for nothing, or because there are too few', async () => {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 })
  pools.push(pool)
  const observe = async (): Promise<ReturnType<typeof observePool<pg.Pool>>> => {
    const watched = observePool(pool, { registry: createRegistry() })
    await watched.start()
    return watched
  }
  const holding = await observe()
  const hold = async (): Promise<void> => {
    const client = await pool.connect()
    await client.query('select 1')
    // What stands for a call of another service while the connection is out.
    await new Promise(resolve => setTimeout(resolve, 30))
    client.release()
  }
  for (let round = 0; round < 12; round++) await Promise.all(Array.from({ length: 10 }, hold))
  expect(holding.poolAdvice()).toMatchObject({ verdict: 'held-idle', facts: { checkoutCount: 120, max: 2, peakUsed: 2 } })
  await holding.stop()

  const working = await observe()
  for (let round = 0; round < 12; round++) await Promise.all(Array.from({ length: 10 }, () => pool.query('select pg_sleep(0.02)')))
  expect(working.poolAdvice()).toMatchObject({ verdict: 'too-small', suggestedMax: 3 })
  await working.stop()
})
