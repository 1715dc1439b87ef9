import type { AddressInfo } from 'node:net'
import { type Replication, startReplication } from '@holdfast/dev-services'
import expressJs from 'express'
import { holdfast } from 'holdfast'
import { createRequestScope, runInRequestScope, systemClock } from 'holdfast/core'
import { express, readYourWrites } from 'holdfast/express'
import { createRequestMonitor } from 'holdfast/http'
import { createPool, type HoldfastPg, type HoldfastPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { seededRandom } from '../../../cache/seeded-random.ts'

type Pool = HoldfastPool<pg.Pool>

let servers: Replication
let primary: Pool
let replicas: Pool[]
let hf: HoldfastPg<Pool>

const SEED = Number(process.env.HOLDFAST_TEST_SEED ?? 7)
/** Operations of each user; more by hand. */
const OPERATIONS = Number(process.env.HOLDFAST_TEST_REPLICA_OPERATIONS ?? 25)
/** And at most this many times as many, until each of the cases that the test is about has come. */
const PATIENCE = 8
const USERS = 6

// Servers are started and stopped, and a busy machine may be slow.
vi.setConfig({ testTimeout: 60_000 + OPERATIONS * 1000, hookTimeout: 120_000 })

beforeAll(async () => {
  const { DATABASE_URL: _, ...env } = process.env
  // Without fsync dev-services turn it off, and then the log leaves for the replicas up to 200 ms after COMMIT.
  servers = await startReplication({ replicas: 2, env, settings: { synchronous_commit: 'on' } })
})
afterAll(() => servers.stop())

beforeEach(async () => {
  primary = createPool(pg, { connectionString: servers.primary.url, max: 8 })
  replicas = servers.replicas.map(({ url }) => createPool(pg, { connectionString: url, max: 8 }))
  await primary.query('drop table if exists account')
  await primary.query('create table account (id int primary key, version int not null)')
  await primary.query('insert into account select n, 0 from generate_series(1, 100) as n')
  hf = observePool(primary, { registry: createRegistry(), replicas, options: { replicas: { lookEvery: '50ms', replayWait: '100ms' } } })
  await hf.start()
  await untilUsed(2)
})
afterEach(async () => {
  for (const { url } of servers.replicas) {
    await onServer(url, 'alter system reset recovery_min_apply_delay')
    await onServer(url, 'select pg_reload_conf()')
    await onServer(url, 'select pg_wal_replay_resume()')
  }
  await hf.stop()
  await Promise.all([primary, ...replicas].map(pool => pool.end()))
})

async function onServer(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function delayReplay(delay: string): Promise<void> {
  for (const { url } of servers.replicas) {
    await onServer(url, `alter system set recovery_min_apply_delay = '${delay}'`)
    await onServer(url, 'select pg_reload_conf()')
  }
}

async function untilUsed(count: number): Promise<void> {
  const used = (): number => hf.readState().replicas.filter(({ status, lagBytes }) => status === 'used' && lagBytes === 0).length
  await expect.poll(used, { timeout: 20_000 }).toBe(count)
}

function inRequest<T>(work: () => Promise<T>): Promise<T> {
  return runInRequestScope(createRequestScope(), work)
}

async function versionOf(id: number, after?: string): Promise<number> {
  const { rows } = await hf.read<{ version: number }>('select version from account where id = $1', [id], after === undefined ? {} : { after })
  return rows[0]!.version
}

const UPDATE = 'update account set version = version + 1 where id = $1 returning version'

/** The ways in which a service writes, Holdfast's own transaction and an ORM's over the pool among them. */
const WRITES: readonly ((id: number) => Promise<number>)[] = [
  async id => (await primary.query(UPDATE, [id])).rows[0].version,
  id => hf.transaction(async tx => (await tx.query(UPDATE, [id])).rows[0].version),
  async id => {
    const client = await primary.connect()
    try {
      await client.query('begin')
      // COMMIT then answers before its record is even written to the log.
      await client.query('set local synchronous_commit = off')
      const { rows } = await client.query(UPDATE, [id])
      await client.query('commit')
      return rows[0].version
    } finally {
      client.release()
    }
  },
]

it('never shows a user the past of its own writes, whatever the lag, and uses the replicas all the same', async () => {
  const random = seededRandom(SEED)
  await onServer(servers.replicas[1]!.url, `alter system set recovery_min_apply_delay = '25ms'`)
  await onServer(servers.replicas[1]!.url, 'select pg_reload_conf()')
  let isOver = false
  const chaos = async (): Promise<void> => {
    while (!isOver) {
      const { url } = servers.replicas[Math.floor(random() * 2)]!
      await onServer(url, 'select pg_wal_replay_pause()')
      await new Promise(resolve => setTimeout(resolve, 10 + random() * 200))
      await onServer(url, 'select pg_wal_replay_resume()')
      await new Promise(resolve => setTimeout(resolve, random() * 80))
    }
  }
  const stale: string[] = []
  let unguardedPast = 0
  // Replicas were behind, were waited for, were given up, and were used: else it was no test. How often depends on the machine.
  const hasSeenEachCase = (): boolean => {
    const { chosenCount, waitedCount, behindCount } = hf.readState()
    return Math.min(unguardedPast, chosenCount, waitedCount, behindCount) > 0
  }
  const user = async (id: number): Promise<void> => {
    const own = seededRandom(SEED * 1000 + id)
    let written = 0
    let cookie: string | undefined
    for (let n = 0; n < OPERATIONS || (n < OPERATIONS * PATIENCE && !hasSeenEachCase()); n++) {
      await inRequest(async () => {
        hf.readAfter(cookie)
        if (own() < 0.5) written = await WRITES[Math.floor(own() * WRITES.length)]!(id)
        const seen = own() < 0.5 ? await versionOf(id) : await readInTransaction(id)
        if (seen < written) stale.push(`user ${id}, operation ${n}: read ${seen} after ${written}`)
        cookie = hf.readToken()
      })
      // Without a request and without a token: the control of this test.
      if ((await versionOf(id)) < written) unguardedPast++
      const byToken = await versionOf(id, cookie)
      if (byToken < written) stale.push(`user ${id}, operation ${n}: read ${byToken} after ${written} by its token`)
    }
  }
  const chaotic = chaos()
  await Promise.all(Array.from({ length: USERS }, (_, n) => user(n + 1)))
  isOver = true
  await chaotic
  expect(stale).toEqual([])
  expect(hasSeenEachCase(), JSON.stringify({ unguardedPast, ...hf.readState() })).toBe(true)
})

async function readInTransaction(id: number): Promise<number> {
  return hf.transaction(async tx => (await tx.query('select version from account where id = $1', [id])).rows[0].version, { readOnly: true })
}

it('waits for no replica while they are late as a rule, reads of others go there all the same, and waits again when they have caught up', async () => {
  await hf.stop()
  hf = observePool(primary, { registry: createRegistry(), replicas, options: { replicas: { lookEvery: '100ms', replayWait: '50ms' } } })
  await hf.start()
  await untilUsed(2)
  // Three times the wait, and not so much that a replica counts as one that will not get there.
  await delayReplay('150ms')
  const writeAndRead = (id: number): Promise<void> =>
    inRequest(async () => {
      const { rows } = await hf.transaction(tx => tx.query(UPDATE, [id]))
      expect(await versionOf(id)).toBe(rows[0].version)
    })
  const writeUntil = async (isReached: (state: ReturnType<typeof hf.readState>) => boolean): Promise<void> => {
    const giveUpAtMs = performance.now() + 30_000
    while (!isReached(hf.readState()) && performance.now() < giveUpAtMs) await writeAndRead(7)
    expect(isReached(hf.readState()), JSON.stringify(hf.readState())).toBe(true)
  }
  await writeUntil(({ replayLimitMs }) => replayLimitMs === 0)
  const { lateCount, waitedCount } = hf.readState()
  for (let n = 0; n < 10; n++) await writeAndRead(8)
  expect(hf.readState()).toMatchObject({ waitedCount, replayLimitMs: 0 })
  expect(hf.readState().lateCount).toBeGreaterThan(lateCount)
  const elsewhere = await inRequest(() => hf.read<{ it: boolean }>('select pg_is_in_recovery() as it'))
  expect(elsewhere.rows[0]!.it).toBe(true)
  await delayReplay('0ms')
  await writeUntil(state => state.replayLimitMs > 0 && state.waitedCount > waitedCount)
})

it('carries what a request wrote to the next one, as a token that a client can keep but not abuse', async () => {
  for (const { url } of servers.replicas) await onServer(url, 'select pg_wal_replay_pause()')
  const token = await inRequest(async () => {
    expect(hf.readToken()).toBeUndefined()
    await hf.transaction(tx => tx.query(UPDATE, [1]))
    return hf.readToken()!
  })
  expect(token).toMatch(/^hf1-[0-9a-z]+-[0-9a-z]+$/)
  expect(await versionOf(1)).toBe(0)
  expect(await versionOf(1, token)).toBe(1)
  for (const { url } of servers.replicas) await onServer(url, 'select pg_wal_replay_resume()')
  await untilUsed(2)
  const before = hf.readState()
  const forged = `${token.slice(0, -4)}zzzzzzz`
  for (const cookie of [token, forged, 'hf1-now', 'x'.repeat(10_000), '']) {
    await inRequest(async () => {
      hf.readAfter(cookie)
      expect(await versionOf(1)).toBe(1)
    })
  }
  // A token from beyond the end of the log asks for the end of the log, and no read waits for what will never come.
  expect(hf.readState().behindCount).toBe(before.behindCount)
  expect(() => hf.readAfter(token)).toThrow(expect.objectContaining({ code: 'HF_PG_NO_REQUEST' }))
})

it('takes replicas by URL, shows them in the snapshot, and reads from the primary where there are none', async () => {
  const urls = servers.replicas.map(({ url }) => url)
  const whole = await holdfast({ pg: servers.primary.url, pgReplicas: urls, postgres: { replicas: { lookEvery: '50ms' } } })
  const onReplica = async (): Promise<unknown> => (await whole.pg.read('select pg_is_in_recovery() as it')).rows[0]!.it
  await expect.poll(onReplica, { timeout: 10_000 }).toBe(true)
  const [statement] = whole.pg.statements().filter(({ text }) => text.includes('pg_is_in_recovery'))
  // Statements of replicas are seen, and Holdfast's own looks at them are not.
  expect(whole.pg.statements().map(({ text }) => text)).toEqual([statement!.text])
  const { reads } = whole.snapshot()
  expect(reads!.replicas.map(({ name }) => name)).toEqual(urls.map(url => new URL(url).host))
  expect(JSON.stringify(reads)).not.toContain(new URL(urls[0]!).password)
  await whole.stop()

  const alone = await holdfast({ pg: servers.primary.url })
  expect((await alone.pg.read({ text: 'select $1::int as n', values: [7] })).rows).toEqual([{ n: 7 }])
  expect(alone.pg.readToken()).toBeUndefined()
  expect(alone.pg.readState().replicas).toEqual([])
  await alone.stop()
  await expect(holdfast({ pgReplicas: urls })).rejects.toMatchObject({ code: 'HF_CONFIG_INVALID' })
  await expect(holdfast({ pg: urls[0]!, pgReplicas: ['localhost'] })).rejects.toThrow('pgReplicas[0]: must be a URL')
})

it('gives a client of an Express service its own writes back, by a cookie', async () => {
  for (const { url } of servers.replicas) await onServer(url, 'select pg_wal_replay_pause()')
  const app = expressJs().use(express({ requests: createRequestMonitor(createRegistry(), systemClock) }), readYourWrites({ pg: hf } as never))
  app.post('/accounts/:id', async (req, res) => void res.json((await primary.query(UPDATE, [req.params.id])).rows[0]))
  app.get('/accounts/:id', async (req, res) => void res.json({ version: await versionOf(Number(req.params.id)) }))
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/accounts/5`
  const written = await fetch(url, { method: 'POST' })
  // A write past Holdfast's transactions: where it ended is not known when the answer leaves.
  const [cookie] = written.headers.getSetCookie()
  expect(cookie).toBe('hf_read=hf1-now; Path=/; Max-Age=300; HttpOnly; SameSite=Lax')
  expect(await (await fetch(url)).json()).toEqual({ version: 0 })
  const own = await fetch(url, { headers: { cookie: 'other=1; hf_read=hf1-now' } })
  expect(await own.json()).toEqual({ version: 1 })
  const [next] = own.headers.getSetCookie()
  expect(next).toMatch(/^hf_read=hf1-[0-9a-z]+-[0-9a-z]+;/)
  const again = await fetch(url, { headers: { cookie: next!.split(';')[0]! } })
  expect([await again.json(), again.headers.getSetCookie()]).toEqual([{ version: 1 }, []])
  server.close()
})

it('measures lag in time and bytes, and sends no read to a replica beyond the limits', async () => {
  await hf.stop()
  const [paused] = servers.replicas
  const registry = createRegistry()
  hf = observePool(primary, { registry, replicas, options: { replicas: { lookEvery: '50ms', maxLag: '400ms' } } })
  await hf.start()
  await untilUsed(2)
  await onServer(paused!.url, 'select pg_wal_replay_pause()')
  await primary.query('insert into account select n, 0 from generate_series(1000, 3000) as n')
  const states = (): unknown => hf.readState().replicas.map(({ status, lagBytes }) => [status, lagBytes === 0])
  await expect.poll(states, { timeout: 20_000 }).toEqual([
    ['behind', false],
    ['used', true],
  ])
  const [behind] = hf.readState().replicas
  expect(behind).toMatchObject({ isPaused: true, circuit: 'closed' })
  expect(behind!.lagMs).toBeGreaterThan(400)
  expect(behind!.lagBytes).toBeGreaterThan(100_000)
  expect(hf.health().reasons[0]!.why).toMatch(
    /is \d+ ms and \d+ bytes behind \(limit 400 ms\), for its replay is paused: 1 of 2 replicas take its reads$/,
  )
  for (let n = 0; n < 20; n++) expect((await hf.read('select count(*)::int as count from account')).rows[0]!.count).toBe(2101)
  expect(hf.readState().replicas[0]!.readCount).toBe(0)
  const lag = registry.snapshot().find(({ name }) => name === 'holdfast_pg_replica_lag_bytes')
  expect(lag!.series.map(({ value }) => value! > 100_000)).toEqual([true, false])
  await onServer(paused!.url, 'select pg_wal_replay_resume()')
  await expect.poll(() => hf.health().status, { timeout: 20_000 }).toBe('ok')
  await hf.stop()

  hf = observePool(primary, { registry: createRegistry(), replicas, options: { replicas: { lookEvery: '50ms', maxLagSize: '50kb' } } })
  await hf.start()
  await untilUsed(2)
  await onServer(paused!.url, 'select pg_wal_replay_pause()')
  await primary.query('insert into account select n, 0 from generate_series(4000, 6000) as n')
  await expect.poll(() => hf.readState().replicas[0]!.status, { timeout: 20_000 }).toBe('behind')
})
