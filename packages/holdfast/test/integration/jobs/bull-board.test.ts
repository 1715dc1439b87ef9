import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { ExpressAdapter } from '@bull-board/express'
import type { Queue } from 'bullmq'
import express from 'express'
import { expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { openJobs, until } from './harness.ts'

it('shows its queues and their jobs in a bull-board behind Express that may only look', async () => {
  await using test = await openJobs({
    queues: { mail: { attempts: 1, jobs: { send: defineJob<number>({ run: () => Promise.reject(new Error('no mailbox')) }) } } },
  })
  await test.jobs.add('mail', 'send', 1, { id: 'm' })
  await until(async () => (await test.jobs.store.queue('mail')).counts.dead === 1)
  const serverAdapter = new ExpressAdapter()
  serverAdapter.setBasePath('/queues')
  const queues = (await test.jobs.bullQueues<Queue>()).map(queue => new BullMQAdapter(queue, { readOnlyMode: true }))
  createBullBoard({ queues, serverAdapter })
  const server = createServer(express().use('/queues', serverAdapter.getRouter()))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/queues`
  try {
    const answer = await fetch(`${url}/api/queues?activeQueue=mail&status=failed&page=1&jobsPerPage=10`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      queues: [{ name: 'mail', readOnlyMode: true, counts: { failed: 1 }, jobs: [{ id: 'm', name: 'send', failedReason: 'no mailbox' }] }],
    })
    expect((await fetch(`${url}/api/queues/mail/retry/failed`, { method: 'PUT' })).status).toBeGreaterThanOrEqual(400)
    expect((await test.jobs.store.queue('mail')).counts.dead).toBe(1)
  } finally {
    await new Promise(resolve => server.close(resolve))
  }
})
