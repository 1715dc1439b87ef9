import type { Clock, ClockTimer, Logger } from '../core/index.ts'
import { jobsErrors } from './errors.ts'
import type { JobsConnections } from './redis/connections.ts'
import type { JobsRedisClient } from './redis/port.ts'
import type { RunningSet } from './worker/running-set.ts'

/** How often flags are read, for messages that were lost. With the message itself, a cancel reaches a running job within a second. */
const LOOK_MS = 500
/** How long a cancel waits for a job that is just being taken up. */
const FLAG_SECONDS = 3600

/** What goes over the channel. */
interface CancelMessage {
  readonly queue: string
  readonly id: string
}

/** Key of the flag of one job. */
export function cancelFlag(prefix: string, queue: string, id: string): string {
  return `${prefix}:cancelled:${queue}:${id}`
}

function cancelChannel(prefix: string): string {
  return `${prefix}:cancel`
}

/** Asks the process that runs the job to end it. 1 round trip. */
export async function requestCancel(client: JobsRedisClient, prefix: string, queue: string, id: string): Promise<void> {
  const message: CancelMessage = { queue, id }
  const commands = [
    ['set', cancelFlag(prefix, queue, id), '1', 'EX', FLAG_SECONDS],
    ['publish', cancelChannel(prefix), JSON.stringify(message)],
  ]
  for (const [error] of (await client.pipeline(commands).exec()) ?? []) if (error !== null) throw error
}

/** Cancels running jobs in whichever process they run: a message to all, and a flag for those that missed it. */
export class Cancellation {
  readonly #connections: JobsConnections
  readonly #prefix: string
  readonly #running: RunningSet
  readonly #clock: Clock
  readonly #logger: Logger
  #timer: ClockTimer | undefined
  #isStopped = false

  constructor(deps: {
    readonly connections: JobsConnections
    readonly prefix: string
    readonly running: RunningSet
    readonly clock: Clock
    readonly logger: Logger
  }) {
    this.#connections = deps.connections
    this.#prefix = deps.prefix
    this.#running = deps.running
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  /** Listens; the subscription is made anew after each loss of the connection. */
  start(): void {
    const { listener } = this.#connections
    listener.on('message', ((channel: string, text: string) => channel === this.#channel && this.#onMessage(text)) as never)
    listener.call('subscribe', this.#channel).catch(error => this.#logger.debug({ err: error }, 'jobs: cancels are read from flags only'))
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  get #channel(): string {
    return cancelChannel(this.#prefix)
  }

  #flag(queue: string, id: string): string {
    return cancelFlag(this.#prefix, queue, id)
  }

  #onMessage(text: string): void {
    try {
      const { queue, id } = JSON.parse(text) as CancelMessage
      if (this.#end(queue, id)) this.#forget(queue, id)
    } catch (error) {
      this.#logger.debug({ err: error }, 'jobs: a cancel could not be read')
    }
  }

  #end(queue: string, id: string): boolean {
    return this.#running.end(queue, id, jobsErrors.create('HF_JOBS_CANCELLED', `job ${queue}/${id} was cancelled`, { context: { queue, id } }))
  }

  /** So that a replay of the job is not cancelled as well. */
  #forget(queue: string, id: string): void {
    this.#connections.worker.call('del', this.#flag(queue, id)).catch(() => undefined)
  }

  #schedule(): void {
    if (this.#isStopped) return
    this.#timer = this.#clock.after(LOOK_MS, () => void this.#look().finally(() => this.#schedule()))
  }

  async #look(): Promise<void> {
    const entries = this.#running.list()
    if (entries.length === 0 || !this.#connections.isReady) return
    try {
      const keys = entries.map(({ queue, id }) => this.#flag(queue, id))
      const flags = (await this.#connections.ask('read flags of cancelled jobs', () => this.#connections.caller.call('mget', ...keys))) as (
        | string
        | null
      )[]
      for (const [at, { queue, id }] of entries.entries()) if (flags[at] !== null && this.#end(queue, id)) this.#forget(queue, id)
    } catch (error) {
      this.#logger.debug({ err: error }, 'jobs: flags of cancelled jobs could not be read')
    }
  }
}
