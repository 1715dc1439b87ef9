import { hostname } from 'node:os'
import type { Clock, Logger } from '../../core/index.ts'
import type { UserPool } from '../../postgres/index.ts'
import type { BullJob, BullModule } from '../bull/port.ts'
import { jobsErrors } from '../errors.ts'
import type { LineKeeper } from '../fair/tenant-lines.ts'
import { Fence } from '../fence.ts'
import { type AttemptRecord, describeFailure, HISTORY_KEPT } from '../job-history.ts'
import type { JobMetrics, KindMetrics } from '../job-metrics.ts'
import { backoffMs, type ResolvedPolicy, type ResolvedQueue } from '../job-policy.ts'
import { validatePayload } from '../payload.ts'
import type { JobsRedisClient } from '../redis/port.ts'
import type { RunningJob } from '../running-job.ts'
import type { AttemptBook } from '../watch/attempt-book.ts'
import type { RunningEntry, RunningSet } from './running-set.ts'
import { countStall } from './stalls.ts'

/** What attempts need from their surroundings. */
export interface AttemptDeps {
  readonly bull: BullModule
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly namespace: string
  readonly pool: UserPool | undefined
  readonly redis: JobsRedisClient
  readonly metrics: JobMetrics
  readonly running: RunningSet
  readonly book: AttemptBook
  /** Absent in a queue without fairness. */
  readonly lines: Pick<LineKeeper, 'standsAgain' | 'keepTurn' | 'ended'> | undefined
  /** Key of a job's hash. */
  keyOf(id: string): string
}

/** Name of the back-off strategy that workers are given. */
export const BACKOFF_TYPE = 'holdfast'
/** Longest JSON text of a result that is kept. */
const RESULT_LIMIT = 16_384
const WORKER_NAME = `${hostname()}:${process.pid}`

/** Runs the attempts of one queue's jobs. What `process` throws tells BullMQ what becomes of the job. */
export class Attempts {
  readonly #queue: ResolvedQueue
  readonly #deps: AttemptDeps
  #overruns = 0

  constructor(queue: ResolvedQueue, deps: AttemptDeps) {
    this.#queue = queue
    this.#deps = deps
  }

