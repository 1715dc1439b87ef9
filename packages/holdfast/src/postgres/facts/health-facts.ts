import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { quoteQualified } from '../advisor/identifier.ts'
import { seenStatement } from './seen-statement.ts'
import { DATABASE_FACTS, type DatabaseFactsRow } from './sql/database-facts.sql.ts'
import { LONG_TRANSACTIONS, type LongTransactionRow } from './sql/long-transactions.sql.ts'
import { OWN_REPLAY, type OwnReplayRow, SLOTS, type SlotRow, STANDBYS, type StandbyRow } from './sql/replication.sql.ts'
import { WRAPAROUND, type WraparoundRow } from './sql/wraparound.sql.ts'
import { shareOf } from './table-facts.ts'

/** Transaction ids after which PostgreSQL takes no more writes until it is vacuumed: 2^31 less 3 million. @source PostgreSQL 18, 24.1.5.1 */
export const WRAPAROUND_LIMIT: number = 2_147_483_648 - 3_000_000
/** Whether the database is well. */
export interface DatabaseHealth {
  readonly atMs: number
  readonly database: string
  readonly serverVersion: string
  readonly countersSinceMs: number | null
  /** Blocks found in PostgreSQL's own memory, of all that it read. */
  readonly hitRatio: number | null
  readonly commitCount: number
  readonly rollbackCount: number
  readonly deadlockCount: number
  readonly temporaryFileCount: number
  readonly temporaryBytes: number
  /** Open for longer than was asked, oldest first, at most 50. */
  readonly longTransactions: readonly LongTransactionRow[]
  readonly wraparound: {
    /** Ids used since the oldest that is not frozen. */
    readonly transactionAge: number
    readonly multixactAge: number
    /** Share of the way to the stop, 0..1. */
    readonly usedRatio: number
    /** autovacuum_freeze_max_age: from here on autovacuum freezes by itself, also where it is off. */
    readonly freezeMaxAge: number
    readonly oldest: readonly { readonly name: string; readonly age: number }[]
  }
  readonly replication: {
    readonly isStandby: boolean
    /** Of a standby that has something to replay: age of what it shows. */
    readonly behindMs: number | null
    /** Lags are null where the role lacks pg_monitor. */
    readonly standbys: readonly StandbyRow[]
    readonly slots: readonly SlotRow[]
  }
}

/** How the database is. 6 round trips. */
export async function readHealth(client: AdvisorClient, longerThanMs: number): Promise<DatabaseHealth> {
  const [database] = await readRows<DatabaseFactsRow>(client, DATABASE_FACTS)
  const long = await readRows<LongTransactionRow>(client, LONG_TRANSACTIONS, [longerThanMs])
  const [age] = await readRows<WraparoundRow>(client, WRAPAROUND)
  const standbys = await readRows<StandbyRow>(client, STANDBYS)
  const [replay] = await readRows<OwnReplayRow>(client, OWN_REPLAY)
  const slots = await readRows<SlotRow>(client, SLOTS)
  const { sizeBytes: _, blocksHit, blocksRead, ...facts } = database!
  const { transactionAge, multixactAge, freezeMaxAge, oldest } = age!
  return {
    ...facts,
    hitRatio: shareOf(blocksHit, blocksHit + blocksRead),
    longTransactions: long.map(row => ({ ...row, statement: seenStatement(row.statement) })),
    wraparound: {
      ...{ transactionAge, multixactAge, freezeMaxAge },
      usedRatio: Math.max(transactionAge, multixactAge) / WRAPAROUND_LIMIT,
      oldest: (oldest ?? []).map(({ schema, name, age: tableAge }) => ({ name: quoteQualified(schema, name), age: tableAge })),
    },
    replication: { ...replay!, standbys, slots },
  }
}
