import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { type Clock, createRequestScope, type Health } from 'holdfast/core'
import { createRequestMonitor, type RequestMonitor } from 'holdfast/http'
import { createHistogram, createRegistry, type Histogram, type Registry } from 'holdfast/telemetry'
import type { InstanceSnapshot, InstanceSource } from '../../src/index.ts'

export interface FakeRequest {
  readonly route?: string
  readonly ms: number
  readonly status?: number
  readonly poolMs?: number
  readonly pgMs?: number
  readonly redisMs?: number
  readonly statements?: number
}

interface Process {
  readonly startedAtMs: number
  readonly instanceId: string
  readonly registry: Registry
  readonly monitor: RequestMonitor
  readonly statements: Map<string, { callCount: number; totalMs: number; histogram: Histogram }>
}

/** One process of a service that records into a real registry through the real request monitor; only its time is made up. */
export class FakeService implements InstanceSource {
  readonly id: string
  health: Health = { status: 'ok', reasons: [] }
  /** Set to make reads fail. */
  failure: Error | undefined
  /** Set to make reads never answer, not even when they are aborted. */
  hangs = false
  readCount = 0
  readonly #clock: Clock
  readonly #requestClock: FakeClock = fakeClock()
  #process: Process

  constructor(clock: Clock, id = 'leads-1') {
    this.#clock = clock
    this.id = id
    this.#process = this.#startProcess(1)
  }

  get registry(): Registry {
    return this.#process.registry
  }

  async read(): Promise<InstanceSnapshot> {
    this.readCount++
    if (this.hangs) await new Promise(() => {})
    if (this.failure !== undefined) throw this.failure
    return this.snapshot()
  }

  snapshot(): InstanceSnapshot {
    const { startedAtMs, instanceId, registry, statements } = this.#process
    return {
      schema: 'holdfast.instance/1',
      service: 'leads',
      instanceId,
      startedAtMs,
      atMs: this.#clock.nowMs(),
      health: this.health,
      metrics: registry.snapshot(),
      statements: [...statements].map(([fingerprint, { callCount, totalMs, histogram }]) => ({
        fingerprint,
        text: `select ${fingerprint}`,
        callCount,
        errorCount: 0,
        rowCount: callCount,
        totalMs,
        waitMs: 0,
        histogram: histogram.snapshot(),
      })),
    }
  }

  request({ route = 'GET /leads/:id', ms, status = 200, poolMs = 0, pgMs = 0, redisMs = 0, statements = 0 }: FakeRequest, times = 1): void {
    for (let i = 0; i < times; i++) {
      const observation = this.#process.monitor.begin()
      Object.assign(observation.scope, { ...createRequestScope(), poolWaitMs: poolMs, pgMs, redisMs, statementCount: statements })
      this.#requestClock.advance(ms)
      observation.end(route, status)
    }
  }

  statement(fingerprint: string, ms: number, times = 1): void {
    const known = this.#process.statements.get(fingerprint) ?? { callCount: 0, totalMs: 0, histogram: createHistogram() }
    for (let i = 0; i < times; i++) {
      known.callCount++
      known.totalMs += ms
      known.histogram.record(ms / 1000)
    }
    this.#process.statements.set(fingerprint, known)
  }

  cacheReads(l1HitCount: number, l2HitCount: number, missCount: number): void {
    const hits = this.registry.counter({ name: 'holdfast_cache_hits', help: '', labels: ['tier'] })
    hits.bind('l1').add(l1HitCount)
    hits.bind('l2').add(l2HitCount)
    this.registry.counter({ name: 'holdfast_cache_misses', help: '' }).bind().add(missCount)
  }

  pool(state: { used: number; idle: number; waiting: number; max: number }): void {
    const gauge = this.registry.gauge({ name: 'holdfast_pg_pool_connections', help: '', labels: ['state'] })
    for (const [name, value] of Object.entries(state)) gauge.bind(name).set(value)
  }

  acquireWait(ms: number, times = 1): void {
    const wait = this.registry.histogram({ name: 'holdfast_pg_acquire_wait_seconds', help: '', unit: 'seconds' }).bind()
    for (let i = 0; i < times; i++) wait.record(ms / 1000)
  }

  restart(): void {
    this.#process = this.#startProcess(Number(this.#process.instanceId.split('#')[1]) + 1)
  }

  #startProcess(generation: number): Process {
    const registry = createRegistry()
    return {
      startedAtMs: this.#clock.nowMs(),
      instanceId: `${this.id}#${generation}`,
      registry,
      monitor: createRequestMonitor(registry, this.#requestClock),
      statements: new Map(),
    }
  }
}
