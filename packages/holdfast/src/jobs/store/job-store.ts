import type { Schedule } from '../../core/index.ts'
import type { AttemptRecord, FailureReason } from '../job-history.ts'

/** Where a job stands. `waiting` includes those in the lines of tenants; `dead` are dead letters. */
export type JobState = 'waiting' | 'active' | 'delayed' | 'completed' | 'dead'

/** A job in a list. */
export interface JobSummary {
  readonly queue: string
  readonly id: string
  readonly name: string
  readonly state: JobState
  readonly tenant?: string
  readonly priority: number
  /** Attempts that ended, stalled ones included. */
  readonly attemptsMade: number
  readonly enqueuedAtMs: number
  /** Of a delayed job, as far as it is known: when it was added with a delay. */
  readonly dueAtMs?: number
  /** Start of the last attempt. */
  readonly startedAtMs?: number
  readonly finishedAtMs?: number
  /** Message of the last failure. */
  readonly failure?: string
  /** Name of the schedule that made it. */
  readonly schedule?: string
}

/** Everything of a job. */
export interface JobDetail extends JobSummary {
  readonly payload: unknown
  readonly result?: unknown
  /** Attempts that did not complete, oldest first; at most 50. */
  readonly history: readonly AttemptRecord[]
}

/** A dead letter in a list: with the reason of its last attempt and the history. */
export interface DeadLetter extends JobSummary {
  readonly reason: FailureReason
  readonly history: readonly AttemptRecord[]
}

/** What a job must be. All that is named must hold. */
export interface JobFilter {
  readonly name?: string
  /** Part of the id. */
  readonly id?: string
  readonly tenant?: string
  /** Part of the payload's JSON text, without regard to case. */
  readonly text?: string
  /** Of dead letters: reason of the last attempt. Costs one more round trip a page. */
  readonly reason?: FailureReason
  /** Part of the last failure's message, without regard to case. */
  readonly failure?: string
  /** Enqueued at or after, and before, in ms since 1970. */
  readonly fromMs?: number
  readonly toMs?: number
}

/** Where to go on in a list. */
export interface PageOptions {
  /** 1 to 500. Default 50. */
  readonly limit?: number
  /** `next` of the page before. Jobs that come and go meanwhile shift the list. */
  readonly cursor?: string
}

/** Part of a list. */
export interface JobPage<Job = JobSummary> {
  readonly jobs: readonly Job[]
  /** Jobs that were looked at for it: at most 10,000. */
  readonly scanned: number
  /** Absent at the end. */
  readonly next?: string
}

/** Which dead letters. */
export type DeadLetterTarget = { readonly id: string } | { readonly filter: JobFilter } | { readonly all: true }

/** One queue, as Redis has it. */
export interface QueueSummary {
  readonly queue: string
  readonly counts: Readonly<Record<JobState, number>>
  readonly isPaused: boolean
  /** How long the job has waited that has waited longest since it was due or last attempted, in ms; 0 when none waits. Of lines of tenants, the heads of up to 2,000
   *  are looked at; of priorities, the first and the last. */
  readonly oldestWaitingMs: number
}

/** A schedule. */
export interface JobSchedule {
  readonly queue: string
  readonly key: string
  readonly name: string
  readonly schedule: Schedule
  readonly payload: unknown
  readonly nextAtMs?: number
}

/** What a new or changed schedule says. */
export interface ScheduleRequest {
  /** Name of the job. */
  readonly name: string
  readonly payload: unknown
  readonly schedule: Schedule
}

/** Looks after the queues of a namespace, from any process: needs no definitions. All of it is plain data; each function rejects with HF_JOBS_REDIS_AWAY within 10 s
 *  when Redis does not answer. One interface, so that another engine can come later. */
export interface JobStore {
  /** Every queue that a process has started with, by name. 3 round trips and 1 a queue. */
  queues(): Promise<readonly QueueSummary[]>
  /** @throws HF_JOBS_UNKNOWN_QUEUE */
  queue(queue: string): Promise<QueueSummary>
  /** Jobs of one state: the next to run first, finished ones by their end, newest first. @throws HF_JOBS_UNKNOWN_QUEUE */
  list(queue: string, state: JobState, filter?: JobFilter, page?: PageOptions): Promise<JobPage>
  /** @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND */
  show(queue: string, id: string): Promise<JobDetail>
  /** Dead letters, newest first. @throws HF_JOBS_UNKNOWN_QUEUE */
  deadLetters(queue: string, filter?: JobFilter, page?: PageOptions): Promise<JobPage<DeadLetter>>
  /** How many jobs of a state a filter holds. Looks at all of them, in pages. @throws HF_JOBS_UNKNOWN_QUEUE */
  count(queue: string, state: JobState, filter?: JobFilter): Promise<number>
  /** Runs dead letters again, with all their attempts: ask `count` first. `matched` may be more than `retried` when somebody else was there before.
   *  @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND, HF_JOBS_STATE */
  retry(queue: string, target: DeadLetterTarget): Promise<{ readonly matched: number; readonly retried: number }>
  /** Deletes dead letters. @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND, HF_JOBS_STATE */
  discard(queue: string, target: DeadLetterTarget): Promise<{ readonly matched: number; readonly discarded: number }>
  /** `removed`: it waited, and is gone. `requested`: it runs, and its signal is aborted within a second, in whichever process.
   *  @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND; HF_JOBS_STATE when it has ended */
  cancel(queue: string, id: string): Promise<'removed' | 'requested'>
  /** No worker takes a job until `resume`; running ones go on. @throws HF_JOBS_UNKNOWN_QUEUE */
  pause(queue: string): Promise<void>
  /** @throws HF_JOBS_UNKNOWN_QUEUE */
  resume(queue: string): Promise<void>
  /** Deletes all that wait, also in the lines of tenants; with `delayed` also what is delayed, but for schedules. Running jobs go on. Returns how many were there.
   *  @throws HF_JOBS_UNKNOWN_QUEUE */
  drain(queue: string, options?: { readonly delayed?: boolean }): Promise<{ readonly removed: number }>
  /** Schedules of one queue, or of all. @throws HF_JOBS_UNKNOWN_QUEUE */
  schedules(queue?: string): Promise<readonly JobSchedule[]>
  /** Makes a schedule, or changes it. @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_SCHEDULE, HF_JOBS_PAYLOAD, HF_JOBS_OPTION for the key */
  putSchedule(queue: string, key: string, request: ScheduleRequest): Promise<JobSchedule>
  /** @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND */
  removeSchedule(queue: string, key: string): Promise<void>
}
