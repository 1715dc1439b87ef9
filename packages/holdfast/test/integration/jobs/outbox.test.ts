import { startRedisServers } from '@holdfast/dev-services'
import { Pool } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../src/core/index.ts'
import { defineJob } from '../../../src/jobs/index.ts'
import { TransactionEnds } from '../../../src/jobs/outbox/transaction-ends.ts'
import { sqlLiteral } from '../../../src/postgres/index.ts'
import { foreignClient, openDatabase, openJobs, pause, until } from './harness.ts'

let database: Awaited<ReturnType<typeof openDatabase>>
beforeAll(async () => {
  database = await openDatabase()
})
afterAll(() => database[Symbol.asyncDispose]())

const inTransaction = async (end: 'COMMIT' | 'ROLLBACK', work: (tx: import('pg').PoolClient) => Promise<unknown>): Promise<void> => {
  const client = await database.pool.connect()
  try {
    await client.query('BEGIN')
    await work(client)
    await client.query(end)
  } finally {
    client.release()
  }
}

it('hands over what was committed, soon and once, and nothing that was rolled back', async () => {
  const ran: number[] = []
  await using test = await openJobs({
    pool: database.pool,
    queues: { orders: { jobs: { place: defineJob<number>({ run: job => void ran.push(job.payload) }) } } },
  })
  await inTransaction('ROLLBACK', tx => test.jobs.enqueue(tx, 'orders', 'place', -1))
  await inTransaction('COMMIT', tx =>
    test.jobs.enqueueMany(
      tx,
      'orders',
      [1, 2, 3].map(payload => ({ name: 'place', payload, delay: '0ms' })),
    ),
  )
  await until(() => ran.length === 3)
  await inTransaction('COMMIT', tx => test.jobs.enqueue(tx, 'orders', 'place', 4, { priority: 5 }))
  await until(() => ran.length === 4)
  expect(ran.toSorted()).toEqual([1, 2, 3, 4])
  await until(() => test.count('holdfast_jobs_outbox_rows', 'relayed') === 4)
  expect((await database.pool.query('SELECT * FROM holdfast.job_outbox')).rows).toEqual([])
})

it('does not hand a job over twice when its relay died after Redis had it, also when the job ran and retention removed it', async () => {
  const ran: string[] = []
  await using test = await openJobs({
    pool: database.pool,
    queues: { orders: { keepCompleted: { count: 0 }, jobs: { place: defineJob<string>({ run: job => void ran.push(job.id) }) } } },
  })
  const id = { value: '' }
  await inTransaction('COMMIT', async tx => {
    id.value = await test.jobs.enqueue(tx, 'orders', 'place', 'x')
  })
  await until(() => ran.length === 1)
  const client = foreignClient()
  await until(async () => (await client.exists(`hf:{${test.namespace}}:jobs:orders:${id.value}`)) === 0)
  client.disconnect()
  // What a relay leaves that is killed between Redis's answer and its COMMIT: the row.
  await database.pool.query(
    `INSERT INTO holdfast.job_outbox (id, namespace, queue, name, data, options) VALUES ($1, $2, 'orders', 'place', '"x"', '{}')`,
    [id.value, test.namespace],
  )
  await until(async () => (await database.pool.query('SELECT 1 FROM holdfast.job_outbox')).rowCount === 0)
  // Time for a job that must not come.
  await pause(100)
  expect(ran).toEqual([id.value])
})

it('learns of the end of a transaction from the connection that it is on, and of no statement in it', async () => {
  let ended = 0
  const ends = new TransactionEnds(() => ended++)
  const seen: [boolean, number][] = []
  for (const end of ['COMMIT', 'ROLLBACK']) {
    const client = await database.pool.connect()
    const isWatched = ends.watch(client)
    await client.query('BEGIN')
    await client.query('SAVEPOINT a')
    await client.query('SELECT 1 / 0').catch(() => undefined)
    await client.query('ROLLBACK TO SAVEPOINT a')
    expect([isWatched(), ends.watch(client)(), ended]).toEqual([true, true, seen.length])
    await client.query(end)
    seen.push([isWatched(), ended])
    await client.query('SELECT 1')
    client.release()
  }
  expect(seen).toEqual([
    [false, 1],
    [false, 2],
  ])
  const client = await database.pool.connect()
  const isWatched = ends.watch({ client })
  await client.query('SELECT 1')
  client.release()
  expect([isWatched(), ends.watch(database.pool)(), ended]).toEqual([false, false, 3])
})

