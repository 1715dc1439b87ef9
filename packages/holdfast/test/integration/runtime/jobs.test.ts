import { cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { holdfast } from '../../../src/runtime/index.ts'
import { newNamespace, REDIS_URL, until } from '../cache/harness.ts'

const JOBS_REDIS_URL = process.env.HOLDFAST_TEST_REDIS_JOBS_URL!

it('runs a job of a transaction of hf.pg, which drops a tag with its commit; stops its jobs before what they use', async () => {
  const database = await cloneDatabase({ name: 'hfjobs' })
  const pool = new pg.Pool({ connectionString: database.url, max: 4 })
  await pool.query('CREATE TABLE total AS SELECT 0 AS units')
  const done: string[] = []
  let finish: () => void = () => undefined
  const hf = await holdfast({
    pg: pool,
    redis: REDIS_URL,
    cache: { namespace: newNamespace(), ttl: '10m' },
    jobs: {
      redis: JOBS_REDIS_URL,
      queues: {
        totals: {
          jobs: {
            add: defineJob<number>({
              run: async job => {
                await job.transaction(source(), async tx => {
                  if (!(await job.once(tx))) return
                  await tx.query('UPDATE total SET units = units + $1', [job.payload])
                  tx.invalidate('total')
                })
              },
            }),
            slow: defineJob<null>({
              run: async () => {
                await new Promise<void>(resolve => {
                  finish = resolve
                })
                await pool.query('UPDATE total SET units = -1')
                done.push('slow')
              },
            }),
          },
        },
      },
    },
  })
  const source = (): typeof hf.pg => hf.pg
  const units = (): Promise<number> =>
    hf.cache.getOrSet('units', async () => (await pool.query('SELECT units FROM total')).rows[0].units, { tags: ['total'] })
  expect(await units()).toBe(0)
  await hf.pg.transaction(tx => hf.jobs.enqueue(tx, 'totals', 'add', 7))
  await until(async () => (await units()) === 7)
  expect(hf.health().reasons).toEqual([])
  expect(hf.telemetry.snapshot().some(({ name }) => name === 'holdfast_jobs_run_seconds')).toBe(true)

  await hf.jobs.add('totals', 'slow', null)
  await until(async () => (await hf.jobs.store.queue('totals')).counts.active === 1)
  const stopping = hf.stop()
  finish()
  await stopping
  expect(done).toEqual(['slow'])
  await pool.end()
  await database.drop()
})

it('says what is missing: no jobs, no Redis for them, one that evicts', async () => {
  await using plain = await holdfast()
  expect(() => plain.jobs).toThrow(expect.objectContaining({ code: 'HF_JOBS_NOT_CONFIGURED' }))
  const queues = { mail: { jobs: { send: defineJob<null>({}) } } }
  await expect(holdfast({ jobs: { queues } })).rejects.toMatchObject({ code: 'HF_CONFIG_INVALID', message: /jobs: need a Redis/ })
  await using fine = await holdfast({ redis: JOBS_REDIS_URL, cache: { namespace: newNamespace() }, jobs: { queues } })
  expect((await fine.jobs.store.queues()).map(({ queue }) => queue)).toEqual(['mail'])
})
