import type { Transaction, UserPool } from '../postgres/index.ts'

/** The part of a connection inside a transaction that a fence uses: a `Transaction` of `hf.pg`, or a checked-out client of `pg` after BEGIN. */
export interface FenceTransaction {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
}

/** What {@link RunningJob.transaction} runs on: `hf.pg`, or a pool of `pg`. */
export type TransactionSource = UserPool | { transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> }

/** One attempt of a job. */
export interface RunningJob<Payload = unknown> {
  readonly id: string
  readonly queue: string
  readonly name: string
  readonly payload: Payload
  readonly tenant: string | undefined
  /** 1 for the first. Attempts that stalled count. */
  readonly attempt: number
  /** How many there may be. */
  readonly attempts: number
  /** When the job was handed over, in ms since 1970. */
  readonly enqueuedAtMs: number
  /** Aborted at the timeout, by a cancel, and when the process must stop; its reason is a HoldfastError. Give it to everything that waits. */
  readonly signal: AbortSignal
  /** Call it first in a transaction: from there to COMMIT no other attempt of this job can pass it, and this one can only commit while it is the latest.
   *  1 round trip. @throws HF_JOBS_FENCED, HF_JOBS_NO_POSTGRES */
  fence(tx: FenceTransaction): Promise<void>
  /** As `fence`, and true for one transaction of the job only: that which commits. Do the effect when it is true. 1 round trip.
   *  @throws HF_JOBS_FENCED, HF_JOBS_NO_POSTGRES */
  once(tx: FenceTransaction): Promise<boolean>
  /** A transaction that is fenced, and rolled back when the attempt is over before COMMIT is sent. @throws HF_JOBS_FENCED, HF_JOBS_NO_POSTGRES */
  transaction<T>(on: TransactionSource, work: (tx: Transaction) => Promise<T>): Promise<T>
}
