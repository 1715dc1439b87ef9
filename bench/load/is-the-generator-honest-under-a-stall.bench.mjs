// The claim: when a server stalls for 1 s in 10 at 500 requests/s, the generator reports what users would have seen. The truth follows from arithmetic:
// a tenth of the requests wait 0 to 1,000 ms, evenly, so p95 is 500 ms and p99 is 900 ms; the server's own log must agree. Beside it: the same with too
// few connections, which must be refused; and two closed loops (each connection sends after its answer), which is how most load tools measure by default.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { runLoad } from '@holdfast/load'
import { Client } from 'undici'
import { machine, median } from '../harness.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 3)
const RATE = 500
const SECONDS = 10
const STALL = { fromMs: 4000, toMs: 5000 }
const TRUTH = { p95Ms: 500, p99Ms: 900 }
/** Its only effect on the run is that 20 ms of drift are allowed: little beside 500, and the machine may be shared. */
const SLO = { p95Ms: 200 }
const OPEN = 'holdfast, open loop'
const STARVED = 'holdfast, 50 connections'
const CANDIDATES = {
  [OPEN]: baseUrl => openLoop(baseUrl, 1000),
  [STARVED]: baseUrl => openLoop(baseUrl, 50),
  'closed loop, 10 connections': baseUrl => closedLoop(baseUrl, 10, 0),
  'closed loop, 10 connections, paced': baseUrl => closedLoop(baseUrl, 10, (1000 * 10) / RATE),
}

const role = process.env.HOLDFAST_BENCH_CANDIDATE
if (role === undefined) await compare()
else if (role === 'server') serve()
else process.send(await CANDIDATES[role](process.env.HOLDFAST_BENCH_URL))

async function openLoop(baseUrl, maxInFlight) {
  const scenario = { arrival: [{ rate: RATE, seconds: SECONDS }], maxInFlight, slo: SLO, flow: [{ path: '/' }] }
  const { valid, invalidReasons, latency, requestCount } = await runLoad(scenario, { baseUrl })
  return { valid, invalidReasons, requestCount, p50Ms: latency.p50Ms, p95Ms: latency.p95Ms, p99Ms: latency.p99Ms }
}

/** Each connection sends its next request when the answer has come, and at the earliest `gapMs` after the one before. */
async function closedLoop(baseUrl, connectionCount, gapMs) {
  const latencies = []
  const endMs = performance.now() + 1000 * SECONDS
  const loops = Array.from({ length: connectionCount }, async () => {
    const client = new Client(baseUrl)
    while (performance.now() < endMs) {
      const sentMs = performance.now()
      const { body } = await client.request({ method: 'GET', path: '/' })
      await body.dump()
      latencies.push(performance.now() - sentMs)
      const restMs = gapMs - (performance.now() - sentMs)
      if (restMs > 0) await new Promise(resolve => setTimeout(resolve, restMs))
    }
    await client.close()
  })
  await Promise.all(loops)
  return { valid: true, invalidReasons: [], requestCount: latencies.length, ...percentiles(latencies) }
}

/** Answers at once, except in the stall, counted from the first request: what arrives then is answered when it ends. */
function serve() {
  const log = []
  let startMs
  const server = createServer((_, response) => {
    const arrivedMs = performance.now()
    startMs ??= arrivedMs
    const atMs = (arrivedMs - startMs) % (1000 * SECONDS)
    const answer = () => {
      response.end('ok')
      log.push(performance.now() - arrivedMs)
    }
    if (atMs >= STALL.fromMs && atMs < STALL.toMs) setTimeout(answer, STALL.toMs - atMs)
    else answer()
  })
  process.on('message', () => {
    process.send(percentiles(log))
    process.disconnect()
    server.close()
    server.closeAllConnections()
  })
  server.listen(0, '127.0.0.1', () => process.send(`http://127.0.0.1:${server.address().port}`))
}

function percentiles(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const at = quantile => sorted[Math.min(sorted.length - 1, Math.ceil(quantile * sorted.length) - 1)]
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) }
}

