import { expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { foreignClient, openJobs, pause, until } from './harness.ts'

it('serves tenants in turn: one with 600 jobs delays twenty with five by no more than its window', async () => {
  const order: string[] = []
  await using test = await openJobs({
    queues: {
      reports: { concurrency: 2, fairness: { window: 10 }, jobs: { render: defineJob<number>({ run: job => void order.push(job.tenant!) }) } },
    },
  })
  const { jobs } = test
  await jobs.store.pause('reports')
  const render = (tenant: string, count: number): Promise<unknown> =>
    jobs.addMany(
      'reports',
      Array.from({ length: count }, (_, payload) => ({ name: 'render' as const, payload, tenant })),
    )
  await render('big', 600)
  await Promise.all(Array.from({ length: 20 }, (_, at) => render(`small-${at}`, 5)))
  expect((await jobs.store.queue('reports')).counts.waiting).toBe(700)
  await jobs.store.resume('reports')
  await until(() => order.length === 700)
  const lastSmall = order.findLastIndex(tenant => tenant !== 'big')
  // 100 of the small ones, as many turns of the big one as they have rounds, and what was out already.
  expect(lastSmall).toBeLessThan(100 + 5 + 1 + 10 + 5)
  expect(order.filter(tenant => tenant === 'big')).toHaveLength(600)
})

it('runs no more jobs of a tenant at once than it may, lets the others pass, and forgets the places of those that were killed', async () => {
  const running = new Map<string, number>()
  let most = 0
  let othersDone = 0
  await using test = await openJobs({
    queues: {
      reports: {
        concurrency: 10,
        fairness: { concurrency: 2 },
        jobs: {
          render: defineJob<number>({
            run: async job => {
              const tenant = job.tenant!
              running.set(tenant, (running.get(tenant) ?? 0) + 1)
              if (tenant === 'big') most = Math.max(most, running.get(tenant)!)
              else othersDone++
              // Long enough for two to overlap.
              await pause(20)
              running.set(tenant, running.get(tenant)! - 1)
            },
          }),
        },
      },
    },
  })
  const { jobs, namespace } = test
  const client = foreignClient()
  const prefix = `hf:{${namespace}}:jobs:reports:`
  // A place that a killed process left: its job is gone.
  await client.hset(`${prefix}fair:slots`, 'gone', 'big')
  await client.hset(`${prefix}fair:running`, 'big', 1)
  await jobs.addMany(
    'reports',
    Array.from({ length: 120 }, (_, payload) => ({ name: 'render' as const, payload, tenant: 'big' })),
  )
  await jobs.addMany(
    'reports',
    Array.from({ length: 6 }, (_, at) => ({ name: 'render' as const, payload: at, tenant: `small-${at}` })),
  )
  await until(() => othersDone === 6)
  expect((await jobs.store.queue('reports')).counts.waiting).toBeGreaterThan(0)
  await until(() => test.count('holdfast_jobs_outcomes', 'reports', 'render', 'completed') === 126)
  expect(most).toBe(2)
  await until(async () => (await client.hlen(`${prefix}fair:running`)) === 0)
  client.disconnect()
})

it('lets a tenant start its rate at once and the rest as its bucket fills, and takes a waiting job out of its line', async () => {
  const startedAtMs: number[] = []
  await using test = await openJobs({
    queues: {
      reports: {
        fairness: { rate: { max: 3, per: '300ms' } },
        jobs: { render: defineJob<number>({ run: () => void startedAtMs.push(performance.now()) }) },
      },
    },
  })
  const ids = await test.jobs.addMany(
    'reports',
    Array.from({ length: 7 }, (_, payload) => ({ name: 'render' as const, payload, tenant: 'acme' })),
  )
  await until(() => startedAtMs.length >= 3)
  expect((await test.jobs.store.list('reports', 'waiting', { tenant: 'acme' })).jobs.map(({ id }) => id)).toContain(ids[6])
  expect(await test.jobs.store.cancel('reports', ids[6]!)).toBe('removed')
  await until(() => startedAtMs.length === 6)
  // Three at once, then one in each 100 ms: by the third of those two have surely passed, whatever the start of the first was late.
  expect(startedAtMs[5]! - startedAtMs[0]!).toBeGreaterThan(200)
  // Time for a seventh that must not come.
  await pause(150)
  expect(startedAtMs).toHaveLength(6)
  await test.jobs.store.pause('reports')
  await test.jobs.addMany(
    'reports',
    Array.from({ length: 9 }, (_, payload) => ({ name: 'render' as const, payload, tenant: `t-${payload}` })),
  )
  expect(await test.jobs.store.drain('reports')).toEqual({ removed: 9 })
  expect((await test.jobs.store.queue('reports')).counts.waiting).toBe(0)
})
