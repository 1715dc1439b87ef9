import { hostname } from 'node:os'
import type { Clock, Logger } from '../../core/index.ts'
import type { UserPool } from '../../postgres/index.ts'
import type { BullJob, BullModule } from '../bull/port.ts'
import { jobsErrors } from '../errors.ts'
import type { LineKeeper } from '../fair/tenant-lines.ts'
import type { JobDefinition } from '../job-definition.ts'
import { type AttemptRecord, describeFailure, HISTORY_KEPT } from '../job-history.ts'
import type { JobMetrics, KindMetrics } from '../job-metrics.ts'
import { backoffMs, type ResolvedPolicy, type ResolvedQueue } from '../job-policy.ts'
import { validatePayload } from '../payload.ts'
import type { JobsRedisClient } from '../redis/port.ts'
import type { RunningJob } from '../running-job.ts'
import type { AttemptBook, KindBook } from '../watch/attempt-book.ts'
import { AttemptHandle } from './attempt-handle.ts'
import { RunningEntry, type RunningSet } from './running-set.ts'
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

/** Any name that BullMQ does not know has it ask the back-off strategy of the worker. */
const BACKOFF = { type: 'holdfast' }
/** Longest JSON text of a result that is kept. */
const RESULT_LIMIT = 16_384
const WORKER_NAME = `${hostname()}:${process.pid}`

/** One kind of job, with what its attempts use: looked up once. */
interface Kind {
  readonly definition: JobDefinition | undefined
  readonly policy: ResolvedPolicy
  readonly metrics: KindMetrics
  readonly book: KindBook
}

/** Runs the attempts of one queue's jobs. What `process` throws tells BullMQ what becomes of the job. */
export class Attempts {
  readonly #queue: ResolvedQueue
  readonly #deps: AttemptDeps
  /** By name; `undefined` is all names that no definition has, so that there are few. */
  readonly #kinds = new Map<string | undefined, Kind>()
  #overruns = 0

  constructor(queue: ResolvedQueue, deps: AttemptDeps) {
    this.#queue = queue
    this.#deps = deps
  }

