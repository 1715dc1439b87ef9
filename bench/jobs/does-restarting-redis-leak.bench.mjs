// The claim: through fifty restarts of Redis (killed with SIGKILL, started again at once, with persistence) workers come back alone, no job is lost, none of the outbox runs twice, and
// memory, sockets, timers and listeners stay flat. Jobs trickle in meanwhile, added directly (refused with a coded error while Redis is away) and in transactions.
// Handles are counted and the heap is measured, after a collection, whenever a job that was added after a restart has run. Flat means: the last ten restarts against the ten after warm-up.
import { readdirSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { startServices } from '@holdfast/dev-services'
import { createJobs, defineJob } from 'holdfast/jobs'
import pg from 'pg'
import { median } from '../harness.mjs'
import { startKillableRedis } from '../killable-redis.mjs'
import { benchTable } from '../table.mjs'

const RESTARTS = Number(process.env.HOLDFAST_BENCH_RESTARTS ?? 50)
const WARM_UP = Math.min(5, RESTARTS - 1)
const COMPARED = 10
const TRICKLE_MS = 20
const GIVE_UP_MS = 20_000

async function restarts() {
  const redis = await startKillableRedis(['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'])
  const pool = new pg.Pool({ connectionString: process.env.HOLDFAST_BENCH_PG_URL, max: 5 })
  const runs = new Map()
  const warnings = []
  process.on('warning', ({ name }) => warnings.push(name))
  const run = job => void runs.set(job.payload, (runs.get(job.payload) ?? 0) + 1)
  const jobs = createJobs({
    redis: redis.url,
    pool,
    queues: { a: { jobs: { work: defineJob({ run }) } }, b: { jobs: { work: defineJob({ run }) } } },
  })
  await jobs.start()
  const trickle = startTrickle(jobs, pool)
  const samples = []
  for (let n = 0; n < RESTARTS; n++) {
    await redis.kill()
    await redis.start()
    const startedMs = performance.now()
    const marker = `after-${n}`
    await trickle.enqueue(marker)
    await until(() => runs.has(marker))
    samples.push({ ...sample(), backMs: performance.now() - startedMs })
  }
  await trickle.stop()
  await until(() => trickle.promised.every(name => runs.has(name)))
  const lost = trickle.promised.filter(name => !runs.has(name)).length
  const twice = trickle.enqueued.filter(name => runs.get(name) > 1).length
  await jobs.stop()
  await pool.end()
  await redis.stop()
  const early = samples.slice(WARM_UP, WARM_UP + COMPARED)
  const late = samples.slice(-COMPARED)
  const growth = key => median(late.map(one => one[key])) - median(early.map(one => one[key]))
  return {
    restarts: RESTARTS,
    backMs: median(samples.map(({ backMs }) => backMs)),
    jobs: trickle.promised.length,
    refused: trickle.refused(),
    lost,
    twice,
    files: growth('files'),
    timers: growth('timers'),
    heapMb: growth('heapMb'),
    rssMb: growth('rssMb'),
    warnings: warnings.length,
  }
}

/** Jobs one after the other; `promised` are those whose call was answered with an id. */
function startTrickle(jobs, pool) {
  const promised = []
  const enqueued = []
  let refused = 0
  let isStopped = false
  const enqueue = async name => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await jobs.enqueue(client, 'a', 'work', name)
    await client.query('COMMIT')
    client.release()
    promised.push(name)
    enqueued.push(name)
  }
  const add = async name => {
    try {
      await jobs.add('b', 'work', name)
      promised.push(name)
    } catch (error) {
      if (error.code !== 'HF_JOBS_REDIS_AWAY') throw error
      refused++
    }
  }
  const trickling = (async () => {
    for (let n = 0; !isStopped; n++) {
      await Promise.all([enqueue(`enqueued-${n}`), add(`added-${n}`)])
      await pause(TRICKLE_MS)
    }
  })()
  const stop = async () => {
    isStopped = true
    await trickling
  }
  return { promised, enqueued, enqueue, stop, refused: () => refused }
}

function sample() {
  globalThis.gc()
  const { heapUsed, rss } = process.memoryUsage()
  return {
    files: readdirSync('/proc/self/fd').length,
    timers: process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length,
    heapMb: heapUsed / 2 ** 20,
    rssMb: rss / 2 ** 20,
  }
}

async function until(check) {
  const giveUpMs = performance.now() + GIVE_UP_MS
  while (!check()) {
    if (performance.now() > giveUpMs) throw new Error(`a job has not run for ${GIVE_UP_MS} ms`)
    await pause(5)
  }
}

const NAME = 'Holdfast'
const isParent = process.env.HOLDFAST_BENCH_CANDIDATE === undefined
const services = isParent ? await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) }) : undefined
if (services !== undefined) process.env.HOLDFAST_BENCH_PG_URL = services.postgres.url
try {
  await benchTable({
    url: import.meta.url,
    about: `${RESTARTS} restarts of Redis by SIGKILL, a job added and one enqueued every ${TRICKLE_MS} ms; growth from restarts ${WARM_UP + 1} to ${WARM_UP + COMPARED} to the last ${COMPARED}`,
    columns: [
      { key: 'restarts', title: 'restarts' },
      { key: 'backMs', title: 'back after, ms' },
      { key: 'jobs', title: 'jobs promised' },
      { key: 'refused', title: 'adds refused with a code' },
      { key: 'lost', title: 'lost' },
      { key: 'twice', title: 'enqueued and run twice' },
      { key: 'files', title: 'growth of open files and sockets' },
      { key: 'timers', title: 'of timers' },
      { key: 'heapMb', title: 'of the heap, MB', digits: 2 },
      { key: 'rssMb', title: 'of RSS, MB', digits: 1 },
      { key: 'warnings', title: 'warnings of listeners' },
    ],
    transposed: true,
    candidates: { [NAME]: restarts },
    claims: [
      { candidate: NAME, column: 'lost', atMost: 0 },
      { candidate: NAME, column: 'twice', atMost: 0 },
      { candidate: NAME, column: 'files', atMost: 0 },
      { candidate: NAME, column: 'timers', atMost: 0 },
      { candidate: NAME, column: 'heapMb', atMost: 1 },
      { candidate: NAME, column: 'warnings', atMost: 0 },
    ],
  })
} finally {
  await services?.stop()
}
