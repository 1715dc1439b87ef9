import { type ClonedDatabase, cloneDatabase, type FakeClock, fakeClock } from '@holdfast/testkit'
import { holdfast } from 'holdfast'
import type { Logger } from 'holdfast/core'
import { type HoldfastPg, observePool, type PostgresOptions, type SlowStatement } from 'holdfast/postgres'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTcpProxy } from './pool/tcp-proxy.ts'

let database: ClonedDatabase
const closers: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'slow' })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(`create table lead (id int primary key, status text, note text);
    insert into lead select n, 'open', 'note ' || n from generate_series(1, 500) n; analyze lead; create sequence counted`)
  await client.end()
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})
afterAll(() => database.drop())

interface Stage {
  readonly pool: pg.Pool
  readonly watched: HoldfastPg<pg.Pool>
  readonly clock: FakeClock
  readonly logger: Logger
  readonly registry: Registry
  /** Runs a statement that takes so long, by the clock. */
  run(tookMs: number, text: string, values?: unknown[]): Promise<unknown>
}

async function open(options: PostgresOptions = {}, max = 2, url: string = database.url): Promise<Stage> {
  const pool = new pg.Pool({ connectionString: url, max })
  const clock = fakeClock()
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const registry = createRegistry()
  const watched = observePool(pool, { registry, clock, logger, options })
  await watched.start()
  closers.push(
    () => pool.end(),
    () => watched.stop(),
  )
  return {
    ...{ pool, watched, clock, logger, registry },
    async run(tookMs, text, values) {
      const client = await pool.connect()
      const answer = client.query(text, values)
      clock.advance(tookMs)
      await answer.catch(() => undefined)
      client.release()
    },
  }
}

/** Looks each second until the newest slow statement has a plan or a reason. */
async function planned({ clock, watched }: Stage, find = (all: readonly SlowStatement[]) => all[0]): Promise<SlowStatement> {
  await expect
    .poll(() => {
      clock.advance(1000)
      const statement = find(watched.slowStatements())
      return statement?.plan ?? statement?.noPlan
    })
    .toBeDefined()
  return find(watched.slowStatements())!
}

const BY_STATUS = 'select id from lead where status = $1 and note <> $2'

