import { type RouteDoc, WINDOW } from './route-doc.ts'

const DATABASE_REFUSALS = ['HF_CONSOLE_NO_DATABASE', 'HF_PG_FACTS_AWAY', 'HF_PG_FACTS_TIMEOUT'] as const
const DATABASE_BASE = 'api/v1/performance/database'

/** The addresses of the database. */
export const DATABASE_ROUTES: readonly RouteDoc[] = [
  {
    ...({ method: 'get', path: `${DATABASE_BASE}/connection-pool`, role: 'view', query: [WINDOW], refusals: [] } as const),
    summary:
      'pools of the instances now, waits for a connection in the window, longest holders, replicas and where reads went, and connections of the whole server',
    answer: {
      schema: 'holdfast.database-pool/1',
      properties: {
        ...({ schema: 'string', atMs: 'number', windowSec: 'number', instances: 'array', totals: 'object?', acquireWait: 'object' } as const),
        ...({ holders: 'array', replicas: 'object?', series: 'object', server: 'object?', serverProblem: 'object?' } as const),
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
      properties: {
        schema: 'string',
        atMs: 'number',
        database: 'string',
        countersSinceMs: 'number?',
        table: 'object',
        indexes: 'array',
        actions: 'array',
        confirmation: 'string?',
      },
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
