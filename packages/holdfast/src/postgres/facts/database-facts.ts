import { type Duration, parseDurationMs } from '../../core/index.ts'
import type { AdvisorClient } from '../advisor/client.ts'
import { type ConnectionReport, readConnections } from './connection-facts.ts'
import { type DatabaseHealth, readHealth } from './health-facts.ts'
import { type IndexReport, readIndexReport } from './index-facts.ts'
import { type LockReport, readLocks } from './lock-chains.ts'
import { readSession } from './read-session.ts'
import { readSize, recordSize, type SizeReport } from './size-facts.ts'
import { readStatementCosts, type StatementReport } from './statement-costs.ts'
import { readTable, readTables, type TableReport, type TablesReport } from './table-facts.ts'

/** Options of {@link createDatabaseFacts}. */
export interface DatabaseFactsOptions {
  /** A fresh, connected connection, closed after each call. Through a pooler works too: every call is one transaction. */
  readonly connect: () => Promise<AdvisorClient>
}

/** What a database says of itself. Every call opens a connection, reads in one read-only transaction whose statements take 5 s at most, and closes it; none waits
 *  behind a lock for more than 500 ms. Works as an ordinary role; each report says what it cannot see. No literal of a statement is in any of them.
 *  Every method rejects with HF_PG_FACTS_AWAY and HF_PG_FACTS_TIMEOUT. */
export interface DatabaseFacts {
  /** The largest tables with their counters. `limit` 1 to 1,000, default 100. */
  tables(options?: { readonly limit?: number }): Promise<TablesReport>
  /** One table with its indexes, as `name` or `schema.name`. @throws HF_PG_TABLE_UNKNOWN */
  table(name: string): Promise<TableReport>
  /** The largest indexes with their use. `limit` 1 to 1,000, default 500. */
  indexes(options?: { readonly limit?: number }): Promise<IndexReport>
  /** Size, largest tables (`limit`, default 20) and growth. */
  size(options?: { readonly limit?: number }): Promise<SizeReport>
  /** Writes the size of this hour to `holdfast.size_history`, which is made when it is absent and never holds more than 1,100 rows. False when the role may not. */
  recordSize(): Promise<boolean>
  /** Who waits for whom. */
  locks(): Promise<LockReport>
  /** Connections of the whole server against its limit. */
  connections(): Promise<ConnectionReport>
  /** Statements by total time. `limit` 1 to 1,000, default 100. @throws HF_PG_STATEMENTS_MISSING */
  statements(options?: { readonly limit?: number }): Promise<StatementReport>
  /** Transactions that are open for longer than `longerThan` (default `'10s'`), wraparound, replication, deadlocks, temporary files. */
  health(options?: { readonly longerThan?: Duration }): Promise<DatabaseHealth>
}

const MOST = 1000

/** Facts on the database that `connect` leads to. Connects to nothing yet. */
export function createDatabaseFacts({ connect }: DatabaseFactsOptions): DatabaseFacts {
  const read = <T>(work: (client: AdvisorClient) => Promise<T>): Promise<T> => readSession(connect, work)
  return {
    tables: ({ limit = 100 } = {}) => read(client => readTables(client, bounded(limit))),
    table: name => read(client => readTable(client, name)),
    indexes: ({ limit = 500 } = {}) => read(client => readIndexReport(client, bounded(limit))),
    size: ({ limit = 20 } = {}) => read(client => readSize(client, bounded(limit))),
    recordSize: () => readSession(connect, recordSize, true),
    locks: () => read(readLocks),
    connections: () => read(readConnections),
    statements: ({ limit = 100 } = {}) => read(client => readStatementCosts(client, bounded(limit))),
    health: ({ longerThan = '10s' } = {}) => read(client => readHealth(client, parseDurationMs(longerThan))),
  }
}

function bounded(limit: number): number {
  return Math.min(MOST, Math.max(1, Math.trunc(limit)))
}
