import { describe, expect, it } from 'vitest'
import { createRegistry, formatServerTiming, renderOpenMetrics } from '../../src/telemetry/index.ts'

describe('a registry', () => {
  it('hands out one series for the same labels', () => {
    const registry = createRegistry()
    const hits = registry.counter({ name: 'hits', help: 'Hits.', labels: ['tier'] })
    hits.bind('l1').add()
    registry
      .counter({ name: 'hits', help: 'Hits.', labels: ['tier'] })
      .bind('l1')
      .add(2)
    expect(registry.snapshot().find(family => family.name === 'hits')!.series).toEqual([{ labels: ['l1'], value: 3 }])
  })

  it('keeps label values apart that only differ in where they are cut', () => {
    const family = createRegistry().counter({ name: 'n', help: 'N.', labels: ['a', 'b'] })
    expect(family.bind('x', 'yz')).not.toBe(family.bind('xy', 'z'))
  })

  it('counts a hundred thousand routes in bounded memory: beyond the cap as "other", and says how many', () => {
    const registry = createRegistry({ seriesLimit: 10 })
    const routes = registry.counter({ name: 'requests', help: 'Requests.', labels: ['route'] })
    for (let i = 0; i < 100_000; i++) routes.bind(`GET /${i}`).add()
    const [overflow, requests] = ['holdfast_telemetry_series_overflow', 'requests'].map(
      name => registry.snapshot().find(family => family.name === name)!,
    )
    expect(requests!.series).toHaveLength(11)
    expect(requests!.series.at(-1)).toEqual({ labels: ['other'], value: 99_990 })
    expect(overflow!.series).toEqual([{ labels: ['requests'], value: 99_990 }])
  })

  it('refuses one name with two meanings', () => {
    const registry = createRegistry()
    registry.counter({ name: 'n', help: 'N.' })
    expect(() => registry.gauge({ name: 'n', help: 'N.' })).toThrow(expect.objectContaining({ code: 'HF_BUG_METRIC_CONFLICT' }))
    expect(() => registry.counter({ name: 'n', help: 'N.', labels: ['a'] })).toThrow(expect.objectContaining({ code: 'HF_BUG_METRIC_CONFLICT' }))
  })

  it('refuses another number of label values than labels', () => {
    expect(() =>
      createRegistry()
        .counter({ name: 'n', help: 'N.', labels: ['a'] })
        .bind(),
    ).toThrow(expect.objectContaining({ code: 'HF_BUG_METRIC_LABELS' }))
  })

  it('asks for values that live elsewhere when a snapshot is taken, until told to stop', () => {
    const registry = createRegistry()
    const used = registry.gauge({ name: 'used', help: 'Used.' }).bind()
    let now = 3
    const forget = registry.onSnapshot(() => used.set(now))
    const read = () => registry.snapshot().find(family => family.name === 'used')!.series[0]!.value
    expect(read()).toBe(3)
    now = 4
    forget()
    expect(read()).toBe(3)
  })
})

it('renders OpenMetrics: types, units, escaped labels, cumulative buckets, EOF', () => {
  const registry = createRegistry()
  registry
    .counter({ name: 'jobs', help: 'Jobs "done"\nso far.', labels: ['queue'] })
    .bind('a"b\\c\nd')
    .add(2)
  const wait = registry.histogram({ name: 'wait_seconds', help: 'Wait.', unit: 'seconds' }).bind()
  for (const value of [0.0005, 0.004, 0.004, 30, 100]) wait.record(value)
  const lines = renderOpenMetrics(registry.snapshot()).split('\n')
  expect(lines).toContain('# HELP jobs Jobs "done"\\nso far.')
  expect(lines).toContain('jobs_total{queue="a\\"b\\\\c\\nd"} 2')
  expect(lines).toContain('# UNIT wait_seconds seconds')
  expect(lines).toContain('wait_seconds_bucket{le="0.001"} 1')
  expect(lines).toContain('wait_seconds_bucket{le="0.005"} 3')
  expect(lines).toContain('wait_seconds_bucket{le="50"} 4')
  expect(lines).toContain('wait_seconds_bucket{le="+Inf"} 5')
  expect(lines).toContain('wait_seconds_count 5')
  const counts = lines.filter(line => line.startsWith('wait_seconds_bucket')).map(line => Number(line.split(' ')[1]))
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect(lines.at(-2)).toBe('# EOF')
})

it('writes Server-Timing with two decimals and no quote that could break out', () => {
  expect(
    formatServerTiming([
      { name: 'pg', durationMs: 1.23456, description: 'a"b' },
      { name: 'app', durationMs: 0 },
    ]),
  ).toBe('pg;dur=1.23;desc="ab", app;dur=0')
})
