import type { Duration, Size } from '../core/index.ts'
import type { RunningJob } from './running-job.ts'
import type { StandardSchema } from './standard-schema.ts'

/** Pauses between the attempts of a job. The n-th is `base` doubled n-1 times, at most `ceiling`, of which the share `jitter` is random. */
export interface Backoff {
  /** `'0ms'` to `'1d'`. Default `'1s'`. */
  readonly base?: Duration
  /** `base` to `'7d'`. Default `'5m'`. */
  readonly ceiling?: Duration
  /** 0 (none) to 1 (anything from 0 up). Default 0.5, so that jobs that failed together do not come back together. */
  readonly jitter?: number
}

/** How jobs are tried, for one job name or as the default of a queue. */
export interface JobPolicy {
  /** Attempts before a job is a dead letter, 1 to 100. Stalled attempts count. Default 5. */
  readonly attempts?: number
  /** Default: from 1 s doubling to 5 min, half of it random. */
  readonly backoff?: Backoff
  /** Longest time of one attempt, `'1ms'` to `'1d'`. Default `'30s'`. */
  readonly timeout?: Duration
  /** 0 (first, and cheapest) to 2,097,151 (last). Default 0. */
  readonly priority?: number
}

/** One kind of job. `Input` is what callers hand over, `Output` what `run` gets: they differ when the schema transforms. */
export interface JobDefinition<Input = unknown, Output = Input> extends JobPolicy {
  /** Checks the payload when it is handed over and again before it runs. Default: anything that is JSON. */
  readonly schema?: StandardSchema<Input, Output>
  /** The work. What it returns is kept with the job when it is JSON of at most 16 kB. Absent: this process only hands jobs over. */
  readonly run?: (job: RunningJob<Output>) => Promise<unknown> | unknown
}

/** What is kept of finished jobs. Both limits hold; what is beyond is removed when the next job finishes. */
export interface Retention {
  /** 0 to 1,000,000 jobs. */
  readonly count?: number
  /** `'1s'` or more. */
  readonly age?: Duration
}

/** A share for every tenant. Jobs that are added with a `tenant` wait in a line of their own; the lines are served in turn. */
export interface Fairness {
  /** Jobs of one tenant that run at once, in all processes, 1 or more. Default: no limit. */
  readonly concurrency?: number
  /** Jobs of one tenant started per time, by token bucket: `max` at once, refilled evenly over `per`. Default: no limit. */
  readonly rate?: { readonly max: number; readonly per: Duration }
  /** Jobs let out of the lines ahead of the workers, 1 to 10,000. A newcomer waits for as many jobs of others. Default 50, at least twice `concurrency` of the queue
   *  is best for throughput. */
  readonly window?: number
}

/** Limits from which a queue is reported in health and findings. */
export interface QueueAlerts {
  /** Waiting jobs. Default 1,000 @source spec of the leads service. */
  readonly depth?: number
  /** Age of the oldest waiting job. Default `'30s'` @source the same. */
  readonly age?: Duration
  /** Share of attempts that failed, 0 to 1, over the last minute and at least 20 attempts. Default 0.01 @source the same: > 99 % succeed. */
  readonly failureRatio?: number
}

/** One queue. */
export interface QueueDefinition<Jobs extends JobDefinitions = JobDefinitions> extends JobPolicy {
  readonly jobs: Jobs
  /** Jobs that one process runs at once, 1 to 1,000. Default 10. */
  readonly concurrency?: number
  /** Jobs that run at once in all processes together. Default: no limit. */
  readonly globalConcurrency?: number
  /** Jobs started in all processes together: at most `max` in each `per`. Default: no limit. */
  readonly rate?: { readonly max: number; readonly per: Duration }
  /** Default: none, and `tenant` is refused. */
  readonly fairness?: Fairness
  /** Default: 1,000 jobs and 1 day. */
  readonly keepCompleted?: Retention
  /** Dead letters. Default: 10,000 and 14 days. */
  readonly keepDead?: Retention
  /** JSON text of a payload in UTF-8, at most. Default `'64kb'`. */
  readonly maxPayload?: Size
  readonly alerts?: QueueAlerts
}

/** Kinds of job by name. */
// biome-ignore lint/suspicious/noExplicitAny: a definition takes its payload and gives it away, so that only `any` stands for all of them.
export type JobDefinitions = Readonly<Record<string, JobDefinition<any, any>>>

/** Queues by name. */
export type QueueDefinitions = Readonly<Record<string, QueueDefinition>>

/** What callers hand over for one kind of job. */
export type PayloadOf<Queues extends QueueDefinitions, Queue extends keyof Queues, Name extends keyof Queues[Queue]['jobs']> =
  Queues[Queue]['jobs'][Name] extends JobDefinition<infer Input, infer _Output> ? Input : never

/** Names of the jobs of a queue. */
export type NameOf<Queues extends QueueDefinitions, Queue extends keyof Queues> = keyof Queues[Queue]['jobs'] & string

/** The definition as it is, with its payload's type: `defineJob<{ to: string }>({ run })`, or from `schema`. */
export function defineJob<Input, Output = Input>(definition: JobDefinition<Input, Output>): JobDefinition<Input, Output> {
  return definition
}

/** How one job is handed over. */
export interface AddOptions {
  /** Not before this time has passed, `'0ms'` to `'365d'`. Default: at once. */
  readonly delay?: Duration
  /** Default: that of the job, else of the queue. */
  readonly priority?: number
  readonly attempts?: number
  /** A job whose id is known, waiting, running or kept, is not added again. 1 to 200 characters, no colon, not a whole number. Default: made up. */
  readonly id?: string
  /** Whose job it is, in a queue with `fairness`. 1 to 200 characters. Cannot go with `priority`. */
  readonly tenant?: string
}
