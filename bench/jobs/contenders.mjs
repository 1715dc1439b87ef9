// Queues that do the same. Each `open` starts an empty queue: `add(numbers)` hands jobs over in one call, `addOne(n)` one (in a transaction it calls its second
// argument when COMMIT is sent), `work(onJob)` starts a worker that runs `onJob(n)`
// for each job, fifty at once where that can be said, and `stop()` and `go()` keep it from new jobs and let it at them again.
// What a queue is asked to do beside that is what Holdfast does by default: five attempts, exponential back-off, what ended kept by number and by age.
import { createRequire } from 'node:module'
import { startServices } from '@holdfast/dev-services'
import { createJobs, defineJob } from 'holdfast/jobs'
import { Redis } from 'ioredis'
import pg from 'pg'

const require = createRequire(import.meta.url)
export const CONCURRENCY = 50
const ATTEMPTS = 5
const BACKOFF_MS = 1000
const KEEP_COMPLETED = { count: 1000, age: 86_400 }
const KEEP_FAILED = { count: 10_000, age: 14 * 86_400 }
const EVENTS_KEPT = 1000

/** Starts what the contenders need, a Redis that does not evict and PostgreSQL, both without persistence for all alike, and tells processes to come where it is. */
export async function startContenderServices() {
  const services = await startServices({ durable: false, requireRedis: true, onProgress: line => console.error(line) })
  process.env.HOLDFAST_BENCH_JOBS_REDIS_URL = services.jobsRedis.url
  process.env.HOLDFAST_BENCH_PG_URL = services.postgres.url
  process.env.HOLDFAST_BENCH_PG_PID = String(services.postgres.pid)
  return services
}

/** The same for a bench whose candidates are processes of this file: runs `bench` while the services are there. */
export async function withContenderServices(bench) {
  if (process.env.HOLDFAST_BENCH_CANDIDATE !== undefined) return bench()
  const services = await startContenderServices()
  try {
    await bench()
  } finally {
    await services.stop()
  }
}

const redis = () => new Redis(process.env.HOLDFAST_BENCH_JOBS_REDIS_URL, { maxRetriesPerRequest: null })
export const openPool = () => new pg.Pool({ connectionString: process.env.HOLDFAST_BENCH_PG_URL, max: 10 })
let opened = 0
/** A name of its own for each that is opened. */
const newName = () => `q${process.pid}_${opened++}`

export const plainBullMq = {
  async open() {
    const { Queue, Worker } = require('bullmq')
    const connection = redis()
    const name = newName()
    const defaultJobOptions = { attempts: ATTEMPTS, backoff: { type: 'exponential', delay: BACKOFF_MS, jitter: 0.5 } }
    const queue = new Queue(name, { connection, defaultJobOptions, streams: { events: { maxLen: EVENTS_KEPT } } })
    await queue.waitUntilReady()
    return {
      add: numbers => queue.addBulk(numbers.map(n => ({ name: 'work', data: { n } }))),
      addOne: n => queue.add('work', { n }),
      stop: () => queue.pause(),
      go: () => queue.resume(),
      async work(onJob) {
        const retention = { removeOnComplete: KEEP_COMPLETED, removeOnFail: KEEP_FAILED }
        await new Worker(name, async job => onJob(job.data.n), { connection: redis(), concurrency: CONCURRENCY, ...retention }).waitUntilReady()
      },
    }
  },
}

/** `tenants`: 0 for none, else in so many lines. `hasOutbox`: handed over in transactions; `addIn` takes the caller's. */
export const holdfast = ({ tenants = 0, hasOutbox = false, registry } = {}) => ({
  async open() {
    const pool = hasOutbox ? openPool() : undefined
    let onJob = () => undefined
    const queues = {
      work: {
        concurrency: CONCURRENCY,
        ...(tenants > 0 ? { fairness: {} } : {}),
        jobs: { work: defineJob({ run: job => onJob(job.payload.n) }) },
      },
    }
    const namespace = newName().replace('_', '-')
    const options = { redis: redis(), namespace, queues, ...(pool === undefined ? {} : { pool }) }
    const producer = createJobs({ ...options, work: 'none' }, registry === undefined ? {} : { registry })
    await producer.start()
    const ofTenant = n => (tenants > 0 ? { tenant: `t-${n % tenants}` } : {})
    const jobs = numbers => numbers.map(n => ({ name: 'work', payload: { n }, ...ofTenant(n) }))
    const addIn = (client, numbers) => producer.enqueueMany(client, 'work', jobs(numbers))
    const inTransaction = (numbers, onCommit) => transaction(pool, client => addIn(client, numbers), onCommit)
    return {
      namespace,
      addIn,
      add: numbers => (hasOutbox ? inTransaction(numbers) : producer.addMany('work', jobs(numbers))),
      addOne: (n, onCommit) => (hasOutbox ? inTransaction([n], onCommit) : producer.add('work', 'work', { n }, ofTenant(n))),
      addAs: (tenant, numbers) =>
        producer.addMany(
          'work',
          numbers.map(n => ({ name: 'work', payload: { n }, tenant })),
        ),
      stop: () => producer.store.pause('work'),
      go: () => producer.store.resume('work'),
      async work(run) {
        onJob = run
        await createJobs({ ...options, pool: undefined, redis: redis() }).start()
      },
    }
  },
})