  /** Pause before the next attempt, for BullMQ; -1 when there is none. */
  readonly backoff = (attemptsMade: number, _type: string, _error: unknown, job: BullJob): number => {
    const policy = this.#policyOf(job)
    const failed = attemptsMade + job.stalledCounter
    return failed >= attemptsOf(job, policy) ? -1 : backoffMs(policy, failed, this.#deps.random())
  }

  readonly process = async (job: BullJob, token: string): Promise<unknown> => {
    const policy = this.#policyOf(job)
    const kind = this.#deps.metrics.kind(this.#queue.name, this.#queue.jobs.has(job.name) ? job.name : 'unknown')
    // What the queue's owner says now holds also for jobs that were added before.
    job.opts.attempts = attemptsOf(job, policy)
    job.opts.backoff = { type: BACKOFF_TYPE }
    Object.assign(job.opts, { keepLogs: HISTORY_KEPT })
    if (job.stalledCounter > 0) await this.#afterStall(job, token, policy, kind)
    if (this.#cameBack(job) && (await this.#deps.lines?.standsAgain(job.id!, job.opts.tenant!, token))) throw new this.#deps.bull.WaitingError()
    const spent = job.attemptsMade + job.stalledCounter
    if (job.attemptsStarted === 1) kind.wait.record((this.#deps.clock.nowMs() - dueAtMs(job)) / 1000)
    const startedAtMs = this.#deps.clock.monotonicMs()
    try {
      const result = await this.#run(job, policy, spent + 1)
      this.#record(kind, job, 'completed', startedAtMs, spent + 1)
      return this.#keepable(job, result)
    } catch (error) {
      return await this.#fail(job, token, error, kind, startedAtMs, spent + 1)
    }
  }

  /** The attempt ends with its function, or earlier with its entry. */
  async #run(job: BullJob, policy: ResolvedPolicy, attempt: number): Promise<unknown> {
    const { clock, running } = this.#deps
    const definition = this.#queue.jobs.get(job.name)?.definition
    if (definition?.run === undefined) {
      throw jobsErrors.create('HF_JOBS_UNKNOWN_NAME', `this worker has no run for ${this.#queue.name}/${job.name}`, { context: { name: job.name } })
    }
    const controller = new AbortController()
    const entry: RunningEntry = { queue: this.#queue.name, id: job.id!, end: reason => end(reason) }
    let end!: RunningEntry['end']
    const ended = new Promise<never>((_, reject) => {
      end = reason => {
        controller.abort(reason)
        reject(reason)
      }
    })
    const timer = clock.after(policy.timeoutMs, () => end(this.#timedOut(job, policy, attempt)), true)
    running.add(entry)
    const work = this.#call(definition.run, job, controller.signal, attempt, definition.schema)
    try {
      return await Promise.race([work, ended])
    } finally {
      timer.cancel()
      running.remove(entry)
      if (controller.signal.aborted) this.#watchOverrun(work)
    }
  }

  async #call(
    run: (job: RunningJob) => unknown,
    job: BullJob,
    signal: AbortSignal,
    attempt: number,
    schema: Parameters<typeof validatePayload>[2],
  ): Promise<unknown> {
    const { namespace, pool, clock, random, logger } = this.#deps
    const payload = schema === undefined ? job.data : await validatePayload(`${this.#queue.name}/${job.name}`, job.data, schema)
    const identity = { namespace, queue: this.#queue.name, id: job.id!, start: job.attemptsStarted }
    const fence = new Fence(identity, signal, { clock, random, logger, hasPostgres: pool !== undefined })
    // Nobody can be in the way of a first attempt, which spares it the statement.
    if (job.attemptsStarted > 1 && pool !== undefined) await this.#claimEarly(fence, pool)
    return run({
      id: job.id!,
      queue: this.#queue.name,
      name: job.name,
      payload,
      tenant: job.opts.tenant,
      attempt,
      attempts: job.opts.attempts!,
      enqueuedAtMs: job.timestamp,
      signal,
      fence: tx => fence.claim(tx),
      once: tx => fence.once(tx),
      transaction: (on, work) => fence.transaction(on, work),
    })
  }

  /** From here on nothing of an earlier attempt commits, although it may not know yet that it is over. */
  async #claimEarly(fence: Fence, pool: UserPool): Promise<void> {
    try {
      await fence.claim(pool)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'HF_JOBS_FENCED') throw error
      // The job may need no PostgreSQL; when it does, it claims again.
      this.#deps.logger.debug({ err: error }, 'jobs: a retry could not claim its fence before it began')
    }
  }

  /** A stalled attempt is a failed one: it is written down, and the next waits as long as after an error. */
  async #afterStall(job: BullJob, token: string, policy: ResolvedPolicy, kind: KindMetrics): Promise<void> {
    const { bull, clock, redis, random } = this.#deps
    const spent = job.attemptsMade + job.stalledCounter
    const isNew = await countStall(redis, this.#deps.keyOf(job.id!), job.stalledCounter)
    if (isNew) {
      kind.outcomes.stalled.add()
      this.#deps.book.stalled({ queue: this.#queue.name, name: job.name, id: job.id!, stalls: job.stalledCounter, atMs: clock.nowMs() })
      const message = 'the worker vanished or was blocked longer than stalledAfter'
      await this.#write(job, { attempt: spent, atMs: clock.nowMs(), reason: 'stalled', code: 'HF_JOBS_STALLED', message, worker: WORKER_NAME })
    }
    if (spent >= job.opts.attempts!) {
      kind.outcomes.dead.add()
      const error = jobsErrors.create('HF_JOBS_STALLED', `stalled ${job.stalledCounter} times, ${spent} of ${job.opts.attempts} attempts are spent`)
      throw unrecoverable(bull, error)
    }
    if (!isNew) return
    await job.moveToDelayed(clock.nowMs() + backoffMs(policy, spent, random()), token)
    this.#deps.lines?.ended(job.id!)
    throw new bull.DelayedError()
  }

  async #fail(job: BullJob, token: string, thrown: unknown, kind: KindMetrics, startedAtMs: number, attempt: number): Promise<never> {
    const { bull, clock } = this.#deps
    const error = asError(thrown, `${this.#queue.name}/${job.name}`)
    const code = (error as { code?: unknown }).code
    if (code === 'HF_JOBS_STOPPING') {
      kind.outcomes.handed_back.add()
      if (job.opts.tenant !== undefined) await this.#deps.lines?.keepTurn(job.id!)
      await job.moveToWait(token)
      throw new bull.WaitingError()
    }
    const failure = describeFailure(error)
    const ranMs = Math.round(clock.monotonicMs() - startedAtMs)
    await this.#write(job, { attempt, atMs: clock.nowMs(), ranMs, ...failure, worker: WORKER_NAME })
    const isLast = code === 'HF_JOBS_CANCELLED' || attempt >= job.opts.attempts!
    this.#record(kind, job, code === 'HF_JOBS_CANCELLED' ? 'cancelled' : isLast ? 'dead' : 'retried', startedAtMs, attempt)
    throw isLast ? unrecoverable(bull, error) : error
  }

  #record(kind: KindMetrics, job: BullJob, outcome: 'completed' | 'retried' | 'dead' | 'cancelled', startedAtMs: number, attempt: number): void {
    const { clock } = this.#deps
    kind.outcomes[outcome].add()
    this.#deps.book.ended(this.#queue.name, this.#queue.jobs.has(job.name) ? job.name : 'unknown', outcome)
    kind.run.record((clock.monotonicMs() - startedAtMs) / 1000)
    if (outcome === 'retried') return
    kind.age.record((clock.nowMs() - dueAtMs(job)) / 1000)
    kind.attempts.record(attempt)
  }

  /** The history is not worth the job: when it cannot be written, the job goes on without. */
  async #write(job: BullJob, record: AttemptRecord): Promise<void> {
    await job.log(JSON.stringify(record)).catch(error => this.#deps.logger.debug({ err: error }, 'jobs: an attempt could not be written down'))
  }

  /** BullMQ fails a job whose result is not JSON, after its work was done. */
  #keepable(job: BullJob, result: unknown): unknown {
    if (result === undefined || result === null) return null
    let text: string | undefined
    try {
      text = JSON.stringify(result)
    } catch {
      text = undefined
    }
    if (text !== undefined && text.length <= RESULT_LIMIT) return result
    this.#deps.logger.warn(
      { queue: this.#queue.name, name: job.name },
      `jobs: a result is not JSON of at most ${RESULT_LIMIT} characters, and is not kept`,
    )
    return null
  }

  #watchOverrun(work: Promise<unknown>): void {
    const { overruns } = this.#deps.metrics
    overruns.set(++this.#overruns)
    const settled = (): void => overruns.set(--this.#overruns)
    work.then(settled, settled)
  }

  /** True for a job of a tenant that BullMQ, and not the tenant's line, may have let out. */
  #cameBack({ opts, attemptsStarted }: BullJob): boolean {
    return opts.tenant !== undefined && (attemptsStarted > 1 || (opts.delay ?? 0) > 0)
  }

  #policyOf(job: BullJob): ResolvedPolicy {
    return this.#queue.jobs.get(job.name)?.policy ?? this.#queue.policy
  }

