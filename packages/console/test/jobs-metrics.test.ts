import type { Finding } from 'holdfast/core'
import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { parseFilter, parseSchedule, parseTarget } from '../src/api/jobs-bodies.ts'
import { buildJobsMetrics } from '../src/api/jobs-metrics.ts'
import type { InstanceJobs } from '../src/collect/collector.ts'
import { instanceDelta } from '../src/collect/instance-delta.ts'
import { toPoint } from '../src/collect/point.ts'
import { mergeTraffic } from '../src/collect/traffic.ts'
import { createJobFindings } from '../src/findings/jobs/job-findings.ts'
import type { RecordedDepth } from '../src/jobs/depth-recorder.ts'

/** A look every five seconds. */
const looks = (...waiting: number[]): RecordedDepth[] => waiting.map((depth, at) => ({ atMs: at * 5000, waiting: depth, delayed: 0 }))

describe('what a request may name', () => {
  it('is refused when a field of a filter is not known, for it would reach more than was meant', () => {
    expect(parseFilter({ name: 'a', reason: 'timeout', fromMs: '5' })).toEqual({ name: 'a', reason: 'timeout', fromMs: 5 })
    for (const filter of [{ nmae: 'a' }, { name: '' }, { name: 7 }, { reason: 'whim' }, { fromMs: 'now' }, { text: 'x'.repeat(1001) }])
      expect(() => parseFilter(filter)).toThrow(expect.objectContaining({ code: 'HF_CONSOLE_BODY' }))
  })

  it('is one of id, filter and all, and never all by leaving something out', () => {
    expect(parseTarget({ all: true })).toEqual({ all: true })
    expect(parseTarget({ id: 'x' })).toEqual({ id: 'x' })
    for (const body of [null, {}, { filter: {} }, { all: false }, { id: 'x', all: true }, { id: '' }])
      expect(() => parseTarget(body)).toThrow(expect.objectContaining({ code: 'HF_CONSOLE_BODY' }))
  })

  it('is a schedule with a zone, or an interval', () => {
    const base = { queue: 'q', key: 'k', name: 'n' }
    expect(parseSchedule({ ...base, cron: '0 3 * * *', timeZone: 'UTC' }).request).toEqual({
      ...{ name: 'n', payload: null, schedule: { cron: '0 3 * * *', timeZone: 'UTC' } },
    })
    expect(parseSchedule({ ...base, every: '1h', payload: [1] }).request).toMatchObject({ payload: [1], schedule: { every: '1h' } })
    for (const body of [base, { ...base, cron: '0 3 * * *' }, { ...base, cron: 'x', timeZone: 'UTC', every: '1h' }, { cron: 'x', timeZone: 'UTC' }])
      expect(() => parseSchedule(body)).toThrow(expect.objectContaining({ code: 'HF_CONSOLE_BODY' }))
  })
})

describe('what jobs did', () => {
  const registry = createRegistry()
  const labels = ['queue', 'name']
  const wait = registry.histogram({ name: 'holdfast_jobs_wait_seconds', help: 'h', unit: 'seconds', labels })
  const run = registry.histogram({ name: 'holdfast_jobs_run_seconds', help: 'h', unit: 'seconds', labels })
  const outcomes = registry.counter({ name: 'holdfast_jobs_outcomes', help: 'h', labels: [...labels, 'outcome'] })
  const snapshot = (atMs: number) => {
    const base = { schema: 'holdfast.instance/1', service: 's', instanceId: 'i', startedAtMs: 0, atMs, statements: [] } as const
    return { ...base, health: { status: 'ok', reasons: [] }, metrics: registry.snapshot() } as const
  }
  const before = snapshot(0)
  for (let i = 0; i < 100; i++) {
    wait.bind('mail', 'welcome').record(i < 90 ? 0.01 : 2)
    run.bind('mail', 'welcome').record(0.1)
    outcomes.bind('mail', 'welcome', 'completed').add()
  }
  outcomes.bind('mail', 'digest', 'dead').add(3)
  outcomes.bind('reports', 'render', 'retried').add(5)
  const traffic = mergeTraffic([instanceDelta(snapshot(10_000), before)])
  const point = toPoint(10_000, traffic, 10_000, null)
  const build = (queue: string | null) =>
    buildJobsMetrics({
      ...{ atMs: 10_000, window: { traffic, coveredMs: 10_000, points: [point] }, partial: true, queue, storeProblem: null },
      ...{ summaries: [], depth: () => looks(1, 2), actions: [], needsConfirmation: false, instances: [], findings: [] },
    })

  it('is told by queue and by name, from the histograms, with the newest point marked', () => {
    const { queues, names, series } = build(null)
    expect(queues.map(row => [row.queue, row.endedPerSec, row.retriedCount, row.counts])).toEqual([
      ['mail', { value: 10.3, n: 103 }, 0, null],
      ['reports', { value: 0, n: 0 }, 5, null],
    ])
    const mail = queues[0]!
    expect(mail.waitP50Ms.value! / 10).toBeCloseTo(1, 1)
    expect(mail.waitP95Ms.value! / 2000).toBeCloseTo(1, 1)
    expect(mail.runP95Ms).toMatchObject({ n: 100 })
    expect(mail.ageP95Ms).toEqual({ value: null, n: 0 })
    expect(names.map(({ name, deadCount }) => [name, deadCount])).toEqual([
      ['welcome', 0],
      ['digest', 3],
      ['render', 0],
    ])
    expect(series).toMatchObject({ endedPerSec: [10.3], failedPerSec: [0.8], ageP95Ms: [null], partial: true })
  })

  it('is that of one queue alone when it is asked for', () => {
    const { names, series } = build('reports')
    expect(names.map(({ name }) => name)).toEqual(['render'])
    expect(series).toMatchObject({ endedPerSec: [0], failedPerSec: [0.5], waitP95Ms: [null] })
    expect(build('nowhere').series.endedPerSec).toEqual([null])
  })
})

