import type { HistogramSnapshot } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { foreignClient, openJobs, type TestJobs, until } from './harness.ts'

it('keeps of finished jobs and of their histories no more than the queue says', async () => {
  const run = (job: { readonly payload: number }): Promise<void> => (job.payload % 2 === 0 ? Promise.resolve() : Promise.reject(new Error('odd')))
  await using test = await openJobs({
    queues: { mail: { attempts: 1, keepCompleted: { count: 5 }, keepDead: { count: 3 }, jobs: { send: defineJob<number>({ run }) } } },
  })
  await test.jobs.addMany(
    'mail',
    Array.from({ length: 60 }, (_, payload) => ({ name: 'send' as const, payload })),
  )
  await until(() => ['completed', 'dead'].every(end => test.count('holdfast_jobs_outcomes', 'mail', 'send', end) === 30))
  await until(async () => (await test.jobs.store.queue('mail')).counts.active === 0)
  expect((await test.jobs.store.queue('mail')).counts).toMatchObject({ completed: 5, dead: 3, waiting: 0 })
  const client = foreignClient()
  const prefix = `hf:{${test.namespace}}:jobs:mail:`
  const left = (await client.keys(`${prefix}*`)).map(key => key.slice(prefix.length))
  expect(left.filter(key => /^\d+$/.test(key))).toHaveLength(8)
  expect(left.filter(key => key.endsWith(':logs'))).toHaveLength(3)
  client.disconnect()
})

it('takes up the most urgent job first, and what has no priority before all that has', async () => {
  const order: string[] = []
  await using test = await openJobs({
    queues: { mail: { concurrency: 1, jobs: { send: defineJob<null>({ priority: 5, run: job => void order.push(job.id) }) } } },
  })
  const { jobs } = test
  await jobs.store.pause('mail')
  await jobs.add('mail', 'send', null, { id: 'late', priority: 9 })
  await jobs.add('mail', 'send', null, { id: 'usual' })
  await jobs.add('mail', 'send', null, { id: 'soon', priority: 1 })
  await jobs.add('mail', 'send', null, { id: 'now', priority: 0 })
  await jobs.store.resume('mail')
  await until(() => order.length === 4)
  expect(order).toEqual(['now', 'soon', 'usual', 'late'])
})

it('measures from when a job was due: its wait once, each attempt, and its age and attempts at its end', async () => {
  await using test = await openJobs({
    queues: {
      mail: {
        backoff: { base: '60ms', jitter: 0 },
        jobs: {
          send: defineJob<null>({
            run: ({ attempt }) => {
              if (attempt === 1) throw new Error('once')
            },
          }),
        },
      },
    },
  })
  // Longer than anything that is measured here takes by itself, also on a busy machine: if it counted, it would be seen.
  await test.jobs.add('mail', 'send', null, { delay: '1500ms' })
  await until(() => test.count('holdfast_jobs_outcomes', 'mail', 'send', 'completed') === 1)
  const [wait, run, age, attempts] = ['wait_seconds', 'run_seconds', 'age_seconds', 'attempts'].map(name => histogram(test, `holdfast_jobs_${name}`))
  expect([wait, run, age, attempts].map(one => one!.count)).toEqual([1, 2, 1, 1])
  expect(attempts!.sum).toBe(2)
  expect(age!.sum).toBeGreaterThanOrEqual(wait!.sum + 0.06)
  expect(wait!.sum).toBeLessThan(1.5)
  expect(age!.sum).toBeLessThan(1.5)
})

function histogram(test: Pick<TestJobs<Record<never, never>>, 'registry'>, name: string): HistogramSnapshot {
  return test.registry
    .snapshot()
    .find(family => family.name === name)!
    .series.find(({ labels }) => labels.join() === 'mail,send')!.histogram!
}