it('hands over whatever transactions are by default where it connects, for a namespace with quotes none the less', async () => {
  const options = '-c default_transaction_read_only=on -c default_transaction_isolation=serializable'
  const pool = new Pool({ connectionString: database.url, options, max: 3 })
  pool.on('error', () => undefined)
  const ran: number[] = []
  await using test = await openJobs({
    pool,
    queues: { orders: { jobs: { place: defineJob<number>({ run: job => void ran.push(job.payload) }) } } },
  })
  await inTransaction('COMMIT', tx => test.jobs.enqueue(tx, 'orders', 'place', 1))
  await until(() => ran.length === 1)
  await test.jobs.stop()
  await pool.end()
  // Only letters, digits, dots, dashes and underscores get so far today; the statement does not rest on it.
  const odd = `it's \\ "odd" $1`
  const { rows } = await database.pool.query<{ same: boolean }>(`SELECT ${sqlLiteral(odd)} = $1 AS same`, [odd])
  expect(rows).toEqual([{ same: true }])
})

it('hands over because a transaction ended, also when it never looks by itself', async () => {
  const ran: number[] = []
  const isPoll = (delayMs: number): boolean => delayMs > 350 && delayMs < 700
  const clock: Clock = { ...systemClock, after: (delayMs, ...rest) => (isPoll(delayMs) ? { cancel() {} } : systemClock.after(delayMs, ...rest)) }
  const queues = { orders: { jobs: { place: defineJob<number>({ run: job => void ran.push(job.payload) }) } } }
  await using test = await openJobs({ pool: database.pool, queues }, { clock })
  for (let n = 1; n <= 3; n++) {
    await inTransaction('COMMIT', tx => test.jobs.enqueue(tx, 'orders', 'place', n))
    await until(() => ran.length === n)
  }
})

it('enqueues while Redis is away, and hands over when it is back', async () => {
  await using fleet = await startRedisServers()
  const server = await fleet.start(['appendonly yes'])
  const ran: number[] = []
  await using test = await openJobs({
    redis: server.url,
    pool: database.pool,
    queues: { orders: { jobs: { place: defineJob<number>({ run: job => void ran.push(job.payload) }) } } },
  })
  await server.kill()
  await inTransaction('COMMIT', tx => test.jobs.enqueue(tx, 'orders', 'place', 1))
  expect(ran).toEqual([])
  await server.restart()
  await until(() => ran.length === 1)
})

it('sets a row aside that cannot be handed over, and goes on with the others', async () => {
  const ran: number[] = []
  await using test = await openJobs({
    pool: database.pool,
    queues: { orders: { jobs: { place: defineJob<number>({ run: job => void ran.push(job.payload) }) } } },
  })
  const insert = `INSERT INTO holdfast.job_outbox (id, namespace, queue, name, data, options) VALUES ($1, $2, 'orders', 'place', $3, '{}')`
  // A whole number is no id for BullMQ; only somebody else can have written it.
  await database.pool.query(insert, ['7', test.namespace, '1'])
  await database.pool.query(insert, ['fine', test.namespace, '2'])
  await until(() => ran.length === 1)
  expect(ran).toEqual([2])
  const read = (): Promise<{ rows: unknown[] }> =>
    database.pool.query('SELECT id, refused FROM holdfast.job_outbox WHERE namespace = $1', [test.namespace])
  await until(async () => (await read()).rows.length === 1)
  const { rows } = await read()
  expect(rows).toEqual([{ id: '7', refused: expect.stringContaining('integers') }])
})
