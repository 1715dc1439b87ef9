import { type FakeClock, fakeClock, stressLifecycle } from '@holdfast/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Console, type ConsoleOptions, consoleErrors, createConsole, type InstanceSource } from '../src/index.ts'
import { FakeService } from './support/fake-service.ts'
import { seconds, settle } from './support/settle.ts'

const TOKEN = 'a-token-of-the-tests'

describe('collector', () => {
  let clock: FakeClock
  let console: Console

  beforeEach(() => {
    clock = fakeClock()
  })
  afterEach(() => console.stop())

  const open = async (sources: readonly InstanceSource[], options: Partial<ConsoleOptions> = {}): Promise<void> => {
    console = createConsole({ sources, clock, auth: { kind: 'token', token: TOKEN }, ...options })
    await console.start()
    await settle()
  }

  it('counts only what happened after its first reading', async () => {
    const service = new FakeService(clock)
    service.request({ ms: 10 }, 1000)
    await open([service])
    await seconds(clock, 2, () => service.request({ ms: 20 }, 30))
    const { tiles, windowSec, series } = console.overview()
    expect(tiles.requestsPerSec).toEqual({ value: 30, n: 60 })
    expect(tiles.p50Ms.value).toBeCloseTo(20, 0)
    expect(windowSec).toBe(2)
    expect(series.requestsPerSec).toEqual([null, 30, 30])
  })

  it('merges the histograms of instances instead of averaging their percentiles', async () => {
    const fast = new FakeService(clock, 'fast')
    const slow = new FakeService(clock, 'slow')
    await open([fast, slow])
    await seconds(clock, 1, () => {
      fast.request({ ms: 1 }, 980)
      slow.request({ ms: 1000 }, 20)
    })
    const { p50Ms, p95Ms, p99Ms, requestsPerSec } = console.overview().tiles
    expect(requestsPerSec).toEqual({ value: 1000, n: 1000 })
    expect(p50Ms.value).toBeCloseTo(1, 1)
    // The average of the two p95 would be 500 ms.
    expect(p95Ms.value).toBeCloseTo(1, 1)
    expect(p99Ms.value! / 1000).toBeCloseTo(1, 1)
  })

  it('says where the time of each route went, slowest in total first', async () => {
    const service = new FakeService(clock)
    await open([service])
    await seconds(clock, 1, () => {
      service.request({ route: 'GET /a', ms: 10, pgMs: 6, statements: 2 }, 10)
      service.request({ route: 'GET /b', ms: 100, poolMs: 40, pgMs: 50, redisMs: 5, statements: 3 }, 10)
      service.request({ route: 'GET /b', ms: 100, status: 500 }, 10)
    })
    const [b, a] = console.overview().routes
    expect(a).toMatchObject({
      route: 'GET /a',
      requestCount: 10,
      requestsPerSec: 10,
      errorRatio: { value: 0, n: 10 },
      statementsPerRequest: { value: 2, n: 10 },
    })
    expect(b).toMatchObject({ route: 'GET /b', requestCount: 20, errorRatio: { value: 0.5, n: 20 }, statementsPerRequest: { value: 1.5, n: 20 } })
    expect(b!.p95.totalMs / 100).toBeCloseTo(1, 1)
    expect(b!.p95.poolMs / 40).toBeCloseTo(1, 1)
    expect(b!.p95.postgresMs / 50).toBeCloseTo(1, 1)
    expect(b!.p95.redisMs / 5).toBeCloseTo(1, 1)
    expect(a!.p50.appMs / 4).toBeCloseTo(1, 1)
  })

  it('gives null, never zero, for what no instance measures', async () => {
    const service = new FakeService(clock)
    await open([service])
    await seconds(clock, 1)
    const { tiles, series, routes } = console.overview()
    expect(tiles).toEqual({
      requestsPerSec: { value: 0, n: 0 },
      p50Ms: { value: null, n: 0 },
      p95Ms: { value: null, n: 0 },
      p99Ms: { value: null, n: 0 },
      errorRatio: { value: null, n: 0 },
      l1HitRatio: { value: null, n: 0 },
      l2HitRatio: { value: null, n: 0 },
      statementsPerRequest: { value: null, n: 0 },
      pool: null,
      poolWaitP95Ms: { value: null, n: 0 },
      jobs: null,
    })
    expect(series.hitRatio.at(-1)).toBeNull()
    expect(routes).toEqual([])
  })

  it('shows cache hits of both tiers as shares of all look-ups', async () => {
    const service = new FakeService(clock)
    service.cacheReads(1000, 1000, 1000)
    await open([service])
    await seconds(clock, 1, () => service.cacheReads(60, 15, 25))
    const { tiles, series } = console.overview()
    expect(tiles.l1HitRatio).toEqual({ value: 0.6, n: 100 })
    expect(tiles.l2HitRatio).toEqual({ value: 0.15, n: 100 })
    expect(series.hitRatio.at(-1)).toBe(0.75)
  })

  it('adds up the pools of the instances that are up', async () => {
    const [one, two] = [new FakeService(clock, 'one'), new FakeService(clock, 'two')]
    one.pool({ used: 3, idle: 2, waiting: 1, max: 10 })
    two.pool({ used: 10, idle: 0, waiting: 7, max: 10 })
    await open([one, two])
    await seconds(clock, 1, () => two.acquireWait(18, 40))
    expect(console.overview().tiles.pool).toEqual({ used: 13, idle: 2, waiting: 8, max: 20 })
    expect(console.overview().tiles.poolWaitP95Ms.n).toBe(40)
    expect(console.overview().tiles.poolWaitP95Ms.value! / 18).toBeCloseTo(1, 1)
    two.failure = new Error('ECONNREFUSED')
    await seconds(clock, 2)
    expect(console.overview().tiles.pool).toEqual({ used: 3, idle: 2, waiting: 1, max: 10 })
  })

  it('ranks statements by total time with their share', async () => {
    const service = new FakeService(clock)
    service.statement('old', 5, 100)
    await open([service])
    await seconds(clock, 1, () => {
      service.statement('cheap', 1, 100)
      service.statement('dear', 30, 10)
    })
    const rows = console.overview().statements
    expect(rows.map(row => [row.text, row.callCount, row.totalMs, row.meanMs, row.shareOfTime])).toEqual([
      ['select dear', 10, 300, 30, 0.75],
      ['select cheap', 100, 100, 1, 0.25],
    ])
    expect(rows[0]!.p95Ms.n).toBe(10)
  })

  it('counts from zero again after a restart and says so', async () => {
    const service = new FakeService(clock)
    await open([service])
    await seconds(clock, 1, () => service.request({ ms: 10 }, 100))
    service.restart()
    await seconds(clock, 1, () => service.request({ ms: 10 }, 7))
    expect(console.overview().series.requestsPerSec).toEqual([null, 100, 7])
    expect(console.overview().events.map(event => event.text)).toEqual(['leads-1 was restarted'])
  })

  it('puts the traffic of a long absence nowhere rather than into one second', async () => {
    const service = new FakeService(clock)
    await open([service])
    service.failure = new Error('busy')
    await seconds(clock, 30, () => service.request({ ms: 10 }, 10))
    service.failure = undefined
    await seconds(clock, 2, () => service.request({ ms: 10 }, 10))
    expect(console.overview().tiles.requestsPerSec).toEqual({ value: 10, n: 10 })
  })

  it('calls an instance away after two failed reads, and back again, with events', async () => {
    const [one, two] = [new FakeService(clock, 'one'), new FakeService(clock, 'two')]
    await open([one, two])
    await seconds(clock, 1)
    two.failure = new Error('ECONNREFUSED')
    const sinceMs = clock.nowMs() + 1000
    await seconds(clock, 1)
    expect(console.overview().instances[1]).toMatchObject({ id: 'two', state: 'up' })
    expect(console.overview().series.partial).toBe(true)
    await seconds(clock, 3)
    expect(console.overview().instances[1]).toEqual({ id: 'two', state: 'away', sinceMs, note: 'ECONNREFUSED' })
    expect(console.overview().health).toMatchObject({ status: 'degraded', reasons: [{ component: 'instance two', sinceMs }] })
    two.failure = undefined
    await seconds(clock, 1)
    expect(console.overview().instances[1]).toMatchObject({ state: 'up', sinceMs: clock.nowMs() })
    expect(console.overview().health.status).toBe('ok')
    expect(console.overview().events.map(event => [event.kind, event.text])).toEqual([
      ['service', 'two is away: ECONNREFUSED'],
      ['service', 'two answers again'],
    ])
  })

  it('counts an answer that it cannot understand as none, and goes on', async () => {
    const [odd, fine] = [new FakeService(clock, 'odd'), new FakeService(clock, 'fine')]
    await open([odd, fine])
    const intact = odd.snapshot.bind(odd)
    odd.snapshot = () => ({ ...intact(), metrics: [{ name: 'http_server_request_duration_seconds', series: [{}, null] }] as never })
    await seconds(clock, 3, () => fine.request({ ms: 5 }, 10))
    expect(console.overview().instances.map(instance => instance.state)).toEqual(['away', 'up'])
    expect(console.overview().tiles.requestsPerSec.n).toBe(30)
  })

  it('says down when every instance is away', async () => {
    const service = new FakeService(clock)
    service.failure = new Error('ECONNREFUSED')
    await open([service])
    await seconds(clock, 2)
    expect(console.overview().health.status).toBe('down')
  })

  it('says degraded, not down, when every instance answers without measurements: requests may well be served', async () => {
    const service = new FakeService(clock)
    service.failure = consoleErrors.create('HF_CONSOLE_SOURCE', 'it answers, but shows no measurements (404)', { context: { status: 404 } })
    await open([service])
    await seconds(clock, 2)
    expect(console.overview().health).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining('shows no measurements') }] })
  })

  it('reads the others while one hangs, and does not pile up reads on it', async () => {
    const [hung, fine] = [new FakeService(clock, 'hung'), new FakeService(clock, 'fine')]
    await open([hung, fine])
    hung.hangs = true
    for (let i = 0; i < 25; i++) {
      if (i % 5 === 0) fine.request({ ms: 5 }, 10)
      clock.advance(200)
      await settle()
    }
    // The reading of the fifth second still waits for the hung one.
    clock.advance(800)
    await settle()
    expect(hung.readCount).toBe(2)
    expect(console.overview().instances[0]).toMatchObject({ state: 'away', note: 'no answer within 800 ms' })
    expect(console.overview().tiles.requestsPerSec.n).toBe(50)
  })

  it("passes on the instances' own health", async () => {
    const service = new FakeService(clock)
    service.health = { status: 'degraded', reasons: [{ component: 'redis', why: 'is away; the cache lives in this process only', sinceMs: 1 }] }
    await open([service])
    expect(console.overview().health).toEqual(service.health)
  })

  it.each([
    { ms: 10, times: 100, state: 'met' },
    { ms: 80, times: 100, state: 'broken' },
    { ms: 80, times: 19, state: 'unknown' },
    { ms: 80, times: 0, state: 'unknown' },
  ])('judges $times requests of $ms ms against 50 ms as $state', async ({ ms, times, state }) => {
    const service = new FakeService(clock)
    await open([service], { objectives: { p95Ms: 50 } })
    await seconds(clock, 1, () => service.request({ ms }, times))
    expect(console.overview().objectives).toMatchObject([{ target: 'all', p95LimitMs: 50, p95Ms: { n: times }, state }])
  })

  it('keeps the lifecycle contract', async () => {
    await open([new FakeService(clock)])
    await stressLifecycle(() => createConsole({ sources: [new FakeService(clock)], clock, auth: { kind: 'token', token: TOKEN } }))
  })

  it('leaves no timer behind when it stops', async () => {
    await open([new FakeService(clock)])
    await seconds(clock, 2)
    await console.stop()
    expect(clock.pendingCount).toBe(0)
  })
})
