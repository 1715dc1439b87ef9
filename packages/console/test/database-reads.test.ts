import { fakeClock } from '@holdfast/testkit'
import type { Finding } from 'holdfast/core'
import { createHistogram } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { waitBuckets } from '../src/api/pool-metrics.ts'
import { packHistogram } from '../src/collect/packed-histogram.ts'
import { shareReadings } from '../src/database/shared-reading.ts'
import { createSizeRecorder } from '../src/database/size-recorder.ts'
import { findingsNaming, indexFindings } from '../src/findings/index-findings.ts'
import { sampleFinding } from './support/sample-finding.ts'
import { settle } from './support/settle.ts'

describe('a shared reading', () => {
  it('is taken once for those who ask within a moment, and anew after it', async () => {
    const clock = fakeClock()
    let count = 0
    const read = shareReadings(clock, async asked => `${asked} ${++count}`)
    expect(await Promise.all([read('a'), read('a'), read('b')])).toEqual(['a 1', 'a 1', 'b 2'])
    clock.advance(1400)
    expect(await read('a')).toBe('a 1')
    clock.advance(200)
    expect(await read('a')).toBe('a 3')
  })

  it('is taken anew after a change, however fresh it was', async () => {
    let [count, generation] = [0, 0]
    const read = shareReadings(
      fakeClock(),
      async () => ++count,
      () => generation,
    )
    expect(await read()).toBe(1)
    generation++
    expect(await read()).toBe(2)
  })

  it('that fails is told to those who wait, and tried again by the next', async () => {
    let count = 0
    const read = shareReadings(fakeClock(), async () => {
      if (++count === 1) throw new Error('away')
      return count
    })
    const [first, second] = await Promise.allSettled([read(), read()])
    expect([first!.status, second!.status, count]).toEqual(['rejected', 'rejected', 1])
    expect(await read()).toBe(2)
  })
})

describe('the recorder of sizes', () => {
  it('writes at the start and every ten minutes, warns once, and stops', async () => {
    const clock = fakeClock()
    const lines: string[] = []
    const note = (_: object, line?: string): void => void lines.push(line ?? '')
    const logger = { debug: note, info: note, warn: note, error: note }
    const outcomes = [true, false, false, true]
    let count = 0
    const recorder = createSizeRecorder(async () => outcomes[count++] ?? true, { clock, logger })
    await recorder.start()
    await settle()
    expect(count).toBe(1)
    for (let i = 0; i < 3; i++) {
      clock.advance(600_000)
      await settle()
    }
    expect(count).toBe(4)
    expect(lines).toEqual(['the size of the database is not recorded: the role may not write holdfast.size_history'])
    await recorder.stop()
    clock.advance(600_000)
    await settle()
    expect(count).toBe(4)
  })
})

it('puts every wait into one bucket', () => {
  const histogram = createHistogram()
  for (const seconds of [0.0002, 0.003, 0.003, 0.05, 0.3, 1, 9]) histogram.record(seconds)
  const buckets = waitBuckets(packHistogram(histogram.snapshot()))
  expect(buckets.map(({ upToMs, count }) => [upToMs, count])).toEqual([
    [1, 1],
    [5, 2],
    [20, 0],
    [100, 1],
    [500, 1],
    [2000, 1],
    [null, 1],
  ])
})

describe('findings about indexes', () => {
  const finding = (id: string, rule: string, sql: string, state: Finding['state'] = 'open'): Finding => {
    const sample = sampleFinding()
    return { ...sample, id, rule, state, title: 'a title', recommendation: { ...sample.recommendation, sql: [sql], revertSql: [] } }
  }

  it('are those of index rules that are not gone', () => {
    const all = [finding('I-1', 'pg/missing-index', ''), finding('I-2', 'pg/unused-index', '', 'gone'), finding('I-3', 'cache/herd', '')]
    expect(indexFindings(all).map(({ id }) => id)).toEqual(['I-1'])
  })

  it('name an index by its whole name', () => {
    const all = [
      finding('I-1', 'pg/unused-index', 'DROP INDEX CONCURRENTLY public.lead_idx'),
      finding('I-2', 'pg/unused-index', 'DROP INDEX CONCURRENTLY lead_idx_2'),
      finding('I-3', 'pg/unused-index', 'DROP INDEX CONCURRENTLY "Lead (idx)"'),
    ]
    expect(findingsNaming('lead_idx', all)).toEqual(['I-1'])
    expect(findingsNaming('Lead (idx)', all)).toEqual(['I-3'])
  })
})
