import { type ClonedDatabase, cloneDatabase, fakeClock } from '@holdfast/testkit'
import { type HoldfastPg, type ObservePoolDeps, observePool } from 'holdfast/postgres'
import { bucketUpperBound, createRegistry, type FamilySnapshot, type Registry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

let database: ClonedDatabase
const opened: { pool: pg.Pool; watched: HoldfastPg<pg.Pool> }[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'diagnosis' })
})
afterEach(async () => {
  for (const { pool, watched } of opened.splice(0)) {
    await watched.stop()
    await pool.end()
  }
})
afterAll(() => database.drop())

async function open(
  deps: Partial<ObservePoolDeps> = {},
  config: pg.PoolConfig = {},
): Promise<{ pool: pg.Pool; watched: HoldfastPg<pg.Pool>; registry: Registry }> {
  const registry = createRegistry()
  const pool = new pg.Pool({ connectionString: database.url, max: 1, ...config })
  const watched = observePool(pool, { registry, ...deps })
  await watched.start()
  opened.push({ pool, watched })
  return { pool, watched, registry }
}

function series(registry: Registry, name: string): FamilySnapshot['series'] {
  return registry.snapshot().find(family => family.name === name)?.series ?? []
}
const total = (registry: Registry, name: string): number => series(registry, name).reduce((sum, { value }) => sum + (value ?? 0), 0)

describe('who holds a connection', () => {
  it('is said with age, call site, statement and whether it runs, longest first', async () => {
    const clock = fakeClock()
    const { pool, watched, registry } = await open({ clock }, { max: 3 })
    const first = await pool.connect()
    clock.advance(2000)
    const second = await pool.connect()
    await second.query("select 'secret' as kept")
    const running = pool.query('select pg_sleep(0.05)')
    await vi.waitFor(() => expect(watched.holders()).toHaveLength(3))
    const here = expect.stringMatching(/test\/integration\/postgres\/pool\/diagnosis\.test\.ts:\d+:\d+$/)
    expect(watched.holders()).toEqual([
      { heldMs: 2000, callSite: here, statement: undefined, isRunning: false, route: undefined },
      { heldMs: 0, callSite: here, statement: 'select $1 as kept', isRunning: false, route: undefined },
      { heldMs: 0, callSite: here, statement: 'select pg_sleep($1)', isRunning: true, route: undefined },
    ])
    expect(total(registry, 'holdfast_pg_oldest_checkout_seconds')).toBe(2)
    first.release()
    second.release()
    await running
    expect(watched.holders()).toEqual([])
    expect(total(registry, 'holdfast_pg_oldest_checkout_seconds')).toBe(0)
  })

  it('is in the error of a caller that waited in vain, which fails with HF_PG_ACQUIRE_TIMEOUT after the limit of the pool', async () => {
    const { pool, registry } = await open()
    const held = await pool.connect()
    // Set now, because on a busy machine the first connect may take longer.
    pool.options.connectionTimeoutMillis = 40
    await held.query('select 1 as mine')
    for (const ask of [pool.connect(), pool.query('select 2')]) {
      await expect(ask).rejects.toMatchObject({
        code: 'HF_PG_ACQUIRE_TIMEOUT',
        message: expect.stringMatching(
          /limit 40 ms\), 1 of 1 in use.*the longest is held 0\.\d s by at .*diagnosis\.test\.ts:\d+:\d+ \(idle after: select \$1 as mine\)/,
        ),
        cause: expect.any(Error),
      })
    }
    held.release()
    expect(total(registry, 'holdfast_pg_acquire_errors')).toBe(2)
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  it('is forgotten with its connection', async () => {
    const { pool, watched } = await open()
    const held = await pool.connect()
    held.release(true)
    await pool.query('select 1')
    expect(watched.holders()).toEqual([])
  })
})

it('keeps a starvation of 50 ms between two readings of the metrics in the histogram of waits', async () => {
  const clock = fakeClock()
  const { pool, registry } = await open({ clock })
  await pool.query('select 1')
  const longestWait = (): number => {
    const buckets = series(registry, 'holdfast_pg_acquire_wait_seconds')[0]?.histogram?.buckets ?? []
    return bucketUpperBound(buckets.at(-1)?.[0] ?? 0)
  }
  expect(longestWait()).toBeLessThan(0.04)
  const held = await pool.connect()
  const starved = pool.query('select 1')
  clock.advance(50)
  held.release()
  await starved
  clock.advance(10_000)
  expect(longestWait()).toBeGreaterThanOrEqual(0.05)
  expect(longestWait()).toBeLessThan(0.052)
})

it('reports a checkout beyond leakAfter once, and says degraded until it is given back', async () => {
  const clock = fakeClock()
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const { pool, watched, registry } = await open({ clock, logger, options: { leakAfter: '10s' } })
  const held = await pool.connect()
  clock.advance(9000)
  expect(logger.warn).not.toHaveBeenCalled()
  clock.advance(20_000)
  expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
    { holder: expect.objectContaining({ callSite: expect.stringContaining('diagnosis.test.ts') }) },
    expect.stringContaining('longer than 10000 ms'),
  )
  expect(total(registry, 'holdfast_pg_long_checkouts')).toBe(1)
  expect(watched.health()).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining('may have leaked: held 29.0 s') }] })
  held.release()
  expect(watched.health().status).toBe('ok')
  await watched.stop()
  expect(clock.pendingCount).toBe(0)
})

describe('a client given back inside a transaction', () => {
  it('is closed, so that nobody gets its transaction, and is reported with its call site as HF_PG_OPEN_TRANSACTION', async () => {
    const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
    const { pool, registry } = await open({ logger })
    await pool.query('create table ledger (n int)')
    for (const spoil of ['select 1', 'select nope']) {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('insert into ledger values (1)')
      await client.query(spoil).catch(() => undefined)
      client.release()
    }
    expect((await pool.query('select count(*)::int as n from ledger')).rows).toEqual([{ n: 0 }])
    expect(total(registry, 'holdfast_pg_open_transactions_returned')).toBe(2)
    expect(logger.error).toHaveBeenCalledTimes(2)
    expect(logger.error).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'HF_PG_OPEN_TRANSACTION' }),
      expect.stringMatching(/diagnosis\.test\.ts:\d+:\d+/),
    )
  })

  it('is not blamed for a COMMIT that failed', async () => {
    const { pool, registry } = await open()
    await pool.query('create table parent (id int primary key); create table child (id int references parent deferrable initially deferred)')
    const client = await pool.connect()
    await client.query('begin')
    await client.query('insert into child values (7)')
    await client.query('commit').catch(() => undefined)
    client.release()
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    expect(total(registry, 'holdfast_pg_open_transactions_returned')).toBe(0)
  })

  it('is left alone when its COMMIT is under way', async () => {
    const { pool, registry } = await open()
    const client = await pool.connect()
    await client.query('begin')
    await client.query('create table kept (n int)')
    const commit = client.query('commit')
    client.release()
    await commit
    expect((await pool.query("select to_regclass('kept') is not null as kept")).rows).toEqual([{ kept: true }])
    expect(total(registry, 'holdfast_pg_open_transactions_returned')).toBe(0)
  })
})
