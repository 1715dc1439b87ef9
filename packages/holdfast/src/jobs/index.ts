export { jobsErrors } from './errors.ts'
export {
  type AddOptions,
  type Backoff,
  defineJob,
  type Fairness,
  type JobDefinition,
  type JobDefinitions,
  type JobPolicy,
  type NameOf,
  type PayloadOf,
  type QueueAlerts,
  type QueueDefinition,
  type QueueDefinitions,
  type Retention,
} from './job-definition.ts'
export type { AttemptRecord, FailureReason } from './job-history.ts'
export { createJobs, type Jobs, type JobsDeps, type JobToAdd } from './jobs.ts'
export type { JobsOptions } from './jobs-options.ts'
export type { JobsRedisClient, JobsRedisCluster, JobsRedisOption } from './redis/port.ts'
export type { FenceTransaction, RunningJob, TransactionSource } from './running-job.ts'
export type { SchemaResult, StandardSchema } from './standard-schema.ts'
export { createJobStore, type JobStoreOptions, type OwnJobStore } from './store/create-job-store.ts'
export type {
  DeadLetter,
  DeadLetterTarget,
  JobDetail,
  JobFilter,
  JobPage,
  JobSchedule,
  JobState,
  JobStore,
  JobSummary,
  PageOptions,
  QueueSummary,
  ScheduleRequest,
} from './store/job-store.ts'
export type { QueueAlert } from './watch/queue-alerts.ts'
export { type DepthSample, type QueueOutlook, queueOutlook } from './watch/queue-outlook.ts'
export type { JobsState } from './watch/queue-watch.ts'
