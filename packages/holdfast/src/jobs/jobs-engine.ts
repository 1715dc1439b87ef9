import { type Clock, type Health, type HealthReason, isHoldfastError, type Logger } from '../core/index.ts'
import type { UserPool } from '../postgres/index.ts'
import type { Registry } from '../telemetry/index.ts'
import type { BullModule } from './bull/port.ts'
import { QueueHandles } from './bull/queue-handles.ts'
import { Cancellation } from './cancellation.ts'
import { jobsErrors } from './errors.ts'
import type { AddOptions } from './job-definition.ts'
import { type JobMetrics, registerJobMetrics } from './job-metrics.ts'
import type { ResolvedJobs } from './jobs-options.ts'
import { keyPrefix } from './key-prefix.ts'
import { OutboxRelay } from './outbox/outbox-relay.ts'
import { type PreparedJob, prepareJob, queueNamed } from './prepare-job.ts'
import { QueueWriter } from './queue-writer.ts'
import { JobsConnections } from './redis/connections.ts'
import { readEvictionPolicy, requireNoEviction } from './redis/eviction-policy.ts'
import type { JobsRedisOption } from './redis/port.ts'
import type { FenceTransaction } from './running-job.ts'
import type { JobSchedule, JobStore, ScheduleRequest } from './store/job-store.ts'
import { RedisJobStore } from './store/redis-job-store.ts'
import { AttemptBook } from './watch/attempt-book.ts'
import { QueueWatch } from './watch/queue-watch.ts'
import { QueueWorker } from './worker/queue-worker.ts'
import { RunningSet } from './worker/running-set.ts'

/** Set-up of an engine. */
export interface EngineOptions extends ResolvedJobs {
  readonly redis: JobsRedisOption
  readonly pool: UserPool | undefined
}

/** What an engine takes from its surroundings. */
export interface EngineDeps {
  readonly bull: BullModule
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly registry: Registry
}

/** A job as callers hand it over. */
export interface UntypedJob extends AddOptions {
  readonly name: string
  readonly payload: unknown
}

/** How long handed-back jobs may take to reach their queue. */
const HAND_BACK_MS = 3000
/** Longest wait at start for the tables in PostgreSQL. */
const OUTBOX_LIMIT_MS = 5000
/** Pause before Redis is looked at again when it could not be used. */
const REOPEN_MS = 1000

/** The parts of {@link createJobs}, with their start and stop order. */
export class JobsEngine {
  readonly connections: JobsConnections
  readonly handles: QueueHandles
  readonly store: JobStore
  readonly #cancellation: Cancellation
  readonly metrics: JobMetrics
  readonly #options: EngineOptions
  readonly #deps: EngineDeps
  readonly watch: QueueWatch
  readonly #running: RunningSet
  readonly #book = new AttemptBook()
  readonly #writer: QueueWriter
  readonly #relay: OutboxRelay | undefined
  #workers: QueueWorker[] = []
  #isOpen = false
  #isStopped = false
  #opening: Promise<void> | undefined
  #refusal: HealthReason | undefined

