// What a job costs that is written with a transaction: an INSERT of the caller's own in each of them, ten at once, with nothing beside it, with a BullMQ add after COMMIT (which is
// lost when the process dies in between), with Holdfast's outbox, and with the same of queues that live in PostgreSQL. Then how fast the relay moves a backlog to Redis.
// Workers are not running, so that what is measured is handing over; Holdfast's relay is, and its work is in the figures.
import { createRegistry } from 'holdfast/telemetry'
import { cpuUsOfFamily } from '../cpu-time.mjs'
import { benchTable } from '../table.mjs'
import { graphileWorker, holdfast, LEFT_OUT, openPool, pgBoss, plainBullMq, transaction, withContenderServices } from './contenders.mjs'

const TRANSACTIONS = 2000
const WARM_UP = 500
const AT_ONCE = 10
const BACKLOG = 20_000
const TABLE = 'CREATE TABLE IF NOT EXISTS holdfast_bench_order (n int, note text)'
const OWN = 'INSERT INTO holdfast_bench_order (n, note) VALUES ($1, $2)'
const COUNT = 'SELECT count(*)::int AS count FROM holdfast_bench_order'

/** `hand` is called in the transaction, `after` behind it. */
const cost = open => async () => {
  const pool = openPool()
  await pool.query(TABLE)
  const { hand, after, rest } = await open()
  const order = async n => {
    await transaction(pool, async client => {
      await client.query(OWN, [n, 'an order'])
      await hand?.(client, n)
    })
    await after?.(n)
  }
  const orders = async count => {
    let next = 0
    const loop = async () => {
      while (next < count) await order(next++)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, loop))
  }
  const before = (await pool.query(COUNT)).rows[0].count
  await orders(WARM_UP)
  const cpu = process.cpuUsage()
  const pgUs = cpuUsOfFamily(process.env.HOLDFAST_BENCH_PG_PID)
  const startMs = performance.now()
  await orders(TRANSACTIONS)
  await rest?.idle()
  const tookMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(cpu)
  const figures = {
    nodeUs: (user + system) / TRANSACTIONS,
    pgUs: (cpuUsOfFamily(process.env.HOLDFAST_BENCH_PG_PID) - pgUs) / TRANSACTIONS,
    perSec: (TRANSACTIONS / tookMs) * 1000,
  }
  const written = (await pool.query(COUNT)).rows[0].count - before
  if (written !== WARM_UP + TRANSACTIONS) throw new Error(`${written} orders were written`)
  return { ...figures, relayedPerSec: await rest?.relayBacklog(pool) }
}

const inTransaction = contender => async () => {
  const { addIn } = await contender.open()
  return { hand: (client, n) => addIn(client, [n]) }
}

const dualWrite = async () => {
  const { addOne } = await plainBullMq.open()
  return { after: addOne }
}

const withOutbox = async () => {
  const registry = createRegistry()
  const { addIn, namespace } = await holdfast({ hasOutbox: true, registry }).open()
  const relayed = () => {
    const { series = [] } = registry.snapshot().find(({ name }) => name === 'holdfast_jobs_outbox_rows') ?? {}
    return series.find(({ labels }) => labels[0] === 'relayed')?.value ?? 0
  }
  const reach = async count => {
    while (relayed() < count) await new Promise(resolve => setTimeout(resolve, 1))
  }
  return {
    hand: (client, n) => addIn(client, [n]),
    rest: {
      idle: () => reach(WARM_UP + TRANSACTIONS),
      /** Jobs a second, from the first batch to the last. */
      async relayBacklog(pool) {
        const before = relayed()
        await pool.query(
          `INSERT INTO holdfast.job_outbox (id, namespace, queue, name, data, options)
           SELECT 'backlog-' || n, $1, 'work', 'work', '{"n":1}', '{}' FROM generate_series(1, $2::int) n`,
          [namespace, BACKLOG],
        )
        await reach(before + 1)
        const first = relayed()
        const startMs = performance.now()
        await reach(before + BACKLOG)
        return ((before + BACKLOG - first) / (performance.now() - startMs)) * 1000
      },
    },
  }
}

const ALONE = 'INSERT alone'
const OUTBOX = 'INSERT and Holdfast outbox'
await withContenderServices(() =>
  benchTable({
    url: import.meta.url,
    about: `${TRANSACTIONS} transactions with an INSERT and one job each, ${AT_ONCE} at once; Holdfast's with its relay`,
    columns: [
      { key: 'nodeUs', title: 'us of CPU of Node a transaction' },
      { key: 'nodeMore', title: 'more than alone' },
      { key: 'pgUs', title: 'us of CPU of PostgreSQL' },
      { key: 'pgMore', title: 'more than alone' },
      { key: 'perSec', title: 'transactions a second' },
      { key: 'relayedPerSec', title: 'backlog relayed, jobs a second' },
    ],
    rounds: 3,
    candidates: {
      [ALONE]: cost(async () => ({})),
      'INSERT alone again (control)': cost(async () => ({})),
      'INSERT, then BullMQ add (may be lost)': cost(dualWrite),
      [OUTBOX]: cost(withOutbox),
      'INSERT and pg-boss 10': cost(inTransaction(pgBoss)),
      'INSERT and graphile-worker 0.16': cost(inTransaction(graphileWorker)),
    },
    claims: [{ candidate: OUTBOX, column: 'relayedPerSec', atLeast: 2000, why: 'a backlog is gone before anybody asks' }],
    leftOut: LEFT_OUT,
    derive(rows) {
      const alone = rows.get(ALONE)
      for (const values of rows.values()) {
        values.nodeMore = values.nodeUs - alone.nodeUs
        values.pgMore = values.pgUs - alone.pgUs
      }
    },
  }),
)
