// Queues that do the same: `add` hands so many jobs over, `work` runs `onJob(payload)` for each, fifty at once where that can be said. Each `open` starts empty.
import { createRequire } from 'node:module'
import { startServices } from '@holdfast/dev-services'
import { createJobs, defineJob } from 'holdfast/jobs'
import { Redis } from 'ioredis'
import pg from 'pg'

const require = createRequire(import.meta.url)
const CONCURRENCY = 50
const isParent = process.env.HOLDFAST_BENCH_CANDIDATE === undefined

/** Runs `bench` with services for its candidates: a Redis that does not evict, with persistence off for all alike, and PostgreSQL. */
export async function withServices(bench) {
  if (!isParent) return bench()
  const services = await startServices({ durable: false, requireRedis: true })
  process.env.HOLDFAST_BENCH_JOBS_REDIS_URL = services.jobsRedis.url
  process.env.HOLDFAST_BENCH_PG_URL = services.postgres.url
  try {
    await bench()
  } finally {
    await services.stop()
  }
}

const redis = () => new Redis(process.env.HOLDFAST_BENCH_JOBS_REDIS_URL, { maxRetriesPerRequest: null })
const pool = () => new pg.Pool({ connectionString: process.env.HOLDFAST_BENCH_PG_URL, max: 10 })
const inChunks = async (count, size, add) => {
  for (let at = 0; at < count; at += size) await add(Array.from({ length: Math.min(size, count - at) }, (_, i) => at + i))
}
const CHUNK = 500
let opened = 0
/** A name of its own for each that is opened: the worker of a check goes on. */
const newName = () => `q${process.pid}_${opened++}`

export const plainBullMq = {
  async open() {
    const { Queue, Worker } = require('bullmq')
    const connection = redis()
    const name = newName()
    const queue = new Queue(name, { connection, streams: { events: { maxLen: 1000 } } })
    await queue.waitUntilReady()
    return {
      add: count => inChunks(count, CHUNK, numbers => queue.addBulk(numbers.map(n => ({ name: 'work', data: { n } })))),
      addOne: n => queue.add('work', { n }),
      work: async onJob => {
        const options = { connection, concurrency: CONCURRENCY, removeOnComplete: { count: 1000 }, removeOnFail: { count: 10_000 } }
        await new Worker(name, async job => onJob(job.data.n), options).waitUntilReady()
      },
    }
  },
}

/** `tenants`: 0 for none, else in so many lines. `hasOutbox`: handed over in transactions of a hundred jobs. */
export const holdfast = ({ tenants = 0, hasOutbox = false } = {}) => ({
  async open() {
    const own = hasOutbox ? pool() : undefined
    let onJob = () => undefined
    const queues = {
      work: {
        concurrency: CONCURRENCY,
        ...(tenants > 0 ? { fairness: {} } : {}),
        jobs: { work: defineJob({ run: job => onJob(job.payload.n) }) },
      },
    }
    const options = { redis: redis(), namespace: newName().replace('_', '-'), queues, ...(own === undefined ? {} : { pool: own }) }
    const producer = createJobs({ ...options, work: 'none' })
    await producer.start()
    const jobs = numbers => numbers.map(n => ({ name: 'work', payload: { n }, ...(tenants > 0 ? { tenant: `t-${n % tenants}` } : {}) }))
    const inTransaction = async numbers => {
      const client = await own.connect()
      await client.query('BEGIN')
      await producer.enqueueMany(client, 'work', jobs(numbers))
      await client.query('COMMIT')
      client.release()
    }
    return {
      add: count => inChunks(count, hasOutbox ? 100 : CHUNK, hasOutbox ? inTransaction : numbers => producer.addMany('work', jobs(numbers))),
      addOne: n => (hasOutbox ? inTransaction([n]) : producer.add('work', 'work', { n })),
      addAs: (tenant, count) =>
        producer.addMany(
          'work',
          Array.from({ length: count }, (_, n) => ({ name: 'work', payload: { n: `${tenant}/${n}` }, tenant })),
        ),
      work: async run => {
        onJob = run
        await createJobs({ ...options, pool: undefined, redis: redis() }).start()
      },
    }
  },
})

export const pgBoss = {
  async open() {
    const PgBoss = require('pg-boss')
    const schema = newName()
    const boss = new PgBoss({ connectionString: process.env.HOLDFAST_BENCH_PG_URL, schema, max: 10 })
    boss.on('error', () => undefined)
    await boss.start()
    await boss.createQueue('work')
    return {
      add: count => inChunks(count, CHUNK, numbers => boss.insert(numbers.map(n => ({ name: 'work', data: { n } })))),
      addOne: n => boss.send('work', { n }),
      // The least interval that it takes; it fetches and completes in batches.
      work: onJob =>
        boss.work(
          'work',
          { batchSize: CONCURRENCY, pollingIntervalSeconds: 0.5 },
          async jobs => void (await Promise.all(jobs.map(job => onJob(job.data.n)))),
        ),
    }
  },
}

export const graphileWorker = {
  async open() {
    const { run, makeWorkerUtils } = require('graphile-worker')
    const schema = newName()
    const connectionString = process.env.HOLDFAST_BENCH_PG_URL
    const { Logger } = require('graphile-worker')
    const logger = new Logger(() => () => undefined)
    const utils = await makeWorkerUtils({ connectionString, schema, logger })
    await utils.migrate()
    const sql = `SELECT ${schema}.add_jobs(ARRAY(SELECT ('work', json_build_object('n', n), NULL, NULL, NULL, NULL, NULL, NULL)::${schema}.job_spec FROM unnest($1::int[]) AS n))`
    return {
      add: count => inChunks(count, CHUNK, numbers => utils.withPgClient(client => client.query(sql, [numbers]))),
      addOne: n => utils.addJob('work', { n }),
      work: onJob =>
        run({
          connectionString,
          schema,
          logger,
          concurrency: CONCURRENCY,
          maxPoolSize: 10,
          noHandleSignals: true,
          taskList: { work: async ({ n }) => onJob(n) },
        }),
    }
  },
}

/** Throws when a contender does not run each job once. */
export async function check(contender, count = 200) {
  const { add, work } = await contender.open()
  const seen = []
  await work(n => void seen.push(n))
  await add(count)
  const giveUpAt = performance.now() + 20_000
  while (seen.length < count && performance.now() < giveUpAt) await new Promise(resolve => setTimeout(resolve, 20))
  if (seen.length !== count || new Set(seen).size !== count)
    throw new Error(`ran ${seen.length} jobs, ${new Set(seen).size} of them different, of ${count}`)
}
