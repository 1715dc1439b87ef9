import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineJob, type RunningJob } from '../../../src/jobs/index.ts'
import { openDatabase, openJobs, until } from './harness.ts'

let database: Awaited<ReturnType<typeof openDatabase>>
beforeAll(async () => {
  database = await openDatabase()
  await database.pool.query('CREATE TABLE effect (job text, attempt int)')
})
afterAll(() => database[Symbol.asyncDispose]())

const effects = async (job: string): Promise<number[]> => {
  const { rows } = await database.pool.query('SELECT attempt FROM effect WHERE job = $1 ORDER BY 1', [job])
  return rows.map(row => row.attempt)
}

it('lets no attempt commit that timed out and wakes up after its retry ran', async () => {
  const { pool } = database
  const late: Promise<unknown>[] = []
  const reasons: unknown[] = []
  let wake: () => void = () => undefined
  const woken = new Promise<void>(resolve => {
    wake = resolve
  })
  const write = async (job: RunningJob<string>): Promise<void> => {
    if (job.attempt === 1) {
      job.signal.addEventListener('abort', () => reasons.push(job.signal.reason))
      const mine = woken.then(() => job.transaction(pool, tx => tx.query('INSERT INTO effect VALUES ($1, 1)', [job.payload])))
      late.push(mine.catch(error => error))
      await mine
    }
    // Taken out of the job, as a function does that needs no more of it.
    const { payload, once, transaction } = job
    await transaction(pool, async tx => {
      if (await once(tx)) await tx.query('INSERT INTO effect VALUES ($1, 2)', [payload])
    })
  }
  await using test = await openJobs({
    pool,
    queues: { pay: { timeout: '60ms', backoff: { base: '10ms', jitter: 0 }, jobs: { charge: defineJob<string>({ run: write }) } } },
  })
  await test.jobs.add('pay', 'charge', 'a')
  await until(() => test.count('holdfast_jobs_outcomes', 'pay', 'charge', 'completed') === 1)
  wake()
  expect(await late[0]).toMatchObject({ code: 'HF_JOBS_FENCED' })
  expect(reasons).toMatchObject([{ code: 'HF_JOBS_TIMEOUT' }])
  expect(await effects('a')).toEqual([2])
})

it('holds back an attempt of which nobody told it that a later one has begun', async () => {
  const { pool } = database
  const starts: RunningJob<string>[] = []
  await using test = await openJobs({
    pool,
    queues: { pay: { attempts: 2, backoff: { base: '1ms' }, jobs: { charge: defineJob<string>({ run: job => void fail(job) }) } } },
  })
  function fail(job: RunningJob<string>): void {
    starts.push(job)
    if (job.attempt === 1) throw new Error('again')
  }
  await test.jobs.add('pay', 'charge', 'b')
  await until(() => starts.length === 2)
  const [first, second] = starts as [RunningJob<string>, RunningJob<string>]
  const write = (job: RunningJob<string>): Promise<unknown> =>
    job.transaction(pool, tx => tx.query('INSERT INTO effect VALUES ($1, $2)', [job.payload, job.attempt]))
  await write(second)
  await expect(write(first)).rejects.toMatchObject({ code: 'HF_JOBS_FENCED' })
  expect(await effects('b')).toEqual([2])
  expect(first.signal.aborted).toBe(false)
})

it('does the effect of a job once, whatever runs twice', async () => {
  const { pool } = database
  const jobs: RunningJob<string>[] = []
  await using test = await openJobs({ pool, queues: { pay: { jobs: { charge: defineJob<string>({ run: job => void jobs.push(job) }) } } } })
  await test.jobs.add('pay', 'charge', 'c')
  await until(() => jobs.length === 1)
  const firstTimes = await Promise.all(Array.from({ length: 4 }, () => jobs[0]!.transaction(pool, async tx => jobs[0]!.once(tx))))
  expect(firstTimes.filter(Boolean)).toHaveLength(1)
  await expect(jobs[0]!.transaction(pool, () => Promise.reject(new Error('undone')))).rejects.toThrow('undone')
})