  /** Pause before the next attempt, for BullMQ; -1 when there is none. */
  readonly backoff = (attemptsMade: number, _type: string, _error: unknown, job: BullJob): number => {
    const { policy } = this.#kindOf(job.name)
    const failed = attemptsMade + job.stalledCounter
    return failed >= attemptsOf(job, policy) ? -1 : backoffMs(policy, failed, this.#deps.random())
  }

  readonly process = async (job: BullJob, token: string): Promise<unknown> => {
    const { clock, lines, bull } = this.#deps
    const kind = this.#kindOf(job.name)
    if (job.stalledCounter > 0) await this.#afterStall(job, token, kind)
    if (lines !== undefined && this.#cameBack(job) && (await lines.standsAgain(job.id!, job.opts.tenant!, token))) throw new bull.WaitingError()
    const attempt = job.attemptsMade + job.stalledCounter + 1
    if (job.attemptsStarted === 1) kind.metrics.wait.record((clock.nowMs() - dueAtMs(job)) / 1000)
    const startedAtMs = clock.monotonicMs()
    try {
      const result = await this.#run(job, kind, attempt, startedAtMs)
      this.#record(kind, job, 'completed', startedAtMs, attempt)
      return this.#keepable(job, result)
    } catch (error) {
      return await this.#fail(job, token, error, kind, startedAtMs, attempt)
    }
  }

  /** The attempt ends with its function, or earlier with its entry. */
  async #run(job: BullJob, kind: Kind, attempt: number, startedAtMs: number): Promise<unknown> {
    const { running } = this.#deps
    const run = kind.definition?.run
    if (run === undefined) {
      throw jobsErrors.create('HF_JOBS_UNKNOWN_NAME', `this worker has no run for ${this.#queue.name}/${job.name}`, { context: { name: job.name } })
    }
    const entry = new RunningEntry(this.#queue.name, job.id!, startedAtMs + kind.policy.timeoutMs, () => this.#timedOut(job, kind.policy, attempt))
    running.add(entry)
    let work: unknown
    try {
      const counts = { attempt, attempts: attemptsOf(job, kind.policy) }
      work =
        kind.definition?.schema === undefined && job.attemptsStarted <= 1
          ? run(new AttemptHandle(entry, job, job.data, counts, this.#deps))
          : this.#prepareAndRun(run, entry, job, counts, kind.definition?.schema)
      return isPromiseLike(work) ? await entry.outcomeOf(work) : work
    } finally {
      running.remove(entry)
      if (entry.reason !== undefined && isPromiseLike(work)) this.#watchOverrun(work)
    }
  }

  async #prepareAndRun(
    run: (job: RunningJob) => unknown,
    entry: RunningEntry,
    job: BullJob,
    counts: { readonly attempt: number; readonly attempts: number },
    schema: JobDefinition['schema'],
  ): Promise<unknown> {
    const { pool } = this.#deps
    const payload = schema === undefined ? job.data : await validatePayload(`${this.#queue.name}/${job.name}`, job.data, schema)
    const handle = new AttemptHandle(entry, job, payload, counts, this.#deps)
    // Nobody can be in the way of a first attempt, which spares it the statement.
    if (job.attemptsStarted > 1 && pool !== undefined) await this.#claimEarly(handle, pool)
    return run(handle)
  }

  /** From here on nothing of an earlier attempt commits, although it may not know yet that it is over. */
  async #claimEarly(handle: RunningJob, pool: UserPool): Promise<void> {
    try {
      await handle.fence(pool)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'HF_JOBS_FENCED') throw error
      // The job may need no PostgreSQL; when it does, it claims again.
      this.#deps.logger.debug({ err: error }, 'jobs: a retry could not claim its fence before it began')
    }
  }

  /** A stalled attempt is a failed one: it is written down, and the next waits as long as after an error. */
  async #afterStall(job: BullJob, token: string, { policy, metrics }: Kind): Promise<void> {
    const { bull, clock, redis, random } = this.#deps
    applyPolicy(job, policy)
    const spent = job.attemptsMade + job.stalledCounter
    const isNew = await countStall(redis, this.#deps.keyOf(job.id!), job.stalledCounter)
    if (isNew) {
      metrics.outcomes.stalled.add()
      this.#deps.book.stalled({ queue: this.#queue.name, name: job.name, id: job.id!, stalls: job.stalledCounter, atMs: clock.nowMs() })
      const message = 'the worker vanished or was blocked longer than stalledAfter'
      await this.#write(job, { attempt: spent, atMs: clock.nowMs(), reason: 'stalled', code: 'HF_JOBS_STALLED', message, worker: WORKER_NAME })
    }
    if (spent >= job.opts.attempts!) {
      metrics.outcomes.dead.add()
      // BullMQ counts the burial as an attempt, which takes the place of the last stall. When this process dies before it, the job stalls once more, and is where it was.
      await redis.call('hincrby', this.#deps.keyOf(job.id!), 'stc', -1)
      const error = jobsErrors.create('HF_JOBS_STALLED', `stalled ${job.stalledCounter} times, ${spent} of ${job.opts.attempts} attempts are spent`)
      throw unrecoverable(bull, error)
    }
    if (!isNew) return
    await job.moveToDelayed(clock.nowMs() + backoffMs(policy, spent, random()), token)
    this.#deps.lines?.ended(job.id!)
    throw new bull.DelayedError()
  }

  async #fail(job: BullJob, token: string, thrown: unknown, kind: Kind, startedAtMs: number, attempt: number): Promise<never> {
    const { bull, clock } = this.#deps
    applyPolicy(job, kind.policy)
    const error = asError(thrown, `${this.#queue.name}/${job.name}`)
    const code = (error as { code?: unknown }).code
    if (code === 'HF_JOBS_STOPPING') {
      kind.metrics.outcomes.handed_back.add()
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

  #record(
    { metrics, book }: Kind,
    job: BullJob,
    outcome: 'completed' | 'retried' | 'dead' | 'cancelled',
    startedAtMs: number,
    attempt: number,
  ): void {
    const { clock } = this.#deps
    metrics.outcomes[outcome].add()
    book.ended(outcome)
    metrics.run.record((clock.monotonicMs() - startedAtMs) / 1000)
    if (outcome === 'retried') return
    metrics.age.record((clock.nowMs() - dueAtMs(job)) / 1000)
    metrics.attempts.record(attempt)
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

  #watchOverrun(work: PromiseLike<unknown>): void {
    const { overruns } = this.#deps.metrics
    overruns.set(++this.#overruns)
    const settled = (): void => overruns.set(--this.#overruns)
    work.then(settled, settled)
  }

  /** True for a job of a tenant that BullMQ, and not the tenant's line, may have let out. */
  #cameBack({ opts, attemptsStarted }: BullJob): boolean {
    return opts.tenant !== undefined && (attemptsStarted > 1 || (opts.delay ?? 0) > 0)
  }

  #kindOf(name: string): Kind {
    const known = this.#queue.jobs.get(name)
    const key = known === undefined ? undefined : name
    const kind = this.#kinds.get(key)
    if (kind !== undefined) return kind
    const { metrics, book } = this.#deps
    const { name: queue, policy } = this.#queue
    const label = key ?? 'unknown'
    const made = {
      definition: known?.definition,
      policy: known?.policy ?? policy,
      metrics: metrics.kind(queue, label),
      book: book.kind(queue, label),
    }
    this.#kinds.set(key, made)
    return made
  }

  #timedOut(job: BullJob, { timeoutMs }: ResolvedPolicy, attempt: number): ReturnType<typeof jobsErrors.create> {
    return jobsErrors.create('HF_JOBS_TIMEOUT', `attempt ${attempt} of ${this.#queue.name}/${job.name} ${job.id} took longer than ${timeoutMs} ms`, {
      context: { queue: this.#queue.name, name: job.name, id: job.id, attempt, timeoutMs },
    })
  }
}

/** What the queue's owner says now holds also for jobs that were added before. */
function applyPolicy(job: BullJob, policy: ResolvedPolicy): void {
  job.opts.attempts = attemptsOf(job, policy)
  job.opts.backoff = BACKOFF
  job.opts.keepLogs = HISTORY_KEPT
}

function attemptsOf(job: BullJob, policy: ResolvedPolicy): number {
  return job.opts.attempts !== undefined && job.opts.attempts > 0 ? job.opts.attempts : policy.attempts
}

/** When the first attempt may begin. */
function dueAtMs(job: BullJob): number {
  return job.timestamp + (job.opts.delay ?? 0)
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
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
