import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { defineErrors, type Finding, type Verification } from 'holdfast/core'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type AdviceAnswer, type AdvisorPort, type Console, createConsole, type FindingDetail, type FindingList, type Problem } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'
import { sampleFinding } from './support/sample-finding.ts'
import { seconds, settle } from './support/settle.ts'

const TOKEN = 'a-token-of-the-tests'
const pgErrors = defineErrors<'HF_PG_FINDING_UNKNOWN' | 'HF_PG_APPLY_LOCKED'>({
  HF_PG_FINDING_UNKNOWN: { summary: 'No such finding.', hint: 'list them', retryable: false, status: 404 },
  HF_PG_APPLY_LOCKED: { summary: 'Locked.', hint: 'try later', retryable: true },
})

class FakeAdvisor implements AdvisorPort {
  ledger = new Map<string, Finding>()
  failure: Error | undefined
  /** Set to make single findings unreadable. */
  unreachable: Error | undefined
  hangs = false
  /** Resolves the apply that is waiting. */
  finishApply: () => void = () => {}
  waits = false

  put(finding: Finding): void {
    this.ledger.set(finding.id, finding)
  }
  async findings(): Promise<readonly Finding[]> {
    if (this.hangs) await new Promise(() => {})
    if (this.failure !== undefined) throw this.failure
    return [...this.ledger.values()]
  }
  async finding(id: string): Promise<Finding> {
    if (this.hangs) await new Promise(() => {})
    if (this.unreachable !== undefined) throw this.unreachable
    const finding = this.ledger.get(id)
    if (finding === undefined) throw pgErrors.create('HF_PG_FINDING_UNKNOWN', `there is no finding ${id}`)
    return finding
  }
  async apply(id: string): Promise<Finding> {
    if (this.waits) {
      await new Promise<void>(resolve => {
        this.finishApply = resolve
      })
    }
    return this.#move(id, 'applied')
  }
  verify(id: string): Promise<Finding> {
    return this.#move(id, 'verified')
  }
  async advise() {
    if (this.failure !== undefined) throw this.failure
    return { findings: [...this.ledger.values()], examinedCount: 12, refused: [], notes: ['statistics were reset'] }
  }
  revert(id: string): Promise<Finding> {
    return this.#move(id, 'open')
  }
  async snooze(id: string, duration: string, reason?: string): Promise<Finding> {
    const moved = await this.#move(id, 'snoozed')
    this.put({ ...moved, history: [...moved.history, { atMs: 0, state: 'snoozed', note: `${duration}: ${reason}` }] })
    return moved
  }
  async #move(id: string, state: Finding['state']): Promise<Finding> {
    if (this.failure !== undefined) throw this.failure
    const moved = { ...(await this.finding(id)), state }
    this.put(moved)
    return moved
  }
}

