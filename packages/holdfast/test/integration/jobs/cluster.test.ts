import { startRedisCluster } from '@holdfast/dev-services'
import { Cluster } from 'ioredis'
import { expect, it } from 'vitest'
import { slotOf } from '../../../src/cache/redis/slots.ts'
import { createJobStore, createJobs, defineJob, type RunningJob } from '../../../src/jobs/index.ts'
import { newNamespace, until } from './harness.ts'

it('adds, works, cancels, schedules, serves tenants in turn, buries and replays on a Redis Cluster, also after the member with the jobs has failed', async () => {
  await using fleet = await startRedisCluster()
  const cluster = new Cluster(
    fleet.servers.map(({ url }) => new URL(url)).map(({ hostname, port }) => ({ host: hostname, port: Number(port) })),
    { lazyConnect: true },
  )
  cluster.on('error', () => undefined)
  const namespace = newNamespace()
  const order: string[] = []
  let isBroken = true
  const queues = {
    mail: {
      attempts: 1,
      jobs: {
        send: defineJob<number>({ run: job => (isBroken ? Promise.reject(new Error('no mailbox')) : { sent: job.payload }) }),
        endless: defineJob<null>({ run: ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))) }),
      },
    },
    reports: {
      concurrency: 1,
      fairness: { window: 1 },
      jobs: { render: defineJob<null>({ run: (job: RunningJob<null>) => void order.push(job.tenant!) }) },
    },
  }
  const jobs = createJobs({ redis: cluster, namespace, queues, drainLimit: '200ms' })
  await jobs.start()
  try {
    expect(jobs.health()).toEqual({ status: 'ok', reasons: [] })
    await jobs.add('mail', 'send', 1, { id: 'first' })
    await until(async () => (await jobs.store.queue('mail')).counts.dead === 1)
    isBroken = false
    expect(await jobs.store.retry('mail', { all: true })).toEqual({ matched: 1, retried: 1 })
    await until(async () => (await jobs.store.show('mail', 'first')).state === 'completed')

    await jobs.add('mail', 'endless', null, { id: 'e' })
    await until(async () => (await jobs.store.queue('mail')).counts.active === 1)
    await using outside = createJobStore({ redis: cluster, namespace })
    expect(await outside.cancel('mail', 'e')).toBe('requested')
    await until(async () => (await outside.deadLetters('mail', { reason: 'cancelled' })).jobs.length === 1)

    await jobs.store.pause('reports')
    await jobs.addMany(
      'reports',
      ['a', 'a', 'a', 'b'].map(tenant => ({ name: 'render' as const, payload: null, tenant })),
    )
    await jobs.store.resume('reports')
    await until(() => order.length === 4)
    expect(order.indexOf('b')).toBeLessThan(3)
    await jobs.schedule('mail', 'nightly', { name: 'send', payload: 1, schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' } })
    expect(await outside.schedules()).toMatchObject([{ key: 'nightly' }])

    // All keys of a namespace are on one member; its replica takes over.
    const slots = (await fleet.servers[0]!.client.call('cluster', 'slots')) as [number, number, [string, number]][]
    const slot = slotOf(`hf:{${namespace}}:jobs:queues`)
    const port = slots.find(([from, to]) => from <= slot && slot <= to)![2][1]
    await fleet.servers.find(server => server.port === port)!.kill()
    const add = (id: string): Promise<boolean> =>
      jobs.add('mail', 'send', 2, { id }).then(
        () => true,
        () => false,
      )
    await until(() => add('after'), 15_000)
    await until(async () => (await jobs.store.show('mail', 'after').catch(() => undefined))?.state === 'completed', 15_000)
    await until(() => jobs.health().status === 'ok')
  } finally {
    await jobs.stop()
    cluster.disconnect()
  }
})
