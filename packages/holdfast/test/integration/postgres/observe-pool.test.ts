import { tracingChannel } from 'node:diagnostics_channel'
import { type ClonedDatabase, cloneDatabase, fakeClock, stressLifecycle } from '@holdfast/testkit'
import { type HoldfastPg, type ObservePoolDeps, observePool, STATEMENT_CHANNEL, type StatementTrace } from 'holdfast/postgres'
import { createRegistry, type FamilySnapshot, type Registry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

let database: ClonedDatabase
const opened: { pool: pg.Pool; watched: HoldfastPg<pg.Pool> }[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'observe' })
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
  const pool = new pg.Pool({ connectionString: database.url, max: 2, ...config })
  const watched = observePool(pool, { registry, ...deps })
  await watched.start()
  opened.push({ pool, watched })
  return { pool, watched, registry }
}

function family(registry: Registry, name: string): FamilySnapshot {
  const found = registry.snapshot().find(candidate => candidate.name === name)
  if (found === undefined) throw new Error(`no metric ${name}`)
  return found
}
const values = (registry: Registry, name: string): Record<string, number> =>
  Object.fromEntries(family(registry, name).series.map(series => [series.labels.join(), series.value ?? series.histogram?.count ?? 0]))

describe('the statements of an observed pool', () => {
  it('counts calls, rows, errors and time by fingerprint, without a literal', async () => {
    const { watched } = await open()
    for (const n of [1, 2, 3]) await watched.query(`select n, 'secret-${n}' from generate_series(1, ${n}) n /* trace ${n} */`)
    await watched.query('select 1 / $1::int', [0]).catch(() => undefined)
    const [series, division] = watched.statements()
    expect(series).toMatchObject({ callCount: 3, errorCount: 0, rowCount: 6, text: 'select n, $1 from generate_series($2, $3) n' })
    expect(series!.fingerprint).toMatch(/^[0-9a-f]{16}$/)
    expect(series!.histogram.count).toBe(3)
    expect(series!.histogram.sum).toBeCloseTo(series!.totalMs / 1000, 9)
    expect(division).toMatchObject({ callCount: 1, errorCount: 1, rowCount: 0 })
    expect(JSON.stringify(watched.statements())).not.toContain('secret')
  })

  it('has the fingerprint that pg_stat_statements texts have', async () => {
    const { watched } = await open()
    await watched.query("select relname from pg_class where relname in ('a', 'b', 'c') and relpages > 5")
    await watched.query('select relname from pg_class where relname in ($1) and relpages > $2', ['a', 1])
    expect(watched.statements()).toHaveLength(1)
  })

  it('keeps real parameters for the advisor', async () => {
    const { watched } = await open()
    for (let n = 0; n < 50; n++) await watched.query('select $1::int', [n])
    const [statement] = watched.statements()
    const samples = watched.bindSamples(statement!.fingerprint)
    expect(samples.length).toBeGreaterThanOrEqual(3)
    expect(samples.length).toBeLessThanOrEqual(16)
    for (const { values: binds } of samples) expect(binds[0]).toBeTypeOf('number')
    expect(watched.bindSamples('unknown')).toEqual([])
  })

  it('feeds the registry under the names that the console reads', async () => {
    const { watched, registry } = await open()
    await watched.query('select 1')
    await watched.query('select nope').catch(() => undefined)
    const held = await watched.pool.connect()
    expect(values(registry, 'holdfast_pg_statement_seconds')).toEqual({ '': 2 })
    expect(values(registry, 'holdfast_pg_acquire_wait_seconds')).toEqual({ '': 3 })
    expect(values(registry, 'holdfast_pg_statement_errors')).toEqual({ 42703: 1 })
    expect(values(registry, 'holdfast_pg_pool_connections')).toEqual({ used: 1, idle: 0, waiting: 0, max: 2 })
    expect(watched.poolState()).toEqual({ used: 1, idle: 0, waiting: 0, max: 2 })
    held.release()
    await watched.query('select 1')
    await watched.stop()
    expect(values(registry, 'holdfast_pg_statement_seconds')).toEqual({ '': 3 })
  })

  it('adds the statements of two pools in one registry', async () => {
    const { watched, registry } = await open()
    const other = await open({ registry })
    await watched.query('select 1')
    values(registry, 'holdfast_pg_statement_seconds')
    await other.watched.query('select 1')
    await watched.query('select 1')
    expect(values(registry, 'holdfast_pg_statement_seconds')).toEqual({ '': 3 })
  })

  it('counts what is beyond the statement limit as other, and says how much', async () => {
    const { watched, registry } = await open({ options: { statementLimit: 2 } })
    for (const column of ['a', 'b', 'c', 'd', 'd']) await watched.query(`select 1 as ${column}, 2 as x${column}, now()::date as ${column}${column}`)
    const statements = watched.statements()
    expect(statements.find(statement => statement.fingerprint === 'other')).toMatchObject({ callCount: 3, rowCount: 3 })
    expect(values(registry, 'holdfast_pg_statement_overflow')).toEqual({ '': 3 })
  })

  it('times a statement that queues behind another on one connection from when it could start', async () => {
    const { pool, watched } = await open()
    const client = await pool.connect()
    await Promise.all([client.query('select pg_sleep(0.05)'), client.query('select 2 as quick')])
    client.release()
    const quick = watched.statements().find(statement => statement.text.includes('quick'))
    expect(quick!.totalMs).toBeLessThan(40)
  })

  it('publishes each statement on its diagnostics channel while somebody listens', async () => {
    const { watched } = await open()
    const heard: string[] = []
    let last: StatementTrace | undefined
    const subscribers = {
      start: () => heard.push('start'),
      end: () => heard.push('end'),
      asyncStart: () => heard.push('asyncStart'),
      asyncEnd: (trace: StatementTrace) => {
        heard.push('asyncEnd')
        last = trace
      },
      error: () => heard.push('error'),
    }
    const channel = tracingChannel<StatementTrace, StatementTrace>(STATEMENT_CHANNEL)
    channel.subscribe(subscribers as never)
    await watched.query('select 1 as one')
    expect(last).toMatchObject({ text: 'select 1 as one', rowCount: 1 })
    await watched.query('select nope').catch(() => undefined)
    channel.unsubscribe(subscribers as never)
    await watched.query('select 2')
    expect(heard).toEqual(['start', 'end', 'asyncStart', 'asyncEnd', 'start', 'end', 'error', 'asyncStart', 'asyncEnd'])
    expect(last).toMatchObject({ error: { code: '42703' } })
  })
})

