import type { Clock, ClockTimer, Finding, HealthReason, Logger } from '../../core/index.ts'
import type { JobMetrics } from '../job-metrics.ts'
import type { ResolvedQueue } from '../job-policy.ts'
import type { CallerConnection } from '../redis/connections.ts'
import { readEvictionPolicy, SAFE_POLICY } from '../redis/eviction-policy.ts'
import type { JobStore, QueueSummary } from '../store/job-store.ts'
import type { AttemptBook } from './attempt-book.ts'
import { evictionFinding, poisonFindings, queueFindings } from './job-findings.ts'
import { alertsOf, type QueueAlert } from './queue-alerts.ts'
import { type QueueOutlook, queueOutlook } from './queue-outlook.ts'
import { type QueueSample, trendOf } from './queue-sample.ts'

/** What was seen of the queues at the last look, as plain data. */
export interface JobsState {
  readonly queues: readonly QueueSummary[]
  /** Where the depth of each goes. Absent from instances older than this field. */
  readonly outlooks?: readonly QueueOutlook[]
  readonly alerts: readonly QueueAlert[]
  /** Of the last minute. One that is no longer observed is no longer here. */
  readonly findings: readonly Finding[]
}

/** What the watch needs. */
export interface WatchDeps {
  readonly queues: ReadonlyMap<string, ResolvedQueue>
  readonly store: JobStore
  readonly connection: CallerConnection
  readonly book: AttemptBook
  readonly metrics: JobMetrics
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** Pause between two looks, of which a quarter more or less is random. One look is 4 commands a queue. */
const LOOK_EVERY_MS = 5000
/** Looks that a trend is made of: a minute. */
const SAMPLES = 13

/** Looks at the queues of this process's definitions every few seconds: depth, age, alerts, findings, and whether Redis still keeps what it is given. */
export class QueueWatch {
  readonly #deps: WatchDeps
  readonly #samples = new Map<string, QueueSample[]>()
  #timer: ClockTimer | undefined
  #isStopped = false
  #summaries: readonly QueueSummary[] = []
  #outlooks: readonly QueueOutlook[] = []
  #alerts: readonly QueueAlert[] = []
  #findings: readonly Finding[] = []
  #evictingSinceMs: number | undefined

  constructor(deps: WatchDeps) {
    this.#deps = deps
  }

  get state(): JobsState {
    return { queues: this.#summaries, outlooks: this.#outlooks, alerts: this.#alerts, findings: this.#findings }
  }

  /** Alerts, and an eviction policy that was changed while jobs run. */
  get problems(): readonly HealthReason[] {
    const evicting = this.#findings.find(({ rule }) => rule === 'jobs/eviction-policy')
    return [
      ...(evicting === undefined ? [] : [{ component: 'jobs', why: evicting.title, sinceMs: this.#evictingSinceMs! }]),
      ...this.#alerts.map(({ why, sinceMs }) => ({ component: 'jobs', why, sinceMs })),
    ]
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** One look. Rejects when Redis does. */
  async look(): Promise<JobsState> {
    const { queues, store, clock, book, metrics, connection } = this.#deps
    const summaries = await Promise.all([...queues.keys()].map(name => store.queue(name)))
    const policy = await connection.ask('read the eviction policy', () => readEvictionPolicy(connection.caller))
    const atMs = clock.nowMs()
    const outlooks: QueueOutlook[] = []
    const alerts: QueueAlert[] = []
    const findings: Finding[] = [...poisonFindings(book.poison(atMs))]
    for (const summary of summaries) {
      for (const [state, count] of Object.entries(summary.counts)) metrics.depth.bind(summary.queue, state).set(count)
      metrics.oldestWaiting.bind(summary.queue).set(summary.oldestWaitingMs / 1000)
      const queue = queues.get(summary.queue)!
      const samples = this.#note(summary, atMs)
      const outlook = queueOutlook(summary.queue, samples, queue.alerts)
      outlooks.push(outlook)
      const trend = trendOf(samples)
      if (trend === undefined) continue
      alerts.push(...alertsOf(queue, trend))
      findings.push(...queueFindings(queue, trend, outlook))
    }
    this.#evictingSinceMs = policy === undefined || policy === SAFE_POLICY ? undefined : (this.#evictingSinceMs ?? atMs)
    if (this.#evictingSinceMs !== undefined) findings.push(evictionFinding(policy!, atMs))
    this.#summaries = summaries
    this.#outlooks = outlooks
    this.#alerts = alerts.map(alert => ({ ...alert, sinceMs: this.#known(alert)?.sinceMs ?? alert.sinceMs }))
    this.#findings = findings
    return this.state
  }

  #known(alert: QueueAlert): QueueAlert | undefined {
    const known = this.#alerts.find(({ queue, kind }) => queue === alert.queue && kind === alert.kind)
    if (known === undefined)
      this.#deps.logger.warn({ queue: alert.queue, kind: alert.kind, value: alert.value, limit: alert.limit }, `jobs: ${alert.why}`)
    return known
  }

  #note({ queue, counts, oldestWaitingMs, isPaused }: QueueSummary, atMs: number): readonly QueueSample[] {
    const samples = this.#samples.get(queue) ?? []
    this.#samples.set(queue, samples)
    const { waiting, active, delayed, dead } = counts
    samples.push({ atMs, waiting, active, delayed, dead, oldestWaitingMs, isPaused, kinds: this.#deps.book.kinds(queue) })
    if (samples.length > SAMPLES) samples.shift()
    return samples
  }

  async #run(): Promise<void> {
    try {
      if (this.#deps.connection.isReady) await this.look()
    } catch (error) {
      this.#deps.logger.debug({ err: error }, 'jobs: the queues could not be looked at')
    }
    if (this.#isStopped) return
    this.#timer = this.#deps.clock.after(LOOK_EVERY_MS * (0.75 + this.#deps.random() / 2), () => void this.#run())
  }
}
