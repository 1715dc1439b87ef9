// A process of the order test: an app that takes orders, a relay, or a worker. Settings come as JSON in the first argument. Killed at any moment.
import pg from 'pg'
import { createJobs, defineJob } from '../../../src/jobs/index.ts'
import { randomOf } from './seeded-random.ts'

const { role, redis, databaseUrl, namespace, from, to, seed, pauseMs } = JSON.parse(process.argv[2]!)
const pool = new pg.Pool({ connectionString: databaseUrl, max: 6 })
pool.on('error', () => undefined)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const jobs = createJobs({
  redis,
  pool,
  namespace,
  work: role === 'worker' ? 'all' : 'none',
  stalledAfter: '1s',
  queues: {
    orders: {
      attempts: 50,
      backoff: { base: '20ms', ceiling: '200ms' },
      concurrency: 10,
      // So few that ids are gone long before a relay asks again.
      keepCompleted: { count: 5 },
      jobs: {
        place: defineJob<{ order: number }>({
          run: job =>
            job.transaction(pool, async tx => {
              if (await job.once(tx)) await tx.query('INSERT INTO effect (order_id) VALUES ($1)', [job.payload.order])
            }),
        }),
      },
    },
  },
})
await jobs.start()
say('ready')

/** One order in its transaction. Every fifth or so is rolled back, by its own number, so that a replay does the same. */
async function take(order: number): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('INSERT INTO orders (id) VALUES ($1)', [order])
    await jobs.enqueue(client, 'orders', 'place', { order })
    await client.query(randomOf(`${seed}/${order}`)() < 0.2 ? 'ROLLBACK' : 'COMMIT')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

if (role === 'app') {
  let next = from
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      while (next < to) {
        const order = next++
        say(`${order}`)
        await take(order)
        // Spread over the run, so that there is always something to be killed in.
        await new Promise(resolve => setTimeout(resolve, pauseMs))
      }
    }),
  )
  say('done')
}
