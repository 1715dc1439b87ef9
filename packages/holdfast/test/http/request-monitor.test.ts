import { fakeClock } from '@holdfast/testkit'
import { expect, it } from 'vitest'
import { createRequestMonitor } from '../../src/http/index.ts'
import { createRegistry, histogramQuantile, type Registry } from '../../src/telemetry/index.ts'

const series = (registry: Registry, name: string) => registry.snapshot().find(family => family.name === name)!.series

it('splits the time of a request into pool, PostgreSQL, Redis and the rest', () => {
  const registry = createRegistry()
  const clock = fakeClock()
  const observation = createRequestMonitor(registry, clock).begin()
  Object.assign(observation.scope, { poolWaitMs: 5, pgMs: 20, redisMs: 3, statementCount: 2 })
  clock.advance(40)
  expect(observation.serverTiming()).toBe('total;dur=40, pool;dur=5, pg;dur=20;desc="2 statements", redis;dur=3, app;dur=12')
  observation.end('GET /leads/:id', 200)
  const sums = ['pool_wait', 'postgres', 'redis', 'app'].map(part => series(registry, `holdfast_http_${part}_seconds`)[0]!.histogram!.sum)
  expect(sums).toEqual([0.005, 0.02, 0.003, 0.012])
  const [total] = series(registry, 'http_server_request_duration_seconds')
  expect(total!.labels).toEqual(['GET /leads/:id', '2xx'])
  expect(histogramQuantile(total!.histogram!, 0.5)).toBeCloseTo(0.04, 3)
  expect(series(registry, 'holdfast_http_statements')[0]!.value).toBe(2)
})

it('never shows a negative rest when waits overlapped', () => {
  const clock = fakeClock()
  const observation = createRequestMonitor(createRegistry(), clock).begin()
  observation.scope.pgMs = 100
  clock.advance(60)
  expect(observation.serverTiming()).toContain('app;dur=0')
})

it('counts a request once', () => {
  const registry = createRegistry()
  const observation = createRequestMonitor(registry, fakeClock()).begin()
  observation.end('GET /', 200)
  observation.end('GET /', 500)
  expect(series(registry, 'http_server_request_duration_seconds').map(one => one.histogram!.count)).toEqual([1])
})

it('holds memory flat over a hundred thousand routes', () => {
  const registry = createRegistry()
  const monitor = createRequestMonitor(registry, fakeClock())
  for (let i = 0; i < 100_000; i++) monitor.begin().end(`GET /${i}`, 200)
  const routes = series(registry, 'holdfast_http_app_seconds')
  expect(routes).toHaveLength(501)
  expect(routes.at(-1)!.histogram!.count).toBe(99_500)
})
