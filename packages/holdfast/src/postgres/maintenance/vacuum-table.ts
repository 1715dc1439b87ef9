import {
  type Clock,
  type Duration,
  type HoldfastError,
  isHoldfastError,
  type Logger,
  parseDurationMs,
  silentLogger,
  systemClock,
} from '../../core/index.ts'
import { type AdvisorClient, messageOf, readRows, sqlStateOf } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { settleCounters } from '../advisor/settle-counters.ts'
import { OLD_TRANSACTIONS, type OldTransactionRow } from '../advisor/sql/old-transactions.sql.ts'
import { factsErrors } from '../facts/errors.ts'
import { parseTableName } from '../facts/table-name.ts'
import { audited } from '../upkeep/audit.ts'
import { openOwnTables } from '../upkeep/own-tables.ts'
import { quoteRelation, type RelationName } from '../upkeep/relation-name.ts'
import { cancellable, setLimits, takeSessionLock, type UpkeepDeps, type UpkeepSession, withUpkeepSession } from '../upkeep/upkeep-session.ts'
import { maintenanceErrors } from './errors.ts'
import { VACUUM_SUBJECT, type VacuumSubjectRow, vacuumStatement } from './sql/vacuum-subject.sql.ts'
import { type VacuumProgress, watchVacuum } from './watch-vacuum.ts'

/** Options of {@link vacuumTable}. */
export interface VacuumOptions {
  /** A fresh, connected, direct connection to the primary, closed after use; another is opened for the progress. `connectionsOf(pool)` makes them. */
  readonly connect: UpkeepDeps['connect']
  /** `lead`, `public.lead`, `"Odd.Name"`: as in SQL, except that capitals need no quotes. */
  readonly table: string
  /** Take the planner's statistics anew as well. Default true. */
  readonly analyze?: boolean
  /** Longest wait for the lock. Default `'5s'`. */
  readonly lockTimeout?: Duration
  /** Longest vacuum. Default `'1h'`. */
  readonly timeout?: Duration
  /** Refuse while a transaction is open for longer: what died since it began cannot be removed. Default `'10m'`. */
  readonly maxTransactionAge?: Duration
  /** Cancels the vacuum in the server; it rejects with the signal's reason. */
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: VacuumProgress) => void
  readonly clock?: Clock
  readonly logger?: Logger
}

/** What a vacuum did. */
export interface VacuumReport {
  /** As SQL text. */
  readonly table: string
  readonly tookMs: number
  readonly isAnalyzed: boolean
  /** Dead rows by the server's counters; null for a partitioned table. */
  readonly deadBefore: number | null
  readonly deadAfter: number | null
  /** The table without its indexes. It does not shrink: the space is used again by new rows. */
  readonly sizeBytes: number
}

/** VACUUM (ANALYZE) of one table while it is used: dead rows become room for new ones, and plans rest on today's data. Writes a line into the audit log.
 *  @throws HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_PG_READ_ONLY, HF_PG_NOT_DIRECT, HF_PG_CONNECT_FAILED, HF_PG_VACUUM_KIND, HF_PG_VACUUM_BUSY,
 *  HF_PG_VACUUM_BLOCKED, HF_PG_VACUUM_LOCKED, HF_PG_VACUUM_TIMEOUT, HF_PG_VACUUM_FAILED, the signal's reason */
export async function vacuumTable(options: VacuumOptions): Promise<VacuumReport> {
  const { connect, clock = systemClock, logger = silentLogger, signal } = options
  const deps: UpkeepDeps = { connect, clock, logger }
  const relation = parseTableName(options.table)
  const limits = {
    lockMs: parseDurationMs(options.lockTimeout ?? '5s'),
    statementMs: parseDurationMs(options.timeout ?? '1h'),
    transactionMs: parseDurationMs(options.maxTransactionAge ?? '10m'),
  }
  signal?.throwIfAborted()
  return withUpkeepSession(deps, async session => {
    await openOwnTables(session, ['audit_log'])
    const action = { what: 'vacuum', subject: quoteRelation(relation), describe }
    return audited(deps, session.client, action, () => run(session, relation, options, deps, limits))
  })
}

interface VacuumLimits {
  readonly lockMs: number
  readonly statementMs: number
  readonly transactionMs: number
}

