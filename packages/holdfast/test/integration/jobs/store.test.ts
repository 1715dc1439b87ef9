import { afterAll, beforeAll, expect, it } from 'vitest'
import { createJobStore, defineJob } from '../../../src/jobs/index.ts'
import { foreignClient, openJobs, pause, REDIS_URL, until } from './harness.ts'

const failures = { boom: true }
const queues = {
  mail: {
    attempts: 1,
    jobs: {
      send: defineJob<{ to: string }>({
        run: job => {
          if (failures.boom) throw Object.assign(new Error(`no mailbox ${job.payload.to}`), { code: 'E_BOX' })
          return { sent: job.payload.to }
        },
      }),
      other: defineJob<number>({ run: () => Promise.reject(new Error('other')) }),
    },
  },
}

let test: Awaited<ReturnType<typeof openJobs<typeof queues>>>
beforeAll(async () => {
  test = await openJobs({ queues })
})
afterAll(() => test[Symbol.asyncDispose]())

const dead = async (): Promise<number> => (await test.jobs.store.queue('mail')).counts.dead

it('finds dead letters by name, id, payload, message and reason, and runs one, a filter or all of them again', async () => {
  const { store } = test.jobs
  await test.jobs.addMany('mail', [
    { name: 'send', payload: { to: 'ann' }, id: 'ann-1' },
    { name: 'send', payload: { to: 'bob' }, id: 'bob-1' },
    { name: 'send', payload: { to: 'cy' }, id: 'cy-1' },
    { name: 'other', payload: 1, id: 'other-1' },
  ])
  await until(async () => (await dead()) === 4)
  const { jobs } = await store.deadLetters('mail', { name: 'send', id: 'ann', text: '"TO":"AN', failure: 'mailbox', reason: 'error' })
  expect(jobs).toMatchObject([
    {
      id: 'ann-1',
      name: 'send',
      state: 'dead',
      reason: 'error',
      attemptsMade: 1,
      failure: 'no mailbox ann',
      history: [{ attempt: 1, code: 'E_BOX', message: 'no mailbox ann' }],
    },
  ])
  expect(await store.count('mail', 'dead', { name: 'send' })).toBe(3)
  expect(await store.count('mail', 'dead', { reason: 'timeout' })).toBe(0)
  const first = await store.deadLetters('mail', {}, { limit: 3 })
  const rest = await store.deadLetters('mail', {}, { limit: 3, cursor: first.next! })
  expect([...first.jobs, ...rest.jobs].map(({ id }) => id).toSorted()).toEqual(['ann-1', 'bob-1', 'cy-1', 'other-1'])
  expect(rest.next).toBeUndefined()

  failures.boom = false
  expect(await store.retry('mail', { id: 'ann-1' })).toEqual({ matched: 1, retried: 1 })
  expect(await store.retry('mail', { filter: { text: 'bob' } })).toEqual({ matched: 1, retried: 1 })
  await until(async () => (await store.queue('mail')).counts.completed === 2)
  expect(await store.show('mail', 'bob-1')).toMatchObject({
    state: 'completed',
    payload: { to: 'bob' },
    result: { sent: 'bob' },
    history: [{ attempt: 1 }],
  })
  expect(await store.discard('mail', { id: 'other-1' })).toEqual({ matched: 1, discarded: 1 })
  expect(await store.retry('mail', { all: true })).toEqual({ matched: 1, retried: 1 })
  await until(async () => (await store.queue('mail')).counts.completed === 3)
  await expect(store.retry('mail', { id: 'cy-1' })).rejects.toMatchObject({ code: 'HF_JOBS_STATE' })
  await expect(store.cancel('mail', 'cy-1')).rejects.toMatchObject({ code: 'HF_JOBS_STATE' })
  await expect(store.show('mail', 'nobody')).rejects.toMatchObject({ code: 'HF_JOBS_NOT_FOUND' })
})

