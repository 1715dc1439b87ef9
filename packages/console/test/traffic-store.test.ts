import { createHistogram } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { packHistogram } from '../src/collect/packed-histogram.ts'
import { KEPT_APART_LIMIT, mergeTraffic, NO_ROUTE_TRAFFIC, NO_TRAFFIC, type RouteTraffic, type Traffic } from '../src/collect/traffic.ts'
import { createEventLog, EVENT_LIMIT } from '../src/store/event-log.ts'
import { COARSE_SLOT_SIZE, createTrafficStore, FINE_SLOTS, RETENTION_SEC, type TrafficStore } from '../src/store/traffic-store.ts'

const NO_POINT = {
  requestsPerSec: null,
  p50Ms: null,
  p95Ms: null,
  errorRatio: null,
  hitRatio: null,
  pool: null,
  poolWaitP95Ms: null,
  cache: null,
  jobs: null,
}

function route(...values: number[]): RouteTraffic {
  const histogram = createHistogram()
  for (const value of values) histogram.record(value)
  return { ...NO_ROUTE_TRAFFIC, total: packHistogram(histogram.snapshot()) }
}

function traffic(routes: Record<string, RouteTraffic>): Traffic {
  return { ...NO_TRAFFIC, routes: new Map(Object.entries(routes)) }
}

function filledStore(secondCount: number): TrafficStore {
  const store = createTrafficStore()
  for (let i = 0; i < secondCount; i++) store.push({ traffic: traffic({ a: route(1) }), durationMs: 1000, point: { atMs: i, ...NO_POINT } })
  return store
}

describe('traffic store', () => {
  it.each([
    { stored: 5, windowSec: 60, covered: 5 },
    { stored: 74, windowSec: 60, covered: 60 },
    { stored: 75, windowSec: 60, covered: 60 },
    { stored: 400, windowSec: 60, covered: 60 },
    { stored: 400, windowSec: 10, covered: 10 },
  ])('covers exactly $covered s of $stored s with a window of $windowSec s', ({ stored, windowSec, covered }) => {
    const { coveredMs, traffic: total, points } = filledStore(stored).window(windowSec)
    expect([coveredMs, total.routes.get('a')!.total.count, points.length]).toEqual([covered * 1000, covered, covered])
  })

  it.each([61, 300, 899, 900])('covers a window of %i s to within one merged slot', windowSec => {
    const { coveredMs, traffic: total, points } = filledStore(2000).window(windowSec)
    expect(coveredMs).toBeGreaterThanOrEqual(windowSec * 1000)
    expect(coveredMs).toBeLessThan((windowSec + COARSE_SLOT_SIZE) * 1000)
    expect(total.routes.get('a')!.total.count).toBe(coveredMs / 1000)
    expect(points).toHaveLength(windowSec)
  })

  it('holds no more after a day than after a quarter of an hour', () => {
    const limit = FINE_SLOTS + COARSE_SLOT_SIZE + (RETENTION_SEC - FINE_SLOTS) / COARSE_SLOT_SIZE
    const { slotCount, pointCount } = filledStore(86_400).size()
    expect(slotCount).toBeLessThan(limit)
    expect(pointCount).toBe(RETENTION_SEC)
  })

  it('folds the rarest routes into other beyond the limit, losing no request', () => {
    const routes = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`r${i}`, i === 4321 ? route(1, 1, 1) : route(1)]))
    const merged = mergeTraffic([traffic(routes), traffic({ other: route(1) })])
    expect(merged.routes.size).toBe(KEPT_APART_LIMIT)
    expect(merged.routes.get('r4321')!.total.count).toBe(3)
    expect([...merged.routes.values()].reduce((total, one) => total + one.total.count, 0)).toBe(5003)
  })
})

describe('event log', () => {
  it('keeps the newest events, in order of time, cut to a line', () => {
    const log = createEventLog()
    for (let i = 0; i < EVENT_LIMIT + 50; i++) log.add({ atMs: i, kind: 'load', text: 'x'.repeat(2000) })
    log.add({ atMs: 60, kind: 'deploy', text: 'late' })
    const events = log.since(0)
    expect(events).toHaveLength(EVENT_LIMIT)
    expect(events.map(event => event.atMs)).toEqual(events.map(event => event.atMs).toSorted((a, b) => a - b))
    expect(events.at(-1)!.text).toHaveLength(500)
  })
})
