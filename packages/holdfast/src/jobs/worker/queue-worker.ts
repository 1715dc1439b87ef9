import { delay } from '../../core/index.ts'
import type { BullWorker } from '../bull/port.ts'
import type { QueueHandles } from '../bull/queue-handles.ts'
import { LineKeeper } from '../fair/tenant-lines.ts'
import type { ResolvedQueue } from '../job-policy.ts'
import type { JobsConnections } from '../redis/connections.ts'
import { type AttemptDeps, Attempts } from './attempt.ts'

/** What a worker needs from its surroundings. */
export interface WorkerDeps extends Omit<AttemptDeps, 'keyOf' | 'redis' | 'lines'> {
  readonly connections: JobsConnections
  readonly handles: QueueHandles
  /** How long a worker may be silent before its jobs are taken from it. */
  readonly stalledAfterMs: number
}

/** Pause of BullMQ's loop after an error of the connection. */
const RETRY_MS = 1000
/** Stalls are counted as attempts here, so BullMQ's own limit must never be the first. */
const NO_STALL_LIMIT = 1_000_000

/** Works one queue in this process, with a BullMQ worker. */
export class QueueWorker {
  readonly #queue: ResolvedQueue
  readonly #deps: WorkerDeps
  readonly #attempts: Attempts
  readonly #lines: LineKeeper | undefined
  #worker: BullWorker | undefined
  #isStopped = false
  readonly #opening: Promise<void>

  constructor(queue: ResolvedQueue, deps: WorkerDeps) {
    const { connections, handles, clock, logger } = deps
    const prefix = `${handles.prefix}:${queue.name}:`
    this.#queue = queue
    this.#deps = deps
    if (queue.fairness !== undefined) this.#lines = new LineKeeper(connections.worker, { prefix, fairness: queue.fairness, clock, logger })
    this.#attempts = new Attempts(queue, { ...deps, redis: connections.worker, lines: this.#lines, keyOf: id => `${prefix}${id}` })
    this.#opening = this.#open()
    this.#lines?.start()
  }

  /** Takes no further job, and resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#worker?.close()
    await this.#opening
    await this.#lines?.stop()
  }

  /** A worker whose connection is lost while it is being made never works and never says so, so it is made again. */
  async #open(): Promise<void> {
    const { clock, logger, connections } = this.#deps
    while (!this.#isStopped) {
      const worker = this.#create()
      try {
        await worker.waitUntilReady()
        this.#worker = worker
        // Stopped meanwhile: then there was nothing to close yet.
        if (this.#isStopped) await worker.close(true)
        else worker.run().catch(error => logger.error({ err: error, queue: this.#queue.name }, 'jobs: a worker ended'))
        return
      } catch (error) {
        logger.debug({ err: error, queue: this.#queue.name }, 'jobs: a worker could not be made, and is made again')
        await worker.close(true).catch(() => undefined)
        await delay(clock, RETRY_MS / 4)
        await connections.whenReady(RETRY_MS)
      }
    }
  }

  #create(): BullWorker {
    const { connections, handles, bull, logger, stalledAfterMs } = this.#deps
    const queue = this.#queue
    const worker = new bull.Worker(queue.name, this.#attempts.process, {
      connection: connections.worker,
      prefix: handles.prefix,
      autorun: false,
      concurrency: queue.concurrency,
      lockDuration: stalledAfterMs,
      stalledInterval: Math.max(1, Math.floor(stalledAfterMs / 2)),
      maxStalledCount: NO_STALL_LIMIT,
      runRetryDelay: RETRY_MS,
      removeOnComplete: queue.keepCompleted,
      removeOnFail: queue.keepDead,
      ...(queue.rate === undefined ? {} : { limiter: { max: queue.rate.max, duration: queue.rate.perMs } }),
      settings: { ...handles.settings, backoffStrategy: this.#attempts.backoff },
    })
    worker.on('error', error => logger.debug({ err: error, queue: queue.name }, 'jobs: a worker met an error'))
    if (this.#lines !== undefined) tellLines(worker, this.#lines)
    return worker
  }
}

function tellLines(worker: BullWorker, lines: LineKeeper): void {
  worker.on('completed', job => {
    if (job?.id !== undefined) lines.ended(job.id)
  })
  // A retry gives its tenant's place to the others, and stands in line again when its back-off is over.
  worker.on('failed', job => {
    if (job?.id === undefined) return
    lines.ended(job.id)
    // Told at once: after a short back-off the job may be let out again, and the place would be that of its next attempt.
    if (job.finishedOn === undefined) void lines.flush()
  })
}