async function run(
  session: UpkeepSession,
  relation: RelationName,
  options: VacuumOptions,
  deps: UpkeepDeps,
  limits: VacuumLimits,
): Promise<VacuumReport> {
  const { client, pid } = session
  const { analyze = true, signal, onProgress } = options
  const before = await requireVacuumable(session, relation)
  const table = quoteQualified(before.schema, before.name)
  if (!(await takeSessionLock(client, `holdfast:vacuum:${table}`, 0, deps.clock))) {
    throw maintenanceErrors.create('HF_PG_VACUUM_BUSY', `${table} is being vacuumed by another process of Holdfast`)
  }
  await refuseOldTransactions(client, before, table, limits.transactionMs)
  const startedMs = deps.clock.monotonicMs()
  await setLimits(client, limits)
  const stopWatching = onProgress === undefined ? async (): Promise<void> => undefined : watchVacuum(deps, pid, onProgress)
  try {
    await cancellable(deps, pid, signal, () => client.query(vacuumStatement(table, analyze)))
  } catch (error) {
    throw signal?.aborted === true ? error : explain(error, table, limits)
  } finally {
    await stopWatching()
    await setLimits(client, { lockMs: 0, statementMs: 0 }).catch(() => undefined)
  }
  const tookMs = deps.clock.monotonicMs() - startedMs
  await settleCounters(client, deps.clock)
  const after = await readSubject(client, relation)
  return { table, tookMs, isAnalyzed: analyze, deadBefore: before.deadCount, deadAfter: after?.deadCount ?? null, sizeBytes: after?.sizeBytes ?? 0 }
}

async function readSubject(client: AdvisorClient, { schema, name }: RelationName): Promise<VacuumSubjectRow | undefined> {
  const [row] = await readRows<VacuumSubjectRow>(client, VACUUM_SUBJECT, [schema ?? null, name, quoteIdent(name)])
  return row
}

/** Kinds that have rows of their own, or partitions that do. */
const KINDS: ReadonlySet<string> = new Set(['r', 'p', 'm'])

async function requireVacuumable({ client, role }: UpkeepSession, relation: RelationName): Promise<VacuumSubjectRow> {
  const subject = await readSubject(client, relation)
  if (subject === undefined) throw factsErrors.create('HF_PG_TABLE_UNKNOWN', `there is no table ${quoteRelation(relation)}`)
  const table = quoteQualified(subject.schema, subject.name)
  if (!KINDS.has(subject.kind)) throw maintenanceErrors.create('HF_PG_VACUUM_KIND', `${table} is no table`, { context: { kind: subject.kind } })
  if (!subject.mayVacuum) {
    const grant = `GRANT ${quoteIdent(subject.owner)} TO ${quoteIdent(role)}`
    throw advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${quoteIdent(role)} may not vacuum ${table}: ${grant}`, {
      hint: `${grant}; from PostgreSQL 17 on, GRANT MAINTAIN ON ${table} TO ${quoteIdent(role)} is enough`,
      context: { role, grant },
    })
  }
  if (subject.vacuumPid !== null) {
    throw maintenanceErrors.create('HF_PG_VACUUM_BUSY', `${table} is being vacuumed by pid ${subject.vacuumPid}`, {
      context: { pid: subject.vacuumPid },
    })
  }
  return subject
}

async function refuseOldTransactions(client: AdvisorClient, { oid }: VacuumSubjectRow, table: string, ageMs: number): Promise<void> {
  const old = await readRows<OldTransactionRow>(client, OLD_TRANSACTIONS, [oid, ageMs])
  if (old.length === 0) return
  const named = old.slice(0, 3).map(({ pid, who, ageMs: age }) => `${pid === null ? 'prepared' : `pid ${pid}`} ${who} (${Math.round(age / 1000)} s)`)
  throw maintenanceErrors.create(
    'HF_PG_VACUUM_BLOCKED',
    `${table}: ${old.length} transaction(s) open for more than ${ageMs} ms: ${named.join(', ')}`,
    {
      context: { transactions: old.slice(0, 10) },
    },
  )
}

function explain(error: unknown, table: string, { lockMs, statementMs }: VacuumLimits): HoldfastError {
  if (isHoldfastError(error)) return error
  const details = { cause: error, context: { table, sqlState: sqlStateOf(error) } }
  switch (sqlStateOf(error)) {
    case '55P03':
      return maintenanceErrors.create('HF_PG_VACUUM_LOCKED', `${table}: no lock within ${lockMs} ms`, details)
    case '57014':
      return maintenanceErrors.create('HF_PG_VACUUM_TIMEOUT', `${table}: not done within ${statementMs} ms`, details)
    default:
      return maintenanceErrors.create('HF_PG_VACUUM_FAILED', `${table}: ${messageOf(error)}`, details)
  }
}

function describe({ table, deadBefore, deadAfter, isAnalyzed }: VacuumReport): string {
  return `${vacuumStatement(table, isAnalyzed)}; dead rows ${deadBefore ?? 'unknown'} before, ${deadAfter ?? 'unknown'} after`
}
