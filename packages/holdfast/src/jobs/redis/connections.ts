import { type Clock, type HealthReason, isHoldfastError, type Logger } from '../../core/index.ts'
import { Deadlines, type Limited } from '../deadlines.ts'
import { jobsErrors } from '../errors.ts'
import { type JobsRedisClient, type JobsRedisOption, openClient } from './port.ts'

/** Longest wait for an answer to a command of callers, and for a connection at start. */
export const COMMAND_LIMIT_MS = 2000
const RECONNECT_FIRST_MS = 50
const RECONNECT_LAST_MS = 1000

const shared = {
  connectTimeout: COMMAND_LIMIT_MS,
  retryStrategy: (times: number) => Math.min(RECONNECT_LAST_MS, RECONNECT_FIRST_MS * 2 ** Math.min(times - 1, 10)),
}
/** For callers: fails at once while Redis is away, and sends nothing a second time. Without the client's own `commandTimeout`, which is a timer for each command of a
 *  pipeline: callers go through `ask`. */
const caller = {
  ...shared,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
}
/** For workers, as BullMQ wants it: commands wait until Redis is back. */
const worker = { ...shared, maxRetriesPerRequest: null }

/** A question that is not answered yet. */
class Question implements Limited {
  readonly dueMs: number
  readonly expire: () => void

  constructor(dueMs: number, expire: () => void) {
    this.dueMs = dueMs
    this.expire = expire
  }
}

/** The connection on which callers ask, all of them by `ask`. Not connected before `open()`. */
export class CallerConnection {
  readonly caller: JobsRedisClient
  protected readonly clock: Clock
  readonly #waiters = new Set<() => void>()
  readonly #readyLimitMs: number
  readonly #questions: Deadlines<Question>
  #isStopped = false
  #problem: HealthReason | undefined

  /** @param readyLimitMs longest wait of a question for a connection that is being made */
  constructor(redis: JobsRedisOption, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }, readyLimitMs: number = READY_LIMIT_MS) {
    this.clock = clock
    this.#questions = new Deadlines(clock)
    this.#readyLimitMs = readyLimitMs
    this.caller = openClient(redis, caller)
    ignoreErrors(this.caller, logger)
    this.#problem = { component: 'jobs', why: 'the Redis of the jobs is not connected yet', sinceMs: clock.nowMs() }
    this.caller.on('close', () => {
      if (this.#isStopped) return
      if (this.#problem === undefined) logger.warn({}, 'jobs: Redis is away')
      const why = 'the Redis of the jobs is away: direct adds fail, workers wait, and enqueued jobs wait in PostgreSQL'
      this.#problem ??= { component: 'jobs', why, sinceMs: clock.nowMs() }
    })
    this.caller.on('ready', () => {
      this.#problem = undefined
      for (const waiter of this.#waiters) waiter()
      this.#waiters.clear()
    })
  }

  /** Why Redis cannot be used. */
  get problem(): HealthReason | undefined {
    return this.#problem
  }

  get isReady(): boolean {
    return this.caller.status === 'ready'
  }

  /** Calls `onReady` each time that the connection is usable. */
  onReady(onReady: () => void): void {
    this.caller.on('ready', onReady)
  }

  /** Connects. True when Redis answers within the limit; the attempts go on in either case. */
  open(): Promise<boolean> {
    this.caller.connect().catch(() => undefined)
    return this.whenReady(COMMAND_LIMIT_MS)
  }

  /** True when the connection is usable, at the latest after `limitMs`. */
  whenReady(limitMs: number): Promise<boolean> {
    if (this.isReady) return Promise.resolve(true)
    return new Promise(resolve => {
      const isReady = (): void => {
        timer.cancel()
        resolve(true)
      }
      const onLimit = (): void => {
        this.#waiters.delete(isReady)
        resolve(false)
      }
      const timer = this.clock.after(limitMs, onLimit, true)
      this.#waiters.add(isReady)
    })
  }

  /** What a caller asked for, within the limit. @throws HF_JOBS_REDIS_AWAY; errors of Redis itself pass through */
  ask<T>(what: string, work: () => Promise<T>, limitMs: number = COMMAND_LIMIT_MS): Promise<T> {
    const askedAtMs = this.clock.monotonicMs()
    return this.isReady && !this.#isStopped ? this.#askNow(what, work, limitMs, askedAtMs) : this.#askWhenReady(what, work, limitMs, askedAtMs)
  }

  async #askWhenReady<T>(what: string, work: () => Promise<T>, limitMs: number, askedAtMs: number): Promise<T> {
    if (this.#isStopped || !(await this.whenReady(this.#readyLimitMs))) throw this.#away(what, askedAtMs)
    return this.#askNow(what, work, limitMs, askedAtMs)
  }

  #askNow<T>(what: string, work: () => Promise<T>, limitMs: number, askedAtMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const question = new Question(this.clock.monotonicMs() + limitMs, () => reject(this.#away(what, askedAtMs)))
      this.#questions.add(question)
      work().then(
        answer => {
          this.#questions.delete(question)
          resolve(answer)
        },
        error => {
          this.#questions.delete(question)
          reject(isHoldfastError(error) || !isConnectionError(error) ? error : this.#away(what, askedAtMs, error))
        },
      )
    })
  }

  close(): void {
    this.#isStopped = true
    this.caller.disconnect()
    // What is not answered yet fails with the connection.
    this.#questions.close()
  }

  #away(what: string, startedAtMs: number, cause?: unknown): Error {
    const waitedMs = Math.round(this.clock.monotonicMs() - startedAtMs)
    return jobsErrors.create('HF_JOBS_REDIS_AWAY', `${what}: Redis did not answer after ${waitedMs} ms`, { context: { waitedMs }, cause })
  }
}

/** The connections of a process that works queues: besides the callers' one for workers and one that listens. Each worker adds one that blocks. */
export class JobsConnections extends CallerConnection {
  readonly worker: JobsRedisClient
  readonly listener: JobsRedisClient

  constructor(redis: JobsRedisOption, deps: { readonly clock: Clock; readonly logger: Logger }) {
    super(redis, deps)
    this.worker = openClient(redis, worker)
    this.listener = openClient(redis, worker)
    for (const client of [this.worker, this.listener]) ignoreErrors(client, deps.logger)
  }

  override open(): Promise<boolean> {
    for (const client of [this.worker, this.listener]) client.connect().catch(() => undefined)
    return super.open()
  }

  override close(): void {
    super.close()
    for (const client of [this.worker, this.listener]) client.disconnect()
  }
}

/** Longest wait for a connection that is being made anew. */
const READY_LIMIT_MS = 500

/** The client connects again by itself; without a listener its error would end the process. */
function ignoreErrors(client: JobsRedisClient, logger: Logger): void {
  client.on('error', ((error: Error) => logger.debug({ err: error }, 'jobs: a connection to Redis failed')) as never)
}

/** True for what the network or the client's own limits did, false for a reply of Redis.
 *  The texts are ioredis's own, of versions 5 and 6: it gives these errors no code. */
export function isConnectionError(error: unknown): boolean {
  const { message = '', name = '', code } = (error ?? {}) as { message?: string; name?: string; code?: unknown }
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) return true
  return (
    name === 'MaxRetriesPerRequestError' ||
    name === 'ClusterAllFailedError' ||
    /CLUSTERDOWN|Cluster isn't ready|Cluster is ended|Connection is closed|Stream isn't writeable|Command timed out|LOADING|Socket closed|max retries per request/i.test(
      message,
    )
  )
}