it('pauses, resumes, lists, cancels what waits, and drains, from another process without definitions', async () => {
  await using store = createJobStore({ redis: REDIS_URL, namespace: test.namespace })
  await expect(store.pause('none')).rejects.toMatchObject({ code: 'HF_JOBS_UNKNOWN_QUEUE' })
  await store.pause('mail')
  const before = (await store.queue('mail')).counts.completed
  await test.jobs.addMany(
    'mail',
    [1, 2, 3].map(n => ({ name: 'send' as const, payload: { to: `p${n}` }, id: `p-${n}` })),
  )
  await test.jobs.add('mail', 'send', { to: 'later' }, { id: 'later', delay: '1h' })
  await test.jobs.add('mail', 'send', { to: 'last' }, { id: 'last', priority: 9 })
  // Time in which a worker would have taken one.
  await pause(50)
  const summary = (await store.queues())[0]!
  expect(summary).toMatchObject({ queue: 'mail', isPaused: true, counts: { waiting: 4, delayed: 1, active: 0, completed: before } })
  expect(summary.oldestWaitingMs).toBeGreaterThan(0)
  expect((await store.list('mail', 'waiting')).jobs.map(({ id }) => id)).toEqual(['p-1', 'p-2', 'p-3', 'last'])
  expect((await store.list('mail', 'delayed')).jobs).toMatchObject([{ id: 'later', dueAtMs: expect.any(Number) }])
  expect(await store.cancel('mail', 'p-2')).toBe('removed')
  expect(await store.drain('mail')).toEqual({ removed: 3 })
  await test.jobs.add('mail', 'send', { to: 'after' }, { id: 'after' })
  await store.resume('mail')
  await until(async () => (await store.queue('mail')).counts.completed === before + 1)
  expect((await store.queue('mail')).counts).toMatchObject({ waiting: 0, delayed: 1 })
  expect(await store.drain('mail', { delayed: true })).toEqual({ removed: 1 })
})

it('keeps schedules by cron and zone: lists, changes and removes them; refuses what is never due', async () => {
  const { jobs } = test
  failures.boom = false
  const nightly = { cron: '30 2 * * *', timeZone: 'Europe/Berlin' } as const
  await jobs.schedule('mail', 'nightly', { name: 'send', payload: { to: 'all' }, schedule: nightly })
  expect(await jobs.store.schedules('mail')).toMatchObject([
    { queue: 'mail', key: 'nightly', name: 'send', schedule: nightly, payload: { to: 'all' } },
  ])
  const [listed] = await jobs.store.schedules()
  const at = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/Berlin', hour: '2-digit', minute: '2-digit' }).format(listed!.nextAtMs!)
  expect(at).toBe('02:30')
  const ended = (await jobs.store.queue('mail')).counts.completed
  await jobs.schedule('mail', 'nightly', { name: 'send', payload: { to: 'each second' }, schedule: { every: '1s' } })
  expect(await jobs.store.schedules('mail')).toMatchObject([{ key: 'nightly', schedule: { every: '1000ms' } }])
  await until(async () => (await jobs.store.queue('mail')).counts.completed > ended)
  await jobs.store.removeSchedule('mail', 'nightly')
  expect(await jobs.store.schedules('mail')).toEqual([])
  await expect(jobs.store.removeSchedule('mail', 'nightly')).rejects.toMatchObject({ code: 'HF_JOBS_NOT_FOUND' })
  for (const schedule of [
    { cron: '61 * * * *', timeZone: 'UTC' },
    { cron: '0 0 30 2 *', timeZone: 'UTC' },
    { cron: '0 3 * * *', timeZone: 'Mars/Olympus' },
    { cron: '0 3 * * *' } as never,
    { every: '10ms' } as const,
  ]) {
    await expect(jobs.schedule('mail', 'bad', { name: 'send', payload: { to: 'x' }, schedule })).rejects.toMatchObject({ code: 'HF_JOBS_SCHEDULE' })
  }
  await expect(jobs.schedule('mail', 'a:b', { name: 'send', payload: { to: 'x' }, schedule: nightly })).rejects.toMatchObject({
    code: 'HF_JOBS_OPTION',
  })
  const client = foreignClient()
  expect(await client.zcard(`hf:{${test.namespace}}:jobs:mail:repeat`)).toBe(0)
  client.disconnect()
})