  constructor(options: EngineOptions, deps: EngineDeps) {
    const { clock, random, logger, registry, bull } = deps
    this.#options = options
    this.#deps = deps
    const prefix = keyPrefix(options.namespace)
    this.metrics = registerJobMetrics(registry)
    this.#running = new RunningSet(clock)
    this.connections = new JobsConnections(options.redis, { clock, logger })
    this.handles = new QueueHandles(bull, this.connections, { prefix, logger })
    this.#cancellation = new Cancellation({ connections: this.connections, prefix, running: this.#running, clock, logger })
    this.store = new RedisJobStore({ connection: this.connections, handles: this.handles, clock })
    this.watch = new QueueWatch({
      ...{ queues: options.queues, store: this.store, connection: this.connections, book: this.#book, metrics: this.metrics },
      ...{ clock, random, logger },
    })
    this.#writer = new QueueWriter({
      handles: this.handles,
      connections: this.connections,
      clock,
      fairnessOf: queue => options.queues.get(queue)?.fairness,
    })
    if (options.pool !== undefined) {
      const { pool, namespace } = options
      this.#relay = new OutboxRelay({
        pool,
        namespace,
        connections: this.connections,
        writer: this.#writer,
        metrics: this.metrics,
        clock,
        random,
        logger,
      })
    }
  }

  /** @throws HF_JOBS_EVICTION */
  async start(): Promise<void> {
    const isReady = await this.connections.open()
    this.connections.onReady(() => this.#reopen())
    const opening = this.#relay?.start()
    if (isReady) await this.#open()
    // Ready between the two lines above.
    else if (this.connections.isReady) this.#reopen()
    // So that the first transaction finds the outbox; a database that is away is waited for in the background.
    if (opening !== undefined) await this.#within(OUTBOX_LIMIT_MS, opening)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#opening?.catch(() => undefined)
    const workersEnd = Promise.all(this.#workers.map(worker => worker.stop()))
    await this.#within(this.#options.drainLimitMs, this.#running.whenIdle())
    this.#running.endAll(jobsErrors.create('HF_JOBS_STOPPING', `the process stops; its jobs had ${this.#options.drainLimitMs} ms to end`))
    await this.#within(HAND_BACK_MS, workersEnd)
    this.#running.close()
    this.#cancellation.stop()
    this.watch.stop()
    await this.#relay?.stop()
    await this.#within(HAND_BACK_MS, this.handles.close())
    this.connections.close()
  }

  /** As `add`, for one: a service adds one at a time, so this is the path whose cost is seen. */
  async addOne(queue: string, name: string, payload: unknown, options?: AddOptions): Promise<string> {
    const made = prepareJob(this.#options.queues, queue, name, payload, options)
    const entry = { job: made instanceof Promise ? await made : made, timestampMs: this.#deps.clock.nowMs() }
    const id = await this.connections.ask(`add to ${queue}`, () => this.#writer.writeOne(queue, entry))
    this.metrics.added.bind(queue, name, 'add').add()
    return id
  }

  async add(queue: string, jobs: readonly UntypedJob[]): Promise<string[]> {
    const prepared = await this.#prepare(queue, jobs)
    if (prepared.length === 0) return []
    const timestampMs = this.#deps.clock.nowMs()
    const entries = prepared.map(job => ({ job, timestampMs }))
    const ids = await this.connections.ask(`add to ${queue}`, () => this.#writer.write(queue, entries))
    for (const { name } of prepared) this.metrics.added.bind(queue, name, 'add').add()
    return ids
  }

  async enqueue(tx: FenceTransaction, queue: string, jobs: readonly UntypedJob[]): Promise<string[]> {
    if (this.#relay === undefined) throw jobsErrors.create('HF_JOBS_NO_POSTGRES', `enqueue to ${queue} needs a pool`)
    const prepared = await this.#prepare(queue, jobs)
    if (prepared.length === 0) return []
    const ids = await this.#relay.write(tx, prepared)
    for (const { name } of prepared) this.metrics.added.bind(queue, name, 'outbox').add()
    return ids
  }

  async schedule(queue: string, key: string, request: ScheduleRequest): Promise<JobSchedule> {
    await prepareJob(this.#options.queues, queue, request.name, request.payload)
    return this.store.putSchedule(queue, key, request)
  }

  bullQueues(): Promise<readonly unknown[]> {
    return this.connections.ask('open the queues', () => Promise.all([...this.#options.queues.keys()].map(name => this.handles.get(name))))
  }

  health(): Health {
    const reasons = [this.#refusal, this.connections.problem, this.#relay?.problem, ...this.watch.problems].filter(reason => reason !== undefined)
    const isDown = this.#refusal !== undefined
    return { status: isDown ? 'down' : reasons.length > 0 ? 'degraded' : 'ok', reasons }
  }

  async #prepare(queue: string, jobs: readonly UntypedJob[]): Promise<PreparedJob[]> {
    queueNamed(this.#options.queues, queue)
    const prepared: PreparedJob[] = []
    for (const job of jobs) {
      const one = prepareJob(this.#options.queues, queue, job.name, job.payload, job)
      prepared.push(one instanceof Promise ? await one : one)
    }
    return prepared
  }

  #reopen(): void {
    if (this.#isOpen || this.#isStopped) return
    this.#open().catch(error => {
      this.#deps.logger.error({ err: error }, 'jobs: Redis cannot be used')
      if (!isHoldfastError(error) || error.code !== 'HF_JOBS_EVICTION')
        this.#deps.clock.after(REOPEN_MS, () => this.connections.isReady && this.#reopen())
    })
  }

  #open(): Promise<void> {
    this.#opening ??= this.#openOnce().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openOnce(): Promise<void> {
    const { queues, work, pool, namespace, stalledAfterMs } = this.#options
    const { connections } = this
    const policy = await connections.ask('read the eviction policy', () => readEvictionPolicy(connections.caller))
    try {
      requireNoEviction(policy)
      this.#refusal = undefined
    } catch (error) {
      this.#refusal = { component: 'jobs', why: (error as Error).message, sinceMs: this.#deps.clock.nowMs() }
      throw error
    }
    for (const { name, globalConcurrency } of queues.values()) {
      await connections.ask(`set the limits of ${name}`, () => this.#applyLimits(name, globalConcurrency))
    }
    await connections.ask('name the queues', () => connections.caller.call('sadd', `${this.handles.prefix}:queues`, ...queues.keys()))
    if (this.#isStopped) return
    this.#isOpen = true
    this.#cancellation.start()
    this.watch.start()
    const { bull, clock, random, logger } = this.#deps
    const deps = { bull, clock, random, logger, namespace, pool, metrics: this.metrics, running: this.#running, book: this.#book, stalledAfterMs }
    for (const name of work) {
      this.#workers.push(new QueueWorker(queues.get(name)!, { ...deps, connections: this.connections, handles: this.handles }))
    }
  }

  async #applyLimits(name: string, globalConcurrency: number | undefined): Promise<void> {
    const queue = await this.handles.get(name)
    if (globalConcurrency === undefined) await queue.removeGlobalConcurrency()
    else await queue.setGlobalConcurrency(globalConcurrency)
  }

  #within(limitMs: number, work: Promise<unknown>): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#deps.clock.after(limitMs, resolve, true)
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      work.then(done, done)
    })
  }
}
