// The claim: while advice is applied, a writer at 100 transactions a second waits for no more than 200 ms. Beside it the plain build, which holds writers up
// for as long as it takes, and the limit, CREATE INDEX CONCURRENTLY by hand without any guard.
// Real PostgreSQL (DATABASE_URL, else one that is started here), half a million rows, updates and inserts of a writer of its own; waits count from the intended time.
import { startServices } from '@holdfast/dev-services'
import { createAdvisor } from 'holdfast/postgres'
import pg from 'pg'
import { benchTable } from '../table.mjs'

const ROWS = 500_000
const WRITES_PER_SEC = 100
const LIMIT_MS = 200
const OURS = 'holdfast apply'
const PLAIN = 'CREATE INDEX'
const LIMIT = 'limit: CREATE INDEX CONCURRENTLY, no guard'

await benchTable({
  url: import.meta.url,
  about: `${WRITES_PER_SEC} writes a second while an index on ${ROWS.toLocaleString('en')} rows is built`,
  rounds: 3,
  columns: [
    { key: 'longestWaitMs', title: 'longest wait of a writer, ms', take: 'max' },
    { key: 'p99WaitMs', title: 'p99, ms', digits: 1 },
    { key: 'buildMs', title: 'build, ms' },
    { key: 'writeCount', title: 'writes meanwhile' },
  ],
  candidates: {
    [PLAIN]: () => build(client => client.query('create index parcel_zip on parcel (zip, weight)')),
    [LIMIT]: () => build(client => client.query('create index concurrently parcel_zip on parcel (zip, weight)')),
    [OURS]: () =>
      build(async (_, connect) => {
        const advisor = createAdvisor({ connect })
        const { id } = await advisor.plant({ table: 'parcel', columns: ['zip', 'weight'] })
        await advisor.apply(id)
      }),
  },
  claims: [{ candidate: OURS, column: 'longestWaitMs', atMost: LIMIT_MS, why: 'no writer waits for longer than 200 ms' }],
})

async function build(run) {
  const services = await startServices({ only: ['postgres'], durable: false })
  const opened = []
  const connect = async () => {
    const client = new pg.Client({ connectionString: services.postgres.url })
    client.on('error', () => undefined)
    await client.connect()
    opened.push(client)
    return client
  }
  try {
    const client = await connect()
    await client.query('create extension if not exists pg_stat_statements')
    await client.query('drop table if exists parcel')
    await client.query(
      'create table parcel (id bigint generated always as identity primary key, zip int not null, weight int not null, note text not null)',
    )
    await client.query(
      `insert into parcel (zip, weight, note) select (n::bigint * 7919) % 90000, n % 1000, repeat('x', 60) from generate_series(1, ${ROWS}) n`,
    )
    await client.query('vacuum analyze parcel')
    const writer = startWriter(await connect())
    await writer.warm
    const startMs = performance.now()
    await run(client, connect)
    const buildMs = performance.now() - startMs
    const waits = (await writer.stop()).toSorted((a, b) => a - b)
    const { rows } = await client.query("select count(*)::int as n from pg_index where indrelid = 'parcel'::regclass and indisvalid")
    if (rows[0].n !== 2) throw new Error('the index was not built')
    await client.query('drop table parcel')
    return { longestWaitMs: waits.at(-1), p99WaitMs: waits[Math.floor(waits.length * 0.99)], buildMs, writeCount: waits.length }
  } finally {
    await Promise.all(opened.map(client => client.end().catch(() => undefined)))
    await services.stop()
  }
}

/** Writes at its intended times; a write that is held up makes the next ones late, as it would for callers. Waits are kept from the first second on. */
function startWriter(client) {
  const waits = []
  let stopped = false
  let isWarm = () => undefined
  const warm = new Promise(resolve => (isWarm = resolve))
  const run = (async () => {
    const startMs = performance.now()
    for (let n = 0; !stopped; n++) {
      const intendedMs = startMs + (1000 * n) / WRITES_PER_SEC
      const early = intendedMs - performance.now()
      if (early > 0) await new Promise(resolve => setTimeout(resolve, early))
      if (n % 2 === 0) await client.query('update parcel set weight = weight + 1 where id = $1', [1 + ((n * 7919) % ROWS)])
      else await client.query('insert into parcel (zip, weight, note) values ($1, $2, $3)', [n % 90_000, n % 1000, 'new'])
      if (n === WRITES_PER_SEC) isWarm()
      if (n > WRITES_PER_SEC) waits.push(performance.now() - intendedMs)
    }
  })()
  return {
    warm,
    async stop() {
      stopped = true
      await run
      return waits
    },
  }
}
