import { type Replication, startReplication } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { createPool, type HoldfastPg, type HoldfastPool, observePool } from 'holdfast/postgres'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'

type Pool = HoldfastPool<pg.Pool>

// Servers are killed and started, and a busy machine may be slow.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 })

let servers: Replication
let primary: Pool
let replicas: pg.Pool[]
let registry: Registry
let hf: HoldfastPg<Pool>

beforeAll(async () => {
  const { DATABASE_URL: _, ...env } = process.env
  servers = await startReplication({ replicas: 2, env })
  const client = new pg.Client(servers.primary.url)
  await client.connect()
  await client.query('drop table if exists thing')
  await client.query('create table thing as select n as id from generate_series(1, 1000) as n')
  await client.query('checkpoint')
  const { rows } = await client.query('select pg_current_wal_insert_lsn()::text as lsn')
  await client.end()
  // A replica that is killed starts again from its last restart point, for a moment further back than it was before: the table must be older than that.
  for (const { url } of servers.replicas) {
    const replica = new pg.Client(url)
    await replica.connect()
    const replayed = async (): Promise<boolean> =>
      (await replica.query('select pg_last_wal_replay_lsn() >= $1::pg_lsn as done', [rows[0].lsn])).rows[0].done
    await vi.waitFor(async () => expect(await replayed()).toBe(true), { timeout: 20_000 })
    await replica.query('checkpoint')
    await replica.end()
  }
})
afterAll(() => servers.stop())

beforeEach(async () => {
  primary = createPool(pg, { connectionString: servers.primary.url, max: 5 })
  // One pool of ours and one of the driver's: both must do.
  const [first, second] = servers.replicas
  replicas = [
    createPool(pg, { connectionString: first!.url, max: 5, acquireTimeout: WAIT_LIMIT }),
    new pg.Pool({ connectionString: second!.url, max: 5 }),
  ]
  registry = createRegistry()
  hf = observePool(primary, { registry, replicas, options: { replicas: { lookEvery: '50ms', answerWithin: '500ms' } } })
  await hf.start()
  await untilUsed(2)
})
afterEach(async () => {
  for (const load of loads.splice(0)) load.end()
  await hf.stop()
  await Promise.all([primary, ...replicas].map(pool => pool.end()))
})

async function untilUsed(count: number): Promise<void> {
  await expect.poll(() => hf.readState().replicas.filter(({ status }) => status === 'used').length, { timeout: 20_000 }).toBe(count)
}

async function countThings(): Promise<number> {
  const { rows } = await hf.read<{ count: number }>('select count(*)::int as count, pg_sleep(0.002) from thing')
  return rows[0]!.count
}

/** How long the pool of a replica lets its callers wait; none of them may be left to it. */
const WAIT_LIMIT = '60s'
const SLOWEST_LIMIT_MS = 30_000

interface Load {
  readonly doneCount: () => number
  /** Also of a test that failed: what reads without end from servers that are gone fills the memory with errors. */
  end(): void
  stop(): Promise<unknown[]>
}
const loads: Load[] = []

/** Reads without end, of which some are read-only transactions. */
function readers(count: number): Load {
  let isOver = false
  let slowestMs = 0
  let doneCount = 0
  const failures: unknown[] = []
  const read = async (number: number): Promise<void> => {
    while (!isOver) {
      const startMs = performance.now()
      try {
        if (number % 4 === 0) await hf.transaction(tx => tx.query('select pg_sleep(0.002)'), { readOnly: true, retries: 2 })
        else expect(await countThings()).toBe(1000)
        doneCount++
      } catch (error) {
        failures.push(error)
      }
      slowestMs = Math.max(slowestMs, performance.now() - startMs)
    }
  }
  const all = Array.from({ length: count }, (_, number) => read(number))
  const load: Load = {
    doneCount: () => doneCount,
    end: () => {
      isOver = true
    },
    async stop() {
      isOver = true
      await Promise.all(all)
      expect(slowestMs).toBeLessThan(SLOWEST_LIMIT_MS)
      return failures
    },
  }
  loads.push(load)
  return load
}

async function untilMore(load: { doneCount: () => number }, count: number): Promise<void> {
  const from = load.doneCount()
  await expect.poll(() => load.doneCount() - from, { timeout: 20_000 }).toBeGreaterThan(count)
}

it('rejects a read as the driver does, once, with a stack that leads to the caller, and leaves no connection checked out', async () => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  const wrong: [text: string, values: unknown[], reason: RegExp][] = [
    ['select $1::text', [circular], /circular/],
    ['select nothing', [], /nothing/],
  ]
  for (const [text, values, reason] of [...wrong, ...wrong]) {
    const error = await hf.read(text, values).catch((failure: Error) => failure)
    expect(error).toMatchObject({ message: expect.stringMatching(reason), stack: expect.stringContaining('faults.test.ts') })
  }
  await expect(hf.read(undefined as never)).rejects.toThrow(/undefined query/)
  expect(await countThings()).toBe(1000)
  expect(replicas.map(pool => pool.totalCount - pool.idleCount)).toEqual([0, 0])
  expect(hf.readState()).toMatchObject({ retryCount: 0, awayCount: 0, replicas: [{ lostCount: 0 }, { lostCount: 0 }] })
})

