import type { HoldfastError } from 'holdfast/core'
import { createJobs, defineJob } from 'holdfast/jobs'
import { createRegistry } from 'holdfast/telemetry'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ROUTE_DOCS } from '../../src/api/route-docs.ts'
import { type Console, type ConsoleOptions, createConsole, type Role } from '../../src/index.ts'

const BASE = 'api/v1/performance/jobs'
const TOKEN = 'a-token-of-the-tests'
const registry = createRegistry()
const lines: Record<string, unknown>[] = []
const logger = { debug: () => undefined, warn: () => undefined, error: () => undefined, info: (line: object) => void lines.push({ ...line }) }
let isBroken = true

const jobs = createJobs(
  {
    redis: process.env.HOLDFAST_TEST_REDIS_JOBS_URL!,
    namespace: `console-${process.pid}`,
    queues: {
      mail: {
        attempts: 1,
        jobs: {
          welcome: defineJob<{ to: string }>({
            run: ({ payload }) => {
              if (isBroken) throw new Error(`no mailbox for ${payload.to}`)
            },
          }),
          digest: defineJob<null>({ run: () => undefined }),
        },
      },
    },
  },
  { registry },
)
const source = {
  id: 'one',
  read: async () => ({
    ...({ schema: 'holdfast.instance/1', service: 'mailer', instanceId: 'mailer-1', startedAtMs: 0, statements: [] } as const),
    ...{ atMs: Date.now(), health: { status: 'ok', reasons: [] } as const, metrics: registry.snapshot() },
  }),
}
const opened: Console[] = []

function open(options: Partial<ConsoleOptions> = {}): Console {
  const console = createConsole({ sources: [source], auth: { kind: 'token', token: TOKEN }, jobs: jobs.store, logger, ...options })
  opened.push(console)
  return console
}
const as = (role: Role): Partial<ConsoleOptions> => ({ auth: { kind: 'custom', verify: async () => role } })

async function ask(console: Console, path: string, sent?: unknown) {
  const headers = { authorization: `Bearer ${TOKEN}`, ...(sent === undefined ? {} : { 'content-type': 'application/json', 'x-holdfast-csrf': '1' }) }
  const init = sent === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(sent) }
  const response = await console.fetch(new Request(`http://127.0.0.1/${BASE}/${path}`, init))
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & Partial<HoldfastError> }
}
function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

const counts = async () => (await jobs.store.queue('mail')).counts

beforeAll(async () => {
  await jobs.start()
  await jobs.addMany('mail', [
    { name: 'welcome', payload: { to: 'ann@example.org' }, id: 'w-ann' },
    { name: 'welcome', payload: { to: 'bob@example.org' }, id: 'w/bob 1' },
    { name: 'welcome', payload: { to: 'cy@example.org' }, id: 'w-cy' },
  ])
  await vi.waitFor(async () => expect((await counts()).dead).toBe(3), { timeout: 20_000, interval: 20 })
})

afterAll(async () => {
  for (const console of opened) await console.stop()
  await jobs.stop()
})

