import { known } from '../../../../src/postgres/advisor/facts/known.ts'
import type { RuleFacts, RuleStatement } from '../../../../src/postgres/advisor/facts/rule-facts.ts'
import { statementTraits } from '../../../../src/postgres/advisor/facts/statement-traits.ts'
import { type ParsedStatement, parseStatement } from '../../../../src/postgres/advisor/predicates.ts'
import type { IndexHealthRow } from '../../../../src/postgres/advisor/sql/index-health.sql.ts'
import type { ServerFactsRow } from '../../../../src/postgres/advisor/sql/server-facts.sql.ts'
import type { SessionRow } from '../../../../src/postgres/advisor/sql/sessions.sql.ts'
import type { TableHealthRow } from '../../../../src/postgres/advisor/sql/table-health.sql.ts'
import { catalogOf, statementWindow, tableFacts } from '../facts.ts'

export const NOW_MS = 1_800_000_000_000
export const DAY_MS = 86_400_000

/** A server at rest, with the settings that PostgreSQL 18 comes with. */
export function serverFacts(changes: Partial<ServerFactsRow> = {}): ServerFactsRow {
  return {
    nowMs: NOW_MS,
    version: 180004,
    role: 'app',
    database: 'shop',
    isReplica: false,
    mayReadAll: true,
    statsResetMs: NOW_MS - 100 * DAY_MS,
    maxConnections: 100,
    reservedConnections: 3,
    connectionCount: 10,
    autovacuumOn: true,
    vacuumThreshold: 50,
    vacuumScaleFactor: 0.2,
    analyzeThreshold: 50,
    analyzeScaleFactor: 0.1,
    freezeMaxAge: 200_000_000,
    failsafeAge: 1_600_000_000,
    databaseXidAge: 1000,
    databaseMultixactAge: 1,
    randomPageCost: 1.1,
    seqPageCost: 1,
    workMemBytes: 4 * 1024 ** 2,
    blockBytes: 8192,
    trackIoTiming: true,
    blocksRead: 0,
    blockReadMs: 0,
    tempFileCount: 0,
    tempBytes: 0,
    replicaCount: 0,
    pgstattupleSchema: null,
    ...changes,
  }
}

/** A table of 100,000 rows in 1,000 pages, just vacuumed and analyzed. */
export function tableHealth(name: string, changes: Partial<TableHealthRow> = {}): TableHealthRow {
  return {
    oid: tableFacts(name, {}).oid,
    schema: 'public',
    name,
    kind: 'r',
    rowCount: 100_000,
    pageCount: 1000,
    options: null,
    xidAge: 1000,
    multixactAge: 1,
    liveCount: 100_000,
    deadCount: 0,
    insertCount: 0,
    updateCount: 0,
    hotUpdateCount: 0,
    deleteCount: 0,
    newPageUpdateCount: 0,
    changedSinceAnalyze: 0,
    vacuumedMs: NOW_MS,
    analyzedMs: NOW_MS,
    rowBytes: 50,
    toastBytes: 0,
    columnCount: 4,
    columnsWithStatistics: 4,
    ...changes,
  }
}

/** A btree index of 1 MB that was scanned a minute ago. */
export function indexHealth(name: string, keys: readonly string[], changes: Partial<IndexHealthRow> = {}): IndexHealthRow {
  return {
    oid: [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) % 1e9,
    tableOid: tableFacts('lead', {}).oid,
    schema: 'public',
    table: 'lead',
    name,
    method: 'btree',
    isValid: true,
    isUnique: false,
    tableRowCount: 100_000,
    keyBytes: 4,
    fillFactor: 90,
    sizeBytes: 1024 ** 2,
    rowCount: 100_000,
    isNeeded: false,
    isPartitioned: false,
    mayBeBuilding: false,
    keys,
    columns: keys,
    included: [],
    traits: keys.map(() => '1978 0 0'),
    predicate: null,
    nullsNotDistinct: false,
    definition: `CREATE INDEX ${name} ON public.lead USING btree (${keys.join(', ')})`,
    scanCount: 10,
    lastScanMs: NOW_MS - 60_000,
    ...changes,
  }
}

export function session(changes: Partial<SessionRow> = {}): SessionRow {
  return { pid: 7, who: 'api', state: 'active', transactionMs: NOW_MS, stateMs: NOW_MS, queryId: null, xminAge: 0, writeLockCount: 0, ...changes }
}

/** A statement with a share of the time and blocks of its calls. Needs the parser loaded. */
export function ruleStatement(text: string, changes: Partial<RuleStatement> = {}): RuleStatement {
  const parsed = parseStatement(text) as ParsedStatement
  const blocks = { calls: 100, blocksPerCall: 4, tempBlocksPerCall: 0, rowsPerCall: 1 }
  return { parsed, window: statementWindow('1', 100, 5), shareOfTime: 0.2, traits: statementTraits(text), blocks, ...changes }
}

/** A database about which no rule has anything to say. */
export function healthyFacts(changes: Partial<RuleFacts> = {}): RuleFacts {
  return {
    server: serverFacts(),
    tables: known([]),
    indexes: known([]),
    indexWatch: known(new Map()),
    replicaScans: known([]),
    sequences: known([]),
    foreignKeys: known([]),
    offered: [],
    sessions: known([]),
    lockWaits: known([]),
    viewRefreshes: known([]),
    statements: [],
    parsed: new Map(),
    windows: new Map(),
    windowMs: 60_000,
    catalog: catalogOf(),
    volatileFunctions: new Set(),
    correlated: [],
    measuredWaste: known(new Map()),
    pools: [],
    ...changes,
  }
}
