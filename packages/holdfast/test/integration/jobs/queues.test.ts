import { startRedisServers } from '@holdfast/dev-services'
import { isHoldfastError } from 'holdfast/core'
import { expect, it } from 'vitest'
import { createJobs, defineJob, type RunningJob, type StandardSchema } from '../../../src/jobs/index.ts'
import { foreignClient, newNamespace, openJobs, until } from './harness.ts'

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'none',
    error => (isHoldfastError(error) ? error.code : error),
  )

/** Takes `{ n: number as text }` and gives `{ n: number }`. */
const numberText: StandardSchema<{ n: string }, { n: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: value => {
      const n = Number((value as { n?: unknown } | null)?.n)
      return Number.isNaN(n) ? { issues: [{ message: 'must be a number', path: ['n'] }] } : { value: { n } }
    },
  },
}

it('runs a job with what its schema makes of the payload, and the caller’s name, delay and attempts', async () => {
  const seen: RunningJob<{ n: number }>[] = []
  await using test = await openJobs({
    queues: {
      sums: { attempts: 4, jobs: { add: defineJob({ schema: numberText, run: job => void seen.push(job) }) } },
    },
  })
  const id = await test.jobs.add('sums', 'add', { n: '7' }, { id: 'seven', attempts: 2 })
  await until(() => seen.length === 1)
  expect(seen[0]).toMatchObject({ id: 'seven', queue: 'sums', name: 'add', payload: { n: 7 }, attempt: 1, attempts: 2 })
  expect(id).toBe('seven')
  await until(() => test.count('holdfast_jobs_outcomes', 'sums', 'add', 'completed') === 1)
  // The id is known while the job is kept.
  await test.jobs.add('sums', 'add', { n: '7' }, { id: 'seven' })
  await test.jobs.add('sums', 'add', { n: '8' })
  await until(() => seen.length === 2)
  expect(seen[1]!.payload).toEqual({ n: 8 })
  expect(seen[1]!.attempts).toBe(4)
})

it('refuses what cannot be a job with a code, and adds nothing of a list that holds one', async () => {
  await using test = await openJobs({
    work: 'none',
    queues: {
      mail: { maxPayload: '1kb', jobs: { send: defineJob<Record<string, unknown>>({ schema: undefined as never }), plain: defineJob<unknown>({}) } },
      checked: { jobs: { add: defineJob({ schema: numberText }) } },
    },
  })
  const { jobs, namespace } = test
  const add = (payload: unknown, options = {}): Promise<unknown> => codeOf(jobs.add('mail', 'plain', payload, options))
  const loop: Record<string, unknown> = {}
  loop.self = loop
  for (const payload of [
    undefined,
    () => 1,
    1n,
    Symbol('s'),
    Number.NaN,
    { at: new Date() },
    { tags: new Set() },
    [Number.POSITIVE_INFINITY],
    loop,
  ]) {
    expect(await add(payload)).toBe('HF_JOBS_PAYLOAD')
  }
  expect(await add('x'.repeat(2000))).toBe('HF_JOBS_PAYLOAD_TOO_LARGE')
  expect(await codeOf(jobs.add('checked', 'add', { n: 'seven' }))).toBe('HF_JOBS_PAYLOAD')
  expect(await codeOf(jobs.add('nowhere' as 'mail', 'plain', 1))).toBe('HF_JOBS_UNKNOWN_QUEUE')
  expect(await codeOf(jobs.add('mail', 'nothing' as 'plain', 1))).toBe('HF_JOBS_UNKNOWN_NAME')
  for (const options of [
    { delay: '-5s' },
    { priority: -1 },
    { priority: 1.5 },
    { priority: 2_097_152 },
    { attempts: 0 },
    { id: '12' },
    { id: 'a:b' },
    { id: '' },
    { tenant: 'acme' },
  ]) {
    expect(await add(1, options)).toBe('HF_JOBS_OPTION')
  }
  expect(await add(1, { delay: 'soon' })).toBe('HF_CONFIG_DURATION')
  const list = [1, () => 1].map(payload => ({ name: 'plain' as const, payload }))
  expect(await codeOf(jobs.addMany('mail', list))).toBe('HF_JOBS_PAYLOAD')
  expect(await codeOf(jobs.enqueue({ query: async () => ({ rows: [] }) }, 'mail', 'plain', 1))).toBe('HF_JOBS_NO_POSTGRES')
  const client = foreignClient()
  expect(await client.llen(`hf:{${namespace}}:jobs:mail:wait`)).toBe(0)
  client.disconnect()
})

it('names all bad options of a set-up at once', () => {
  const bad = {
    redis: 'http://x',
    namespace: 'a b',
    stalledAfter: '1ms',
    surprise: 1,
    work: ['none-such'],
    queues: {
      'a:b': { jobs: {} },
      mail: { concurrency: 0, backoff: { jitter: 2, base: '5m', ceiling: '1s' }, jobs: { send: { attempts: 0, go: 1 } } },
    },
  }
  const made = (): unknown => createJobs(bad as never)
  expect(made).toThrow(/surprise: .*redis: .*namespace: /s)
  for (const path of [
    'queues.a:b',
    'queues.mail.concurrency',
    'backoff.jitter',
    'backoff.ceiling',
    'jobs.send.attempts',
    'jobs.send.go',
    'stalledAfter',
    'work',
  ]) {
    expect(made).toThrow(path)
  }
})