describe('the life of an observer', () => {
  it('keeps the lifecycle contract', async () => {
    const pool = new pg.Pool({ connectionString: database.url })
    await stressLifecycle(() => observePool(pool, { registry: createRegistry() }))
    await pool.end()
  })

  it('puts the pool back as it was and leaves it open', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 2 })
    const before = { Client: (pool as unknown as { Client: unknown }).Client, connect: pool.connect, keys: Object.keys(pool) }
    const older = await pool.connect()
    older.release()
    const watched = observePool(pool, { registry: createRegistry() })
    await watched.start()
    await Promise.all([pool.query('select 1'), pool.query('select 2')])
    await watched.stop()
    const after = { Client: (pool as unknown as { Client: unknown }).Client, connect: pool.connect, keys: Object.keys(pool) }
    expect(after).toEqual(before)
    expect(Object.hasOwn(pool, 'connect')).toBe(false)
    expect(Object.hasOwn(older, 'query')).toBe(false)
    expect(pool.listenerCount('error')).toBe(0)
    expect((await pool.query('select 3 as n')).rows).toEqual([{ n: 3 }])
    expect(watched.statements()[0]?.callCount).toBe(2)
    await pool.end()
  })

  it('leaves no listener and no property of a client behind, however often it comes and goes under load', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 2 })
    let isOver = false
    const load = Array.from({ length: 4 }, async () => {
      while (!isOver) await pool.query('select 1')
    })
    for (let round = 0; round < 12; round++) {
      const watched = observePool(pool, { registry: createRegistry() })
      await watched.start()
      await pool.query('select 2')
      await watched.stop()
    }
    isOver = true
    await Promise.all(load)
    const clients = await Promise.all([pool.connect(), pool.connect()])
    expect(clients.map(client => [client.listenerCount('error'), Object.hasOwn(client, 'query')])).toEqual([
      [0, false],
      [0, false],
    ])
    expect(pool.eventNames()).toEqual([])
    for (const client of clients) client.release()
    await pool.end()
  })

  it('sends a Submittable that takes no property as the driver does', async () => {
    const { pool } = await open()
    const client = await pool.connect()
    const rows: unknown[] = []
    await new Promise<void>(resolve => {
      const nothing = (): void => undefined
      const frozen = Object.freeze({
        submit: (connection: { query(text: string): void }) => connection.query('select 42'),
        handleRowDescription: nothing,
        handleDataRow: (row: unknown) => rows.push(row),
        handleCommandComplete: nothing,
        handleReadyForQuery: () => resolve(),
        handleError: nothing,
      })
      client.query(frozen as unknown as pg.Submittable)
    })
    expect(rows).toHaveLength(1)
    client.release()
  })

  it('sees connections of an earlier observer', async () => {
    const { pool, watched } = await open()
    await pool.query('select 1')
    await watched.stop()
    const second = observePool(pool, { registry: createRegistry() })
    await second.start()
    await pool.query('select 1')
    expect(second.statements()[0]?.callCount).toBe(1)
    expect(watched.statements()[0]?.callCount).toBe(1)
    await second.stop()
  })

  it('refuses a second observer of one pool with HF_PG_ALREADY_OBSERVED and disturbs the first as little as nothing', async () => {
    const { pool, watched } = await open()
    const second = observePool(pool, { registry: createRegistry() })
    await expect(second.start()).rejects.toMatchObject({ code: 'HF_PG_ALREADY_OBSERVED' })
    await second.stop()
    await pool.query('select 1')
    expect(watched.statements()[0]?.callCount).toBe(1)
  })

  it('names everything that is wrong with its options at once', () => {
    const options = { slowWarn: '2s', slowError: '1s', statementLimit: 0, slowWarning: '1s' } as const
    expect(() => observePool({} as pg.Pool, { registry: createRegistry(), options })).toThrow(
      expect.objectContaining({ code: 'HF_CONFIG_INVALID', message: expect.stringMatching(/not a pg.Pool.*slowWarning.*slowError.*statementLimit/) }),
    )
  })
})

