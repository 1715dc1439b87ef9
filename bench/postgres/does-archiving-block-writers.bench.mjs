// The claim: while half of a million rows are archived, writers at 100 a second, who also write the rows that are on their way, wait for no lock longer than
// 200 ms. Beside it nobody archiving, which is the limit, and one statement that moves everything, which is what people write by hand.
// Real PostgreSQL, started here; writers keep their rate whatever the answers take (open loop). HOLDFAST_BENCH_ROWS for fewer rows.
import { startServices } from '@holdfast/dev-services'
import { createArchive } from 'holdfast/postgres'
import pg from 'pg'
import { benchTable } from '../table.mjs'

const ROWS = Number(process.env.HOLDFAST_BENCH_ROWS ?? 1_000_000)
const WRITES_PER_SECOND = 100
const QUIET_SECONDS = 10
const OLD = "at < now() - interval '30 days'"

await benchTable({
  url: import.meta.url,
  about: `${WRITES_PER_SECOND} writes a second to random rows while half of ${ROWS.toLocaleString('en-US')} rows are moved`,
  columns: [
    { key: 'seconds', title: 'seconds', digits: 1 },
    { key: 'moved', title: 'rows moved' },
    { key: 'p50', title: 'write p50, ms', digits: 1 },
    { key: 'p99', title: 'write p99, ms', digits: 1 },
    { key: 'max', title: 'slowest write, ms' },
    { key: 'lockWait', title: 'longest wait for a lock, ms', take: 'max' },
  ],
  candidates: {
    'limit: nobody archives': () => measure(async () => new Promise(resolve => setTimeout(resolve, QUIET_SECONDS * 1000))),
    'holdfast archive': () => measure(withHoldfast),
    'one statement': () => measure(inOneStatement),
  },
  claims: [{ candidate: 'holdfast archive', column: 'lockWait', atMost: 200, why: 'writers are never blocked for longer' }],
})

async function withHoldfast(connect) {
  const policies = [{ name: 'events', table: 'event', action: 'move', olderThan: { column: 'at', age: '30d' } }]
  await createArchive({ connect, policies }).run('events')
}

async function inOneStatement(connect) {
  const client = await connect()
  await client.query('create table event_archive (like event including all)')
  await client.query(`with gone as (delete from event where ${OLD} returning *) insert into event_archive select * from gone`)
  await client.end()
}

async function measure(archive) {
  const services = await startServices({ only: ['postgres'], durable: false, onProgress: () => undefined })
  const connect = async () => {
    const client = new pg.Client({ connectionString: services.postgres.url })
    await client.connect()
    return client
  }
  try {
    const admin = await connect()
    await admin.query(
      'drop table if exists event, event_archive; create table event (id bigint primary key, at timestamptz not null, payload text not null, n int not null)',
    )
    await admin.query(
      `insert into event select n, now() - case when n % 2 = 0 then interval '60 days' else interval '0' end, repeat('x', 60), 0 from generate_series(1, ${ROWS}) n`,
    )
    await admin.query('vacuum analyze event')
    const writers = await startWriters(connect)
    const locks = await watchLocks(connect)
    const startedMs = performance.now()
    await archive(connect)
    const seconds = (performance.now() - startedMs) / 1000
    const latencies = await writers.stop()
    const lockWait = await locks.stop()
    const { rows } = await admin.query(
      "select count(*)::int as live, (select count(*)::int from pg_class where relname = 'event_archive') as has from event",
    )
    const archived = rows[0].has === 0 ? 0 : (await admin.query('select count(*)::int as n from event_archive')).rows[0].n
    if (rows[0].live + archived !== ROWS) throw new Error(`${rows[0].live} and ${archived} rows are not ${ROWS}`)
    if (archived !== 0 && archived !== ROWS / 2) throw new Error(`${archived} rows were moved`)
    await admin.end()
    const sorted = latencies.toSorted((a, b) => a - b)
    const quantile = q => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]
    return { seconds, moved: archived, p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1), lockWait }
  } finally {
    await services.stop()
  }
}

async function startWriters(connect) {
  const clients = await Promise.all(Array.from({ length: 20 }, connect))
  const idle = [...clients]
  const waiting = []
  const latencies = []
  const pending = new Set()
  let due = performance.now()
  let seed = 1
  const write = async dueMs => {
    const client = idle.pop() ?? (await new Promise(resolve => waiting.push(resolve)))
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    await client.query('update event set n = n + 1 where id = $1', [1 + (seed % ROWS)])
    latencies.push(performance.now() - dueMs)
    const next = waiting.shift()
    if (next === undefined) idle.push(client)
    else next(client)
  }
  const timer = setInterval(() => {
    for (; due <= performance.now(); due += 1000 / WRITES_PER_SECOND) {
      const writing = write(due).finally(() => pending.delete(writing))
      pending.add(writing)
    }
  }, 2)
  return {
    async stop() {
      clearInterval(timer)
      await Promise.all(pending)
      await Promise.all(clients.map(client => client.end()))
      return latencies
    },
  }
}

/** The server's own word on how long a lock was waited for, looked at every few milliseconds. */
async function watchLocks(connect) {
  const client = await connect()
  let longestMs = 0
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      const { rows } = await client.query(
        'select coalesce(max(extract(epoch from clock_timestamp() - waitstart) * 1000), 0)::float8 as ms from pg_locks where not granted and waitstart is not null',
      )
      longestMs = Math.max(longestMs, rows[0].ms)
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    await client.end()
  })()
  return {
    async stop() {
      isOver = true
      await watching
      return longestMs
    },
  }
}