it('tries a job again after its back-off, counts a thrown string as an error, and buries it with its history when its attempts are spent', async () => {
  const attempts: number[] = []
  await using test = await openJobs({
    queues: {
      mail: {
        attempts: 3,
        backoff: { base: '20ms', jitter: 0 },
        jobs: {
          send: defineJob<number>({
            run: job => {
              attempts.push(job.attempt)
              if (job.attempt === 1) return Promise.reject('no')
              throw Object.assign(new Error('mailbox full'), { code: 'E_FULL' })
            },
          }),
        },
      },
    },
  })
  await test.jobs.add('mail', 'send', 1, { id: 'm' })
  await until(() => test.count('holdfast_jobs_outcomes', 'mail', 'send', 'dead') === 1)
  expect(attempts).toEqual([1, 2, 3])
  const client = foreignClient()
  const key = `hf:{${test.namespace}}:jobs:mail:m`
  await until(async () => (await client.hget(key, 'finishedOn')) !== null)
  const history = (await client.lrange(`${key}:logs`, 0, -1)).map(row => JSON.parse(row))
  client.disconnect()
  expect(history).toMatchObject([
    { attempt: 1, reason: 'error', code: 'HF_JOBS_NON_ERROR_THROWN', message: 'mail/send threw a string and no Error' },
    { attempt: 2, reason: 'error', code: 'E_FULL', message: 'mailbox full' },
    { attempt: 3, reason: 'error', code: 'E_FULL' },
  ])
})

it('refuses to start on a Redis that evicts, and works it once the policy is noeviction', async () => {
  await using fleet = await startRedisServers()
  const server = await fleet.start(['save ""', 'maxmemory 100mb', 'maxmemory-policy allkeys-lru'])
  const queues = { mail: { jobs: { send: defineJob<number>({ run: () => undefined }) } } }
  const refused = createJobs({ redis: server.url, namespace: newNamespace(), queues })
  await expect(refused.start()).rejects.toMatchObject({ code: 'HF_JOBS_EVICTION', message: /allkeys-lru/ })
  expect(refused.health()).toMatchObject({ status: 'down', reasons: [{ component: 'jobs' }] })
  await refused.stop()
  await server.client.config('SET', 'maxmemory-policy', 'noeviction')
  await using test = await openJobs({ redis: server.url, queues })
  await test.jobs.add('mail', 'send', 1)
  await until(() => test.count('holdfast_jobs_outcomes', 'mail', 'send', 'completed') === 1)
  // And says so when somebody changes it while jobs run.
  await server.client.config('SET', 'maxmemory-policy', 'volatile-lru')
  expect((await test.jobs.look()).findings).toMatchObject([{ rule: 'jobs/eviction-policy', severity: 'critical' }])
  expect(test.jobs.health()).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining('volatile-lru') }] })
  await server.client.config('SET', 'maxmemory-policy', 'noeviction')
  expect((await test.jobs.look()).findings).toEqual([])
})

it('alerts on depth and age, and shows both as gauges', async () => {
  await using test = await openJobs({ queues: { mail: { alerts: { depth: 2, age: '1ms' }, jobs: { send: defineJob<number>({}) } } } })
  await test.jobs.addMany(
    'mail',
    [1, 2, 3].map(payload => ({ name: 'send' as const, payload })),
  )
  await test.jobs.look()
  const { alerts, findings, queues } = await test.jobs.look()
  expect(alerts.map(({ kind, value, limit }) => (kind === 'depth' ? [kind, value, limit] : [kind]))).toEqual([['depth', 3, 2], ['age']])
  expect(findings.map(({ rule }) => rule)).toEqual(['jobs/falling-behind'])
  expect(queues).toMatchObject([{ queue: 'mail', counts: { waiting: 3 } }])
  expect(test.count('holdfast_jobs_depth', 'mail', 'waiting')).toBe(3)
  expect(test.count('holdfast_jobs_oldest_waiting_seconds', 'mail')).toBeGreaterThan(0)
  expect(test.jobs.health().reasons.map(({ component }) => component)).toEqual(['jobs', 'jobs'])
})

it('fails a direct add fast while Redis is away, and its workers come back alone', async () => {
  await using fleet = await startRedisServers()
  const server = await fleet.start(['appendonly yes'])
  await using test = await openJobs({ redis: server.url, queues: { mail: { jobs: { send: defineJob<number>({ run: () => undefined }) } } } })
  await test.jobs.add('mail', 'send', 1)
  await server.kill()
  const startedAtMs = performance.now()
  expect(await codeOf(test.jobs.add('mail', 'send', 2))).toBe('HF_JOBS_REDIS_AWAY')
  expect(performance.now() - startedAtMs).toBeLessThan(2600)
  await until(() => test.jobs.health().status === 'degraded')
  await server.restart()
  await until(async () => (await codeOf(test.jobs.add('mail', 'send', 3))) === 'none')
  await until(() => test.count('holdfast_jobs_outcomes', 'mail', 'send', 'completed') >= 2)
  expect(test.jobs.health().status).toBe('ok')
})
