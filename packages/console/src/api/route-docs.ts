import type { Role } from '../auth/console-auth.ts'

/** Type of a property of an answer. A question mark: may be null. */
export type DocType = 'string' | 'number' | 'boolean' | 'object' | 'array' | 'object?' | 'number?' | 'string?'

/** What one address is, as the reference and the OpenAPI document say it. */
export interface RouteDoc {
  readonly method: 'get' | 'post'
  /** Below the mount, with `:name` for a part that varies. */
  readonly path: string
  readonly summary: string
  readonly role: Role
  /** Parameters of the query: name, required or not, meaning. */
  readonly query?: readonly (readonly [name: string, isRequired: boolean, meaning: string])[]
  /** Properties of the JSON body: name, type, required or not, meaning. */
  readonly body?: readonly (readonly [name: string, type: DocType, isRequired: boolean, meaning: string])[]
  /** Absent: 204 without a body. */
  readonly answer?: {
    /** Value of `schema`; absent where the answer has none. */
    readonly schema?: string
    /** `json` by default. */
    readonly kind?: 'events'
    readonly properties: Readonly<Record<string, DocType>>
  }
  /** Codes that this address may refuse with, beside those of every address. */
  readonly refusals: readonly string[]
}

const WINDOW = ['window', false, 'seconds looked back, 5 to 900; default 60'] as const
const FINDING_ANSWER = {
  schema: 'holdfast.finding/1',
  properties: { schema: 'string', finding: 'object', actions: 'array', confirmation: 'string?' },
} as const
const DATABASE_REFUSALS = ['HF_CONSOLE_NO_DATABASE', 'HF_PG_FACTS_AWAY', 'HF_PG_FACTS_TIMEOUT'] as const
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
      ['kind', 'string', true, 'load, finding, apply, verify, revert, service, deploy, invalidate or warm'],
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
    summary: 'hits per tier, prefixes, hot keys, instances, series',
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
          hotKeys: 'array',
        } as const),
        ...({ series: 'object', actions: 'array', needsConfirmation: 'boolean' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${CACHE_BASE}/hit-rate`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'hit ratios, whole and by prefix, each with its n',
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
    summary: 'drops what carries one of the tags, and the keys; at most 64 of both',
    body: [
      ['tags', 'array', false, 'texts'],
      ['keys', 'array', false, 'texts'],
      ['confirmation', 'string', false, 'the first tag, else the first key; outside development'],
    ],
    answer: {
      schema: 'holdfast.cache-invalidation/1',
      properties: { schema: 'string', tags: 'array', keys: 'array', deletedCount: 'number', isPending: 'boolean' },
    },
    refusals: ['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_NO_CACHE', 'HF_CACHE_TAG_INVALID', 'HF_CACHE_KEY_INVALID'],
  },
]

const DATABASE_BASE = 'api/v1/performance/database'
const DATABASE: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/connection-pool`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'pools of the instances now, waits for a connection in the window, longest holders, and connections of the whole server',
    answer: {
      schema: 'holdfast.database-pool/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', windowSec: 'number', instances: 'array', totals: 'object?', acquireWait: 'object' } as const),
        ...({ holders: 'array', series: 'object', server: 'object?', serverProblem: 'object?' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/slow-queries`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary: 'statements by total time: of the instances in the window, and of the server since its counters began',
    answer: {
      schema: 'holdfast.database-queries/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', windowSec: 'number', totalMs: 'number', callCount: 'number', queries: 'array' } as const),
        ...({ server: 'object?', serverProblem: 'object?' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/indexing-strategy`, role: 'view', refusals: DATABASE_REFUSALS } as const),
    summary: 'all indexes with size, scans and use, and what findings say about them',
    answer: {
      schema: 'holdfast.database-indexes/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', database: 'string', countersSinceMs: 'number?', indexes: 'array', isComplete: 'boolean' } as const),
        ...({ totalBytes: 'number', notScannedBytes: 'number', findings: 'array' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/tables`, role: 'view', refusals: DATABASE_REFUSALS } as const),
    summary: 'the 100 largest tables with dead rows, HOT ratio, scans and upkeep',
    answer: {
      schema: 'holdfast.database-tables/1',
      properties: { schema: 'string', atMs: 'number', database: 'string', countersSinceMs: 'number?', tables: 'array', isComplete: 'boolean' },
    },
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/table-stats/:table`, role: 'view' } as const),
    summary: 'one table, as name or schema.name, with its indexes',
    answer: {
      schema: 'holdfast.database-table/1',
      properties: { schema: 'string', atMs: 'number', database: 'string', countersSinceMs: 'number?', table: 'object', indexes: 'array', actions: 'array', confirmation: 'string?' },
    },
    refusals: ['HF_PG_TABLE_UNKNOWN', ...DATABASE_REFUSALS],
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/size`, role: 'view', refusals: DATABASE_REFUSALS } as const),
    summary: 'size, largest tables, growth and its history',
    answer: {
      schema: 'holdfast.database-size/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', database: 'string', sizeBytes: 'number', tables: 'array', growth: 'object?' } as const),
        ...({ history: 'array', historyNote: 'string?' } as const),
      },
    },
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/health`, role: 'view', refusals: DATABASE_REFUSALS } as const),
    summary: 'long transactions, locks, wraparound, replication, deadlocks, temporary files',
    answer: {
      schema: 'holdfast.database-health/1',
      properties: {
        ...({
          schema: 'string',
          atMs: 'number',
          database: 'string',
          serverVersion: 'string',
          countersSinceMs: 'number?',
          hitRatio: 'number?',
        } as const),
        ...({
          commitCount: 'number',
          rollbackCount: 'number',
          deadlockCount: 'number',
          temporaryFileCount: 'number',
          temporaryBytes: 'number',
        } as const),
        ...({ longTransactions: 'array', wraparound: 'object', replication: 'object', locks: 'object' } as const),
      },
    },
  },
  {
    ...({ method: 'post', path: `${DATABASE_BASE}/analyze-query`, role: 'operate' } as const),
    summary: 'the plan of one statement as a tree, its worst step, and what would help; nothing is changed',
    body: [
      ['sql', 'string', true, 'one statement, with $1, $2, ... or without'],
      ['params', 'array', false, 'values of $1, $2, ...'],
      ['analyze', 'boolean', false, 'run it and measure every step; only what is proven to be read-only'],
      ['tryIndex', 'boolean', false, 'try a proposed index on a copy of the table'],
    ],
    answer: {
      schema: 'holdfast.plan/1',
      properties: {
        ...({ schema: 'string', statement: 'string', plannedFor: 'string', measured: 'boolean', runs: 'array', plan: 'object' } as const),
        ...({ worstNode: 'number', worst: 'string', advice: 'array', notes: 'array' } as const),
      },
    },
    refusals: [
      ...[
        'HF_CONSOLE_BUSY',
        'HF_CONSOLE_NO_DATABASE',
        'HF_PG_EXPLAIN_SYNTAX',
        'HF_PG_EXPLAIN_SEVERAL',
        'HF_PG_EXPLAIN_KIND',
        'HF_PG_EXPLAIN_NOT_READ_ONLY',
      ],
      ...['HF_PG_EXPLAIN_MISSING', 'HF_PG_EXPLAIN_NOT_ALLOWED', 'HF_PG_EXPLAIN_PARAMETERS', 'HF_PG_EXPLAIN_TIMEOUT', 'HF_PG_EXPLAIN_LOCKED'],
    ],
  },
  {
    ...({ method: 'post', path: `${DATABASE_BASE}/optimize-table/:table`, role: 'operate' } as const),
    summary: 'VACUUM (ANALYZE) of one table while it is used; answers at its end',
    body: [['confirmation', 'string', false, "the table's name as in the address, outside development"]],
    answer: {
      schema: 'holdfast.database-vacuum/1',
      properties: {
        ...({ schema: 'string', table: 'string', tookMs: 'number', isAnalyzed: 'boolean' } as const),
        ...({ deadBefore: 'number?', deadAfter: 'number?', sizeBytes: 'number' } as const),
      },
    },
    refusals: [
      ...['HF_CONSOLE_CONFIRMATION', 'HF_CONSOLE_BUSY', 'HF_CONSOLE_NO_DATABASE', 'HF_PG_TABLE_UNKNOWN', 'HF_PG_NOT_ALLOWED', 'HF_PG_VACUUM_KIND'],
      ...['HF_PG_VACUUM_BUSY', 'HF_PG_VACUUM_BLOCKED', 'HF_PG_VACUUM_LOCKED', 'HF_PG_VACUUM_TIMEOUT', 'HF_PG_VACUUM_FAILED'],
    ],
  },
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/archive`, role: 'view', refusals: ['HF_CONSOLE_NO_DATABASE'] } as const),
    summary: 'the archive policies of this console, and the runs so far',
    answer: { schema: 'holdfast.database-archives/1', properties: { schema: 'string', policies: 'array', runs: 'array' } },
  },
  {
    ...({ method: 'post', path: `${DATABASE_BASE}/archive`, role: 'operate' } as const),
    summary: 'runs a policy that the console was given, which needs the role admin, or counts what it would take; answers at the end of the run',
    body: [
      ['policy', 'string', true, 'name of the policy'],
      ['dryRun', 'boolean', false, 'only count'],
      ['confirmation', 'string', false, "the policy's name, outside development, for a run"],
    ],
    answer: { schema: 'holdfast.database-archive/1', properties: { schema: 'string', preview: 'object?', report: 'object?' } },
    refusals: [
      ...[
        'HF_CONSOLE_CONFIRMATION',
        'HF_CONSOLE_BUSY',
        'HF_CONSOLE_NO_DATABASE',
        'HF_PG_ARCHIVE_POLICY_UNKNOWN',
        'HF_PG_TABLE_UNKNOWN',
        'HF_PG_NOT_ALLOWED',
      ],
      ...[
        'HF_PG_ARCHIVE_BUSY',
        'HF_PG_ARCHIVE_NO_KEY',
        'HF_PG_ARCHIVE_REFERENCED',
        'HF_PG_ARCHIVE_EVERYTHING',
        'HF_PG_ARCHIVE_LOCKED',
        'HF_PG_ARCHIVE_FAILED',
      ],
    ],
  },
]

/** Every address of the API. A test compares them with what the console serves. */
export const ROUTE_DOCS: readonly RouteDoc[] = [...GENERAL, ...CACHE, ...DATABASE]
