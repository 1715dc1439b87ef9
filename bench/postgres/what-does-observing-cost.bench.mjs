// The claim: watching a pool costs at most 2 us of CPU for each statement, and under 2 % of throughput and 1 ms of p99 at saturation.
// Each figure comes from a process of its own, raw and observed in turns, against the same PostgreSQL: DATABASE_URL, else one that is started here.
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { machine, median } from '../harness.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 9)
const SEQUENTIAL_STATEMENTS = 15_000
const SATURATED_MS = 2000
const CONCURRENCY = 24
const POOL_SIZE = 10
const STUBBED_STATEMENTS = 200_000
const FIGURES = {
  hookUs: 'us of CPU per statement over a driver that answers at once: what the hook and the pool cost by themselves',
  cpuUs: 'us of CPU per statement, one at a time',
  perSec: `statements per second, ${CONCURRENCY} at once over ${POOL_SIZE}`,
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
else process.stdout.write(JSON.stringify(await measure(mine)))

async function measure(candidate) {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
  const watched = candidate === 'raw' ? undefined : observePool(pool, { registry: createRegistry() })
  await watched?.start()
  const inScope = candidate === 'observed in request scopes'
  const statement = () => pool.query('select $1::int as n', [7])
  const one = inScope ? () => runInRequestScope(createRequestScope(), statement) : statement
  if ((await one()).rows[0].n !== 7) throw new Error('wrong result')

  for (let n = 0; n < 5000; n++) await one()
  globalThis.gc()
  const before = process.cpuUsage()
  for (let n = 0; n < SEQUENTIAL_STATEMENTS; n++) await one()
  const { user, system } = process.cpuUsage(before)
  const cpuUs = (user + system) / SEQUENTIAL_STATEMENTS

  await saturate(one, 500)
  const latencies = await saturate(one, SATURATED_MS)
  const seen = watched?.statements().reduce((sum, { callCount }) => sum + callCount, 0)
  await watched?.stop()
  await pool.end()
  if (seen !== undefined && seen < latencies.length + SEQUENTIAL_STATEMENTS) throw new Error(`only ${seen} statements were seen`)
  latencies.sort()
  return {
    hookUs: await hookCost(candidate),
    cpuUs,
    perSec: (latencies.length / SATURATED_MS) * 1000,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)],
  }
}

/** CPU of one statement where neither socket nor server takes part: the least noisy figure. */
async function hookCost(candidate) {
  const pool = new pg.Pool({ Client: InstantClient, max: 1, idleTimeoutMillis: 0 })
  const watched = candidate === 'raw' ? undefined : observePool(pool, { registry: createRegistry() })
  await watched?.start()
  const statement = () => pool.query('select $1::int as n', [7])
  const one = candidate === 'observed in request scopes' ? () => runInRequestScope(createRequestScope(), statement) : statement
  for (let n = 0; n < 50_000; n++) await one()
  globalThis.gc()
  const before = process.cpuUsage()
  for (let n = 0; n < STUBBED_STATEMENTS; n++) await one()
  const { user, system } = process.cpuUsage(before)
  await watched?.stop()
  await pool.end()
  return (user + system) / STUBBED_STATEMENTS
}

async function saturate(one, durationMs) {
  const endMs = performance.now() + durationMs
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
  const candidates = ['raw', 'observed', 'observed in request scopes']
  const rounds = Object.fromEntries(candidates.map(name => [name, []]))
  try {
    for (let round = 0; round < ROUNDS; round++) {
      // Every other round backwards, so that a drift of the machine falls on all alike.
      for (const name of round % 2 === 0 ? candidates : candidates.toReversed()) rounds[name].push(await spawned(name, services.postgres.url))
    }
  } finally {
    await services.stop()
  }
  report(candidates, rounds, services.postgres.version)
}

async function spawned(name, url) {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url)], {
    env: { ...process.env, DATABASE_URL: url, HOLDFAST_BENCH_CANDIDATE: name },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', chunk => {
    out += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${name} failed its check or its run, so there are no figures`)
  return JSON.parse(out)
}

function report(candidates, rounds, postgresVersion) {
  const rows = []
  for (const [figure, unit] of Object.entries(FIGURES)) {
    console.log(`${unit}  (median of ${ROUNDS} processes each; difference to raw with its 95 % interval)`)
    const raw = rounds.raw.map(round => round[figure])
    for (const name of candidates) {
      const values = rounds[name].map(round => round[figure])
      const row = { figure, unit, name, median: median(values), ...differenceInterval(values, raw) }
      rows.push(row)
      const percent = (row.difference / median(raw)) * 100
      const difference = `${signed(row.difference)} (${signed(row.low)} to ${signed(row.high)}), ${signed(percent, 1)} %`
      console.log(`  ${name.padEnd(28)} ${row.median.toFixed(2).padStart(10)}   ${name === 'raw' ? '' : difference}`)
    }
  }
  const claims = CLAIMS.map(({ figure, limit, unit, excess }) => {
    const raw = median(rounds.raw.map(round => round[figure]))
    const { difference, low, high } = rows.find(row => row.figure === figure && row.name === 'observed')
    const [best, worst] = [excess(low, raw), excess(high, raw)].toSorted((a, b) => a - b)
    const verdict = worst <= limit ? 'holds' : best > limit ? 'FAILS' : 'undecided, the machine is too restless'
    return { figure, limit, unit, excess: excess(difference, raw), best, worst, verdict }
  })
  for (const { figure, limit, unit, best, worst, verdict } of claims)
    console.log(`${verdict}: ${figure} at most ${limit} ${unit} worse; measured ${signed(best)} to ${signed(worst)} ${unit}`)
  const out = fileURLToPath(new URL('../results/postgres/what-does-observing-cost.json', import.meta.url))
  mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
  writeFileSync(
    out,
    `${JSON.stringify({ question: 'what-does-observing-cost', rounds: ROUNDS, rows, claims, figures: rounds, postgresVersion, machine: machine() }, null, 1)}\n`,
  )
  if (claims.some(claim => claim.verdict === 'FAILS')) process.exitCode = 1
}

/** Difference of the medians and its interval, by resampling rounds in pairs, so that a slow moment cancels out. */
function differenceInterval(values, base) {
  let state = 1
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const differences = []
  for (let i = 0; i < 2000; i++) {
    const picks = values.map(() => Math.floor(random() * values.length))
    differences.push(median(picks.map(pick => values[pick] - base[pick])))
  }
  differences.sort((a, b) => a - b)
  return { difference: median(values.map((value, i) => value - base[i])), low: differences[50], high: differences[1950] }
}

function signed(value, digits = 2) {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(digits)}`
}