describe('whether a queue falls behind', () => {
  const counts = { waiting: 50, active: 0, delayed: 0, completed: 0, dead: 0 }
  const summaries = ['mail', 'other'].map(queue => ({ queue, counts, isPaused: false, oldestWaitingMs: 10 }))
  const outlook = { queue: 'mail', state: 'falling behind', isOverLimit: true, perSec: 2, emptyInMs: null, n: 13 } as const
  const state = { queues: [], outlooks: [outlook], alerts: [], findings: [] }
  const window = { traffic: mergeTraffic([]), coveredMs: 60_000, points: [] }
  const rows = buildJobsMetrics({
    ...{ atMs: 20_000, window, partial: false, queue: null, storeProblem: null, summaries, findings: [], actions: [], needsConfirmation: false },
    ...{ depth: () => looks(10, 20, 30, 40), instances: [{ instanceId: 'i', state }] },
  }).queues

  it('is what an instance says that has the limits of the queue, else what the same question says of the looks of the console', () => {
    expect(rows[0]!.outlook).toEqual(outlook)
    expect(rows[1]!.outlook).toMatchObject({ state: 'growing', perSec: 2, n: 5 })
  })
})

describe('findings of the instances', () => {
  const finding = (id: string, sampleCount: number): Finding => ({
    ...{ id, rule: 'jobs/falling-behind', state: 'open', title: `${sampleCount} wait`, savesMsPerSec: 0, severity: 'warning' },
    evidence: { tier: 'measured', of: 'object', statement: 'mail', before: { sampleCount, windowMs: 1, meanMs: 0 }, shareOfTime: 0 },
    recommendation: { sql: [], revertSql: [], summary: '', costNote: '', lockNote: '', risk: 'low' },
    history: [{ atMs: 0, state: 'open', note: 'found' }],
  })
  const says = (...findings: Finding[]): InstanceJobs => ({ instanceId: String(findings.length), state: { queues: [], alerts: [], findings } })

  it('are one where several see the same, gone when none does for twenty seconds, and open again when one does', () => {
    const book = createJobFindings()
    book.note([says(finding('J-1', 5)), says(finding('J-1', 9))], 1000)
    expect(book.findings()).toMatchObject([{ id: 'J-1', title: '9 wait', state: 'open', history: [{ atMs: 1000 }] }])
    // Nobody answers: nothing is known.
    book.note([], 60_000)
    expect(book.finding('J-1')).toMatchObject({ state: 'open' })
    book.note([says()], 20_999)
    expect(book.finding('J-1')).toMatchObject({ state: 'open' })
    book.note([says()], 21_000)
    expect(book.finding('J-1')).toMatchObject({ state: 'gone' })
    book.note([says(finding('J-1', 7))], 30_000)
    expect(book.finding('J-1')).toMatchObject({ state: 'open', history: [{ state: 'open' }, { state: 'gone' }, { note: 'found again: 7 wait' }] })
  })

  it('are a hundred at most', () => {
    const book = createJobFindings()
    for (let at = 0; at < 130; at++) book.note([says(finding(`J-${at}`, 1))], at)
    expect(book.findings()).toHaveLength(100)
    expect(book.finding('J-29')).toBeUndefined()
  })
})