export const pgBoss = {
  async open() {
    const PgBoss = require('pg-boss')
    const boss = new PgBoss({ connectionString: process.env.HOLDFAST_BENCH_PG_URL, schema: newName(), max: 10 })
    boss.on('error', () => undefined)
    await boss.start()
    await boss.createQueue('work')
    const policy = { retryLimit: ATTEMPTS - 1, retryDelay: BACKOFF_MS / 1000, retryBackoff: true }
    const over = client => ({ db: { executeSql: (text, values) => client.query(text, values) } })
    const list = numbers => numbers.map(n => ({ name: 'work', data: { n }, ...policy }))
    let onJob
    // The least interval that it takes, and it takes no second batch within one, so that fifty at once would be a hundred a second.
    const go = () => boss.work('work', { batchSize: 1000, pollingIntervalSeconds: 0.5 }, jobs => Promise.all(jobs.map(job => onJob(job.data.n))))
    return {
      addIn: (client, numbers) => boss.insert(list(numbers), over(client)),
      add: numbers => boss.insert(list(numbers)),
      addOne: n => boss.send('work', { n }, policy),
      stop: () => boss.offWork('work'),
      go,
      async work(run) {
        onJob = run
        await go()
      },
    }
  },
}

export const graphileWorker = {
  async open() {
    const { run, makeWorkerUtils, Logger } = require('graphile-worker')
    const schema = newName()
    const connectionString = process.env.HOLDFAST_BENCH_PG_URL
    const logger = new Logger(() => () => undefined)
    const utils = await makeWorkerUtils({ connectionString, schema, logger })
    await utils.migrate()
    const spec = `('work', json_build_object('n', n), NULL, NULL, ${ATTEMPTS}, NULL, NULL, NULL)::${schema}.job_spec`
    const sql = `SELECT ${schema}.add_jobs(ARRAY(SELECT ${spec} FROM unnest($1::int[]) AS n))`
    const fixed = { connectionString, schema, logger, concurrency: CONCURRENCY, maxPoolSize: 10, noHandleSignals: true }
    let taskList
    let runner
    const go = async () => {
      runner = await run({ ...fixed, taskList })
    }
    return {
      addIn: (client, numbers) => client.query(sql, [numbers]),
      add: numbers => utils.withPgClient(client => client.query(sql, [numbers])),
      addOne: n => utils.addJob('work', { n }, { maxAttempts: ATTEMPTS }),
      stop: () => runner.stop(),
      go,
      async work(onJob) {
        taskList = { work: async ({ n }) => onJob(n) }
        await go()
      },
    }
  },
}

/** Who is not there, and why. */
export const LEFT_OUT = [{ name: 'pg-boss 12, graphile-worker 0.18', why: 'they need Node 22' }]

/** Runs `work` between BEGIN and COMMIT, and resolves after COMMIT; `onCommit` is called when that is sent. */
export async function transaction(pool, work, onCommit) {
  const client = await pool.connect()
  await client.query('BEGIN')
  await work(client)
  onCommit?.()
  await client.query('COMMIT')
  client.release()
}

/** Throws when a queue does not run each job once. */
export async function check({ add, addOne, stop, go }, jobs, count = 100) {
  const seen = []
  jobs.onJob = n => void seen.push(n)
  await stop()
  await add(Array.from({ length: count - 1 }, (_, n) => n))
  await addOne(count - 1)
  if (seen.length > 0) throw new Error(`ran ${seen.length} jobs while it was stopped`)
  await go()
  const giveUpAt = performance.now() + 20_000
  while (seen.length < count && performance.now() < giveUpAt) await new Promise(resolve => setTimeout(resolve, 20))
  if (seen.length !== count || new Set(seen).size !== count)
    throw new Error(`ran ${seen.length} jobs, ${new Set(seen).size} of them different, of ${count}`)
}
