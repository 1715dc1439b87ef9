import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { DATABASE_FACTS, type DatabaseFactsRow } from './sql/database-facts.sql.ts'
import { INDEX_FACTS, type IndexFactsRow } from './sql/index-facts.sql.ts'

/** What an index is there for, as far as this server's counters say.
 *  - `invalid`: a build that failed; it is maintained and never read.
 *  - `constraint`: it keeps a rule (primary key, unique, exclusion, replica identity), scanned or not.
 *  - `scanned`: statements read it.
 *  - `not scanned`: none did since the counters began. A standby has counters of its own.
 *  - `too early`: none did, but the counters are younger than {@link FAIR_WINDOW_MS}. */
export type IndexUse = 'invalid' | 'constraint' | 'scanned' | 'not scanned' | 'too early'

/** Size and use of one index. */
export interface IndexFacts extends IndexFactsRow {
  readonly use: IndexUse
}

/** All indexes with their use. */
export interface IndexReport {
  readonly atMs: number
  readonly database: string
  readonly countersSinceMs: number | null
  readonly indexes: readonly IndexFacts[]
  /** False when there are more than were asked for. */
  readonly isComplete: boolean
  /** Of the indexes listed. */
  readonly totalBytes: number
  /** Of those that are not scanned. */
  readonly notScannedBytes: number
}

/** Counters younger than a week have not seen every weekday's work, so nothing is called unused from them. */
export const FAIR_WINDOW_MS: number = 7 * 86_400_000

/** The indexes by size. 2 round trips. */
export async function readIndexReport(client: AdvisorClient, limit: number): Promise<IndexReport> {
  const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
  const { atMs, countersSinceMs, database: name } = database!
  const found = await readIndexes(client, { tableOid: null, limit: limit + 1, countersAgeMs: ageOf(atMs, countersSinceMs) })
  const indexes = found.slice(0, limit)
  const sizeOf = (list: readonly IndexFacts[]): number => list.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
  return {
    ...{ atMs, database: name, countersSinceMs, indexes, isComplete: found.length <= limit },
    totalBytes: sizeOf(indexes),
    notScannedBytes: sizeOf(indexes.filter(({ use }) => use === 'not scanned')),
  }
}

/** Which indexes {@link readIndexes} reads. */
export interface IndexesAsked {
  /** Null: of all tables. */
  readonly tableOid: number | null
  readonly limit: number
  /** Null: not known. */
  readonly countersAgeMs: number | null
}

/** The indexes of one table, or of all. 1 round trip. */
export async function readIndexes(client: AdvisorClient, { tableOid, limit, countersAgeMs }: IndexesAsked): Promise<IndexFacts[]> {
  const rows = await readRows<IndexFactsRow>(client, INDEX_FACTS, [tableOid, limit])
  return rows.map(row => ({ ...row, use: useOf(row, countersAgeMs) }))
}

/** How long counters have been running; null when the server does not say. */
export function ageOf(atMs: number, countersSinceMs: number | null): number | null {
  return countersSinceMs === null ? null : atMs - countersSinceMs
}

/** @param countersAgeMs null when it is not known */
export function useOf(
  index: Pick<IndexFactsRow, 'isValid' | 'backsConstraint' | 'isUnique' | 'isReplicaIdentity' | 'scanCount'>,
  countersAgeMs: number | null,
): IndexUse {
  if (!index.isValid) return 'invalid'
  if (index.backsConstraint || index.isUnique || index.isReplicaIdentity) return 'constraint'
  if (index.scanCount > 0) return 'scanned'
  return countersAgeMs !== null && countersAgeMs < FAIR_WINDOW_MS ? 'too early' : 'not scanned'
}
