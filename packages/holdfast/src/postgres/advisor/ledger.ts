import type { Finding } from '../../core/index.ts'
import { isSchemaRefused, migrateOwnSchema } from '../migrations/migrate.ts'
import { type AdvisorClient, type Row, readRows } from './client.ts'
import { findingIdFor, type IndexShape } from './index-definition.ts'
import type { RuleChange } from './rule-change.ts'
import { READ_AUDIT, READ_FINDINGS, WRITE_AUDIT, WRITE_FINDING } from './sql/ledger-rows.sql.ts'
import { LEDGER_EXISTS, type LedgerExistsRow } from './sql/ledger-schema.sql.ts'
import type { StatementWindow, WorkloadMark } from './workload.ts'

/** The workload's figures that a later measurement is compared with. */
export interface WorkloadFigures {
  readonly windowMs: number
  readonly totalCalls: number
  /** The finding's own statements. */
  readonly target: StatementWindow | undefined
  /** The other statements that name the table. */
  readonly others: readonly StatementWindow[]
  /** Statements that do not name the table, those with most calls: what the change cannot have touched shows how the machine itself drifted. */
  readonly controls: readonly StatementWindow[]
}

/** What the advisor must remember of a finding beside what people read. */
export interface Bookkeeping extends IndexShape {
  readonly schema: string
  readonly table: string
  readonly indexName: string
  readonly planted: boolean
  /** Estimate from the copy. Absent: the index was never built on one. */
  readonly sizeBytes?: number
  /** Empty for a planted index: then all statements on the table are its target. */
  readonly targetQueryIds: readonly string[]
  readonly before: WorkloadFigures
  /** Taken when the build was done. */
  readonly afterMark?: WorkloadMark
  /** What apply does for a rule's finding; schema, table and names are then of what it changes, empty where it changes nothing. Absent: it builds the index. */
  readonly change?: RuleChange
}

/** A finding as the ledger holds it. */
export interface LedgerEntry {
  readonly cause: string
  readonly finding: Finding
  readonly bookkeeping: Bookkeeping
}

/** Who did what to the database, and how it went. */
export interface AuditEntry {
  readonly atMs: number
  /** The role that did it. */
  readonly who: string
  /** `apply`, `revert`, `verify`, `snooze`, `archive`, `refresh` or `vacuum`. */
  readonly what: string
  /** What it was done for: the id of a finding, or the name of an archive policy, a view or a table. */
  readonly findingId: string
  /** `done`, a verdict, or the code of the error. */
  readonly outcome: string
  readonly durationMs: number
  /** The statement that was run, or the reason for the verdict. */
  readonly detail: string
}

/** Where findings live. */
export interface Ledger {
  /** False: kept in this process only, because the role may not create or use schema `holdfast`. */
  readonly persistent: boolean
  entries(): Promise<readonly LedgerEntry[]>
  save(entry: LedgerEntry): Promise<void>
  audit(entry: Omit<AuditEntry, 'atMs' | 'who'>): Promise<void>
  auditEntries(): Promise<readonly AuditEntry[]>
}

/** Findings of one process, for a role without the right to keep them. */
export function createMemoryLedger(): Ledger {
  const entries = new Map<string, LedgerEntry>()
  return {
    persistent: false,
    entries: async () => [...entries.values()],
    async save(entry) {
      entries.set(entry.cause, entry)
    },
    // Nothing can be applied without a ledger, so there is nothing to log.
    audit: async () => undefined,
    auditEntries: async () => [],
  }
}

/** Opens the ledger in schema `holdfast`; brings the schema up to date first when `create` is set. Falls back to `memory` when the role lacks the right.
 *  @throws HF_PG_SCHEMA_TAMPERED, HF_PG_SCHEMA_NEWER, HF_PG_MIGRATION_BUSY, HF_PG_MIGRATION_FAILED when `create` is set */
export async function openLedger(client: AdvisorClient, memory: Ledger, create: boolean): Promise<Ledger> {
  const [row] = await readRows<LedgerExistsRow>(client, LEDGER_EXISTS)
  const { exists = false, mayUse = false } = row ?? {}
  const asItIs = exists && mayUse ? databaseLedger(client) : memory
  if (!create || (exists && !mayUse)) return asItIs
  try {
    await migrateOwnSchema(client)
    return databaseLedger(client)
  } catch (error) {
    if (isSchemaRefused(error)) return asItIs
    throw error
  }
}

/** The id of a cause: the known one, else the shortest that no other cause has. */
export function idForCause(cause: string, entries: readonly LedgerEntry[]): string {
  const known = entries.find(entry => entry.cause === cause)
  if (known !== undefined) return known.finding.id
  const taken = new Set(entries.map(entry => entry.finding.id))
  let length = 4
  while (taken.has(findingIdFor(cause, length))) length += 1
  return findingIdFor(cause, length)
}

function databaseLedger(client: AdvisorClient): Ledger {
  return {
    persistent: true,
    entries: () => readRows<LedgerEntry>(client, READ_FINDINGS),
    async save({ cause, finding, bookkeeping }) {
      await client.query(WRITE_FINDING, [finding.id, cause, JSON.stringify(finding), JSON.stringify(bookkeeping)])
    },
    async audit({ what, findingId, outcome, durationMs, detail }) {
      await client.query(WRITE_AUDIT, [what, findingId, outcome, durationMs, detail])
    },
    auditEntries: () => readRows<AuditEntry & Row>(client, READ_AUDIT),
  }
}