describe('a slow statement', () => {
  it('is logged with normalised text, as a warning, as an error beyond the second limit, and once a minute', async () => {
    const { clock, logger, registry, run } = await open({ slowPlans: false })
    await run(499, "select 1, 'quick'")
    await run(600, "select 2::text, 'secret'")
    await run(700, "select 2::text, 'secret'")
    await run(1500, "select 'secret', 3::text as other")
    expect(logger.warn).toHaveBeenCalledExactlyOnceWith(
      { fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/), text: 'select $1::text, $2', tookMs: 600, poolWaitMs: 0 },
      'statement took 600 ms (limit 500 ms)',
    )
    expect(logger.error).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ text: 'select $1, $2::text as other' }),
      'statement took 1500 ms (limit 1000 ms)',
    )
    clock.advance(60_000)
    await run(800, "select 2::text, 'secret'")
    expect(logger.warn).toHaveBeenCalledTimes(2)
    const counts = registry.snapshot().find(({ name }) => name === 'holdfast_pg_slow_statements')
    expect(counts?.series.map(({ labels, value }) => [labels[0], value])).toEqual([
      ['warn', 3],
      ['error', 1],
    ])
  })

  it('is listed with its counts, the wait for the pool apart', async () => {
    const { pool, watched, clock, run } = await open({ slowPlans: false }, 1)
    await run(600, 'select 1')
    const held = await pool.connect()
    const queued = pool.query('select pg_sleep(0.2)')
    clock.advance(3000)
    held.release()
    // The pool hands over in the next tick; the answer takes 200 ms more.
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(700)
    await queued
    expect(watched.slowStatements()).toMatchObject([
      { text: 'select pg_sleep($1)', slowCount: 1, totalMs: 700, worstMs: 700, poolWaitMs: 3000, lastAtMs: clock.nowMs() },
      { text: 'select $1', slowCount: 1, totalMs: 600, worstMs: 600, poolWaitMs: 0 },
    ])
  })

  it('is in what the console collects', async () => {
    const pool = new pg.Pool({ connectionString: database.url })
    const hf = await holdfast({ pg: pool, postgres: { slowWarn: '1ms', slowError: '60s', slowPlans: false } })
    await pool.query('select pg_sleep(0.02)')
    expect(hf.snapshot().slow).toMatchObject([{ text: 'select pg_sleep($1)', slowCount: 1 }])
    await hf.stop()
    await pool.end()
  })

  it('is summed up in the log every five minutes, with what is new', async () => {
    const { clock, logger, run } = await open({ slowPlans: false })
    const summaries = (): unknown[] => vi.mocked(logger.warn).mock.calls.filter(([, message]) => message?.includes('in 5 minutes'))
    await run(600, 'select 1')
    await run(900, 'select 1')
    for (let minute = 0; minute < 5; minute++) clock.advance(60_000)
    expect(summaries()).toEqual([
      [
        { slow: [expect.objectContaining({ text: 'select $1', slowCount: 2, totalMs: 1500, worstMs: 900 })] },
        '2 slow calls of 1 statements in 5 minutes; the most time took: select $1',
      ],
    ])
    for (let minute = 0; minute < 5; minute++) clock.advance(60_000)
    expect(summaries()).toHaveLength(1)
    await run(700, 'select 1')
    for (let minute = 0; minute < 5; minute++) clock.advance(60_000)
    expect(summaries()).toHaveLength(2)
    expect(summaries()[1]).toMatchObject([{ slow: [{ slowCount: 1, totalMs: 700 }] }, expect.anything()])
  })
})

