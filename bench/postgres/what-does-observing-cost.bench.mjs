// The claim: watching a pool costs at most 2 us of CPU for each statement, and under 2 % of throughput and 1 ms of p99 at saturation.
// Each candidate has a process of its own. The processes take turns of a fraction of a second against the same PostgreSQL (DATABASE_URL, else one that is
// started here), and each turn is compared with raw's turn beside it, so that what else the machine does falls on all alike.
import { fork } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { machine, median } from '../harness.mjs'

const GENERATIONS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 3)
const TURNS = 25
const WARM_UP_TURNS = 5
const STUBBED_STATEMENTS = 20_000
const SEQUENTIAL_STATEMENTS = 1500
const SATURATED_MS = 400
const CONCURRENCY = 24
const POOL_SIZE = 10
const CANDIDATES = ['raw', 'observed', 'observed in request scopes']
const FIGURES = {
  hookUs: 'us of CPU per statement over a driver that answers at once: what the pool and the hook cost by themselves',
  cpuUs: 'us of CPU per statement, one at a time',
  saturatedCpuUs: `us of CPU per statement, ${CONCURRENCY} at once over ${POOL_SIZE} connections`,
  perSec: `statements per second, ${CONCURRENCY} at once over ${POOL_SIZE} connections`,
  p99Ms: 'p99 in ms of the same',
}
/** `excess` says how much worse than raw a difference is; the claim holds when the worse end of its interval is within the limit. */
const CLAIMS = [
  { figure: 'hookUs', limit: 2, unit: 'us', excess: difference => difference },
  { figure: 'cpuUs', limit: 2, unit: 'us', excess: difference => difference },
  { figure: 'perSec', limit: 2, unit: '%', excess: (difference, raw) => (-difference / raw) * 100 },
  { figure: 'p99Ms', limit: 1, unit: 'ms', excess: difference => difference },
]

