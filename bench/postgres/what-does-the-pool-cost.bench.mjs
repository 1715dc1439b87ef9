// The claim: the pool of ours costs no more CPU for each statement than `pg.Pool`, and gives the same throughput at saturation.
// The pools take turns of a fraction of a second in one process, over a driver that answers at once and over real PostgreSQL (DATABASE_URL, else one that is
// started here); each turn is compared with the other's turn beside it.
import { EventEmitter } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { createPool } from 'holdfast/postgres'
import pg from 'pg'
import { machine, median } from '../harness.mjs'

const TURNS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 20)
const WARM_UP_TURNS = 4
const STUBBED_STATEMENTS = 20_000
const SATURATED_MS = 250
const CONCURRENCY = 24
const POOL_SIZE = 10

class InstantClient extends EventEmitter {
  _queryable = true
  readyForQuery = true

  connect(callback) {
    process.nextTick(callback)
  }

  query(text, values, callback) {
    const query = new pg.Query(text, values, callback)
    queueMicrotask(() => query.callback(null, { rowCount: 1, rows: [] }))
  }

  end(callback) {
    process.nextTick(callback)
  }
}

const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
const open = {
  'pg.Pool': config => new pg.Pool(config),
  'a pool of ours': config => createPool(pg, { ...config, pooler: 'none' }),
}
const names = Object.keys(open)
const pools = Object.fromEntries(
  names.map(name => [
    name,
    {
      stubbed: open[name]({ Client: InstantClient, max: 1, idleTimeoutMillis: 0 }),
      queued: open[name]({ Client: InstantClient, max: 4, idleTimeoutMillis: 0 }),
      real: open[name]({ connectionString: services.postgres.url, max: POOL_SIZE }),
    },
  ]),
)
const figures = Object.fromEntries(names.map(name => [name, []]))
try {
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    for (const name of turn % 2 === 0 ? names : names.toReversed()) {
      const taken = await takeTurn(pools[name])
      if (turn >= WARM_UP_TURNS) figures[name].push(taken)
    }
  }
  for (const { real, stubbed, queued } of Object.values(pools)) await Promise.all([real.end(), stubbed.end(), queued.end()])
} finally {
  await services.stop()
}
report()

async function takeTurn({ stubbed, queued, real }) {
  const one = async n => {
    const { rows } = await real.query('select $1::int as n', [n])
    if (rows[0].n !== n) throw new Error('wrong result')
  }
  const saturated = await saturate(one)
  const burst = () => Promise.all(Array.from({ length: 40 }, () => queued.query('select 1')))
  return {
    freeUs: await cpuOf(STUBBED_STATEMENTS, () => stubbed.query('select 1')),
    queuedUs: (await cpuOf(STUBBED_STATEMENTS / 40, burst)) / 40,
    ...saturated,
  }
}

async function cpuOf(count, one) {
  const before = process.cpuUsage()
  for (let n = 0; n < count; n++) await one()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function saturate(one) {
  const before = process.cpuUsage()
  const endMs = performance.now() + SATURATED_MS
  let count = 0
  const loop = async () => {
    while (performance.now() < endMs) await one(count++)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  const { user, system } = process.cpuUsage(before)
  return { cpuUs: (user + system) / count, perSec: (count / SATURATED_MS) * 1000 }
}

function report() {
  const units = {
    freeUs: 'us of CPU per statement over a driver that answers at once, a connection free',
    queuedUs: 'us of CPU per statement over a driver that answers at once, 40 callers for 4 connections',
    cpuUs: `us of CPU per statement, PostgreSQL, ${CONCURRENCY} at once over ${POOL_SIZE} connections`,
    perSec: 'statements per second of the same',
  }
  const rows = Object.entries(units).map(([figure, unit]) => {
    const [peer, ours] = names.map(name => figures[name].map(turn => turn[figure]))
    const ratios = ours.map((value, turn) => value / peer[turn]).toSorted((a, b) => a - b)
    const quartile = share => ratios[Math.floor(TURNS * share)]
    const row = { figure, unit, peer: median(peer), ours: median(ours), ratio: median(ratios), low: quartile(0.25), high: quartile(0.75) }
    const ratio = `ratio ${row.ratio.toFixed(3)} (quartiles ${row.low.toFixed(3)} to ${row.high.toFixed(3)})`
    console.log(`${unit}\n  pg.Pool ${row.peer.toFixed(2)}, ours ${row.ours.toFixed(2)}; ${ratio}`)
    return row
  })
  mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
  const out = fileURLToPath(new URL('../results/postgres/what-does-the-pool-cost.json', import.meta.url))
  const { version } = services.postgres
  const result = { question: 'what-does-the-pool-cost', turns: TURNS, rows, figures, postgresVersion: version, machine: machine() }
  writeFileSync(out, `${JSON.stringify(result)}\n`)
}
