// The claim: watching a pool costs at most 2 us of CPU for each statement, and under 2 % of throughput and 1 ms of p99 at saturation, the search for repeats
// within a request included; and memory stays flat with 100,000 distinct statements.
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
const TURNS = 20
const WARM_UP_TURNS = 5
const STUBBED_STATEMENTS = 20_000
const SEQUENTIAL_STATEMENTS = 1500
const SATURATED_MS = 300
const CONCURRENCY = 24
const POOL_SIZE = 10
/** The cheapest statement there is, and a page as a service reads it: 20 rows of 8 columns. No table, so that any database will do. */
const BARE = 'select $1::int as n'
const PAGE = `select n as id, md5(n::text) as name, 'open' as status, n * 2 as agent_id, n % 7 as kind, now() as created, n::text as zip, true as active
  from generate_series($1::int, $1::int + 19) n`
/** The second raw shows what the method itself makes of no difference. In request scopes, a request is one statement; of repeats, 20 with other parameters. */
const CANDIDATES = ['raw', 'raw again (control)', 'observed', 'raw in request scopes', 'observed in request scopes', 'observed, 20 repeats a request']
const isRaw = candidate => candidate.startsWith('raw')
const BASES = { 'observed in request scopes': 'raw in request scopes' }
const REPEATS = 20
const DISTINCT_STATEMENTS = 100_000
const AT_ONCE = `${CONCURRENCY} at once over ${POOL_SIZE} connections`
const FIGURES = {
  hookUs: 'us of CPU per statement over a driver that answers at once: what the pool and the hook cost by themselves',
  cpuUs: 'us of CPU per statement, `select $1` one at a time',
  bareCpuUs: `us of CPU per statement, \`select $1\` ${AT_ONCE}`,
  barePerSec: 'statements per second of the same: the worst case, nothing but the driver to do',
  perSec: `statements per second, a page of 20 rows ${AT_ONCE}`,
  p99Ms: 'p99 in ms of the same',
}
/** Growth of the heap from the first fifth of 100,000 distinct statements to the last, in MB. */
const MEMORY_LIMIT_MB = 2
/** Who has to keep what is claimed. */
const CLAIMANTS = ['observed', 'observed in request scopes', 'observed, 20 repeats a request']
/** `excess` says how much worse than raw a difference is; the claim holds when the worse end of its interval is within the limit. */
const CLAIMS = [
  { figure: 'hookUs', limit: 2, unit: 'us', excess: difference => difference },
  { figure: 'cpuUs', limit: 2, unit: 'us', excess: difference => difference },
  { figure: 'bareCpuUs', limit: 2, unit: 'us', excess: difference => difference },
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

let seed = 1
const mine = process.env.HOLDFAST_BENCH_CANDIDATE
if (mine === undefined) await compare()
else await serveTurns(mine)

async function serveTurns(candidate) {
  const real = await prepare(candidate, { connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
  const stubbed = await prepare(candidate, { Client: InstantClient, max: 1, idleTimeoutMillis: 0 })
  if ((await real.one(BARE)).rows[0].n !== (real.isRepeating ? 1 : 7) || (await real.one(PAGE)).rows.length !== 20) throw new Error('wrong result')
  // A parent that was stopped leaves nobody behind.
  const orphaned = () => process.exit(1)
  process.once('disconnect', orphaned)
  let expected = 2
  for await (const [message] of onMessages()) {
    if (message === 'end') break
    if (message === 'memory') {
      process.send(await heapGrowthMb(stubbed))
      continue
    }
    const { figures, statementCount } = await takeTurn(real.one, stubbed.one)
    expected += statementCount
    const seen = real.watched?.statements().reduce((sum, { callCount }) => sum + callCount, 0) ?? expected
    if (seen !== expected) throw new Error(`${seen} statements were seen, ${expected} were sent`)
    if (real.isRepeating && real.watched.repeats()[0]?.rule !== 'pg/n-plus-one') throw new Error('the loop was not found')
    process.send(figures)
  }
  for (const { watched, pool } of [real, stubbed]) {
    await watched?.stop()
    await pool.end()
  }
  process.off('disconnect', orphaned)
  process.disconnect()
}

async function* onMessages() {
  for (;;) yield await once(process, 'message')
}

async function prepare(candidate, config) {
  const pool = new pg.Pool(config)
  const watched = isRaw(candidate) ? undefined : observePool(pool, { registry: createRegistry() })
  await watched?.start()
  let sent = 0
  let scope = createRequestScope()
  const statement = (text, value = 7) => pool.query(text, [value])
  const inScope = text => runInRequestScope(createRequestScope(), () => statement(text))
  const repeated = text => {
    if (++sent % REPEATS === 0) {
      scope.route = 'GET /loop'
      scope = createRequestScope()
    }
    return runInRequestScope(scope, () => statement(text, sent))
  }
  const one = candidate.endsWith('in request scopes') ? inScope : candidate.endsWith('repeats a request') ? repeated : statement
  return { pool, watched, one, isRepeating: one === repeated }
}

/** Sends distinct statements to the driver that answers at once, and measures the heap after a fifth of them and after all. */
async function heapGrowthMb({ one, watched }) {
  const heapMb = () => {
    globalThis.gc()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  let firstMb = 0
  for (let n = 0; n < DISTINCT_STATEMENTS; n++) {
    await one(`select column_${n}, ${n} as literal from table_${n % 1000} where id = $1 and kind = 'kind ${n}'`)
    if (n === DISTINCT_STATEMENTS / 5) firstMb = heapMb()
  }
  watched?.repeats()
  return heapMb() - firstMb
}

async function takeTurn(one, stubbedOne) {
  // Whoever had the turn before has the caches; the first moments are not measured.
  const settling = await saturate(() => one(BARE), 100)
  const hookUs = await cpuOf(STUBBED_STATEMENTS, stubbedOne)
  const cpuUs = await cpuOf(SEQUENTIAL_STATEMENTS, one)
  const bare = await saturate(() => one(BARE))
  const page = await saturate(() => one(PAGE))
  const figures = { hookUs, cpuUs, bareCpuUs: bare.cpuUs, barePerSec: bare.perSec, perSec: page.perSec, p99Ms: page.p99Ms }
  return { figures, statementCount: settling.count + SEQUENTIAL_STATEMENTS + bare.count + page.count }
}

async function cpuOf(count, one) {
  const before = process.cpuUsage()
  for (let n = 0; n < count; n++) await one(BARE)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

async function saturate(one, durationMs = SATURATED_MS) {
  const before = process.cpuUsage()
  const endMs = performance.now() + durationMs
  const latencies = []
  const loop = async () => {
    for (let startMs = performance.now(); startMs < endMs; startMs = performance.now()) {
      await one()
      latencies.push(performance.now() - startMs)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  const { user, system } = process.cpuUsage(before)
  const count = latencies.length
  const p99Ms = Float64Array.from(latencies).sort()[Math.floor(count * 0.99)]
  return { count, cpuUs: (user + system) / count, perSec: (count / durationMs) * 1000, p99Ms }
}

async function compare() {
  const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
  const turns = Object.fromEntries(CANDIDATES.map(name => [name, []]))
  const growth = Object.fromEntries(CANDIDATES.map(name => [name, []]))
  try {
    for (let generation = 0; generation < GENERATIONS; generation++) await runGeneration(services.postgres.url, turns, growth)
  } finally {
    await services.stop()
  }
  report(turns, growth, services.postgres.version)
}

async function runGeneration(url, turns, growth) {
  const children = CANDIDATES.map(name => {
    const env = { ...process.env, DATABASE_URL: url, HOLDFAST_BENCH_CANDIDATE: name }
    const child = fork(fileURLToPath(import.meta.url), { env, execArgv: ['--expose-gc'] })
    return { name, child, exit: new Promise(resolve => child.once('exit', resolve)) }
  })
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    for (const { name, child, exit } of shuffled(children)) {
      const figures = await ask(child, exit, 'turn')
      if (typeof figures !== 'object') throw new Error(`${name} failed its check or its run, so there are no figures`)
      if (turn >= WARM_UP_TURNS) turns[name].push(figures)
    }
  }
  for (const { name, child, exit } of children) {
    const growthMb = await ask(child, exit, 'memory')
    if (!Number.isFinite(growthMb)) throw new Error(`${name} failed while its memory was measured`)
    growth[name].push(growthMb)
  }
  for (const { child } of children) child.send('end')
  await Promise.all(children.map(({ exit }) => exit))
}

/** What the child answers; its exit code when it ends instead. */
function ask(child, exit, message) {
  const answer = new Promise(resolve => child.once('message', resolve))
  child.send(message)
  return Promise.race([answer, exit.then(code => `ended with ${code}`)])
}

function report(turns, growth, postgresVersion) {
  const rows = []
  for (const [figure, unit] of Object.entries(FIGURES)) {
    console.log(
      `${unit}  (median of ${turns.raw.length} turns; difference to raw's turn beside it, in request scopes to raw's in them, with its 95 % interval)`,
    )
    for (const name of CANDIDATES) {
      const raw = turns[BASES[name] ?? 'raw'].map(turn => turn[figure])
      const values = turns[name].map(turn => turn[figure])
      const row = { figure, unit, name, median: median(values), ...differenceInterval(values, raw) }
      rows.push(row)
      const percent = (row.difference / median(raw)) * 100
      const difference = `${signed(row.difference)} (${signed(row.low)} to ${signed(row.high)}), ${signed(percent, 1)} %`
      console.log(`  ${name.padEnd(28)} ${row.median.toFixed(2).padStart(10)}   ${name === 'raw' ? '' : difference}`)
    }
  }
  const claims = CLAIMANTS.flatMap(claimant =>
    CLAIMS.map(({ figure, limit, unit, excess }) => {
      const raw = median(turns[BASES[claimant] ?? 'raw'].map(turn => turn[figure]))
      const { difference, low, high } = rows.find(row => row.figure === figure && row.name === claimant)
      const [best, worst] = [excess(low, raw), excess(high, raw)].toSorted((a, b) => a - b)
      const verdict = worst <= limit ? 'holds' : best > limit ? 'FAILS' : 'undecided, the interval is too wide'
      return { claimant, figure, limit, unit, excess: excess(difference, raw), best, worst, verdict }
    }),
  )
  for (const { claimant, figure, limit, unit, best, worst, verdict } of claims)
    console.log(`${verdict}: ${claimant}, ${figure} at most ${limit} ${unit} worse; measured ${signed(best)} to ${signed(worst)} ${unit}`)
  for (const claimant of CLAIMANTS) {
    const worst = Math.max(...growth[claimant])
    const verdict = worst <= MEMORY_LIMIT_MB ? 'holds' : 'FAILS'
    claims.push({ claimant, figure: 'heapGrowthMb', limit: MEMORY_LIMIT_MB, unit: 'MB', worst, verdict })
    console.log(`${verdict}: ${claimant}, heap grows by at most ${MEMORY_LIMIT_MB} MB over 100,000 distinct statements; measured ${signed(worst)} MB`)
  }
  const out = fileURLToPath(new URL('../results/postgres/what-does-observing-cost.json', import.meta.url))
  mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
  const result = {
    question: 'what-does-observing-cost',
    turns: turns.raw.length,
    rows,
    claims,
    growth,
    figures: turns,
    postgresVersion,
    machine: machine(),
  }
  writeFileSync(out, `${JSON.stringify(result)}\n`)
  if (claims.some(claim => claim.verdict === 'FAILS')) process.exitCode = 1
}

/** In a new order each time, so that nobody has a favourite place; the same orders in every run. */
function shuffled(items) {
  return items
    .map(item => ({ item, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** Median of the differences between neighbouring turns, and its interval by resampling the pairs. */
function differenceInterval(values, base) {
  const pairs = values.map((value, i) => value - base[i])
  const medians = []
  for (let i = 0; i < 2000; i++) medians.push(median(pairs.map(() => pairs[Math.floor(random() * pairs.length)])))
  medians.sort((a, b) => a - b)
  return { difference: median(pairs), low: medians[50], high: medians[1950] }
}

function signed(value, digits = 2) {
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(digits)}`
}