  #timedOut(job: BullJob, { timeoutMs }: ResolvedPolicy, attempt: number): ReturnType<typeof jobsErrors.create> {
    return jobsErrors.create('HF_JOBS_TIMEOUT', `attempt ${attempt} of ${this.#queue.name}/${job.name} ${job.id} took longer than ${timeoutMs} ms`, {
      context: { queue: this.#queue.name, name: job.name, id: job.id, attempt, timeoutMs },
    })
  }
}

function attemptsOf(job: BullJob, policy: ResolvedPolicy): number {
  return job.opts.attempts !== undefined && job.opts.attempts > 0 ? job.opts.attempts : policy.attempts
}

/** When the first attempt may begin. */
function dueAtMs(job: BullJob): number {
  return job.timestamp + (job.opts.delay ?? 0)
}

function asError(thrown: unknown, job: string): Error {
  if (thrown instanceof Error) return thrown
  const kind = thrown === null ? 'null' : typeof thrown
  return jobsErrors.create('HF_JOBS_NON_ERROR_THROWN', `${job} threw a ${kind} and no Error`, { context: { job, kind }, cause: thrown })
}

/** As the error, and BullMQ tries the job no more. */
function unrecoverable(bull: BullModule, error: Error): Error {
  const last = new bull.UnrecoverableError(error.message)
  if (error.stack !== undefined) last.stack = error.stack
  return last
}
