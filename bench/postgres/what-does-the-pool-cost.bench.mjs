// The claim: the pool of ours costs no more CPU for each statement than `pg.Pool`. Statements a second stand beside it; on a machine that others use, they are those of
// whoever got the processor.
// The pools take turns of a fraction of a second in one process, over a driver that answers at once and over real PostgreSQL (DATABASE_URL, else one that is
// started here); each turn is compared with the other's turn beside it.
import { EventEmitter } from 'node:events'
import { startServices } from '@holdfast/dev-services'
import { createPool } from 'holdfast/postgres'
import pg from 'pg'
import { median, ratioInterval } from '../harness.mjs'
import { reportTable } from '../table.mjs'

const TURNS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 60)
const WARM_UP_TURNS = 4
const STUBBED_STATEMENTS = 20_000
const SATURATED_MS = 250
const CONCURRENCY = 24
const POOL_SIZE = 10

const CPU_FIGURES = ['freeUs', 'queuedUs', 'cpuUs']
const FIGURES = {
  freeUs: 'us of CPU a statement over a driver that answers at once, a connection free',
  queuedUs: 'us of CPU a statement over a driver that answers at once, 40 callers for 4 connections',
  cpuUs: `us of CPU a statement, PostgreSQL, ${CONCURRENCY} at once over ${POOL_SIZE} connections`,
  perSec: 'statements a second by the clock of the same',
}

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
  const rows = Object.entries(FIGURES).map(([key, name]) => {
    const [peer, ours] = names.map(pool => figures[pool].map(turn => turn[key]))
    return { name, values: { peer: median(peer), ours: median(ours), ...ratioInterval(ours, peer) } }
  })
  reportTable(import.meta.url, {
    about: `${TURNS} turns each in one process, every turn beside one of the other's; the ratio of the medians with its interval by drawing pairs of turns`,
    columns: [
      { key: 'peer', title: 'pg.Pool', digits: 2 },
      { key: 'ours', title: 'ours', digits: 2 },
      { key: 'ratio', title: 'ours / pg.Pool', digits: 3 },
      { key: 'low', title: 'its 95 % interval, from', digits: 3 },
      { key: 'high', title: 'to', digits: 3 },
    ],
    rows,
    claims: CPU_FIGURES.map(key => ({ candidate: FIGURES[key], column: 'high', atMost: 1 })),
    figures,
  })
}
