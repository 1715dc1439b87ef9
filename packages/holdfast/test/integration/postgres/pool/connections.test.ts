import type { Socket } from 'node:net'
import { type ClonedDatabase, cloneDatabase, fakeClock } from '@holdfast/testkit'
import { createPool } from 'holdfast/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

let database: ClonedDatabase
let proxy: TcpProxy

beforeAll(async () => {
  database = await cloneDatabase({ name: 'pool_closing' })
  proxy = await startTcpProxy(database.url)
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})

const socketOf = (client: pg.PoolClient): Socket => (client as unknown as { connection: { stream: Socket } }).connection.stream

describe('the end of a pool', () => {
  it('comes when the sockets are closed', async () => {
    const pool = createPool(pg, { connectionString: database.url, max: 3 })
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    for (const client of clients) client.release()
    await pool.end()
    expect(clients.map(client => socketOf(client).destroyed)).toEqual([true, true, true])
  })

  it('cuts after a second what a frozen server does not close', async () => {
    const clock = fakeClock()
    const pool = createPool(pg, { connectionString: proxy.url, max: 2 }, { clock })
    const client = await pool.connect()
    client.release()
    // What a goodbye to a frozen server comes to: nothing.
    const socket = socketOf(client)
    socket.end = () => socket
    const ended = pool.end()
    let isOver = false
    void ended.then(() => {
      isOver = true
    })
    clock.advance(900)
    await new Promise(setImmediate)
    expect(isOver).toBe(false)
    clock.advance(200)
    await ended
    expect(socket.destroyed).toBe(true)
  })
})

describe('a connection that cannot be used any more', () => {
  it.each<[string, (client: pg.PoolClient) => unknown]>([
    ['that its holder has ended', client => (client as unknown as pg.Client).end()],
    ['whose socket its holder has destroyed', client => socketOf(client).destroy()],
  ])('%s goes to nobody else', async (_, spoil) => {
    const pool = createPool(pg, { connectionString: database.url, max: 1 })
    const client = await pool.connect()
    const waiting = pool.query('select 1 as n')
    spoil(client)
    client.release()
    expect((await waiting).rows).toEqual([{ n: 1 }])
    const idle = await pool.connect()
    idle.release()
    spoil(idle)
    expect((await pool.query('select 2 as n')).rows).toEqual([{ n: 2 }])
    expect(pool.totalCount).toBe(1)
    await pool.end()
  })
})

describe('the connections that a pool keeps', () => {
  it('are replaced at the end of their life, all of `min`, without a caller', async () => {
    const clock = fakeClock()
    const pool = createPool(
      pg,
      { connectionString: database.url, min: 2, max: 4, maxLifetime: '1h', validateEvery: '0s' },
      { clock, random: () => 0.5 },
    )
    await pool.warm()
    const pids = async (): Promise<number[]> => {
      const clients = await Promise.all([pool.connect(), pool.connect()])
      for (const client of clients) client.release()
      return clients.map(client => (client as unknown as { processID: number }).processID)
    }
    const before = await pids()
    clock.advance(3_700_000)
    await vi.waitFor(() => expect(pool.idleCount).toBe(2))
    expect((await pids()).filter(pid => before.includes(pid))).toEqual([])
    await pool.end()
  })

  it('are not more than were needed once', async () => {
    const clock = fakeClock()
    const pool = createPool(pg, { connectionString: database.url, min: 3, maxLifetime: '1h', validateEvery: '0s' }, { clock, random: () => 0.5 })
    await pool.query('select 1')
    clock.advance(3_700_000)
    await vi.waitFor(() => expect(pool.idleCount).toBe(1))
    expect(pool.totalCount).toBe(1)
    await pool.end()
  })
})

it('waits once for several attempts that ran into the same trouble', async () => {
  const clock = fakeClock()
  const pool = createPool(pg, { connectionString: proxy.url, max: 8, connectsAtOnce: 8, growAfter: '0ms' }, { clock, random: () => 1 })
  proxy.mode = 'refuse'
  const accepted = proxy.acceptedCount
  const asked = Array.from({ length: 8 }, () => pool.query('select 1'))
  await vi.waitFor(() => expect(proxy.acceptedCount - accepted).toBe(8))
  await vi.waitFor(() => expect(pool.totalCount).toBe(0))
  proxy.mode = 'pass'
  clock.advance(60)
  expect(await Promise.all(asked)).toHaveLength(8)
  await pool.end()
})

it('fails with HF_PG_CONNECT_FAILED who waited for a server that does not answer, for nobody holds what they wait for', async () => {
  const clock = fakeClock()
  const pool = createPool(pg, { connectionString: proxy.url, max: 2, acquireTimeout: '1s', connectTimeout: '5s' }, { clock })
  proxy.mode = 'swallow'
  const failed = expect(pool.query('select 1')).rejects.toMatchObject({
    code: 'HF_PG_CONNECT_FAILED',
    message: expect.stringContaining('has not answered yet'),
    context: { sqlstate: 'connection' },
  })
  clock.advance(1000)
  await failed
  await pool.end()
  proxy.mode = 'pass'
})
