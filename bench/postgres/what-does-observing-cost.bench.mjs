// The claim: watching a pool costs at most 2 us of CPU for each statement, and under 2 % of throughput and 1 ms of p99 at saturation, request scopes and the
// search for repeats within a request included; and memory stays flat with 100,000 distinct statements.
//
// Each generation is a process of its own with three pools on the same PostgreSQL (DATABASE_URL, else one that is started here): raw, raw again (the control,
// which shows what the method makes of no difference) and observed. They take turns of a fraction of a second, and each turn is compared with raw's turn
// beside it, so that what else the machine does falls on all alike. Every turn begins and ends with a collection of the young generation, so that each pays for its own garbage.
// A generation gives one figure, the median of its differences; the intervals are of the generations, because where a process lies in memory and what was compiled
// when moves its figures more than anything within it. CPU time is what decides, because it is what the hook costs whoever else uses the machine: throughput is that of a Node that
// saturates its core. One at a time, Node and PostgreSQL share a core, else waking the other core costs more, and less evenly, than the statement; at once, each has its own.
import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { median } from '../harness.mjs'
import { reportTable } from '../table.mjs'

const GENERATIONS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 11)
/** After so long no further generation begins, so that a busy machine gives fewer and not none. */
const GENERATIONS_LIMIT_MS = 240_000
/** Rounds of turns in a generation, and those before that nobody counts: code is being compiled. */
const ROUNDS = 8
const WARM_UP_ROUNDS = 3
/** Before the first figures, for which nothing is compiled yet. */
const FIRST_WARM_UP_ROUNDS = 8
/** Enough for the garbage of a turn to be collected within it. */
const STATEMENTS = 1000
const SATURATED_MS = 200
const CONCURRENCY = 24
const POOL_SIZE = 10
const REPEATS = 20
const DISTINCT_STATEMENTS = 100_000
const RUN_LIMIT_MS = 120_000
/** Compiling the parser of statements takes other threads half a second, once a process, when somebody first asks for a text. That is not what a statement costs. */
const PARSER_COMPILED_MS = 1000
const LAST_CORE = cpus().length - 1
/** The cheapest statement there is, with a parameter and without, and a page as a service reads it: 20 rows of 8 columns. */
const BARE = 'select $1::int as n'
const PLAIN = 'select 1 as n'
const PAGE = 'select * from holdfast_bench_page where id between $1::int and $1::int + 19'
const PAGE_TABLE = `create table holdfast_bench_page as select n as id, md5(n::text) as name, 'open' as status, n * 2 as agent_id, n % 7 as kind, now() as created,
  n::text as zip, true as active from generate_series(1, 2000) n; create unique index on holdfast_bench_page (id); analyze holdfast_bench_page`
const CANDIDATES = ['raw', 'raw again (control)', 'observed']
/** A request is one statement, or a loop of 20 with other parameters, which is found to be one. */
const SINGLE = { title: 'a request each', statements: 1 }
const LOOP = { title: '20 repeats a request', statements: REPEATS }
const ONE_AT_A_TIME = { title: 'one at a time', concurrency: 1 }
const AT_ONCE = { title: `${CONCURRENCY} at once over ${POOL_SIZE} connections`, concurrency: CONCURRENCY }
/** Outside of requests, as a script or a bench sends: by the pool, and by a client of one's own. These come first, because a process that has had a request pays for
 *  AsyncLocalStorage ever after. */
const PLAINLY = [
  { key: 'cpu pool.query', how: '`pool.query`', form: pool => pool.query(PLAIN) },
  { key: 'cpu client', how: 'connect, query, release', form: sendByClient },
].map(({ key, how, form }) => ({
  key,
  title: `us of CPU for \`select 1\`, ${ONE_AT_A_TIME.title}, ${how}, outside of requests`,
  limit: 2,
  concurrency: 1,
  warmUpRounds: FIRST_WARM_UP_ROUNDS,
  take: ({ plain }) => cpuOf(plain(form), STATEMENTS, 1),
}))
const IN_REQUESTS = [
  { ...ONE_AT_A_TIME, request: SINGLE },
  { ...ONE_AT_A_TIME, request: LOOP },
  { ...AT_ONCE, request: SINGLE },
  { ...AT_ONCE, request: LOOP },
].map(({ title, concurrency, request }) => ({
  key: `cpu ${concurrency} ${request.statements}`,
  title: `us of CPU for \`select $1\`, ${title}, ${request.title}`,
  limit: 2,
  concurrency,
  take: ({ ones }) => cpuOf(ones(request, BARE), STATEMENTS, concurrency),
}))
const CPU = [...PLAINLY, ...IN_REQUESTS]
const SATURATION = {
  key: 'saturation',
  request: LOOP,
  figures: [
    { key: 'perCpuSec', title: `pages of 20 rows for a second of Node's CPU, ${AT_ONCE.title}, ${LOOP.title}`, limit: 2, isRate: true },
    { key: 'perSec', title: 'of the same, pages a second by the clock', isRate: true },
    { key: 'p99Ms', title: 'ms at p99 of the same', limit: 1 },
  ],
}

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
else
  process.stdout.write(`\n${JSON.stringify(mine === 'memory' ? await heapGrowthMb() : await runGeneration(Number(mine)))}\n`, () => process.exit(0))