it('goes on reading without one error while a replica is killed and comes back', async () => {
  const load = readers(12)
  await untilMore(load, 100)
  await servers.replicas[0]!.kill()
  await untilMore(load, 100)
  await untilUsed(1)
  // The first look after its death may only have lost its connection.
  await expect
    .poll(() => hf.health().reasons[0]?.why, { timeout: 20_000 })
    .toMatch(/^replica 127\.0\.0\.1:\d+ is away \(.*ECONNREFUSED.*\): 1 of 2 replicas take its reads$/)
  await servers.replicas[0]!.restart()
  await untilUsed(2)
  const { readCount } = hf.readState().replicas[0]!
  await expect.poll(() => hf.readState().replicas[0]!.readCount, { timeout: 20_000 }).toBeGreaterThan(readCount + 20)
  expect(hf.readState().replicas[0]!.circuit).toBe('closed')
  expect(await load.stop()).toEqual([])
  // Else nothing was in its way.
  expect(hf.readState().retryCount).toBeGreaterThan(0)
  expect(hf.health().status).toBe('ok')
})

it('takes reads away from a replica that is frozen, those under way too', async () => {
  const load = readers(12)
  await untilMore(load, 100)
  servers.replicas[1]!.freeze()
  try {
    await untilUsed(1)
    await untilMore(load, 100)
    // Every reader goes on, none of them waits for the frozen one.
    expect(hf.readState().replicas[1]).toMatchObject({ status: 'away', outstanding: 0 })
    expect(hf.readState().retryCount).toBeGreaterThan(0)
  } finally {
    servers.replicas[1]!.thaw()
  }
  await untilUsed(2)
  expect(await load.stop()).toEqual([])
})

it('reads from the primary when no replica can be had, and from replicas when the primary cannot', async () => {
  await Promise.all(servers.replicas.map(replica => replica.kill()))
  for (let n = 0; n < 10; n++) expect(await countThings()).toBe(1000)
  await untilUsed(0)
  expect(hf.readState().awayCount).toBeGreaterThan(0)
  expect(hf.health().reasons.map(({ why }) => why)).toEqual([
    expect.stringContaining('all reads go to the primary'),
    expect.stringContaining('all reads go to the primary'),
  ])
  await Promise.all(servers.replicas.map(replica => replica.restart()))
  await untilUsed(2)
  await runInRequestScope(createRequestScope(), async () => {
    await hf.transaction(tx => tx.query('delete from thing where id = 1001'))
    const token = hf.readToken()
    await untilUsed(2)
    await expect.poll(() => hf.readState().replicas.map(({ lagBytes }) => lagBytes), { timeout: 10_000 }).toEqual([0, 0])
    await servers.primary.kill()
    await expect
      .poll(() => hf.health().reasons.map(({ why }) => why), { timeout: 20_000 })
      .toEqual([expect.stringContaining('the position of the primary is not known')])
    // What was seen of the primary before it died is enough for a token; the replicas have it.
    hf.readAfter(token)
    expect(await countThings()).toBe(1000)
  })
  await servers.primary.restart()
  await expect.poll(() => hf.health().status, { timeout: 20_000 }).toBe('ok')
})

it('repeats nothing that a server answered with an error, and keeps on the primary what is not for replicas', async () => {
  const before = hf.readState()
  await expect(hf.read('insert into thing values (1)')).rejects.toMatchObject({ code: '25006' })
  await expect(hf.read('select 1 / 0')).rejects.toMatchObject({ code: '22012' })
  await expect(hf.transaction(tx => tx.query('delete from thing'), { readOnly: true })).rejects.toMatchObject({ code: '25006' })
  expect(hf.readState()).toMatchObject({ retryCount: before.retryCount, chosenCount: before.chosenCount + 3 })
  const served = async (options: object): Promise<unknown> =>
    (await hf.transaction(tx => tx.query<{ on_replica: boolean }>('select pg_is_in_recovery() as on_replica'), { readOnly: true, ...options }))
      .rows[0]!.on_replica
  expect(await served({})).toBe(true)
  expect(await served({ on: 'primary' })).toBe(false)
  expect(await served({ isolation: 'serializable' })).toBe(false)
  expect((await hf.query('select pg_is_in_recovery() as on_replica')).rows[0]!.on_replica).toBe(false)
})

// Last, for it takes a replica away from the others.
it('reads no more from a replica that was promoted, nor from a server of another cluster', async () => {
  const client = new pg.Client(servers.replicas[0]!.url)
  await client.connect()
  await client.query('select pg_promote()')
  await client.end()
  await expect.poll(() => hf.readState().replicas[0]!.status, { timeout: 20_000 }).toBe('promoted')
  expect(hf.health().reasons[0]!.why).toContain('is a primary now')
  const { readCount } = hf.readState().replicas[0]!
  for (let n = 0; n < 20; n++) await countThings()
  expect(hf.readState().replicas[0]!.readCount).toBe(readCount)
  const stranger = createPool(pg, { connectionString: process.env.HOLDFAST_TEST_PG_URL })
  const misplaced = createPool(pg, { connectionString: servers.replicas[1]!.url })
  const mixed = observePool(stranger, { registry: createRegistry(), replicas: [misplaced] })
  await mixed.start()
  await expect.poll(() => mixed.readState().replicas[0]!.status, { timeout: 10_000 }).toBe('foreign')
  await mixed.stop()
  await Promise.all([stranger.end(), misplaced.end()])
})
