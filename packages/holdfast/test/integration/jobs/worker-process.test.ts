import { type ChildProcess, spawn } from 'node:child_process'
import { afterEach, expect, it } from 'vitest'
import { defineJob } from '../../../src/jobs/index.ts'
import { bundleChild } from '../bundle-child.ts'
import { newNamespace, openJobs, REDIS_URL, until } from './harness.ts'

interface Child {
  readonly process: ChildProcess
  readonly lines: string[]
}

const children: Child[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.process.kill('SIGKILL')
})

async function startChild(settings: { namespace: string; stalledAfter?: string; drainLimit?: string }): Promise<Child> {
  const argument = JSON.stringify({ redis: REDIS_URL, stalledAfter: '1s', drainLimit: '300ms', ...settings })
  const child = spawn(process.execPath, [await bundleChild(new URL('job-child.ts', import.meta.url)), argument], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  let rest = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  })
  const entry = { process: child, lines }
  children.push(entry)
  await until(() => lines.includes('ready'), 20_000)
  return entry
}

const queues = { work: { attempts: 2, jobs: { short: defineJob<number>({}), endless: defineJob<null>({}) } } }

it('cancels a job that runs in another process within a second', async () => {
  const namespace = newNamespace()
  await using test = await openJobs({ namespace, queues })
  const child = await startChild({ namespace })
  await test.jobs.add('work', 'endless', null, { id: 'e' })
  await until(() => child.lines.includes('endless e 1'))
  const startedAtMs = performance.now()
  expect(await test.jobs.store.cancel('work', 'e')).toBe('requested')
  await until(() => child.lines.includes('aborted e HF_JOBS_CANCELLED'), 1000)
  expect(performance.now() - startedAtMs).toBeLessThan(1000)
  await until(async () => (await test.jobs.store.queue('work')).counts.dead === 1)
  expect((await test.jobs.store.deadLetters('work')).jobs).toMatchObject([{ id: 'e', reason: 'cancelled', history: [{ code: 'HF_JOBS_CANCELLED' }] }])
  // The flag is gone with the cancel: a replay runs.
  await test.jobs.store.retry('work', { id: 'e' })
  await until(() => child.lines.filter(line => line === 'endless e 1').length === 2)
})

it('on SIGTERM lets short jobs end, hands the others back within the bound, and leaves nothing active', async () => {
  const namespace = newNamespace()
  await using test = await openJobs({ namespace, queues })
  const child = await startChild({ namespace, drainLimit: '300ms' })
  await test.jobs.addMany('work', [
    { name: 'short', payload: 150, id: 's' },
    { name: 'endless', payload: null, id: 'x' },
    { name: 'endless', payload: null, id: 'y' },
  ])
  await until(() => ['short s 1', 'endless x 1', 'endless y 1'].every(line => child.lines.includes(line)))
  const startedAtMs = performance.now()
  child.process.kill('SIGTERM')
  await until(() => child.lines.includes('stopped'))
  expect(performance.now() - startedAtMs).toBeLessThan(3000)
  expect(child.lines).toEqual(expect.arrayContaining(['end s', 'aborted x HF_JOBS_STOPPING', 'aborted y HF_JOBS_STOPPING']))
  const { counts } = await test.jobs.store.queue('work')
  expect(counts).toMatchObject({ active: 0, waiting: 2, completed: 1, dead: 0 })
  expect((await test.jobs.store.show('work', 'x')).attemptsMade).toBe(0)
})

it('counts a stalled attempt as a failed one, buries a job that kills its workers with that reason, and finds it', async () => {
  const namespace = newNamespace()
  await using test = await openJobs({ namespace, queues })
  await test.jobs.add('work', 'endless', null, { id: 'k' })
  for (const attempt of [1, 2]) {
    const child = await startChild({ namespace })
    await until(() => child.lines.includes(`endless k ${attempt}`), 10_000)
    child.process.kill('SIGKILL')
  }
  const run = (): never => {
    throw new Error('its attempts are spent')
  }
  await using last = await openJobs({ namespace, stalledAfter: '1s', queues: { work: { attempts: 2, jobs: { endless: defineJob<null>({ run }) } } } })
  await until(async () => (await test.jobs.store.queue('work')).counts.dead === 1, 10_000)
  expect((await test.jobs.store.deadLetters('work')).jobs).toMatchObject([
    {
      id: 'k',
      reason: 'stalled',
      attemptsMade: 2,
      history: [
        { attempt: 1, reason: 'stalled' },
        { attempt: 2, reason: 'stalled', code: 'HF_JOBS_STALLED' },
      ],
    },
  ])
  expect((await last.jobs.look()).findings).toMatchObject([
    { rule: 'jobs/poison-job', severity: 'critical', title: 'job work/endless k stalled 2 times: it kills its workers, or blocks them' },
  ])
})
