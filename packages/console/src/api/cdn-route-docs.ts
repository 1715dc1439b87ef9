import { type RouteDoc, WINDOW } from './route-doc.ts'

const BASE = 'api/v1/performance/cdn'
const QUEUE = ['HF_CONSOLE_NO_CDN', 'HF_HTTP_CDN_QUEUE_AWAY'] as const
const CHANGE = { schema: 'holdfast.cdn-change/1', properties: { schema: 'string', action: 'string', count: 'number' } } as const
const TARGET = [
  ['id', 'string', false, 'one'],
  ['cdn', 'string', false, 'all of one CDN'],
  ['all', 'boolean', false, 'true: all'],
  ['confirmation', 'string', false, "the CDN's name, or `all`; outside development, unless it is one by id"],
] as const

/** The addresses of CDNs. */
export const CDN_ROUTES: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: `${BASE}/metrics`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'each CDN with what waits and what it still takes now, and what was sent in the window',
    answer: {
      schema: 'holdfast.cdn-metrics/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', windowSec: 'number', cdns: 'array', storeProblem: 'object?' } as const),
        ...({ actions: 'array', needsConfirmation: 'boolean' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${BASE}/analytics`, role: 'view', query: [['period', false, '1h, 24h or 7d; default 1h']] } as const),
    summary: 'requests, bytes and hit ratio as the CDNs counted them, and why others did not say; asked at most once a minute',
    answer: {
      schema: 'holdfast.cdn-analytics/1',
      properties: { schema: 'string', period: 'string', fromMs: 'number', toMs: 'number', counted: 'array', failed: 'array' },
    },
    refusals: ['HF_CONSOLE_BODY', 'HF_CONSOLE_NO_CDN'],
  },
  {
    ...({ method: 'get', path: `${BASE}/dead-letter`, role: 'view' } as const),
    summary: 'purges that were given up, newest first, with the reason',
    query: [
      ['cdn', false, 'only those of one CDN'],
      ['limit', false, '1 to 1000; default 100'],
    ],
    answer: { schema: 'holdfast.cdn-dead/1', properties: { schema: 'string', dead: 'array' } },
    refusals: ['HF_CONSOLE_BODY', ...QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/retry`, role: 'operate', body: TARGET, answer: CHANGE } as const),
    summary: 'has purges that were given up sent once more, by the services that have the CDN',
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', ...QUEUE],
  },
  {
    ...({ method: 'post', path: `${BASE}/discard`, role: 'operate', body: TARGET, answer: CHANGE } as const),
    summary: 'forgets purges that were given up; what they were to remove stays at the CDN until it expires',
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', ...QUEUE],
  },
]
