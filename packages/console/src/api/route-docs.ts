import { CDN_ROUTES } from './cdn-route-docs.ts'
import { DATABASE_ROUTES } from './database-route-docs.ts'
import { JOBS_ROUTES } from './jobs-route-docs.ts'
import { type RouteDoc, WINDOW } from './route-doc.ts'

const FINDING_ANSWER = {
  schema: 'holdfast.finding/1',
  properties: { schema: 'string', finding: 'object', actions: 'array', confirmation: 'string?' },
} as const
const OVERVIEW_ANSWER = {
  schema: 'holdfast.overview/1',
  properties: {
    ...({
      schema: 'string',
      service: 'string',
      atMs: 'number',
      windowSec: 'number',
      objectives: 'array',
      health: 'object',
      instances: 'array',
    } as const),
    ...({ fixFirst: 'array', routes: 'array', tiles: 'object', statements: 'array', series: 'object', events: 'array', load: 'object?' } as const),
  },
} as const

const GENERAL: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: 'api/openapi.json', role: 'view', refusals: [] } as const),
    summary: 'this document',
    answer: { properties: { openapi: 'string', info: 'object', servers: 'array', paths: 'object', components: 'object' } },
  },
  {
    ...({ method: 'get', path: 'api/overview', role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'objectives, health, instances, what to fix first, routes, statements, series, events',
    answer: OVERVIEW_ANSWER,
  },
  {
    ...({ method: 'get', path: 'api/live', role: 'view', query: [WINDOW], refusals: ['HF_CONSOLE_TOO_MANY_CLIENTS'] } as const),
    summary: 'the overview as server-sent events, at once and then every second',
    answer: { ...OVERVIEW_ANSWER, kind: 'events' },
  },
  {
    ...({ method: 'get', path: 'api/health', role: 'view', refusals: [] } as const),
    summary: 'status of the service and the reasons',
    answer: { properties: { status: 'string', reasons: 'array' } },
  },
  {
    ...({ method: 'get', path: 'api/findings', role: 'view', refusals: [] } as const),
    summary: 'all findings by the time they save',
    answer: { schema: 'holdfast.findings/1', properties: { schema: 'string', findings: 'array' } },
  },
  {
    ...({
      method: 'get',
      path: 'api/findings/:id',
      role: 'view',
      refusals: ['HF_PG_FINDING_UNKNOWN', 'HF_CONSOLE_NOT_FOUND', 'HF_CONSOLE_NO_ADVISOR'],
    } as const),
    summary: 'one finding with its evidence, and what you may do with it',
    answer: FINDING_ANSWER,
  },
  {
    ...({ method: 'post', path: 'api/findings/:id/:action', role: 'operate', answer: FINDING_ANSWER } as const),
    summary: 'action is apply, verify or revert: runs it and answers the finding; one action at a time',
    body: [['confirmation', 'string', false, "the finding's id, outside development, for apply and revert"]],
    refusals: [
      'HF_CONSOLE_CONFIRMATION',
      'HF_CONSOLE_BUSY',
      'HF_CONSOLE_NO_ADVISOR',
      'HF_PG_FINDING_UNKNOWN',
      'HF_PG_FINDING_STATE',
      'HF_PG_NOT_ALLOWED',
    ],
  },
  {
    ...({ method: 'post', path: 'api/findings/:id/snooze', role: 'operate', answer: FINDING_ANSWER } as const),
    summary: 'puts a finding aside for a time; it is open again when it is found after that',
    body: [
      ['for', 'string', true, 'length of time, like 7d'],
      ['reason', 'string', true, 'why; kept in its history, at most 500 characters'],
    ],
    refusals: ['HF_CONSOLE_BUSY', 'HF_CONSOLE_NO_ADVISOR', 'HF_PG_FINDING_UNKNOWN', 'HF_PG_FINDING_STATE'],
  },
  {
    ...({ method: 'post', path: 'api/advise', role: 'operate' } as const),
    summary: 'examines the workload; candidates are tried on a copy',
    answer: {
      schema: 'holdfast.advice-answer/1',
      properties: { schema: 'string', findingCount: 'number', examinedCount: 'number', refused: 'array', notes: 'array' },
    },
    refusals: ['HF_CONSOLE_BUSY', 'HF_CONSOLE_NO_ADVISOR', 'HF_PG_STATEMENTS_MISSING'],
  },
  {
    ...({ method: 'post', path: 'api/events', role: 'operate', refusals: [] } as const),
    summary: 'adds a line to the events lane, for example a deploy',
    body: [
      ['atMs', 'number', true, 'wall clock'],
      ['kind', 'string', true, 'load, finding, apply, verify, revert, service, deploy, invalidate, warm, archive, vacuum or jobs'],
      ['text', 'string', true, 'what happened'],
    ],
  },
  {
    ...({ method: 'post', path: 'api/load', role: 'operate', refusals: [] } as const),
    summary: 'the state of a running load test; `null` as the body takes it away',
    body: [
      ['step', 'string', true, 'name of the step'],
      ['arrivalPerSec', 'number', true, 'requests that arrive each second'],
      ['valid', 'boolean', true, 'false: the generator was late'],
      ['p50Ms', 'object', true, 'value and n'],
      ['p95Ms', 'object', true, 'value and n'],
      ['errors', 'number', true, 'requests that failed'],
    ],
  },
]

const CACHE_BASE = 'api/v1/performance/cache'
const CACHE: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: `${CACHE_BASE}/metrics`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'hits per tier, prefixes, routes of the response cache, hot keys, instances, series',
    answer: {
      schema: 'holdfast.cache-metrics/1',
      properties: {
        ...({
          schema: 'string',
          atMs: 'number',
          windowSec: 'number',
          instances: 'array',
          totals: 'object',
          prefixes: 'array',
          routes: 'array',
          hotKeys: 'array',
        } as const),
        ...({ series: 'object', actions: 'array', needsConfirmation: 'boolean' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${CACHE_BASE}/hit-rate`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'hit ratios: whole, by prefix, and of the response cache by route, each with its n',
    answer: {
      schema: 'holdfast.cache-hit-rate/1',
      properties: {
        ...({
          schema: 'string',
          atMs: 'number',
          windowSec: 'number',
          hitRatio: 'object',
          l1HitRatio: 'object',
          l2HitRatio: 'object',
          prefixes: 'array',
          routes: 'array',
        } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${CACHE_BASE}/key`, role: 'view' } as const),
    summary: 'where a key is, for how long, under which tags, and why a read would be a hit or a miss',
    query: [
      ['key', true, 'the key'],
      ['value', false, '1 for its value too, which needs the role operate'],
    ],
    answer: {
      schema: 'holdfast.cache-key/1',
      properties: { schema: 'string', key: 'string', outcome: 'string', reason: 'string', message: 'string', memory: 'object?', redis: 'object?' },
    },
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_NO_CACHE', 'HF_CONSOLE_FORBIDDEN', 'HF_CACHE_KEY_INVALID'],
  },
  {
    ...({ method: 'get', path: `${CACHE_BASE}/tag-count`, role: 'operate', query: [['tag', true, 'the tag']] } as const),
    summary: 'how many entries a drop of the tag would reach',
    answer: {
      schema: 'holdfast.cache-tag-count/1',
      properties: { schema: 'string', tag: 'string', taggedCount: 'number?', scannedCount: 'number', isComplete: 'boolean', why: 'string?' },
    },
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_NO_CACHE', 'HF_CONSOLE_BUSY', 'HF_CACHE_TAG_INVALID'],
  },
  {
    ...({ method: 'post', path: `${CACHE_BASE}/warm`, role: 'operate', body: [['sources', 'array', false, 'names; absent: all']] } as const),
    summary: 'has the running services warm their cache, and answers when they have',
    answer: { schema: 'holdfast.cache-warming/1', properties: { schema: 'string', sources: 'array' } },
    refusals: ['HF_CONSOLE_NO_CACHE', 'HF_CONSOLE_BUSY', 'HF_CACHE_NO_WARMER', 'HF_CACHE_NO_SUCH_SOURCE', 'HF_CACHE_REDIS_AWAY'],
  },
  {
    ...({ method: 'post', path: `${CACHE_BASE}/invalidate`, role: 'operate' } as const),
    summary: 'drops what carries one of the tags, the keys, and stored answers of the URLs, tags and URLs at CDNs too; at most 64 of all',
    body: [
      ['tags', 'array', false, 'texts'],
      ['keys', 'array', false, 'texts'],
      ['urls', 'array', false, 'http or https URLs'],
      ['confirmation', 'string', false, 'the first tag, else the first key, else the first URL; outside development'],
    ],
    answer: {
      schema: 'holdfast.cache-invalidation/1',
      properties: { schema: 'string', tags: 'array', keys: 'array', urls: 'array', cdns: 'array', deletedCount: 'number', isPending: 'boolean' },
    },
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_NO_CACHE', 'HF_CACHE_TAG_INVALID', 'HF_CACHE_KEY_INVALID'],
  },
]

/** Every address of the API. A test compares them with what the console serves. */
export const ROUTE_DOCS: readonly RouteDoc[] = [...GENERAL, ...CACHE, ...CDN_ROUTES, ...DATABASE_ROUTES, ...JOBS_ROUTES]