async function compare() {
  const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
  const generations = []
  try {
    const isPinned = pin(services.postgres.pid)
    await makeTable(services.postgres.url)
    const startMs = performance.now()
    for (let n = 0; n < GENERATIONS && performance.now() - startMs < GENERATIONS_LIMIT_MS; n++) {
      generations.push(await run(services.postgres.url, String(n), isPinned))
    }
    const heapMb = await run(services.postgres.url, 'memory', isPinned)
    report(generations, heapMb, isPinned)
  } finally {
    await services.stop()
  }
}

/** Gives PostgreSQL and all its processes to come the last core. False where there is one core, no `taskset`, or a server that is not ours. */
function pin(pid) {
  if (pid === undefined || LAST_CORE === 0) return false
  try {
    moveTo(pid, LAST_CORE)
    return true
  } catch {
    return false
  }
}

function moveTo(pid, core) {
  execFileSync('taskset', ['-apc', String(core), String(pid)])
}

async function makeTable(url) {
  const client = new pg.Client(url)
  await client.connect()
  await client.query(`drop table if exists holdfast_bench_page; ${PAGE_TABLE}`)
  await client.end()
}

async function run(url, candidate, isPinned) {
  const pinned = isPinned ? { HOLDFAST_BENCH_PINNED: '1' } : {}
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url)], {
    env: { ...process.env, ...pinned, DATABASE_URL: url, HOLDFAST_BENCH_CANDIDATE: candidate },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  const code = await new Promise(resolve => child.on('close', resolve))
  if (code !== 0) throw new Error(`generation ${candidate} failed its check or its run (exit ${code}), so there are no figures`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

/** One process: the medians and the differences of each figure of each candidate. */
async function runGeneration(n) {
  // Who is made first, and who begins, changes from generation to generation.
  const order = n % 2 === 0 ? CANDIDATES : CANDIDATES.toReversed()
  const candidates = []
  for (const name of order) candidates.push(await prepare(name))
  await new Promise(resolve => setTimeout(resolve, PARSER_COMPILED_MS))
  const results = {}
  for (const { key, concurrency, take, warmUpRounds } of CPU) {
    if (process.env.HOLDFAST_BENCH_PINNED !== undefined) moveTo(process.pid, concurrency === 1 ? LAST_CORE : 0)
    const turns = await takeTurns(candidates, async candidate => ({ [key]: await take(candidate) }), warmUpRounds)
    Object.assign(results, summary(turns))
  }
  const saturated = await takeTurns(candidates, ({ ones }) => saturate(ones(SATURATION.request, PAGE)))
  Object.assign(results, summary(saturated))
  for (const candidate of candidates) await candidate.end()
  return results
}

async function prepare(name) {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: POOL_SIZE })
  const watched = name === 'observed' ? observePool(pool, { registry: createRegistry() }) : undefined
  await watched?.start()
  let sent = 0
  const send = async (text, value) => {
    sent++
    return pool.query(text, [value])
  }
  if ((await send(BARE, 7)).rows[0].n !== 7 || (await send(PAGE, 7)).rows.length !== 20) throw new Error('wrong result')
  watched?.statements()
  // Each sender has a request of its own, which ends after so many statements.
  const ones = (request, text) => () => {
    let scope
    let left = 0
    return () => {
      if (left-- === 0) {
        if (scope !== undefined) scope.route = 'GET /bench'
        scope = createRequestScope()
        left = request.statements - 1
      }
      return runInRequestScope(scope, () => send(text, 1 + (sent % 1000)))
    }
  }
  const plain = form => () => () => {
    sent++
    return form(pool)
  }
  const end = async () => {
    const seen = watched?.statements().reduce((sum, { callCount }) => sum + callCount, 0) ?? sent
    if (seen !== sent) throw new Error(`${seen} statements were seen, ${sent} were sent`)
    if (watched !== undefined && watched.repeats()[0]?.rule !== 'pg/n-plus-one') throw new Error('the loop was not found')
    await watched?.stop()
    await pool.end()
  }
  return { name, ones, plain, end }
}

async function sendByClient(pool) {
  const client = await pool.connect()
  try {
    return await client.query(PLAIN)
  } finally {
    client.release()
  }
}