async function measure(candidate) {
  const start = (name, env = {}) => fork(fileURLToPath(import.meta.url), { env: { ...process.env, HOLDFAST_BENCH_CANDIDATE: name, ...env } })
  const server = start('server')
  const [url] = await once(server, 'message')
  const [reported] = await once(start(candidate, { HOLDFAST_BENCH_URL: url }), 'message')
  server.send('end')
  const [serverLog] = await once(server, 'message')
  return { ...reported, serverLog }
}

async function compare() {
  const figures = Object.fromEntries(Object.keys(CANDIDATES).map(name => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    const names = Object.keys(CANDIDATES)
    for (const name of round % 2 === 0 ? names : names.toReversed()) figures[name].push(await measure(name))
  }
  const rows = Object.entries(figures).map(([name, runs]) => summarise(name, runs))
  console.log(
    `is the generator honest under a stall? (1 s in 10, ${RATE}/s; ${ROUNDS} rounds, a process each; truth: p95 ${TRUTH.p95Ms} ms, p99 ${TRUTH.p99Ms} ms)`,
  )
  for (const row of rows) console.log(`  ${row.name.padEnd(36)} ${describe(row)}`)
  const claims = judge(rows)
  for (const { holds, what } of claims) console.log(`  ${holds ? 'holds' : 'FAILS'}: ${what}`)
  const folder = fileURLToPath(new URL('../results/load/', import.meta.url))
  mkdirSync(folder, { recursive: true })
  const result = { question: 'is-the-generator-honest-under-a-stall', rounds: ROUNDS, truth: TRUTH, rows, claims, figures, machine: machine() }
  writeFileSync(`${folder}is-the-generator-honest-under-a-stall.json`, `${JSON.stringify(result, null, 1)}\n`)
  if (claims.some(({ holds }) => !holds)) process.exitCode = 1
}

/** No figures for a candidate that says itself that it has none. */
function summarise(name, runs) {
  const valid = runs.filter(run => run.valid)
  const row = { name, refused: runs.length - valid.length, why: runs.find(run => !run.valid)?.invalidReasons[0] }
  if (valid.length === 0) return row
  const of = read => median(valid.map(read))
  const [p50Ms, p95Ms, p99Ms] = [of(run => run.p50Ms), of(run => run.p95Ms), of(run => run.p99Ms)]
  const serverLog = { p95Ms: of(run => run.serverLog.p95Ms), p99Ms: of(run => run.serverLog.p99Ms) }
  return { ...row, p50Ms, p95Ms, p99Ms, p95Ratio: p95Ms / TRUTH.p95Ms, p99Ratio: p99Ms / TRUTH.p99Ms, serverLog }
}

function describe({ refused, why, p50Ms, p95Ms, p99Ms, p95Ratio, p99Ratio }) {
  if (p50Ms === undefined) return `refused ${refused} of ${ROUNDS}: ${why}`
  const times = `p50 ${p50Ms.toFixed(1)}  p95 ${p95Ms.toFixed(1)} (x ${p95Ratio.toFixed(3)})  p99 ${p99Ms.toFixed(1)} (x ${p99Ratio.toFixed(3)})`
  return refused === 0 ? times : `${times}  refused ${refused} of ${ROUNDS}: ${why}`
}

function judge(rows) {
  const open = rows.find(row => row.name === OPEN)
  const starved = rows.find(row => row.name === STARVED)
  const isNear = (value, truth) => value !== undefined && Math.abs(value / truth - 1) <= 0.05
  return [
    { holds: isNear(open.p95Ms, TRUTH.p95Ms) && isNear(open.p99Ms, TRUTH.p99Ms), what: `${OPEN}: p95 and p99 within 5 % of the truth` },
    { holds: isNear(open.serverLog?.p99Ms, TRUTH.p99Ms), what: "the server's own log agrees with the arithmetic to 5 %" },
    { holds: starved.refused === ROUNDS, what: `${STARVED}: refused every time` },
  ]
}
