import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { parseFilter, parseSchedule, parseTarget } from '../src/api/jobs-bodies.ts'
import { buildJobsMetrics } from '../src/api/jobs-metrics.ts'
import { instanceDelta } from '../src/collect/instance-delta.ts'
import { toPoint } from '../src/collect/point.ts'
import { mergeTraffic } from '../src/collect/traffic.ts'
import { type DepthSample, depthTrend } from '../src/jobs/depth-trend.ts'

/** A look every five seconds. */
const looks = (...waiting: number[]): DepthSample[] => waiting.map((depth, at) => ({ atMs: at * 5000, waiting: depth, delayed: 0 }))

describe('where the depth of a queue goes', () => {
  it('is not said from fewer than four looks', () => {
    expect(depthTrend([])).toBeNull()
    expect(depthTrend(looks(1, 10, 100))).toBeNull()
  })

  it('is up when more come than go, and then nobody says when it is empty', () => {
    expect(depthTrend(looks(0, 20, 40, 60, 80))).toEqual({ state: 'falling behind', perSec: 4, emptyInMs: null, n: 5 })
  })

  it('is down with the time until none waits', () => {
    expect(depthTrend(looks(100, 80, 60, 40))).toEqual({ state: 'emptying', perSec: -4, emptyInMs: 10_000, n: 4 })
  })

  it('is steady while it only breathes, and empty when none waits', () => {
    expect(depthTrend(looks(1000, 1004, 998, 1001))).toMatchObject({ state: 'steady' })
    expect(depthTrend(looks(0, 1, 0, 1))).toMatchObject({ state: 'steady' })
    expect(depthTrend(looks(50, 20, 5, 0))).toMatchObject({ state: 'empty', emptyInMs: null })
  })
})

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
      ...{ summaries: [], depth: () => looks(1, 2), actions: [], needsConfirmation: false },
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
