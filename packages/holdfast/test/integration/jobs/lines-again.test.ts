import { expect, it } from 'vitest'
import { defineJob, type RunningJob } from '../../../src/jobs/index.ts'
import { foreignClient, newNamespace, openJobs, pause, until } from './harness.ts'

const jobsOf = (tenant: string, count: number, more: object = {}): { name: 'render'; payload: number; tenant: string }[] =>
  Array.from({ length: count }, (_, payload) => ({ name: 'render' as const, payload, tenant, ...more }))

it('lets retries, delayed jobs and dead letters that run again stand in their tenant’s line, behind the turns of others', async () => {
  const order: string[] = []
  let isBroken = true
  const run = (job: RunningJob<number>): void => {
    order.push(`${job.tenant}-${job.attempt}`)
    if (job.tenant === 'bad' && isBroken) throw new Error('not today')
  }
  await using test = await openJobs({
    queues: {
      // No pause between attempts: the worst case, in which BullMQ puts them behind nobody of the lines.
      reports: { concurrency: 1, attempts: 3, backoff: { base: '0ms' }, fairness: { window: 2 }, jobs: { render: defineJob<number>({ run }) } },
    },
  })
  const { jobs } = test
  await jobs.store.pause('reports')
  await jobs.addMany('reports', jobsOf('bad', 20))
  await jobs.addMany('reports', jobsOf('good', 10))
  await jobs.store.resume('reports')
  await until(async () => (await jobs.store.queue('reports')).counts.dead === 20)
  const lastGood = order.lastIndexOf('good-1')
  // Ten turns of each, and what was out of the lines already.
  expect(lastGood).toBeLessThan(20 + 2 + 2)
  expect(order.filter(entry => entry.startsWith('bad')).toSorted()).toEqual([1, 2, 3].flatMap(attempt => Array(20).fill(`bad-${attempt}`)))

  // All of them again, and as many that were delayed, beside a newcomer.
  isBroken = false
  order.length = 0
  await jobs.store.pause('reports')
  expect(await jobs.store.retry('reports', { all: true })).toEqual({ matched: 20, retried: 20 })
  await jobs.addMany('reports', jobsOf('bad', 10, { delay: '1ms' }))
  await jobs.addMany('reports', jobsOf('new', 5))
  // A paused queue takes what is due out of its delay all the same.
  await until(async () => (await jobs.store.queue('reports')).counts.waiting === 35)
  await jobs.store.resume('reports')
  await until(() => order.length === 35)
  expect(order.lastIndexOf('new-1')).toBeLessThan(10 + 2 + 2)
  await until(async () => (await jobs.store.queue('reports')).counts.completed === 45)
})

it('gives a tenant’s place to its other jobs while one waits for its retry, and never more than it may in two processes', async () => {
  const namespace = newNamespace()
  let running = 0
  let most = 0
  const failedOnce = new Set<number>()
  const run = async (job: RunningJob<number>): Promise<void> => {
    most = Math.max(most, ++running)
    // Long enough for others to overlap.
    await pause(10)
    running--
    if (failedOnce.has(job.payload) || job.payload % 2 === 1) return
    failedOnce.add(job.payload)
    throw new Error('once')
  }
  const queues = {
    reports: { concurrency: 10, attempts: 2, backoff: { base: '80ms' }, fairness: { concurrency: 2 }, jobs: { render: defineJob<number>({ run }) } },
  } as const
  await using a = await openJobs({ namespace, queues })
  await using b = await openJobs({ namespace, queues })
  const client = foreignClient()
  await a.jobs.addMany('reports', jobsOf('acme', 30))
  const done = (): number => [a, b].reduce((sum, one) => sum + one.count('holdfast_jobs_outcomes', 'reports', 'render', 'completed'), 0)
  await until(() => done() === 30)
  expect(most).toBe(2)
  expect(failedOnce.size).toBe(15)
  await until(async () => (await client.exists(`hf:{${namespace}}:jobs:reports:fair:running`, `hf:{${namespace}}:jobs:reports:fair:slots`)) === 0)
  client.disconnect()
})

