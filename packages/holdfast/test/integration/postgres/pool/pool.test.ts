import { type ClonedDatabase, cloneDatabase, fakeClock } from '@holdfast/testkit'
import type { Clock } from 'holdfast/core'
import { createPool, type HoldfastPool, type PoolSettings } from 'holdfast/postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

let database: ClonedDatabase
let proxy: TcpProxy
const pools: pg.Pool[] = []
const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }

beforeAll(async () => {
  database = await cloneDatabase({ name: 'pool' })
  proxy = await startTcpProxy(database.url)
})
afterEach(async () => {
  proxy.mode = 'pass'
  proxy.stalls = false
  for (const pool of pools.splice(0)) if (!pool.ending) await pool.end()
  vi.clearAllMocks()
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})

type Settings = PoolSettings & Omit<pg.PoolConfig, keyof PoolSettings>

function open(settings: Settings = {}, clock?: Clock): HoldfastPool<pg.Pool> {
  const pool = createPool(pg, { connectionString: proxy.url, ...settings }, { logger, random: () => 0.5, ...(clock ? { clock } : {}) })
  pools.push(pool)
  return pool
}

const pidOf = (client: pg.ClientBase): number => (client as unknown as { processID: number }).processID
const pidBy = async (pool: pg.Pool): Promise<number> => (await pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid

/** Kills sessions as an administrator does. */
async function terminate(pids: readonly number[]): Promise<void> {
  const admin = new pg.Client(database.url)
  await admin.connect()
  await admin.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [pids])
  await admin.end()
}

