// A process that works jobs, for tests that kill it. Settings come as JSON in the first argument; what happens is written to stdout, one word a line.
import { createJobs, defineJob } from '../../../src/jobs/index.ts'

const { redis, namespace, stalledAfter, drainLimit } = JSON.parse(process.argv[2]!)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const jobs = createJobs({
  redis,
  namespace,
  stalledAfter,
  drainLimit,
  queues: {
    work: {
      attempts: 2,
      backoff: { base: '1ms' },
      concurrency: 3,
      jobs: {
        /** Ends by itself after so many ms. */
        short: defineJob<number>({
          run: async job => {
            say(`short ${job.id} ${job.attempt}`)
            await new Promise(resolve => setTimeout(resolve, job.payload))
            say(`end ${job.id}`)
          },
        }),
        /** Never ends, and says why it was told to. */
        endless: defineJob<null>({
          run: job => {
            say(`endless ${job.id} ${job.attempt}`)
            return new Promise(() =>
              job.signal.addEventListener('abort', () => say(`aborted ${job.id} ${(job.signal.reason as { code: string }).code}`)),
            )
          },
        }),
      },
    },
  },
})
await jobs.start()
process.once('SIGTERM', async () => {
  await jobs.stop()
  say('stopped')
  process.exit(0)
})
say('ready')