describe('findings', () => {
  let clock: FakeClock
  let advisor: FakeAdvisor
  let console: Console

  beforeEach(() => {
    clock = fakeClock()
    advisor = new FakeAdvisor()
  })

  const open = async (environment: 'development' | 'production' = 'development', withAdvisor = true): Promise<void> => {
    const port = withAdvisor ? { advisor } : {}
    console = createConsole({ sources: [new FakeService(clock)], clock, auth: { kind: 'token', token: TOKEN }, environment, ...port })
    onTestFinished(() => console.stop())
    await console.start()
    await settle()
  }
  const ask = async <T>(path: string, body?: unknown): Promise<{ status: number; body: T }> => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
    const init = body === undefined ? { headers } : { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await console.fetch(new Request(`http://localhost/api/${path}`, init))
    const text = await response.text()
    return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T }
  }
  /** A detail whose answer may need the clock to move on. */
  const detailInTime = async () => {
    const asked = ask<FindingDetail>('findings/I-3fa9')
    await settle()
    clock.advance(1500)
    return asked
  }
  const eventTexts = (): string[] => console.overview().events.map(event => `${event.kind}: ${event.text}`)

  it('are looked for on demand, and what the search says is passed on', async () => {
    advisor.put(sampleFinding({ id: 'I-1' }))
    await open()
    const { status, body } = await ask<AdviceAnswer>('advise', {})
    expect(status).toBe(200)
    expect(body).toEqual({ schema: 'holdfast.advice-answer/1', findingCount: 1, examinedCount: 12, refused: [], notes: ['statistics were reset'] })
  })

  it('are put aside for a time and a reason, both of which must be given', async () => {
    advisor.put(sampleFinding({ id: 'I-1' }))
    await open()
    const { status, body } = await ask<FindingDetail>('findings/I-1/snooze', { for: '7d', reason: ' waits for the release ' })
    expect(status).toBe(200)
    expect(body.finding).toMatchObject({
      state: 'snoozed',
      history: expect.arrayContaining([expect.objectContaining({ note: '7d: waits for the release' })]),
    })
    expect(body.actions).toEqual(['apply', 'snooze'])
    for (const wrong of [
      {},
      { for: '7d' },
      { for: '7d', reason: '  ' },
      { for: '-1d', reason: 'x' },
      { for: 'soon', reason: 'x' },
      { for: '0s', reason: 'x' },
      { for: '1d', reason: 'x'.repeat(501) },
    ]) {
      expect([wrong, (await ask<Problem>('findings/I-1/snooze', wrong)).body.code]).toEqual([wrong, 'HF_CONSOLE_BODY'])
    }
  })

  it('are not looked for while something is applied', async () => {
    advisor.put(sampleFinding({ id: 'I-1' }))
    advisor.waits = true
    await open()
    const applying = ask('findings/I-1/apply', {})
    await settle()
    expect((await ask<Problem>('advise', {})).body.code).toBe('HF_CONSOLE_BUSY')
    advisor.finishApply()
    await applying
  })

  it('are ranked by the time they save; fix first shows those that still need somebody', async () => {
    advisor.put(sampleFinding({ id: 'I-1', savesMsPerSec: 5 }))
    advisor.put(sampleFinding({ id: 'I-2', savesMsPerSec: 50, state: 'verified' }))
    advisor.put(sampleFinding({ id: 'I-3', savesMsPerSec: 500 }))
    await open()
    const { body } = await ask<FindingList>('findings')
    expect(body.findings.map(finding => finding.id)).toEqual(['I-3', 'I-2', 'I-1'])
    expect(body.findings[0]).toMatchObject({ shareOfTime: 0.97, sampleCount: 360, verdict: null })
    expect(console.overview().fixFirst.map(finding => finding.id)).toEqual(['I-3', 'I-1'])
  })

  it('write their changes into the events lane, but not what was there before', async () => {
    advisor.put(sampleFinding({ id: 'I-1' }))
    await open()
    expect(eventTexts()).toEqual([])
    advisor.put(sampleFinding({ id: 'I-2', title: 'missing index on note(lead_id)' }))
    await seconds(clock, 2)
    advisor.put(sampleFinding({ id: 'I-2', state: 'applied' }))
    await seconds(clock, 2)
    const verification: Verification = {
      verdict: 'fixed',
      before: { sampleCount: 360, windowMs: 8000, meanMs: 33 },
      after: { sampleCount: 400, windowMs: 8000, meanMs: 1.2 },
      why: 'the mean fell from 33 to 1.2 ms',
      regressedStatements: [],
      revertOffered: false,
      atMs: clock.nowMs(),
    }
    advisor.put(sampleFinding({ id: 'I-2', state: 'verified', verification }))
    await seconds(clock, 2)
    advisor.put(sampleFinding({ id: 'I-2', state: 'open', verification, history: [{ atMs: 1, state: 'open', note: 'dropped assignment_agent' }] }))
    await seconds(clock, 2)
    expect(eventTexts()).toEqual([
      'finding: I-2 found: missing index on note(lead_id)',
      'apply: I-2 applied: an index on assignment (agent_id)',
      'verify: I-2 fixed: the mean fell from 33 to 1.2 ms',
      'revert: I-2 reverted: dropped assignment_agent',
    ])
  })

  it.each(['fails', 'hangs'] as const)('stay as last known while the database $0', async how => {
    advisor.put(sampleFinding())
    await open()
    if (how === 'hangs') advisor.hangs = true
    else advisor.failure = advisor.unreachable = new Error('connect ECONNREFUSED')
    await seconds(clock, 5)
    const { health, fixFirst } = console.overview()
    expect(fixFirst).toHaveLength(1)
    expect(health.status).toBe('degraded')
    expect(health.reasons[0]!.component).toBe('console')
    expect((await detailInTime()).body.finding.id).toBe('I-3fa9')
    expect(health.reasons[0]!.why).toContain(how === 'hangs' ? 'no answer within 1500 ms' : 'connect ECONNREFUSED')
    if (how === 'hangs') return
    advisor.failure = undefined
    await seconds(clock, 2)
    expect(console.overview().health.status).toBe('ok')
  })

  it('are applied, verified and reverted, each answering the finding as it is then', async () => {
    advisor.put(sampleFinding())
    await open()
    const steps = []
    for (const action of ['apply', 'verify', 'revert']) {
      const { status, body } = await ask<FindingDetail>(`findings/I-3fa9/${action}`, {})
      steps.push([status, body.finding.state, body.actions, body.confirmation])
    }
    expect(steps).toEqual([
      [200, 'applied', ['verify', 'revert'], null],
      [200, 'verified', ['verify', 'revert'], null],
      [200, 'open', ['apply', 'snooze'], null],
    ])
    expect(console.overview().fixFirst[0]!.state).toBe('open')
  })

  it('want the id typed outside development (HF_CONSOLE_CONFIRMATION), except for verify', async () => {
    advisor.put(sampleFinding())
    await open('production')
    expect((await ask<FindingDetail>('findings/I-3fa9')).body.confirmation).toBe('I-3fa9')
    for (const body of [{}, { confirmation: 'yes' }, 'null', '']) {
      const answer = await ask<Problem>('findings/I-3fa9/apply', body)
      expect([answer.status, answer.body.code]).toEqual([400, 'HF_CONSOLE_CONFIRMATION'])
    }
    expect(advisor.ledger.get('I-3fa9')!.state).toBe('open')
    expect((await ask('findings/I-3fa9/apply', { confirmation: 'I-3fa9' })).status).toBe(200)
    expect((await ask('findings/I-3fa9/verify', {})).status).toBe(200)
    expect((await ask<Problem>('findings/I-3fa9/revert', {})).body.code).toBe('HF_CONSOLE_CONFIRMATION')
  })

  it('take one action at a time (HF_CONSOLE_BUSY)', async () => {
    advisor.put(sampleFinding())
    advisor.waits = true
    await open()
    const first = ask('findings/I-3fa9/apply', {})
    await settle()
    const second = await ask<Problem>('findings/I-3fa9/verify', {})
    expect([second.status, second.body.code]).toEqual([409, 'HF_CONSOLE_BUSY'])
    advisor.finishApply()
    expect((await first).status).toBe(200)
    expect((await ask('findings/I-3fa9/verify', {})).status).toBe(200)
  })

  it("pass on the advisor's coded errors and hide all others behind HF_CONSOLE_INTERNAL", async () => {
    advisor.put(sampleFinding())
    await open()
    expect((await ask<Problem>('findings/I-0000')).body).toMatchObject({ status: 404, code: 'HF_PG_FINDING_UNKNOWN', hint: 'list them' })
    advisor.failure = pgErrors.create('HF_PG_APPLY_LOCKED', 'another apply is running')
    expect((await ask<Problem>('findings/I-3fa9/apply', {})).body).toMatchObject({
      status: 503,
      code: 'HF_PG_APPLY_LOCKED',
      detail: 'another apply is running',
    })
    advisor.failure = new Error('password of the database is hunter2')
    const { status, body } = await ask<Problem>('findings/I-3fa9/apply', {})
    expect([status, body.code]).toEqual([500, 'HF_CONSOLE_INTERNAL'])
    expect(JSON.stringify(body)).not.toMatch(/hunter2|at .*\.ts/)
  })

  it('are none without an advisor (HF_CONSOLE_NO_ADVISOR)', async () => {
    await open('development', false)
    expect((await ask<FindingList>('findings')).body.findings).toEqual([])
    for (const answer of [await ask<Problem>('findings/I-1'), await ask<Problem>('findings/I-1/apply', {})]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'HF_CONSOLE_NO_ADVISOR'])
    }
  })

  it('events and the load state come in from another process', async () => {
    await open()
    const load = { step: 'indexed', arrivalPerSec: 60, valid: true, p50Ms: { value: 2, n: 600 }, p95Ms: { value: null, n: 0 }, errors: 0 }
    expect((await ask('load', load)).status).toBe(204)
    expect((await ask('events', { atMs: clock.nowMs(), kind: 'load', text: 'step indexed' })).status).toBe(204)
    expect(console.overview().load).toEqual(load)
    expect(eventTexts()).toEqual(['load: step indexed'])
    expect((await ask('load', 'null')).status).toBe(204)
    expect(console.overview().load).toBeNull()
  })

  it.each([
    ['events', '{'],
    ['events', '[]'],
    ['events', 'null'],
    ['events', { kind: 'load', text: 'x' }],
    ['events', { atMs: 1, kind: 'party', text: 'x' }],
    ['events', { atMs: 1, kind: 'load', text: 7 }],
    ['events', `{"atMs":1,"kind":"load","text":"${'x'.repeat(70_000)}"}`],
    ['load', {}],
    ['load', { step: 'a', arrivalPerSec: -1, valid: true, errors: 0, p50Ms: { value: 1, n: 1 }, p95Ms: { value: 1, n: 1 } }],
    ['load', { step: 'a', arrivalPerSec: 1, valid: true, errors: 0, p50Ms: { value: 1, n: 1 }, p95Ms: 7 }],
  ])('refuse at %s a body that is no such thing (HF_CONSOLE_BODY, case %#)', async (path, body) => {
    await open()
    const answer = await ask<Problem>(path, body)
    expect([answer.status, answer.body.code]).toEqual([400, 'HF_CONSOLE_BODY'])
  })
})
