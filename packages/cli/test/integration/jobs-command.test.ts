import { delay, systemClock } from 'holdfast/core'
import { createJobs, defineJob } from 'holdfast/jobs'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const REDIS_JOBS_URL = process.env.HOLDFAST_TEST_REDIS_JOBS_URL!
const namespace = `cli-jobs-${process.pid}`
let isBroken = true

const jobs = createJobs({
  redis: REDIS_JOBS_URL,
  namespace,
  queues: {
    mail: {
      attempts: 1,
      jobs: {
        welcome: defineJob<{ to: string }>({
          run: ({ payload }) => {
            if (isBroken) throw Object.assign(new Error(`no mailbox\u001b[2J for ${payload.to}`), { code: 'E_BOX' })
          },
        }),
        digest: defineJob<null>({ run: () => Promise.reject(new Error('digest')) }),
      },
    },
    reports: { jobs: { render: defineJob<{ month: string }>({ run: () => undefined }) } },
  },
})

beforeAll(async () => {
  await jobs.start()
  await jobs.addMany('mail', [
    { name: 'welcome', payload: { to: 'ann' }, id: 'w-ann' },
    { name: 'welcome', payload: { to: 'bob' }, id: 'w-bob' },
    { name: 'welcome', payload: { to: 'cy' }, id: 'w-cy' },
    { name: 'digest', payload: null, id: 'd-1' },
  ])
  await vi.waitFor(async () => expect((await jobs.store.queue('mail')).counts.dead).toBe(4), { timeout: 20_000, interval: 20 })
})
afterAll(() => jobs.stop())

async function run(...argv: string[]) {
  const host = fakeHost({ REDIS_JOBS_URL })
  const code = await runCommandLine(['jobs', ...argv, '--namespace', namespace], host)
  return { code, out: host.out(), err: host.err() }
}
const json = async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).out)