describe('the queue', () => {
  it('gives a waiter the first connection that becomes free, while connects hang', async () => {
    const pool = open({ max: 50, growAfter: '0ms' })
    await pool.warm(5)
    proxy.mode = 'swallow'
    const asked = Array.from({ length: 50 }, (_, n) => pool.query('select $1::int as n', [n]))
    expect((await Promise.all(asked)).map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(pool.idleCount).toBe(5)
  })

  it('fails a waiter after acquireTimeout with HF_PG_ACQUIRE_TIMEOUT and the call site of the longest holder', async () => {
    const clock = fakeClock()
    const pool = open({ max: 2, acquireTimeout: '2s', growAfter: '0ms' }, clock)
    const held = await pool.connect()
    clock.advance(1500)
    const later = await pool.connect()
    const failures = [pool.connect(), pool.query('select 1')].map(ask =>
      expect(ask).rejects.toMatchObject({
        code: 'HF_PG_ACQUIRE_TIMEOUT',
        retryable: true,
        message: expect.stringMatching(/waited 2000 ms .*limit 2000 ms\), 2 of 2 in use.*held 3\.5 s by .*pool\/pool\.test\.ts:\d+:\d+$/),
      }),
    )
    expect(pool.waitingCount).toBe(2)
    clock.advance(2000)
    await Promise.all(failures)
    expect(pool.waitingCount).toBe(0)
    held.release()
    later.release()
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  it('fails the caller beyond queueLimit at once with HF_PG_QUEUE_FULL', async () => {
    const pool = open({ max: 1, queueLimit: 1 })
    const held = await pool.connect()
    const waiting = pool.query('select 1')
    await expect(pool.query('select 2')).rejects.toMatchObject({ code: 'HF_PG_QUEUE_FULL', message: expect.stringContaining('pool.test.ts') })
    held.release()
    await waiting
    const impatient = open({ max: 2, queueLimit: 0, growAfter: '0ms' })
    const both = [await impatient.connect(), await impatient.connect()]
    await expect(impatient.connect()).rejects.toMatchObject({ code: 'HF_PG_QUEUE_FULL' })
    for (const client of both) client.release()
  })

  it('serves thousands who give back at once, on a stack of fixed depth', async () => {
    const pool = open({ max: 1 })
    let servedCount = 0
    await new Promise<void>(resolve => {
      for (let n = 0; n < 9000; n++) {
        pool.connect((_, __, release) => {
          if (++servedCount === 9000) resolve()
          release()
        })
      }
    })
    expect(servedCount).toBe(9000)
  })

  it('serves in the order of asking', async () => {
    const pool = open({ max: 1 })
    const order: number[] = []
    await Promise.all(Array.from({ length: 30 }, (_, n) => pool.query('select 1').then(() => order.push(n))))
    expect(order).toEqual(Array.from({ length: 30 }, (_, n) => n))
  })
})

describe('the size', () => {
  it('grows beyond min only for a caller that has waited for growAfter', async () => {
    const clock = fakeClock()
    const pool = open({ min: 1, max: 3, growAfter: '10ms' }, clock)
    const first = await pool.connect()
    const waiting = [pool.connect(), pool.connect()]
    clock.advance(9)
    expect(pool.totalCount).toBe(1)
    clock.advance(1)
    expect(pool.totalCount).toBe(3)
    for (const client of [first, ...(await Promise.all(waiting))]) client.release()
    expect(pool.idleCount).toBe(3)
  })

  it('opens no more connections at one time than connectsAtOnce, and never more than max', async () => {
    const pool = open({ max: 6, connectsAtOnce: 2, growAfter: '0ms' })
    const asked = Array.from({ length: 9 }, () => pool.connect())
    expect(pool.totalCount).toBe(2)
    const clients = await Promise.all(asked.slice(0, 6))
    expect(pool.totalCount).toBe(6)
    for (const client of clients) client.release()
    for (const client of await Promise.all(asked.slice(6))) client.release()
  })

  it('closes what was idle for idleTimeout, down to min', async () => {
    const clock = fakeClock()
    const pool = open({ min: 1, max: 4, idleTimeout: '10s' }, clock)
    await pool.warm(4)
    clock.advance(9000)
    await pool.query('select 1')
    clock.advance(3000)
    expect(pool.totalCount).toBe(1)
    clock.advance(60_000)
    expect(pool.totalCount).toBe(1)
  })

  it('replaces a connection at the end of its life, when it is idle', async () => {
    const clock = fakeClock()
    const pool = open({ min: 1, max: 1, maxLifetime: '1h', validateEvery: '0s' }, clock)
    const before = await pidBy(pool)
    clock.advance(3_500_000)
    expect(await pidBy(pool)).toBe(before)
    clock.advance(200_000)
    expect(await pidBy(pool)).not.toBe(before)
  })

  it('finds a connection that no longer answers, and replaces it', async () => {
    const clock = fakeClock()
    const pool = open({ min: 1, max: 1, validateEvery: '1m' }, clock)
    const before = await pidBy(pool)
    proxy.stalls = true
    clock.advance(75_000)
    expect(pool.totalCount).toBe(0)
    proxy.stalls = false
    expect(await pidBy(pool)).not.toBe(before)
  })
})

describe('a connection that comes back', () => {
  it('is kept after a statement that failed', async () => {
    const pool = open({ max: 1 })
    const before = await pidBy(pool)
    await expect(pool.query('select nope')).rejects.toMatchObject({ code: '42703' })
    await expect(pool.query('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
    expect(await pidBy(pool)).toBe(before)
  })

  it('inside a transaction is rolled back and kept, and its holder is logged as HF_PG_OPEN_TRANSACTION', async () => {
    const pool = open({ max: 1 })
    await pool.query('create table ledger (n int)')
    for (const spoil of ['select 1', 'select nope']) {
      const client = await pool.connect()
      await client.query('begin')
      await client.query('insert into ledger values (1)')
      await client.query(spoil).catch(() => undefined)
      client.release()
    }
    const before = await pidBy(pool)
    expect((await pool.query('select count(*)::int as n from ledger')).rows).toEqual([{ n: 0 }])
    expect(await pidBy(pool)).toBe(before)
    expect(logger.error).toHaveBeenCalledTimes(2)
    expect(logger.error).toHaveBeenCalledWith(
      expect.objectContaining({ code: 'HF_PG_OPEN_TRANSACTION' }),
      expect.stringMatching(/pool\.test\.ts:\d+/),
    )
  })

  it('with statements under way is handed on only when they are done', async () => {
    const pool = open({ max: 1 })
    const client = await pool.connect()
    await client.query('begin')
    await client.query('create table kept (n int)')
    const slow = client.query('select pg_sleep(0.03)')
    let isCommitted = false
    client.query('commit', () => {
      isCommitted = true
    })
    client.release()
    const next = await pool.connect()
    expect(isCommitted).toBe(true)
    await slow
    expect((await next.query("select to_regclass('kept') is not null as kept")).rows).toEqual([{ kept: true }])
    next.release()
    expect(logger.error).not.toHaveBeenCalled()
  })

  it('with a portal that nobody reads to its end is closed after the limit, and waiters get another', async () => {
    const { default: Cursor } = await import('pg-cursor')
    const clock = fakeClock()
    const pool = open({ max: 1 }, clock)
    const client = await pool.connect()
    const cursor = client.query(new Cursor('select generate_series(1, 1000)'))
    await cursor.read(1)
    client.release()
    const next = pool.query('select 1 as n')
    clock.advance(9_999)
    expect(pool.waitingCount).toBe(1)
    // The waiter's own limit is as long, so it is asked again by one that came later.
    const later = pool.query('select 2 as n')
    clock.advance(1)
    await expect(next).rejects.toMatchObject({ code: 'HF_PG_ACQUIRE_TIMEOUT' })
    expect((await later).rows).toEqual([{ n: 2 }])
  })
})

describe('when PostgreSQL fails', () => {
  it('lives through the loss of idle and of used connections without an error listener, and opens others', async () => {
    const pool = open({ max: 3 })
    await pool.warm(3)
    const held = await pool.connect()
    const pids = (
      await pool.query<{ pid: number }>('select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()')
    ).rows
    const used = pool.query('select pg_sleep(5)').catch(error => error.code)
    await vi.waitFor(() => expect(pool.idleCount).toBe(1))
    await terminate([...pids.map(({ pid }) => pid), pidOf(held)])
    await vi.waitFor(() => expect(pool.idleCount).toBe(0))
    held.release()
    await vi.waitFor(async () => expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }]))
    await terminate([
      (await pool.query<{ pid: number }>("select pid from pg_stat_activity where query like 'select pg_sleep(5)%'")).rows[0]?.pid ?? 0,
    ])
    expect(await used).toBe('57P01')
  })

  it('tells of a lost idle connection by the event of pg.Pool', async () => {
    const pool = open({ max: 1 })
    const lost = new Promise<[Error, pg.PoolClient]>(resolve => pool.once('error', (error, client) => resolve([error, client])))
    const pid = await pidBy(pool)
    await terminate([pid])
    const [error, client] = await lost
    expect(error).toMatchObject({ code: '57P01' })
    expect(pidOf(client)).toBe(pid)
  })

  it('gives up a new connection that is never ready to use, and takes the next', async () => {
    let turn = 0
    const onConnect = (): Promise<void> => (turn++ === 0 ? new Promise<void>(() => undefined) : Promise.resolve())
    const pool = open({ max: 1, connectTimeout: '200ms', onConnect } as unknown as Settings)
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    expect(turn).toBe(2)
  })

  it('refuses at once with HF_PG_LOGIN_REFUSED where trying again is no use', async () => {
    const nowhere = new URL(database.url)
    nowhere.pathname = '/absent'
    const pool = open({ connectionString: nowhere.href }, fakeClock())
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_LOGIN_REFUSED', retryable: false, context: { sqlstate: '3D000' } })
  })

  it('tries again, with back-off, while callers wait, and serves them when it is back', async () => {
    const pool = open({ max: 2 })
    proxy.mode = 'refuse'
    const waiting = Promise.all([pool.query('select 1 as n'), pool.query('select 2 as n')])
    const before = proxy.acceptedCount
    await vi.waitFor(() => expect(proxy.acceptedCount).toBeGreaterThan(before + 2))
    proxy.mode = 'pass'
    expect((await waiting).map(({ rows }) => rows[0].n)).toEqual([1, 2])
  })

  it('fails with HF_PG_CONNECT_FAILED and the reason after acquireTimeout, then at once, then recovers by itself', async () => {
    const clock = fakeClock()
    const pool = open({ max: 2, acquireTimeout: '1s', connectionString: proxy.url }, clock)
    proxy.mode = 'refuse'
    const first = expect(pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_CONNECT_FAILED', retryable: true, cause: expect.any(Error) })
    await vi.waitFor(() => expect(logger.warn).toHaveBeenCalled())
    clock.advance(1000)
    await first
    // The next one is the probe; whoever comes in the pause after it fails without waiting.
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_CONNECT_FAILED' })
    const attempts = proxy.acceptedCount
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_CONNECT_FAILED' })
    expect(proxy.acceptedCount).toBe(attempts)
    proxy.mode = 'pass'
    clock.advance(2000)
    expect((await pool.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })
})

describe('classes', () => {
  it('have their own time-out of statements and share one number of connections', async () => {
    const pool = open({
      max: 4,
      statementTimeout: '10s',
      classes: { critical: { reserved: 1 }, long: { max: 2 }, report: { statementTimeout: '1s' } },
    })
    const limit = async (one: pg.Pool): Promise<unknown> => (await one.query('show statement_timeout')).rows[0].statement_timeout
    expect(await Promise.all([limit(pool), limit(pool.of('critical')), limit(pool.of('long')), limit(pool.of('report'))])).toEqual([
      '10s',
      '5s',
      '3min',
      '1s',
    ])
    expect(() => pool.of('nope')).toThrow(expect.objectContaining({ code: 'HF_CONFIG_INVALID' }))
  })

  it('keep the reserved connections for their own, and lend the rest', async () => {
    const pool = open({ max: 3, growAfter: '0ms', classes: { critical: { reserved: 1 } } })
    const held = await Promise.all([pool.connect(), pool.connect()])
    let isServed = false
    const third = pool.connect().then(client => {
      isServed = true
      return client
    })
    const critical = await pool.of('critical').connect()
    expect(isServed).toBe(false)
    // A second critical one is beyond the reserve and waits until somebody else's place is free.
    const second = pool.of('critical').connect()
    held[0].release()
    held[1].release(true)
    const all = await Promise.all([third, second])
    expect(pool.totalCount + pool.of('critical').totalCount).toBe(3)
    for (const client of [critical, ...all]) client.release()
  })

  it('give a place to another class that waits as soon as a connection is idle', async () => {
    const pool = open({ max: 2, growAfter: '0ms', classes: { long: {} } })
    const held = await Promise.all([pool.connect(), pool.connect()])
    const waiting = pool.of('long').query('select 1 as n')
    held[0].release()
    expect((await waiting).rows).toEqual([{ n: 1 }])
    held[1].release()
  })

  it('close an idle connection of another class to make room', async () => {
    const pool = open({ max: 2, growAfter: '0ms', classes: { long: {} } })
    await pool.warm(2)
    const client = await pool.of('long').connect()
    expect([pool.totalCount, pool.of('long').totalCount]).toEqual([1, 1])
    client.release()
  })
})

describe('the end', () => {
  it('serves who waits already, refuses who comes later with HF_PG_POOL_ENDED, and closes all', async () => {
    const pool = open({ max: 2, classes: { long: {} } })
    const asked = Array.from({ length: 10 }, () => pool.query('select 1 as n'))
    const long = pool.of('long').query('select 2 as n')
    const ended = pool.end()
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'HF_PG_POOL_ENDED' })
    await expect(pool.end()).rejects.toThrow('more than once')
    expect(await Promise.all(asked)).toHaveLength(10)
    await long
    await ended
    expect([pool.ended, pool.totalCount, pool.of('long').totalCount]).toEqual([true, 0, 0])
    await vi.waitFor(() => expect(proxy.openCount).toBe(0))
  })
})

it('names every bad setting at once', () => {
  expect(() => createPool(pg, { min: 3, max: 2, connectsAtOnce: 0, classes: { a: { reserved: 2 } } })).toThrow(
    expect.objectContaining({ code: 'HF_CONFIG_INVALID', message: expect.stringMatching(/pool\.min.*connectsAtOnce.*classes/) }),
  )
  const wrong = { pooler: 'maybe', connectTimeout: '0s', maxUses: -1, onConnect: 5, classes: { a: null } }
  expect(() => createPool(pg, wrong as object)).toThrow(
    expect.objectContaining({ code: 'HF_CONFIG_INVALID', message: expect.stringMatching(/connectTimeout.*classes\.a.*pooler.*maxUses.*onConnect/) }),
  )
  for (const [driver, settings] of [
    [pg, undefined],
    [pg, 5],
    [undefined, {}],
    [{}, {}],
  ])
    expect(() => createPool(driver as typeof pg, settings as object)).toThrow(expect.objectContaining({ code: 'HF_CONFIG_INVALID' }))
})