class InstantClient extends EventEmitter {
  _queryable = true

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

const mine = process.env.HOLDFAST_BENCH_CANDIDATE
if (mine === undefined) await compare()
else await serveTurns(mine)

async function serveTurns(candidate) {
  const real = await prepare(candidate, { connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
  const stubbed = await prepare(candidate, { Client: InstantClient, max: 1, idleTimeoutMillis: 0 })
  if ((await real.one()).rows[0].n !== 7) throw new Error('wrong result')
  let expected = 1
  for await (const [message] of onMessages()) {
    if (message === 'end') break
    const { figures, statementCount } = await takeTurn(real.one, stubbed.one)
    expected += statementCount
    const seen = real.watched?.statements().reduce((sum, { callCount }) => sum + callCount, 0) ?? expected
    if (seen !== expected) throw new Error(`${seen} statements were seen, ${expected} were sent`)
    process.send(figures)
  }
  for (const { watched, pool } of [real, stubbed]) {
    await watched?.stop()
    await pool.end()
  }
  process.disconnect()
}

async function* onMessages() {
  for (;;) yield await once(process, 'message')
}

async function prepare(candidate, config) {
  const pool = new pg.Pool(config)
  const watched = candidate === 'raw' ? undefined : observePool(pool, { registry: createRegistry() })
  await watched?.start()
  const statement = () => pool.query('select $1::int as n', [7])
  const one = candidate === 'observed in request scopes' ? () => runInRequestScope(createRequestScope(), statement) : statement
  return { pool, watched, one }
}

async function takeTurn(one, stubbedOne) {
  const hookUs = await cpuOf(STUBBED_STATEMENTS, stubbedOne)
  const cpuUs = await cpuOf(SEQUENTIAL_STATEMENTS, one)
  const before = process.cpuUsage()
  const latencies = await saturate(one)
  const { user, system } = process.cpuUsage(before)
  const count = latencies.length
  const p99Ms = latencies.sort()[Math.floor(count * 0.99)]
  const figures = { hookUs, cpuUs, saturatedCpuUs: (user + system) / count, perSec: (count / SATURATED_MS) * 1000, p99Ms }
  return { figures, statementCount: SEQUENTIAL_STATEMENTS + count }
}

async function cpuOf(count, one) {
  const before = process.cpuUsage()
  for (let n = 0; n < count; n++) await one()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function saturate(one) {
  const endMs = performance.now() + SATURATED_MS
  const latencies = []
  const loop = async () => {
    for (let startMs = performance.now(); startMs < endMs; startMs = performance.now()) {
      await one()
      latencies.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  return Float64Array.from(latencies)
}

async function compare() {
  const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
  const turns = Object.fromEntries(CANDIDATES.map(name => [name, []]))
  try {
    for (let generation = 0; generation < GENERATIONS; generation++) await runGeneration(services.postgres.url, turns)
  } finally {
    await services.stop()
  }
  report(turns, services.postgres.version)
}

async function runGeneration(url, turns) {
  const children = CANDIDATES.map(name => {
    const child = fork(fileURLToPath(import.meta.url), { env: { ...process.env, DATABASE_URL: url, HOLDFAST_BENCH_CANDIDATE: name } })
    return { name, child, exit: new Promise(resolve => child.once('exit', resolve)) }
  })
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    // Every other turn backwards, so that nobody always goes after the same neighbour.
    for (const { name, child, exit } of turn % 2 === 0 ? children : children.toReversed()) {
      child.send('turn')
      const answer = new Promise(resolve => child.once('message', resolve))
      const figures = await Promise.race([answer, exit])
      if (typeof figures !== 'object') throw new Error(`${name} failed its check or its run, so there are no figures`)
      if (turn >= WARM_UP_TURNS) turns[name].push(figures)
    }
  }
  for (const { child } of children) child.send('end')
  await Promise.all(children.map(({ exit }) => exit))
}

function report(turns, postgresVersion) {
  const rows = []
  for (const [figure, unit] of Object.entries(FIGURES)) {
    console.log(`${unit}  (median of ${turns.raw.length} turns; difference to raw's turn beside it, with its 95 % interval)`)
    const raw = turns.raw.map(turn => turn[figure])
    for (const name of CANDIDATES) {
      const values = turns[name].map(turn => turn[figure])
      const row = { figure, unit, name, median: median(values), ...differenceInterval(values, raw) }
      rows.push(row)
      const percent = (row.difference / median(raw)) * 100
      const difference = `${signed(row.difference)} (${signed(row.low)} to ${signed(row.high)}), ${signed(percent, 1)} %`
      console.log(`  ${name.padEnd(28)} ${row.median.toFixed(2).padStart(10)}   ${name === 'raw' ? '' : difference}`)
    }
  }
  const claims = CLAIMS.map(({ figure, limit, unit, excess }) => {
    const raw = median(turns.raw.map(turn => turn[figure]))
    const { difference, low, high } = rows.find(row => row.figure === figure && row.name === 'observed')
    const [best, worst] = [excess(low, raw), excess(high, raw)].toSorted((a, b) => a - b)
    const verdict = worst <= limit ? 'holds' : best > limit ? 'FAILS' : 'undecided, the interval is too wide'
    return { figure, limit, unit, excess: excess(difference, raw), best, worst, verdict }
  })
  for (const { figure, limit, unit, best, worst, verdict } of claims)
    console.log(`${verdict}: ${figure} at most ${limit} ${unit} worse; measured ${signed(best)} to ${signed(worst)} ${unit}`)
  const out = fileURLToPath(new URL('../results/postgres/what-does-observing-cost.json', import.meta.url))
  mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
  const result = { question: 'what-does-observing-cost', turns: turns.raw.length, rows, claims, figures: turns, postgresVersion, machine: machine() }
  writeFileSync(out, `${JSON.stringify(result)}\n`)
  if (claims.some(claim => claim.verdict === 'FAILS')) process.exitCode = 1
}

/** Median of the differences between neighbouring turns, and its interval by resampling the pairs. */
function differenceInterval(values, base) {
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const pairs = values.map((value, i) => value - base[i])
  const medians = []
  for (let i = 0; i < 2000; i++) medians.push(median(pairs.map(() => pairs[Math.floor(random() * pairs.length)])))
  medians.sort((a, b) => a - b)
  return { difference: median(pairs), low: medians[50], high: medians[1950] }
}

function signed(value, digits = 2) {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(digits)}`
}
