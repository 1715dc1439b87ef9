// The claim: timeouts, fences, history, retention and metrics cost at most a tenth of plain BullMQ's throughput while the outbox is off.
//
// A round has a process for each candidate, one after the other, and gives one ratio; what is said is the median of the rounds' ratios. The control is BullMQ once more,
// which shows what the method makes of no difference. Node has one core and Redis the other. In each process turns of: jobs added in bulk, added singly, then worked, fifty
// at once. Jobs do nothing, so all that is measured is cost. CPU time decides, because it is what a job costs whoever else uses the machine: jobs a second of a busy process
// are its inverse, and are there by the clock as well.
import { execFileSync, spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { cpuUsOf } from '../cpu-time.mjs'
import { median } from '../harness.mjs'
import { intervalOfMedian } from '../interval.mjs'
import { reportTable } from '../table.mjs'
import { CONCURRENCY, check, graphileWorker, holdfast, LEFT_OUT, pgBoss, plainBullMq, startContenderServices } from './contenders.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 10)
/** After so long no further round begins, so that a busy machine gives fewer and not none. */
const ROUNDS_LIMIT_MS = 120_000
const RUN_LIMIT_MS = 60_000
/** Turns in a process, and those before that nobody counts: code is being compiled. */
const TURNS = 5
const WARM_UP_TURNS = 3
const IN_BULK = 1500
const CHUNK = 500
const SINGLY = 1500
const LAST_CORE = cpus().length - 1
const BASELINE = 'BullMQ'
const CONTROL = 'BullMQ again (control)'
const CANDIDATES = {
  [BASELINE]: plainBullMq,
  [CONTROL]: plainBullMq,
  Holdfast: holdfast(),
  'Holdfast, 50 tenants': holdfast({ tenants: 50 }),
}
/** They run twice, one turn each, for a glance: their costs are those of PostgreSQL, and polling makes a turn long. */
const PEERS = { 'Holdfast, outbox': holdfast({ hasOutbox: true }), 'pg-boss 10': pgBoss, 'graphile-worker 0.16': graphileWorker }
const PEER_ROUNDS = 2
const PEER_TURNS = 1
const PARTS = [
  { key: 'bulkUs', title: 'us of CPU of Node for a job added in bulk' },
  { key: 'singleUs', title: 'us of CPU of Node for a job added singly' },
  { key: 'workUs', title: 'us of CPU of Node for a job worked' },
  { key: 'redisUs', title: 'us of CPU of Redis for a job added and worked' },
  { key: 'nodeUs', title: 'us of CPU of Node for a job, half added in bulk, and worked' },
  { key: 'msPerThousand', title: 'ms by the clock to work a thousand jobs' },
]

const mine = process.env.HOLDFAST_BENCH_CANDIDATE
if (mine === undefined) await compare()
else {
  const result = mine in PEERS ? await runCandidate(PEERS[mine], 0, PEER_TURNS) : await runCandidate(CANDIDATES[mine], WARM_UP_TURNS, TURNS)
  process.stdout.write(`\n${JSON.stringify(result)}\n`, () => process.exit(0))
}

async function compare() {
  const services = await startContenderServices()
  const figures = Object.fromEntries(Object.keys({ ...CANDIDATES, ...PEERS }).map(name => [name, []]))
  const redisPid = String(services.jobsRedis.pid)
  try {
    const isPinned = pin(redisPid)
    const startedMs = performance.now()
    let rounds = 0
    for (; rounds < ROUNDS && (rounds < 2 || performance.now() - startedMs < ROUNDS_LIMIT_MS); rounds++) {
      const names = Object.keys(CANDIDATES)
      // Who begins changes from round to round, so that a drift of the machine falls on all alike.
      const order = names.map((_, at) => names[(at + rounds) % names.length])
      for (const name of rounds % 2 === 0 ? order : order.toReversed()) figures[name].push(await measure(name, redisPid, isPinned))
    }
    for (let round = 0; round < Math.min(PEER_ROUNDS, rounds); round++)
      for (const name of Object.keys(PEERS)) figures[name].push(await measure(name, redisPid, false))
    report(figures, rounds, isPinned)
  } finally {
    await services.stop()
  }
}

/** Gives Redis the last core. False where there is one core, or no `taskset`. */
function pin(redisPid) {
  if (LAST_CORE === 0) return false
  try {
    execFileSync('taskset', ['-apc', String(LAST_CORE), redisPid])
    return true
  } catch {
    return false
  }
}

async function measure(name, redisPid, isPinned) {
  const [command, ...before] = isPinned ? ['taskset', '-c', '0', process.execPath] : [process.execPath]
  const child = spawn(command, [...before, '--expose-gc', fileURLToPath(import.meta.url)], {
    env: { ...process.env, HOLDFAST_BENCH_CANDIDATE: name, HOLDFAST_BENCH_REDIS_PID: redisPid },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: RUN_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  const code = await new Promise(resolve => child.on('close', resolve))
  if (code !== 0) throw new Error(`${name} failed its check or its run (exit ${code}), so there are no figures`)
  return JSON.parse(stdout.trim().split('\n').at(-1))
}

async function runCandidate(contender, warmUpTurns, turnCount) {
  const queue = await contender.open()
  const jobs = { onJob: () => undefined }
  await queue.work(n => jobs.onJob(n))
  await check(queue, jobs)
  const turns = []
  for (let turn = 0; turn < warmUpTurns + turnCount; turn++) {
    globalThis.gc({ type: 'minor' })
    const figures = await takeTurn(queue, jobs)
    if (turn >= warmUpTurns) turns.push(figures)
  }
  return Object.fromEntries(PARTS.map(({ key }) => [key, median(turns.map(figures => figures[key]))]))
}

async function takeTurn({ add, addOne, stop, go }, jobs) {
  const count = IN_BULK + SINGLY
  await stop()
  const start = cpuNow()
  for (let from = 0; from < IN_BULK; from += CHUNK) await add(numbers(from, CHUNK))
  const afterBulk = cpuNow()
  let next = IN_BULK
  const addAll = async () => {
    while (next < count) await addOne(next++)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, addAll))
  const afterSingle = cpuNow()
  let begun
  let started = 0
  const end = await new Promise((resolve, reject) => {
    jobs.onJob = () => {
      started++
      // From the first job to the last, so that how long a queue takes to begin is not in it.
      if (started === 1) begun = { ...cpuNow(), ms: performance.now() }
      if (started === count) resolve({ ...cpuNow(), ms: performance.now() })
    }
    Promise.resolve(go()).catch(reject)
  })
  const bulkUs = (afterBulk.nodeUs - start.nodeUs) / IN_BULK
  const singleUs = (afterSingle.nodeUs - afterBulk.nodeUs) / SINGLY
  const workUs = (end.nodeUs - begun.nodeUs) / count
  const redisUs = (afterSingle.redisUs - start.redisUs + end.redisUs - begun.redisUs) / count
  return { bulkUs, singleUs, workUs, redisUs, nodeUs: (bulkUs + singleUs) / 2 + workUs, msPerThousand: ((end.ms - begun.ms) / count) * 1000 }
}

function numbers(from, count) {
  return Array.from({ length: count }, (_, at) => from + at)
}

function cpuNow() {
  const { user, system } = process.cpuUsage()
  return { nodeUs: user + system, redisUs: cpuUsOf(process.env.HOLDFAST_BENCH_REDIS_PID) }
}

function report(figures, rounds, isPinned) {
  const rows = []
  for (const { key, title } of PARTS) {
    for (const name of Object.keys(figures)) {
      const values = { figure: median(figures[name].map(figure => figure[key])) }
      const ratios = figures[name].map((figure, at) => figure[key] / figures[BASELINE][at][key])
      rows.push({ name: `${title}: ${name}`, values: name === BASELINE ? values : { ...values, ...intervalOfMedian(ratios) } })
    }
  }
  const title = key => PARTS.find(part => part.key === key).title
  const claim = (key, name, why) => ({ candidate: `${title(key)}: ${name}`, column: 'median', atMost: 1.1, why })
  reportTable(import.meta.url, {
    about: `${rounds} rounds with a process each, ratios within rounds; ${isPinned ? 'Node and Redis on a core each' : 'Node and Redis share the cores'}; equal attempts, back-off, retention and payload`,
    columns: [
      { key: 'figure', title: 'median', digits: 1 },
      { key: 'median', title: 'ratio to BullMQ', digits: 3 },
      { key: 'low', title: 'its 95 % interval, from', digits: 3 },
      { key: 'high', title: 'to', digits: 3 },
    ],
    claims: [
      { candidate: `${title('nodeUs')}: ${CONTROL}`, column: 'low', atMost: 1, why: 'the run was undisturbed' },
      { candidate: `${title('nodeUs')}: ${CONTROL}`, column: 'high', atLeast: 1, atMost: 1.05, why: 'the run was undisturbed' },
      claim('workUs', 'Holdfast', 'a tenth of the throughput of a worker'),
      claim('nodeUs', 'Holdfast', 'a tenth of the throughput of a process that adds and works'),
      claim('redisUs', 'Holdfast', 'a tenth of the throughput of Redis'),
      claim('msPerThousand', 'Holdfast', 'a tenth of the throughput'),
      claim('msPerThousand', 'Holdfast, 50 tenants', 'a tenth of the throughput with turns for tenants'),
    ],
    leftOut: LEFT_OUT,
    rows,
    figures,
  })
}
