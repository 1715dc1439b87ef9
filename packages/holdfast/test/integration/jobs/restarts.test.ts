// A file of its own, so that the sockets and timers of this process are those of the jobs. Fifty restarts: bench/jobs/does-restarting-redis-leak.bench.mjs.
import { startRedisServers } from '@holdfast/dev-services'
import { isHoldfastError } from 'holdfast/core'
import { expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { openJobs, until } from './harness.ts'

const RESTARTS = 5

it(`works all jobs that it took, and keeps no socket or timer, through ${RESTARTS} restarts of Redis`, async () => {
  const ran = new Set<string>()
  await using fleet = await startRedisServers()
  const server = await fleet.start(['appendonly yes'])
  const run = (job: { readonly payload: string }): void => void ran.add(job.payload)
  await using test = await openJobs({ redis: server.url, queues: { mail: { jobs: { send: defineJob<string>({ run }) } } } })
  const taken: string[] = []
  const add = async (name: string): Promise<void> => {
    try {
      await test.jobs.add('mail', 'send', name)
      taken.push(name)
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== 'HF_JOBS_REDIS_AWAY') throw error
    }
  }
  const open = (kind: string): number => process.getActiveResourcesInfo().filter(each => each === kind).length
  await add('first')
  await until(() => ran.has('first'))
  const before = { sockets: open('TCPSocketWrap'), timers: open('Timeout') }
  for (let n = 0; n < RESTARTS; n++) {
    await Promise.all([server.kill(), add(`while it is killed ${n}`)])
    await server.restart()
    await until(async () => {
      await add(`after ${n}`)
      return taken.includes(`after ${n}`)
    })
    await until(() => taken.every(name => ran.has(name)))
  }
  expect(taken.length).toBeGreaterThan(RESTARTS)
  await until(() => open('TCPSocketWrap') === before.sockets && open('Timeout') <= before.timers)
})