describe('when PostgreSQL goes away', () => {
  it('lives through the loss of idle and of checked-out connections, counts them, and recovers', async () => {
    const { pool, watched, registry } = await open({}, { max: 3 })
    const idle = await pool.connect()
    const held = await pool.connect()
    const admin = await pool.connect()
    const pids = [idle, held].map(client => (client as unknown as { processID: number }).processID)
    idle.release()
    // Without the observer's listeners pg would end the process here.
    const ends = [idle, held].map(client => new Promise<void>(resolve => client.once('end', resolve)))
    await admin.query('select pg_terminate_backend(pid) from unnest($1::int[]) pid', [pids])
    await Promise.all(ends)
    held.release(true)
    admin.release()
    expect(values(registry, 'holdfast_pg_connections_lost')).toEqual({ '57P01': 2 })
    expect((await watched.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  })

  it('says degraded with since after three failed checkouts, and ok after the next good one', async () => {
    const clock = fakeClock()
    const { pool, watched, registry } = await open({ clock })
    const { host, port } = pool.options
    expect(watched.health()).toEqual({ status: 'ok', reasons: [] })
    const startMs = clock.nowMs()
    Object.assign(pool.options, { connectionString: undefined, host: '127.0.0.1', port: 1 })
    for (let n = 0; n < 3; n++) {
      await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      clock.advance(1000)
    }
    expect(watched.health()).toMatchObject({ status: 'degraded', reasons: [{ component: 'postgres', sinceMs: startMs }] })
    expect(values(registry, 'holdfast_pg_acquire_errors')).toEqual({ connection: 3 })
    Object.assign(pool.options, { connectionString: database.url, host, port })
    await pool.query('select 1')
    expect(watched.health().status).toBe('ok')
  })

  it('says degraded while as many callers wait as there are connections', async () => {
    const clock = fakeClock()
    const { pool, watched } = await open({ clock })
    const held = [await pool.connect(), await pool.connect()]
    const waiting = [pool.query('select 1'), pool.query('select 1')]
    expect(watched.health()).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining('2 callers wait') }] })
    for (const client of held) client.release()
    await Promise.all(waiting)
    expect(watched.health().status).toBe('ok')
  })
})

describe('stopping under load', () => {
  it('lets what is under way end as it would have, and leaves nothing behind', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 2 })
    const watched = observePool(pool, { registry: createRegistry() })
    await watched.start()
    const under = Array.from({ length: 20 }, (_, n) => pool.query('select $1::int as n, pg_sleep(0.005)', [n]))
    const tx = watched.transaction(async open => {
      await watched.stop()
      return (await open.query('select 1 as n')).rows
    })
    expect(await tx).toEqual([{ n: 1 }])
    expect((await Promise.all(under)).map(result => result.rows[0].n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    expect(watched.poolState()).toMatchObject({ used: 0, waiting: 0 })
    await pool.end()
  })
})
