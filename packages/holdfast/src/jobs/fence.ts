import { randomUUID } from 'node:crypto'
import type { Clock, HoldfastError, Logger } from '../core/index.ts'
import { runTransaction, type Transaction, type UserPool, unobserved } from '../postgres/index.ts'
import { jobsErrors } from './errors.ts'
import type { FenceTransaction, TransactionSource } from './running-job.ts'
import { CLAIM_FENCE, MARK_DONE } from './sql/fence.sql.ts'

/** Which attempt of which job. `start` counts how often the job was begun, so it grows with each attempt, also after a stall. */
export interface AttemptIdentity {
  readonly namespace: string
  readonly queue: string
  readonly id: string
  readonly start: number
}

/** An attempt, as far as its fence goes. */
export interface EndableAttempt {
  /** Why it is over; absent while it is not. */
  readonly reason: HoldfastError | undefined
}

/** What fences need from their surroundings. */
export interface FenceDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly hasPostgres: boolean
}

/** Keeps an attempt that is over from writing. The row of the job in `holdfast.job_fence` holds the latest attempt that came for it; claiming it locks the row until
 *  COMMIT, so two attempts follow each other, and an earlier one that comes after a later one is refused. */
export class Fence {
  readonly #identity: AttemptIdentity
  readonly #deps: FenceDeps
  readonly #attempt: EndableAttempt
  readonly #holder = randomUUID()
  #hasClaimed = false

  constructor(identity: AttemptIdentity, attempt: EndableAttempt, deps: FenceDeps) {
    this.#identity = identity
    this.#attempt = attempt
    this.#deps = deps
  }

  async claim(tx: FenceTransaction): Promise<void> {
    await this.#claim(tx)
  }

  async once(tx: FenceTransaction): Promise<boolean> {
    if (await this.#claim(tx)) return false
    const { namespace, queue, id } = this.#identity
    await tx.query(unobserved(MARK_DONE), [namespace, queue, id])
    return true
  }

  /** @throws HF_JOBS_FENCED */
  transaction<T>(on: TransactionSource, work: (tx: Transaction) => Promise<T>): Promise<T> {
    const fenced = async (tx: Transaction): Promise<T> => {
      await this.#claim(tx as unknown as FenceTransaction)
      const result = await work(tx)
      this.#refuseWhenOver()
      return result
    }
    if ('transaction' in on) return on.transaction(fenced)
    const { clock, random, logger } = this.#deps
    return runTransaction<UserPool, T>({ connect: () => on.connect(), clock, random, logger, target: undefined, outbox: undefined }, fenced)
  }

  /** True when the job's effect was committed before. */
  async #claim(tx: FenceTransaction): Promise<boolean> {
    this.#refuseWhenOver()
    if (!this.#deps.hasPostgres) throw jobsErrors.create('HF_JOBS_NO_POSTGRES', 'a fence was used, and the jobs have no pool')
    const { namespace, queue, id, start } = this.#identity
    const { rows } = await tx.query(unobserved(CLAIM_FENCE), [namespace, queue, id, start, this.#holder, this.#hasClaimed])
    const row = rows[0]
    if (row === undefined) throw this.#fenced('a later attempt has begun')
    this.#hasClaimed = true
    this.#refuseWhenOver()
    return row.done === true
  }

  #refuseWhenOver(): void {
    if (this.#attempt.reason !== undefined) throw this.#fenced(`it is over (${this.#attempt.reason.code})`)
  }

  #fenced(why: string): Error {
    const { queue, id, start } = this.#identity
    return jobsErrors.create('HF_JOBS_FENCED', `attempt ${start} of job ${queue}/${id} may not commit: ${why}`, { context: { queue, id, start } })
  }
}
