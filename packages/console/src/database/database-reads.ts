import { type Clock, isHoldfastError } from 'holdfast/core'
import {
  type AdvisorClient,
  type ConnectionReport,
  createDatabaseFacts,
  type DatabaseFacts,
  type DatabaseHealth,
  type IndexReport,
  type LockReport,
  type SizeReport,
  type StatementReport,
  type TableReport,
  type TablesReport,
} from 'holdfast/postgres'
import type { ServerProblem } from '../api/database-contract.ts'
import { consoleErrors } from '../errors.ts'
import { shareReadings } from './shared-reading.ts'

/** What the console reads of the database itself, shared by all who ask within a moment.
 *  Every method rejects with HF_CONSOLE_NO_DATABASE when the console was given none, and as the facts do. */
export interface DatabaseReads {
  tables(): Promise<TablesReport>
  table(name: string): Promise<TableReport>
  indexes(): Promise<IndexReport>
  size(): Promise<SizeReport>
  locks(): Promise<LockReport>
  connections(): Promise<ConnectionReport>
  statements(): Promise<StatementReport>
  health(): Promise<DatabaseHealth>
  recordSize(): Promise<boolean>
  /** Something was changed from here: what was read before is not shown any more. */
  forget(): void
}

/** Readings over `connect`, if there is one. */
export function createDatabaseReads(connect: (() => Promise<AdvisorClient>) | undefined, clock: Clock): DatabaseReads {
  const facts = connect === undefined ? undefined : createDatabaseFacts({ connect })
  let generation = 0
  const shared = <T>(read: (known: DatabaseFacts, asked: string) => Promise<T>): ((asked?: string) => Promise<T>) =>
    shareReadings(
      clock,
      async asked => {
        if (facts === undefined) throw consoleErrors.create('HF_CONSOLE_NO_DATABASE', 'this console reads its instances only')
        return read(facts, asked)
      },
      () => generation,
    )
  return {
    tables: shared(known => known.tables()),
    table: shared((known, name) => known.table(name)),
    indexes: shared(known => known.indexes()),
    size: shared(known => known.size()),
    locks: shared(known => known.locks()),
    connections: shared(known => known.connections()),
    statements: shared(known => known.statements()),
    health: shared(known => known.health()),
    recordSize: shared(known => known.recordSize()),
    forget: () => {
      generation++
    },
  }
}

/** A part of an answer that the database gives, or why it does not: what the instances say stands without it. */
export async function orProblem<T>(reading: Promise<T>): Promise<{ readonly server: T | null; readonly serverProblem: ServerProblem | null }> {
  try {
    return { server: await reading, serverProblem: null }
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    const { code, message, hint } = error
    return { server: null, serverProblem: { code, detail: message, hint } }
  }
}
