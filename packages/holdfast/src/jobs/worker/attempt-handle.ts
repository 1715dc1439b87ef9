import type { UserPool } from '../../postgres/index.ts'
import type { BullJob } from '../bull/port.ts'
import { Fence, type FenceDeps } from '../fence.ts'
import type { RunningJob } from '../running-job.ts'
import type { RunningEntry } from './running-set.ts'

/** What the function of an attempt is given. Its signal and its fence are made when they are asked for. */
export class AttemptHandle implements RunningJob {
  readonly id: string
  readonly queue: string
  readonly name: string
  readonly payload: unknown
  readonly tenant: string | undefined
  readonly attempt: number
  readonly attempts: number
  readonly enqueuedAtMs: number
  readonly #entry: RunningEntry
  readonly #job: BullJob
  readonly #deps: HandleDeps
  #fence: Fence | undefined

  constructor(
    entry: RunningEntry,
    job: BullJob,
    payload: unknown,
    counts: { readonly attempt: number; readonly attempts: number },
    deps: HandleDeps,
  ) {
    this.id = entry.id
    this.queue = entry.queue
    this.name = job.name
    this.payload = payload
    this.tenant = job.opts.tenant
    this.attempt = counts.attempt
    this.attempts = counts.attempts
    this.enqueuedAtMs = job.timestamp
    this.#entry = entry
    this.#job = job
    this.#deps = deps
  }

  get signal(): AbortSignal {
    return this.#entry.signal
  }

  // Accessors, so that each works when it is taken out of the job: `const { once } = job`.
  get fence(): RunningJob['fence'] {
    return tx => this.#ownFence.claim(tx)
  }

  get once(): RunningJob['once'] {
    return tx => this.#ownFence.once(tx)
  }

  get transaction(): RunningJob['transaction'] {
    return (on, work) => this.#ownFence.transaction(on, work)
  }

  get #ownFence(): Fence {
    const { namespace } = this.#deps
    const identity = { namespace, queue: this.queue, id: this.id, start: this.#job.attemptsStarted }
    this.#fence ??= new Fence(identity, this.#entry, { ...this.#deps, hasPostgres: this.#deps.pool !== undefined })
    return this.#fence
  }
}

/** What handles need from their surroundings. */
export interface HandleDeps extends Omit<FenceDeps, 'hasPostgres'> {
  readonly namespace: string
  readonly pool: UserPool | undefined
}
