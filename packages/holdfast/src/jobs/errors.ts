import { defineErrors, type ErrorTable } from '../core/index.ts'

type JobsErrorCode =
  | 'HF_JOBS_BULLMQ_MISSING'
  | 'HF_JOBS_EVICTION'
  | 'HF_JOBS_REDIS_AWAY'
  | 'HF_JOBS_NOT_CONFIGURED'
  | 'HF_JOBS_NO_POSTGRES'
  | 'HF_JOBS_UNKNOWN_QUEUE'
  | 'HF_JOBS_UNKNOWN_NAME'
  | 'HF_JOBS_OPTION'
  | 'HF_JOBS_PAYLOAD'
  | 'HF_JOBS_PAYLOAD_TOO_LARGE'
  | 'HF_JOBS_SCHEDULE'
  | 'HF_JOBS_TIMEOUT'
  | 'HF_JOBS_CANCELLED'
  | 'HF_JOBS_STOPPING'
  | 'HF_JOBS_STALLED'
  | 'HF_JOBS_FENCED'
  | 'HF_JOBS_NON_ERROR_THROWN'
  | 'HF_JOBS_NOT_FOUND'
  | 'HF_JOBS_STATE'

/** Errors of `jobs`. */
export const jobsErrors: ErrorTable<JobsErrorCode> = defineErrors<JobsErrorCode>({
  HF_JOBS_BULLMQ_MISSING: {
    summary: 'Jobs are wanted, and BullMQ or ioredis could not be loaded.',
    hint: 'npm install bullmq@6.7.0 ioredis',
    retryable: false,
  },
  HF_JOBS_EVICTION: {
    summary: 'The Redis of the jobs may evict keys when its memory is full, and would lose jobs.',
    hint: 'CONFIG SET maxmemory-policy noeviction, and the same in its configuration file; give the cache a Redis of its own',
    retryable: false,
  },
  HF_JOBS_REDIS_AWAY: {
    summary: 'The Redis of the jobs did not answer in time. Whether a job that was being added is in the queue is not known.',
    hint: 'try again with the same `id`, which makes it safe; or enqueue in a transaction, which needs no Redis',
    retryable: true,
  },
  HF_JOBS_NOT_CONFIGURED: {
    summary: '`hf.jobs` was used, but `holdfast()` was given no jobs.',
    hint: 'holdfast({ redis, jobs: { queues: { mail: { jobs: { welcome: defineJob({ run }) } } } } })',
    retryable: false,
  },
  HF_JOBS_NO_POSTGRES: {
    summary: 'The outbox or a fence was used, and the jobs were given no PostgreSQL pool.',
    hint: 'pass `pool` to createJobs, or `pg` to holdfast()',
    retryable: false,
  },
  HF_JOBS_UNKNOWN_QUEUE: {
    summary: 'There is no queue of this name.',
    hint: 'define it under `queues`; names are case sensitive',
    retryable: false,
    status: 404,
  },
  HF_JOBS_UNKNOWN_NAME: {
    summary: 'The queue has no job of this name, or this process has no `run` for it.',
    hint: 'define it under `jobs` of its queue, also in the processes that work the queue',
    retryable: false,
    status: 404,
  },
  HF_JOBS_OPTION: {
    summary: 'An option of a job is out of its range.',
    hint: 'the message names the option, the value and the range',
    retryable: false,
    status: 400,
  },
  HF_JOBS_PAYLOAD: {
    summary: 'The payload is not JSON, or is not what the schema of the job asks for.',
    hint: 'send plain objects, arrays, strings, finite numbers, booleans and null; a Date as its ISO text',
    retryable: false,
    status: 400,
  },
  HF_JOBS_PAYLOAD_TOO_LARGE: {
    summary: 'The payload is larger than `maxPayload`.',
    hint: 'store the data elsewhere and send its key; or raise `maxPayload`, which costs memory of Redis for each waiting job',
    retryable: false,
    status: 413,
  },
  HF_JOBS_SCHEDULE: {
    summary: 'The schedule cannot be read: its cron expression or time zone is wrong, or it is never due.',
    hint: "five fields and an IANA zone: { cron: '0 3 * * *', timeZone: 'Europe/Berlin' }; or { every: '10m' }",
    retryable: false,
    status: 400,
  },
  HF_JOBS_TIMEOUT: {
    summary: 'An attempt took longer than its timeout. Its signal was aborted, and it can no longer commit through its fence.',
    hint: 'give the signal to what the job waits for; raise `timeout` when the work is that long',
    retryable: true,
  },
  HF_JOBS_CANCELLED: {
    summary: 'The job was cancelled.',
    hint: 'retry it from the dead letters when that was a mistake',
    retryable: false,
  },
  HF_JOBS_STOPPING: {
    summary: 'The process is stopping; the attempt was handed back and costs none of the job’s attempts.',
    hint: 'nothing: another worker takes the job',
    retryable: true,
  },
  HF_JOBS_STALLED: {
    summary: 'The worker of the job vanished, or its event loop was blocked, as often as the job has attempts.',
    hint: 'look for crashes and out-of-memory kills of the workers at the times in the history; move blocking work to a thread',
    retryable: false,
  },
  HF_JOBS_FENCED: {
    summary: 'This attempt may no longer write: it timed out, was cancelled or handed back, or a later attempt has begun.',
    hint: 'let the error pass; the transaction is rolled back, and the later attempt does the work',
    retryable: false,
  },
  HF_JOBS_NON_ERROR_THROWN: {
    summary: 'A job threw something that is no Error.',
    hint: 'throw an Error: anything else has no stack and no message',
    retryable: true,
  },
  HF_JOBS_NOT_FOUND: {
    summary: 'There is no job, schedule or dead letter of this id.',
    hint: 'it may have been removed by retention; list the queue',
    retryable: false,
    status: 404,
  },
  HF_JOBS_STATE: {
    summary: 'The job is in a state that does not allow this.',
    hint: 'only dead letters can be run again or discarded; only what has not ended can be cancelled',
    retryable: false,
    status: 409,
  },
})
