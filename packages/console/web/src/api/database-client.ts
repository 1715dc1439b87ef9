import type {
  DatabaseHealthAnswer,
  DatabaseIndexesAnswer,
  DatabasePoolAnswer,
  DatabaseQueriesAnswer,
  DatabaseSizeAnswer,
  DatabaseTableAnswer,
  DatabaseTablesAnswer,
  DatabaseVacuumAnswer,
} from '../../../src/api/database-contract.ts'
import { request } from './client.ts'

const DATABASE = 'v1/performance/database'

/** Pools now, and waits of the window. */
export function fetchPool(windowSec: number, signal: AbortSignal): Promise<DatabasePoolAnswer> {
  return request(`${DATABASE}/connection-pool?window=${windowSec}`, { signal })
}

/** Statements by total time. */
export function fetchQueries(windowSec: number, signal: AbortSignal): Promise<DatabaseQueriesAnswer> {
  return request(`${DATABASE}/slow-queries?window=${windowSec}`, { signal })
}

/** All indexes and what findings say of them. */
export function fetchIndexes(signal: AbortSignal): Promise<DatabaseIndexesAnswer> {
  return request(`${DATABASE}/indexing-strategy`, { signal })
}

/** The largest tables. */
export function fetchTables(signal: AbortSignal): Promise<DatabaseTablesAnswer> {
  return request(`${DATABASE}/tables`, { signal })
}

/** One table with its indexes. */
export function fetchTable(name: string, signal: AbortSignal): Promise<DatabaseTableAnswer> {
  return request(`${DATABASE}/table-stats/${encodeURIComponent(name)}`, { signal })
}

/** Size and growth. */
export function fetchSize(signal: AbortSignal): Promise<DatabaseSizeAnswer> {
  return request(`${DATABASE}/size`, { signal })
}

/** How the database is. */
export function fetchHealth(signal: AbortSignal): Promise<DatabaseHealthAnswer> {
  return request(`${DATABASE}/health`, { signal })
}

/** VACUUM (ANALYZE) of one table. Resolves at its end. */
export function postOptimize(name: string, confirmation: string | null): Promise<DatabaseVacuumAnswer> {
  return request(`${DATABASE}/optimize-table/${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
    body: JSON.stringify(confirmation === null ? {} : { confirmation }),
  })
}