it('lists queues, and dead letters with their reason, by what their payload, name and failure say', async () => {
  const all = await run('ls')
  expect(all).toMatchObject({ code: 0, err: '' })
  expect(all.out).toMatch(/^queue +state +waiting +active +delayed +dead +completed +oldest\nmail +open +0 +0 +0 +4 +0 +–\nreports +open /)
  const dead = await run('ls', 'mail', '--state', 'dead', '--text', '"TO":"b')
  // What a failure says cannot steer the terminal.
  expect(dead.out).toMatch(/^id +name +reason +attempts +ended +failure\nw-bob +welcome +error +1 +\d+ (ms|s) ago +no mailbox \[2J for bob\n$/)
  expect(dead.err).toBe('1 dead of mail with "\\"TO\\":\\"b" in the payload, of 4 looked at\n')
  const part = await json('ls', 'mail', '--state', 'dead', '--name', 'welcome', '--since', '1h', '--limit', '2')
  expect(part).toMatchObject({
    schema: 'holdfast.jobs-list/1',
    state: 'dead',
    jobs: [{ reason: 'error' }, { reason: 'error' }],
    next: expect.any(String),
  })
  const rest = await json('ls', 'mail', '--state', 'dead', '--name', 'welcome', '--limit', '2', '--cursor', part.next)
  expect(rest.jobs).toHaveLength(1)
  expect(await run('ls', 'mail', '--state', 'dead', '--reason', 'timeout')).toMatchObject({ code: 0, out: '' })
})

it('shows one job with the history of its attempts', async () => {
  const { code, out } = await run('show', 'mail', 'w-ann')
  expect(code).toBe(0)
  expect(out).toMatch(/^mail\/w-ann {2}welcome {2}dead\n {2}enqueued +\d{4}-.*\n/)
  expect(out).toContain('\n  payload   {"to":"ann"}\n')
  expect(out).toMatch(/\n {4}1\. \S+ error after \d+ ms on \S+: E_BOX "no mailbox\\u001b\[2J for ann"\n$/)
  expect(await json('show', 'mail', 'w-ann')).toMatchObject({
    schema: 'holdfast.job/1',
    job: { payload: { to: 'ann' }, history: [{ code: 'E_BOX' }] },
  })
  expect(await run('show', 'mail', 'nobody')).toMatchObject({ code: 2, out: '', err: expect.stringContaining('HF_JOBS_NOT_FOUND') })
})

it('pauses, runs dead letters again only when their count is confirmed, and resumes', async () => {
  expect(await run('pause', 'mail')).toMatchObject({ code: 0, out: '✓ mail is paused: 0 waiting, 0 active\n' })
  isBroken = false
  expect(await run('retry', 'mail', 'w-ann')).toMatchObject({ code: 0, out: '✓ 1 dead letter of mail wait again\n' })
  const refused = await run('retry', 'mail', '--name', 'welcome')
  expect(refused).toMatchObject({ code: 2, out: '' })
  expect(refused.err).toMatch(/HF_CLI_CONFIRMATION_REQUIRED {2}not confirmed: run 2 dead letters of mail named welcome again\n.*--yes/)
  expect((await jobs.store.queue('mail')).counts).toMatchObject({ waiting: 1, dead: 3 })
  expect(await run('retry', 'mail', '--name', 'welcome', '--yes')).toMatchObject({ code: 0, out: '✓ 2 dead letters of mail wait again\n' })
  expect(await run('retry', 'mail', '--name', 'welcome', '--yes')).toMatchObject({ code: 0, out: 'no dead letters of mail named welcome\n' })
  expect(await json('ls', 'mail')).toMatchObject({ state: 'waiting', jobs: [{ id: 'w-ann' }, {}, {}] })
  expect(await json('retry', 'mail', '--all', '--yes')).toEqual({ schema: 'holdfast.jobs-retry/1', queue: 'mail', matched: 1, retried: 1 })
  for (const argv of [[], ['w-ann', '--all'], ['--all', '--name', 'welcome']])
    expect(await run('retry', 'mail', ...argv, '--yes')).toMatchObject({ code: 2, err: expect.stringContaining('HF_CLI_USAGE') })
  expect(await run('retry', 'mail', 'w-ann')).toMatchObject({ code: 2, err: expect.stringContaining('HF_JOBS_STATE') })
  expect(await run('resume', 'mail')).toMatchObject({ code: 0, out: expect.stringMatching(/^✓ mail is open: /) })
  await expect.poll(async () => (await jobs.store.queue('mail')).counts.completed, { timeout: 20_000, interval: 20 }).toBe(3)
})

it('deletes dead letters only when their count is confirmed, and cancels a job that waits', async () => {
  expect(await run('discard', 'mail', '--name', 'digest')).toMatchObject({
    code: 2,
    err: expect.stringContaining('not confirmed: delete 1 dead letter of mail named digest; they are not kept anywhere'),
  })
  expect((await jobs.store.queue('mail')).counts.dead).toBe(1)
  expect(await run('discard', 'mail', '--name', 'digest', '--yes')).toMatchObject({ code: 0, out: '✓ 1 dead letter of mail deleted\n' })
  expect(await json('discard', 'mail', '--all', '--yes')).toEqual({ schema: 'holdfast.jobs-discard/1', queue: 'mail', matched: 0, discarded: 0 })
  await jobs.add('reports', 'render', { month: '2026-10' }, { id: 'r-1', delay: '1h' })
  expect(await run('cancel', 'reports', 'r-1')).toMatchObject({ code: 0, out: '✓ reports/r-1 is removed\n' })
  expect(await run('cancel', 'reports', 'r-1')).toMatchObject({ code: 2, err: expect.stringContaining('HF_JOBS_NOT_FOUND') })
  expect(await run('cancel', 'mail', 'w-ann')).toMatchObject({ code: 2, err: expect.stringContaining('HF_JOBS_STATE') })
})

it('drains only when the count is confirmed', async () => {
  await jobs.store.pause('reports')
  await jobs.add('reports', 'render', { month: '2026-11' })
  await jobs.add('reports', 'render', { month: '2026-12' }, { delay: '1h' })
  // A worker that had asked before the pause would take it now.
  await delay(systemClock, 20)
  const refused = await run('drain', 'reports', '--delayed')
  expect(refused).toMatchObject({ code: 2, out: '' })
  expect(refused.err).toContain('not confirmed: delete 1 waiting and 1 delayed jobs of reports; they are not kept anywhere')
  expect(await run('drain', 'reports', '--yes')).toMatchObject({ code: 0, out: '✓ 1 jobs of reports deleted\n' })
  expect((await jobs.store.queue('reports')).counts).toMatchObject({ waiting: 0, delayed: 1 })
  expect(await json('drain', 'reports', '--delayed', '--yes')).toEqual({ schema: 'holdfast.jobs-drain/1', queue: 'reports', removed: 1 })
})

it('sets, lists and removes schedules by cron in a zone, and refuses what is never due', async () => {
  expect(await run('schedule', 'list')).toMatchObject({ code: 0, out: '', err: expect.stringContaining('no schedules') })
  const cron = ['--job', 'render', '--cron', '30 2 * * *', '--zone', 'Europe/Berlin']
  const made = await run('schedule', 'set', 'reports', 'nightly', ...cron, '--payload', '{"month":"last"}')
  expect(made).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^✓ reports\/nightly adds render 30 2 \* \* \* Europe\/Berlin, next \d{4}-\d\d-\d\dT0[01]:30:00\n$/),
  })
  expect((await run('schedule', 'list', 'reports')).out).toMatch(
    /^queue +key +job +schedule +next +in\nreports +nightly +render +30 2 \* \* \* Europe\/Berlin /,
  )
  expect(await json('schedule', 'list')).toMatchObject({ schedules: [{ key: 'nightly', payload: { month: 'last' } }] })
  for (const [argv, code] of [
    [['--cron', '61 * * * *', '--zone', 'UTC'], 'HF_JOBS_SCHEDULE'],
    [['--cron', '0 3 * * *', '--zone', 'Mars/Olympus'], 'HF_JOBS_SCHEDULE'],
    [['--cron', '0 3 * * *'], 'HF_CLI_USAGE'],
    [['--every', '1h', '--zone', 'UTC'], 'HF_CLI_USAGE'],
    [[], 'HF_CLI_USAGE'],
    [['--every', '1h', '--payload', '{'], 'HF_CLI_USAGE'],
  ] as const) {
    expect(await run('schedule', 'set', 'reports', 'bad', '--job', 'render', ...argv)).toMatchObject({ code: 2, err: expect.stringContaining(code) })
  }
  expect(await run('schedule', 'remove', 'reports', 'nightly')).toMatchObject({
    code: 2,
    err: expect.stringContaining('HF_CLI_CONFIRMATION_REQUIRED'),
  })
  expect(await run('schedule', 'remove', 'reports', 'nightly', '--yes')).toMatchObject({ code: 0, out: '✓ reports/nightly is removed\n' })
  expect(await run('schedule', 'remove', 'reports', 'nightly', '--yes')).toMatchObject({ code: 2, err: expect.stringContaining('HF_JOBS_NOT_FOUND') })
})

it('says what is missing: the queue, Redis, or its address', async () => {
  expect(await run('pause', 'nowhere')).toMatchObject({ code: 2, err: expect.stringMatching(/HF_JOBS_UNKNOWN_QUEUE.*mail, reports/) })
  const unset = fakeHost({ XDG_CACHE_HOME: '/nonexistent' })
  expect(await runCommandLine(['jobs', 'ls'], unset)).toBe(2)
  expect(unset.err()).toMatch(/HF_CLI_NO_REDIS[\s\S]*REDIS_JOBS_URL/)
  const away = fakeHost({ REDIS_JOBS_URL: 'redis://127.0.0.1:1' })
  expect(await runCommandLine(['jobs', 'ls', '--json'], away)).toBe(3)
  expect(JSON.parse(away.out())).toMatchObject({ schema: 'holdfast.error/1', error: { code: 'HF_JOBS_REDIS_AWAY' } })
})