it('says how long the oldest job has waited also when it stands in a line, has a priority, or was delayed', async () => {
  await using test = await openJobs({
    work: 'none',
    queues: { reports: { fairness: { window: 1 }, jobs: { render: defineJob<number>({}) } } },
  })
  const { jobs } = test
  const oldest = async (): Promise<number> => (await jobs.store.queue('reports')).oldestWaitingMs
  expect(await oldest()).toBe(0)
  const client = foreignClient()
  const age = (id: string, ms: number): Promise<unknown> => client.hset(`hf:{${test.namespace}}:jobs:reports:${id}`, 'timestamp', Date.now() - ms)
  await jobs.add('reports', 'render', 1, { id: 'first', tenant: 'a' })
  await jobs.add('reports', 'render', 2, { id: 'in-line', tenant: 'a' })
  await age('in-line', 60_000)
  expect(await oldest()).toBeGreaterThanOrEqual(60_000)
  expect(await oldest()).toBeLessThan(90_000)
  await jobs.add('reports', 'render', 3, { id: 'soon', priority: 1 })
  await jobs.add('reports', 'render', 4, { id: 'late', priority: 9 })
  await age('late', 120_000)
  expect(await oldest()).toBeGreaterThanOrEqual(120_000)
  await age('soon', 180_000)
  expect(await oldest()).toBeGreaterThanOrEqual(180_000)
  await jobs.store.drain('reports')
  expect(await oldest()).toBe(0)
  client.disconnect()
})

it('holds the rate and the concurrency of a queue, and the rate of a tenant, over two processes', async () => {
  const namespace = newNamespace()
  const starts: number[] = []
  const inBucket: number[] = []
  let running = 0
  let most = 0
  const queues = {
    slow: {
      concurrency: 10,
      rate: { max: 4, per: '150ms' },
      jobs: { render: defineJob<number>({ run: () => void starts.push(performance.now()) }) },
    },
    bucket: {
      fairness: { rate: { max: 3, per: '300ms' } },
      jobs: { render: defineJob<number>({ run: () => void inBucket.push(performance.now()) }) },
    },
    narrow: {
      ...{ concurrency: 2, globalConcurrency: 3, fairness: { window: 4 } },
      jobs: {
        render: defineJob<number>({
          run: async () => {
            most = Math.max(most, ++running)
            // Long enough for others to overlap.
            await pause(5)
            running--
          },
        }),
      },
    },
  } as const
  await using a = await openJobs({ namespace, queues })
  await using b = await openJobs({ namespace, queues })
  const plain = Array.from({ length: 14 }, (_, payload) => ({ name: 'render' as const, payload }))
  await Promise.all([
    a.jobs.addMany('slow', plain),
    b.jobs.addMany('narrow', plain),
    b.jobs.addMany('bucket', jobsOf('acme', 7)),
    a.jobs.addMany('narrow', [...jobsOf('acme', 20), ...jobsOf('beta', 20)]),
  ])
  const ended = (queue: string): number => [a, b].reduce((sum, one) => sum + one.count('holdfast_jobs_outcomes', queue, 'render', 'completed'), 0)
  await until(() => ended('slow') === 14 && ended('narrow') === 54 && ended('bucket') === 7)
  // One process may run two, so both took part.
  expect(most).toBe(3)
  // The first and the thirteenth are at least three windows apart. A window begins at Redis with its first job, which gets here a little later.
  starts.sort((x, y) => x - y)
  expect(starts[12]! - starts[0]!).toBeGreaterThan(3 * 150 - 50)
  // Three of a tenant at once, and four more, one in each 100 ms; the first gets here late by what is taken off.
  inBucket.sort((x, y) => x - y)
  expect(inBucket[6]! - inBucket[0]!).toBeGreaterThan(4 * 100 - 50)
})
