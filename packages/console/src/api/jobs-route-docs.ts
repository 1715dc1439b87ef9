import { type RouteDoc, WINDOW } from './route-doc.ts'

const BASE = 'api/v1/performance/jobs'
const REDIS = ['HF_CONSOLE_NO_JOBS', 'HF_JOBS_REDIS_AWAY'] as const
const OF_QUEUE = ['HF_JOBS_UNKNOWN_QUEUE', ...REDIS] as const
const FILTER = [
  ['name', false, 'only jobs of this name'],
  ['id', false, 'only ids with this in them'],
  ['text', false, 'only payloads with this in their JSON; needs the role operate'],
  ['tenant', false, 'only jobs of this tenant'],
  ['failure', false, 'only failures with this in their message'],
  ['reason', false, 'only dead letters of this reason: error, timeout, stalled, cancelled, payload or unknown-name'],
  ['fromMs', false, 'enqueued at or after, in ms since 1970'],
  ['toMs', false, 'enqueued before'],
] as const
const STATE = ['state', true, 'waiting, active, delayed, completed or dead'] as const
const PAGE = [
  ['limit', false, '1 to 500; default 50'],
  ['cursor', false, '`next` of the page before'],
] as const
const LIST = {
  schema: 'holdfast.jobs-list/1',
  properties: { schema: 'string', queue: 'string', state: 'string', jobs: 'array', scanned: 'number' },
} as const
const CHANGE = {
  schema: 'holdfast.jobs-change/1',
  properties: { schema: 'string', queue: 'string', action: 'string', count: 'number', cancelled: 'string?' },
} as const
const CONFIRMATION = ['confirmation', 'string', false, "the queue's name, outside development"] as const
const TARGET = [
  ['id', 'string', false, 'one dead letter'],
  ['filter', 'object', false, 'those that it holds: the fields of the query of dead-letter'],
  ['all', 'boolean', false, 'true: all of the queue'],
  ['confirmation', 'string', false, "the queue's name, outside development, unless it is one by id"],
] as const

/** The addresses of jobs. */
export const JOBS_ROUTES: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: `${BASE}/metrics`, role: 'view', query: [['queue', false, 'what names, series and depth are of'], WINDOW] } as const),
    summary: 'all queues with what is in them now, where their depth goes, and wait, run and age in the window',
    answer: {
      schema: 'holdfast.jobs-metrics/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', windowSec: 'number', queue: 'string?', queues: 'array', names: 'array' } as const),
        ...({ series: 'object', depth: 'object', storeProblem: 'object?', actions: 'array', needsConfirmation: 'boolean' } as const),
      },
    },
    refusals: [],
  },
  {
    ...({ method: 'get', path: `${BASE}/schedules`, role: 'view', query: [['queue', false, 'absent: of all queues']] } as const),
    summary: 'schedules with their next time; payloads for the role operate',
    answer: { schema: 'holdfast.jobs-schedules/1', properties: { schema: 'string', schedules: 'array' } },
    refusals: OF_QUEUE,
  },
  {
    ...({ method: 'get', path: `${BASE}/:queue/jobs`, role: 'view', query: [STATE, ...FILTER, ...PAGE], answer: LIST } as const),
    summary: 'jobs of one state; at most 10,000 are looked at for a page',
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_FORBIDDEN', 'HF_JOBS_OPTION', ...OF_QUEUE],
  },
  {
    ...({ method: 'get', path: `${BASE}/:queue/dead-letter`, role: 'view', query: [...FILTER, ...PAGE], answer: LIST } as const),
    summary: 'dead letters, newest first, with reason and history',
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_FORBIDDEN', 'HF_JOBS_OPTION', ...OF_QUEUE],
  },
  {
    ...({ method: 'get', path: `${BASE}/:queue/count`, role: 'view', query: [STATE, ...FILTER] } as const),
    summary: 'how many jobs of a state a filter holds, before they are changed',
    answer: { schema: 'holdfast.jobs-count/1', properties: { schema: 'string', queue: 'string', state: 'string', count: 'number' } },
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_FORBIDDEN', 'HF_CONSOLE_BUSY', ...OF_QUEUE],
  },
  {
    ...({ method: 'get', path: `${BASE}/:queue/jobs/:id`, role: 'view' } as const),
    summary: 'one job with the history of its attempts; payload and result for the role operate',
    answer: { schema: 'holdfast.job/1', properties: { schema: 'string', job: 'object' } },
    refusals: ['HF_JOBS_NOT_FOUND', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/schedule`, role: 'operate', answer: CHANGE } as const),
    summary: 'makes a schedule, or changes it',
    body: [
      ['queue', 'string', true, 'name of the queue'],
      ['key', 'string', true, 'name of the schedule'],
      ['name', 'string', true, 'name of the job'],
      ['payload', 'object', false, 'payload of each job, any JSON; default null'],
      ['cron', 'string', false, 'five fields; with timeZone'],
      ['timeZone', 'string', false, 'IANA name'],
      ['every', 'string', false, 'instead of cron: 1s to 30d'],
    ],
    refusals: ['HF_JOBS_SCHEDULE', 'HF_JOBS_OPTION', 'HF_JOBS_PAYLOAD', 'HF_JOBS_PAYLOAD_TOO_LARGE', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/unschedule`, role: 'operate', answer: CHANGE } as const),
    summary: 'removes a schedule, and the job that waits for its next time',
    body: [
      ['key', 'string', true, 'name of the schedule'],
      ['confirmation', 'string', false, 'the key, outside development'],
    ],
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_JOBS_NOT_FOUND', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/retry-failed`, role: 'operate', body: TARGET, answer: CHANGE } as const),
    summary: 'runs dead letters again, with all their attempts',
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', 'HF_JOBS_NOT_FOUND', 'HF_JOBS_STATE', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/discard-failed`, role: 'operate', body: TARGET, answer: CHANGE } as const),
    summary: 'deletes dead letters',
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', 'HF_JOBS_NOT_FOUND', 'HF_JOBS_STATE', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/pause`, role: 'operate', body: [CONFIRMATION], answer: CHANGE } as const),
    summary: 'no worker takes a job until resume; running ones go on',
    refusals: ['HF_CONSOLE_CONFIRMATION', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/resume`, role: 'operate', answer: CHANGE, refusals: OF_QUEUE } as const),
    summary: 'workers take jobs again',
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/drain`, role: 'operate', answer: CHANGE } as const),
    summary: 'deletes all that wait; running jobs go on',
    body: [['delayed', 'boolean', false, 'true: what is delayed too, but for schedules'], CONFIRMATION],
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', ...OF_QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/:queue/cancel`, role: 'operate', body: [['id', 'string', true, 'the job']], answer: CHANGE } as const),
    summary: 'removes a job that waits, or aborts the signal of one that runs, within a second',
    refusals: ['HF_JOBS_NOT_FOUND', 'HF_JOBS_STATE', ...OF_QUEUE],
  },
]