describe('jobs in the API', () => {
  it('answers every address with what the OpenAPI document says', async () => {
    const console = open()
    const documented = ROUTE_DOCS.filter(({ method, path }) => method === 'get' && path.startsWith(BASE))
    expect(documented).toHaveLength(6)
    for (const { path, answer, query = [] } of documented) {
      const needsState = query.some(([name, isRequired]) => name === 'state' && isRequired)
      const address = path
        .slice(BASE.length + 1)
        .replace(':queue', 'mail')
        .replace(':id', 'w-ann')
      const { status, body } = await ask(console, `${address}${needsState ? '?state=dead' : ''}`)
      expect([path, status, body.schema]).toEqual([path, 200, answer!.schema])
      for (const [name, type] of Object.entries(answer!.properties)) {
        const allowed = type.endsWith('?') ? [type.slice(0, -1), 'null'] : [type]
        expect([path, name, allowed]).toEqual([path, name, expect.arrayContaining([typeOf(body[name])])])
      }
    }
  })

  it('lists dead letters with reason and history, by what their data and failure say, page by page', async () => {
    const console = open()
    const { body } = await ask(console, 'mail/dead-letter?text=BOB&failure=no+mailbox&reason=error&name=welcome')
    expect(body).toMatchObject({ jobs: [{ id: 'w/bob 1', reason: 'error', history: [{ attempt: 1 }] }], scanned: 3 })
    const first = await ask(console, 'mail/jobs?state=dead&limit=2')
    expect((await ask(console, `mail/dead-letter?limit=2&cursor=${first.body.next}`)).body.jobs).toHaveLength(1)
    expect((await ask(console, `mail/jobs/${encodeURIComponent('w/bob 1')}`)).body).toMatchObject({
      job: { id: 'w/bob 1', state: 'dead', failure: 'no mailbox for bob@example.org' },
      payloadText: expect.stringContaining('bob@example.org'),
    })
    expect((await ask(console, 'mail/count?state=dead&name=welcome')).body).toMatchObject({ count: 3 })
  })

  it('refuses with a code and the status that goes with it', async () => {
    const console = open()
    for (const [path, status, code] of [
      ['nowhere/dead-letter', 404, 'HF_JOBS_UNKNOWN_QUEUE'],
      ['mail/jobs/nobody', 404, 'HF_JOBS_NOT_FOUND'],
      ['mail/jobs', 400, 'HF_CONSOLE_BODY'],
      ['mail/jobs?state=dead&limit=1000', 400, 'HF_CONSOLE_BODY'],
      ['mail/jobs?state=dead&limit=0', 400, 'HF_JOBS_OPTION'],
      ['mail/dead-letter?reason=whim', 400, 'HF_CONSOLE_BODY'],
    ] as const) {
      const { status: actual, body } = await ask(console, path)
      expect([path, actual, body.code]).toEqual([path, status, code])
    }
    for (const [path, sent, status, code] of [
      ['mail/retry-failed', {}, 400, 'HF_CONSOLE_BODY'],
      ['mail/cancel', { id: 'w-ann' }, 409, 'HF_JOBS_STATE'],
      ['schedule', { queue: 'mail', key: 'x', name: 'digest', cron: '61 * * * *', timeZone: 'UTC' }, 400, 'HF_JOBS_SCHEDULE'],
      ['schedule', { queue: 'mail', key: 'a:b', name: 'digest', every: '1h' }, 400, 'HF_JOBS_OPTION'],
      ['mail/unschedule', { key: 'none' }, 404, 'HF_JOBS_NOT_FOUND'],
    ] as const) {
      const { status: actual, body } = await ask(console, path, sent)
      expect([path, actual, body.code]).toEqual([path, status, code])
    }
    const without = createConsole({ sources: [source], auth: { kind: 'token', token: TOKEN } })
    expect(await ask(without, 'mail/pause', {})).toMatchObject({ status: 404, body: { code: 'HF_CONSOLE_NO_JOBS' } })
    expect((await ask(without, 'metrics')).body).toMatchObject({ queues: [], actions: [], storeProblem: { code: 'HF_CONSOLE_NO_JOBS' } })
  })

  it('shows no data to a reader who may only look, nor lets them search in it, nor change anything', async () => {
    const console = open(as('view'))
    expect((await ask(console, 'metrics')).body).toMatchObject({ actions: ['look'], queues: [{ queue: 'mail', counts: { dead: 3 } }] })
    const { body } = await ask(console, 'mail/jobs/w-ann')
    expect(body).toMatchObject({ job: { id: 'w-ann' } })
    expect(body).not.toHaveProperty('payloadText')
    expect(await ask(console, 'mail/dead-letter?text=ann')).toMatchObject({ status: 403 })
    expect(await ask(console, 'mail/count?state=dead&text=ann')).toMatchObject({ status: 403 })
    await jobs.store.putSchedule('mail', 'daily', { name: 'digest', payload: { secret: 1 }, schedule: { every: '1d' } })
    expect(JSON.stringify((await ask(console, 'schedules')).body)).not.toContain('secret')
    expect(JSON.stringify((await ask(open(), 'schedules?queue=mail')).body)).toContain('secret')
    expect(await ask(console, 'mail/retry-failed', { all: true })).toMatchObject({ status: 403 })
    expect((await counts()).dead).toBe(3)
  })

  it('changes many only when confirmed, leaves an audit line without data, and an event', async () => {
    const console = open({ ...as('operate'), environment: 'production' })
    for (const [path, sent] of [
      ['mail/pause', {}],
      ['mail/drain', { confirmation: 'mial' }],
      ['mail/retry-failed', { all: true }],
      ['mail/discard-failed', { filter: { name: 'welcome' } }],
      ['mail/unschedule', { key: 'daily', confirmation: 'mail' }],
    ] as const)
      expect(await ask(console, path, sent)).toMatchObject({ status: 400, body: { code: 'HF_CONSOLE_CONFIRMATION' } })
    expect(await counts()).toMatchObject({ dead: 3 })
    const confirmation = 'mail'
    expect((await ask(console, 'mail/pause', { confirmation })).body).toMatchObject({ action: 'pause', count: 1 })
    expect((await ask(console, 'metrics')).body).toMatchObject({ queues: [{ isPaused: true }] })
    isBroken = false
    expect((await ask(console, 'mail/retry-failed', { id: 'w-ann' })).body).toMatchObject({ count: 1 })
    expect((await ask(console, 'mail/retry-failed', { filter: { text: 'bob@' }, confirmation })).body).toMatchObject({ count: 1 })
    expect(await counts()).toMatchObject({ waiting: 2, dead: 1 })
    expect((await ask(console, 'mail/discard-failed', { all: true, confirmation })).body).toMatchObject({ action: 'discard', count: 1 })
    expect((await ask(console, 'mail/cancel', { id: 'w-ann' })).body).toMatchObject({ cancelled: 'removed' })
    expect((await ask(console, 'mail/resume', {})).body).toMatchObject({ action: 'resume' })
    await vi.waitFor(async () => expect((await counts()).completed).toBe(1), { timeout: 20_000, interval: 20 })
    await jobs.add('mail', 'digest', null, { delay: '1h' })
    expect((await ask(console, 'mail/drain', { delayed: true, confirmation })).body).toMatchObject({ count: expect.any(Number) })
    const nightly = { queue: 'mail', key: 'nightly', name: 'digest', cron: '0 3 * * *', timeZone: 'Europe/Berlin' }
    expect((await ask(console, 'schedule', nightly)).body).toMatchObject({ action: 'schedule' })
    // By their next time, which depends on the hour of this test.
    const { schedules } = (await ask(console, 'schedules')).body as { schedules: { key: string }[] }
    expect(schedules.toSorted((a, b) => a.key.localeCompare(b.key))).toMatchObject([
      { key: 'daily', schedule: { every: '86400000ms' } },
      { key: 'nightly', schedule: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' } },
    ])
    for (const key of ['daily', 'nightly'])
      expect((await ask(console, 'mail/unschedule', { key, confirmation: key })).body).toMatchObject({ count: 1 })
    expect((await counts()).delayed).toBe(0)

    const audits = lines.filter(({ audit }) => String(audit).startsWith('jobs.'))
    expect(audits).toContainEqual(expect.objectContaining({ audit: 'jobs.retry', role: 'operate', queue: 'mail', filter: ['text'] }))
    expect(new Set(audits.map(({ audit }) => audit))).toEqual(
      new Set(['pause', 'retry', 'discard', 'cancel', 'resume', 'drain', 'schedule', 'unschedule'].map(action => `jobs.${action}`)),
    )
    expect(JSON.stringify(audits)).not.toContain('bob@')
    expect(console.overview().events.map(({ text }) => text)).toContain('mail: 1 dead letter run again')
  })

  it('shows wait, run and age as the instances measured them', async () => {
    const console = open()
    await console.start()
    await vi.waitFor(
      async () => {
        await jobs.add('mail', 'digest', null)
        const [mail] = (await ask(console, 'metrics?queue=mail&window=60')).body.queues as {
          completedCount: number
          waitP95Ms: object
          ageP50Ms: object
        }[]
        expect(mail!.completedCount).toBeGreaterThan(2)
        expect([mail!.waitP95Ms, mail!.ageP50Ms]).toEqual(Array(2).fill({ value: expect.any(Number), n: expect.any(Number) }))
      },
      { timeout: 20_000, interval: 200 },
    )
    const { body } = await ask(console, 'metrics?queue=mail&window=60')
    expect(body).toMatchObject({ queue: 'mail', names: [{ name: 'digest' }], storeProblem: null })
    expect((body.depth as { atMs: number[] }).atMs.length).toBeGreaterThan(0)
  })
})
