import { createRequire } from 'node:module'
import { jobsErrors } from '../errors.ts'

/** The part of a BullMQ job (6.7) used here. */
export interface BullJob {
  readonly id?: string | undefined
  readonly name: string
  readonly data: unknown
  readonly opts: BullJobOptions
  readonly timestamp: number
  readonly delay: number
  readonly priority: number
  readonly attemptsMade: number
  readonly attemptsStarted: number
  readonly stalledCounter: number
  readonly processedOn?: number | undefined
  readonly finishedOn?: number | undefined
  readonly failedReason?: string | undefined
  readonly returnvalue?: unknown
  readonly processedBy?: string | undefined
  readonly repeatJobKey?: string | undefined
  log(row: string): Promise<number>
  moveToWait(token?: string): Promise<number>
  moveToDelayed(timestamp: number, token?: string): Promise<void>
  getState(): Promise<string>
  remove(): Promise<void>
  retry(state?: 'completed' | 'failed', options?: { resetAttemptsMade?: boolean }): Promise<void>
}

/** Options as they are stored with a job. Others of BullMQ are left alone. */
export interface BullJobOptions {
  attempts?: number
  backoff?: { readonly type: string; readonly delay?: number } | number
  readonly delay?: number
  readonly priority?: number
  readonly jobId?: string
  readonly timestamp?: number
  keepLogs?: number
  readonly deduplication?: { readonly id: string; readonly ttl: number }
  /** Ours: whose job it is. BullMQ stores what it does not know. */
  readonly tenant?: string
}

/** The part of a BullMQ queue used here. */
export interface BullQueue {
  readonly name: string
  toKey(type: string): string
  add(name: string, data: unknown, options?: BullJobOptions): Promise<BullJob>
  addBulk(jobs: readonly { name: string; data: unknown; opts?: BullJobOptions }[]): Promise<BullJob[]>
  getJob(id: string): Promise<BullJob | undefined>
  getJobs(types: readonly string[], start: number, end: number, ascending: boolean): Promise<(BullJob | undefined)[]>
  getJobLogs(id: string, start?: number, end?: number, ascending?: boolean): Promise<{ logs: string[]; count: number }>
  getJobCounts(...types: string[]): Promise<Record<string, number>>
  pause(): Promise<void>
  resume(): Promise<void>
  isPaused(): Promise<boolean>
  drain(delayed?: boolean): Promise<void>
  setGlobalConcurrency(concurrency: number): Promise<unknown>
  removeGlobalConcurrency(): Promise<unknown>
  upsertJobScheduler(id: string, repeat: BullRepeat, template: { name: string; data: unknown; opts?: BullJobOptions }): Promise<unknown>
  getJobSchedulers(start?: number, end?: number, ascending?: boolean): Promise<BullScheduler[]>
  removeJobScheduler(id: string): Promise<boolean>
  waitUntilReady(): Promise<unknown>
  close(): Promise<void>
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** When a scheduler of BullMQ is due. */
export interface BullRepeat {
  readonly pattern?: string
  readonly tz?: string
  readonly every?: number
}

/** A scheduler as BullMQ lists it. */
export interface BullScheduler extends BullRepeat {
  readonly key: string
  readonly name: string
  readonly next?: number
  readonly template?: { readonly data?: unknown }
}

/** The part of a BullMQ worker used here. */
export interface BullWorker {
  run(): Promise<void>
  close(force?: boolean): Promise<void>
  waitUntilReady(): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'completed' | 'failed', listener: (job: BullJob | undefined) => void): unknown
}

/** Next run of a cron schedule after `millis`. */
export type BullRepeatStrategy = (millis: number, options: BullRepeat, name?: string) => number | undefined

/** The part of BullMQ's module used here. */
export interface BullModule {
  readonly Queue: new (name: string, options: object) => BullQueue
  readonly Worker: new (name: string, processor: (job: BullJob, token: string) => Promise<unknown>, options: object) => BullWorker
  readonly UnrecoverableError: new (message?: string) => Error
  readonly WaitingError: new (message?: string) => Error
  readonly DelayedError: new (message?: string) => Error
}

/** Loaded on first use and at once, because the package is an optional peer and a missing one is a mistake to report at construction.
 *  @throws HF_JOBS_BULLMQ_MISSING */
export function loadBullMq(require: (name: string) => unknown = createRequire(import.meta.url)): BullModule {
  try {
    return require('bullmq') as BullModule
  } catch (cause) {
    throw jobsErrors.create('HF_JOBS_BULLMQ_MISSING', 'bullmq could not be loaded', { cause })
  }
}