describe('the plan of a slow SELECT', () => {
  it('comes from a spare connection, without a literal, and is not counted as a statement of the service', async () => {
    const stage = await open()
    await stage.run(600, BY_STATUS, ['open', 'my secret'])
    const { plan } = await planned(stage)
    expect(plan?.worstStep).toMatch(/^Seq Scan on lead, 100 % of the cost$/)
    expect(plan?.text).toMatch(/^Seq Scan on lead {2}\(\d+ rows, 100 % of the cost\)\n {2}Filter: .*status = \?/)
    expect(plan?.text).not.toContain('secret')
    expect(stage.watched.statements().map(({ text }) => text)).toEqual([BY_STATUS])
    expect(stage.logger.info).toHaveBeenCalledExactlyOnceWith({ plan: plan?.text }, expect.stringContaining('Seq Scan on lead'))
    expect(stage.watched.poolState()).toMatchObject({ used: 0 })
  })

  it('runs nothing again', async () => {
    const stage = await open()
    await stage.run(600, "select nextval('counted')")
    expect((await planned(stage)).plan?.worstStep).toContain('Result')
    expect((await stage.pool.query('select last_value::int as n from counted')).rows).toEqual([{ n: 1 }])
  })

  it.each([
    ['an update', 'update lead set note = note where id = 1', 'it writes'],
    ['a hidden write', 'with gone as (delete from lead where id = 999 returning 1) select * from gone', 'it writes'],
    ['a locking read', 'select * from lead where id = 1 for update', 'it locks rows'],
    ['several statements', 'select 1; select 2', 'HF_PG_EXPLAIN_SEVERAL'],
    ['a utility statement', 'set application_name = app', 'it is no query'],
    ['large parameters', [`select $1::text`, ['x'.repeat(5000)]], 'too large to keep'],
  ])('is not asked for of %s, and the reason is given', async (_, statement, reason) => {
    const stage = await open()
    const [text, values] = typeof statement === 'string' ? [statement] : (statement as [string, unknown[]])
    await stage.run(600, text, values)
    const { plan, noPlan } = await planned(stage)
    expect(plan).toBeUndefined()
    expect(noPlan).toContain(reason)
  })

  it('is asked for once a minute and statement, and anew after it', async () => {
    const stage = await open()
    await stage.run(600, BY_STATUS, ['open', 'a'])
    const first = (await planned(stage)).plan!
    await stage.run(600, BY_STATUS, ['open', 'b'])
    for (let n = 0; n < 5; n++) stage.clock.advance(1000)
    expect(stage.watched.slowStatements()[0]?.plan).toEqual(first)
    stage.clock.advance(60_000)
    await stage.run(600, BY_STATUS, ['open', 'c'])
    await expect
      .poll(() => {
        stage.clock.advance(1000)
        return stage.watched.slowStatements()[0]?.plan?.atMs
      })
      .toBeGreaterThan(first.atMs)
  })

  it('waits while more than half of the pool is in use, and is given up after a minute', async () => {
    const stage = await open({}, 3)
    const held = await Promise.all([stage.pool.connect(), stage.pool.connect()])
    await stage.run(600, BY_STATUS, ['open', 'a'])
    for (let second = 0; second < 59; second++) stage.clock.advance(1000)
    const waiting = stage.watched.slowStatements()
    for (let second = 0; second < 3; second++) stage.clock.advance(1000)
    const givenUp = stage.watched.slowStatements()
    for (const client of held) client.release()
    expect(waiting[0]).not.toHaveProperty('noPlan')
    expect(givenUp[0]).toMatchObject({ noPlan: 'the pool was busy for a minute' })
    await stage.run(600, BY_STATUS, ['open', 'b'])
    expect((await planned(stage, all => all.find(({ plan }) => plan !== undefined))).plan).toBeDefined()
  })

  it('that cannot be had leaves the pool as it was, and its reason quotes no value', async () => {
    const stage = await open()
    await stage.pool.query('create table passing (id int)')
    await stage.run(600, 'select id from passing where id = $1', [1])
    await stage.pool.query('drop table passing')
    expect((await planned(stage)).noPlan).toBe('it could not be planned (42P01)')
    await stage.run(600, 'select $1::int', ['hunter2'])
    const { noPlan } = await planned(stage, all => all.find(({ text }) => text === 'select $1::int'))
    expect(noPlan).toBe('it could not be planned (22P02)')
    expect((await stage.pool.query('show transaction_read_only')).rows).toEqual([{ transaction_read_only: 'off' }])
  })

  it('waits for no lock', async () => {
    const stage = await open()
    await stage.run(600, BY_STATUS, ['open', 'a'])
    const other = new pg.Client({ connectionString: database.url })
    await other.connect()
    await other.query('begin; lock table lead in access exclusive mode')
    const { noPlan } = await planned(stage)
    await other.end()
    expect(noPlan).toBe('it could not be planned (55P03)')
  })

  it('gives up a connection that does not answer, so that the stop is not held up', async () => {
    const proxy = await startTcpProxy(database.url)
    const stage = await open({}, 2, proxy.url)
    await stage.run(600, BY_STATUS, ['open', 'a'])
    expect(proxy.openCount).toBe(1)
    proxy.stalls = true
    expect((await planned(stage)).noPlan).toBe('the connection did not answer')
    await stage.watched.stop()
    await expect.poll(() => stage.pool.totalCount).toBe(0)
    await proxy.close()
  })

  it('is off with slowPlans: false, and a wrong option is refused', async () => {
    const stage = await open({ slowPlans: false })
    await stage.run(600, BY_STATUS, ['open', 'a'])
    for (let n = 0; n < 3; n++) stage.clock.advance(1000)
    expect(stage.watched.poolState()).toMatchObject({ used: 0 })
    expect(stage.watched.slowStatements()[0]).not.toHaveProperty('plan')
    const options = { slowPlans: 'yes' as never }
    expect(() => observePool(stage.pool, { registry: createRegistry(), options })).toThrow(expect.objectContaining({ code: 'HF_CONFIG_INVALID' }))
  })
})
