import type { DeadLetter, JobFilter, JobPage, JobSchedule, JobState, JobSummary, QueueOutlook } from 'holdfast/jobs'
import type { FindingSummary, Measured } from './contract.ts'
import type { ServerProblem } from './database-contract.ts'

/** What jobs did in the window, as the instances measured it. */
export interface JobTimes {
  /** Jobs that ended: completed, dead or cancelled. */
  readonly endedPerSec: Measured
  readonly completedCount: number
  readonly retriedCount: number
  readonly deadCount: number
  readonly cancelledCount: number
  readonly stalledCount: number
  /** From when a job was due to the start of its first attempt. */
  readonly waitP50Ms: Measured
  readonly waitP95Ms: Measured
  /** One attempt. */
  readonly runP50Ms: Measured
  readonly runP95Ms: Measured
  /** From when a job was due to its end. */
  readonly ageP50Ms: Measured
  readonly ageP95Ms: Measured
}

/** One queue. */
export interface JobQueueRow extends JobTimes {
  readonly queue: string
  /** Now, as Redis has them; null when it did not say. */
  readonly counts: Readonly<Record<JobState, number>> | null
  readonly isPaused: boolean | null
  /** Age of the job that has waited longest. */
  readonly oldestWaitingMs: number | null
  /** Whether it falls behind, and when it will be empty, as the instances say; null when Redis did not say how much waits. */
  readonly outlook: Omit<QueueOutlook, 'queue'> | null
}

/** Jobs of one name. */
export interface JobNameRow extends JobTimes {
  readonly name: string
}

/** One point a second, oldest first; null where no job started or ended. The newest lacks an instance when `partial`. */
export interface JobSeries {
  readonly atMs: readonly number[]
  readonly endedPerSec: readonly (number | null)[]
  readonly failedPerSec: readonly (number | null)[]
  readonly waitP50Ms: readonly (number | null)[]
  readonly waitP95Ms: readonly (number | null)[]
  readonly runP50Ms: readonly (number | null)[]
  readonly runP95Ms: readonly (number | null)[]
  readonly ageP50Ms: readonly (number | null)[]
  readonly ageP95Ms: readonly (number | null)[]
  readonly partial: boolean
}

/** `GET api/v1/performance/jobs/metrics?queue=&window=` */
export interface JobsMetricsAnswer {
  readonly schema: 'holdfast.jobs-metrics/1'
  readonly atMs: number
  readonly windowSec: number
  /** What `times`, `names`, `series` and `depth` are of; null: all queues together. */
  readonly queue: string | null
  readonly times: JobTimes
  /** All queues, by name. */
  readonly queues: readonly JobQueueRow[]
  /** Most jobs first. */
  readonly names: readonly JobNameRow[]
  readonly series: JobSeries
  /** Jobs waiting and delayed, as the console saw them every five seconds and now. */
  readonly depth: { readonly atMs: readonly number[]; readonly waiting: readonly number[]; readonly delayed: readonly number[] }
  /** Open findings of jobs, worst first. */
  readonly findings: readonly FindingSummary[]
  /** Why the queues themselves cannot be read; null when they were. */
  readonly storeProblem: ServerProblem | null
  /** What the caller's role allows. Empty: the console was given no way to the queues. */
  readonly actions: readonly ('look' | 'payload' | 'change')[]
  /** Whether what reaches many jobs wants the queue's name typed. */
  readonly needsConfirmation: boolean
}

/** `GET api/v1/performance/jobs/:queue/jobs?state=` and `GET .../dead-letter` */
export interface JobsListAnswer extends JobPage<JobSummary | DeadLetter> {
  readonly schema: 'holdfast.jobs-list/1'
  readonly queue: string
  readonly state: JobState
}

/** `GET api/v1/performance/jobs/:queue/count?state=` */
export interface JobsCountAnswer {
  readonly schema: 'holdfast.jobs-count/1'
  readonly queue: string
  readonly state: JobState
  readonly count: number
}

/** `GET api/v1/performance/jobs/:queue/jobs/:id` */
export interface JobAnswer {
  readonly schema: 'holdfast.job/1'
  readonly job: JobSummary & { readonly history: DeadLetter['history'] }
  /** JSON, at most 20,000 characters; absent unless the role allows it. */
  readonly payloadText?: string
  readonly resultText?: string
}

/** `GET api/v1/performance/jobs/schedules?queue=`. The payload only where the role allows it. */
export interface JobSchedulesAnswer {
  readonly schema: 'holdfast.jobs-schedules/1'
  readonly schedules: readonly (Omit<JobSchedule, 'payload'> & { readonly payload?: unknown })[]
}

/** Which dead letters, in the body of `POST .../retry-failed` and `.../discard-failed`. */
export interface DeadLettersRequest {
  readonly id?: string
  readonly filter?: JobFilter
  readonly all?: boolean
  readonly confirmation?: string
}

/** Answer of every change of a queue. */
export interface JobsChangeAnswer {
  readonly schema: 'holdfast.jobs-change/1'
  readonly queue: string
  readonly action: 'pause' | 'resume' | 'retry' | 'discard' | 'drain' | 'cancel' | 'schedule' | 'unschedule'
  /** Jobs, schedules or queues that it reached. */
  readonly count: number
  /** Of a cancel: whether the job is gone, or its attempt was told. Else null. */
  readonly cancelled: 'removed' | 'requested' | null
}

/** Body of `POST api/v1/performance/jobs/schedule`. */
export interface JobScheduleRequest {
  readonly queue: string
  readonly key: string
  readonly name: string
  readonly payload?: unknown
  /** With `timeZone`. */
  readonly cron?: string
  readonly timeZone?: string
  /** Instead. */
  readonly every?: string
}