/** The figures of each candidate, turn by turn. */
async function takeTurns(candidates, turn, warmUpRounds = WARM_UP_ROUNDS) {
  const turns = Object.fromEntries(CANDIDATES.map(name => [name, []]))
  for (let round = 0; round < warmUpRounds + ROUNDS; round++) {
    const order = candidates.map((_, at) => candidates[(at + round) % candidates.length])
    for (const candidate of round % 2 === 0 ? order : order.toReversed()) {
      globalThis.gc({ type: 'minor' })
      const figures = await turn(candidate)
      if (round >= warmUpRounds) turns[candidate.name].push(figures)
    }
  }
  return turns
}

function summary(turns) {
  const entries = Object.keys(turns.raw[0]).map(key => {
    const raw = turns.raw.map(turn => turn[key])
    const byName = CANDIDATES.map(name => {
      const values = turns[name].map(turn => turn[key])
      return [name, { median: median(values), difference: median(values.map((value, at) => value - raw[at])) }]
    })
    return [key, Object.fromEntries(byName)]
  })
  return Object.fromEntries(entries)
}

async function cpuOf(ones, count, concurrency) {
  let left = count
  const loop = async one => {
    while (left-- > 0) await one()
  }
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: concurrency }, () => loop(ones())))
  globalThis.gc({ type: 'minor' })
  return cpuUsSince(before) / count
}

async function saturate(ones) {
  const before = process.cpuUsage()
  const startMs = performance.now()
  const latencies = []
  const loop = async one => {
    for (let askedMs = performance.now(); askedMs < startMs + SATURATED_MS; askedMs = performance.now()) {
      await one()
      latencies.push(performance.now() - askedMs)
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, () => loop(ones())))
  globalThis.gc({ type: 'minor' })
  const tookMs = performance.now() - startMs
  const p99Ms = Float64Array.from(latencies).sort()[Math.floor(latencies.length * 0.99)]
  return { perCpuSec: (latencies.length / cpuUsSince(before)) * 1e6, perSec: (latencies.length / tookMs) * 1000, p99Ms }
}

function cpuUsSince(before) {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/** Sends distinct statements to a driver that answers at once, and measures the heap after a fifth of them and after all. */
async function heapGrowthMb() {
  const pool = new pg.Pool({ Client: InstantClient, max: 1, idleTimeoutMillis: 0 })
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  const heapMb = () => {
    globalThis.gc()
    return process.memoryUsage().heapUsed / 2 ** 20
  }
  let firstMb = 0
  for (let n = 0; n < DISTINCT_STATEMENTS; n++) {
    await runInRequestScope(createRequestScope(), () =>
      pool.query(`select column_${n}, ${n} as literal from table_${n % 1000} where id = $1 and kind = 'kind ${n}'`, [n]),
    )
    if (n === DISTINCT_STATEMENTS / 5) firstMb = heapMb()
  }
  return heapMb() - firstMb
}

function report(generations, heapMb, isPinned) {
  const rows = []
  const claims = []
  for (const { key, title, limit, isRate = false } of [...CPU, ...SATURATION.figures]) {
    for (const name of CANDIDATES) {
      const raw = median(generations.map(generation => generation[key].raw.median))
      // More is worse of everything but throughput.
      const excess = generations.map(({ [key]: { [name]: figure } }) => (isRate ? (-figure.difference / raw) * 100 : figure.difference))
      const values = { figure: median(generations.map(generation => generation[key][name].median)), unit: isRate ? '%' : title.split(' ')[0] }
      rows.push({ name: `${title}: ${name}`, values: name === 'raw' ? values : { ...values, ...intervalOf(excess) } })
    }
    if (limit !== undefined) claims.push({ candidate: `${title}: observed`, column: 'high', atMost: limit })
  }
  const memory = 'MB of heap, growth over 80,000 further distinct statements: observed'
  rows.push({ name: memory, values: { figure: heapMb, unit: 'MB' } })
  claims.push({ candidate: memory, column: 'figure', atMost: 2 })
  reportTable(import.meta.url, {
    about: `${generations.length} processes, in each the candidates in turns; ${isPinned ? 'Node and PostgreSQL on one core for one at a time, else on one each' : 'Node and PostgreSQL share the cores'}`,
    columns: [
      { key: 'figure', title: 'median', digits: 2 },
      { key: 'excess', title: 'worse than raw by', digits: 2 },
      { key: 'low', title: 'its 95 % interval, from', digits: 2 },
      { key: 'high', title: 'to', digits: 2 },
      { key: 'unit', title: 'unit' },
    ],
    claims,
    rows,
    figures: generations,
  })
}

/** Median over the generations, and its interval by drawing generations again and again. */
function intervalOf(values) {
  const medians = []
  for (let i = 0; i < 4000; i++) medians.push(median(values.map(() => values[Math.floor(random() * values.length)])))
  medians.sort((a, b) => a - b)
  return { excess: median(values), low: medians[100], high: medians[3900] }
}

function random() {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}
