import {
  type Clock,
  type Duration,
  type Finding,
  type Logger,
  parseDurationMs,
  parseSizeBytes,
  type Size,
  silentLogger,
  systemClock,
} from '../../core/index.ts'
import type { ActionContext } from './action.ts'
import { type AdviceReport, type AdviseOptions, advise } from './advise.ts'
import { applyFinding } from './apply.ts'
import { type AdvisorClient, withClient } from './client.ts'
import { advisorErrors } from './errors.ts'
import { type AuditEntry, createMemoryLedger, type Ledger, type LedgerEntry, openLedger } from './ledger.ts'
import { type PlantRequest, plantFinding } from './plant.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import { revertFinding } from './revert.ts'
import { verifyFinding } from './verify.ts'
import type { WorkloadMark } from './workload.ts'

export interface AdvisorOptions {
  /** A fresh, connected, direct connection of the advisor's own: not one of the application's pool, and not through a pooler in transaction mode. It is
   *  closed after each call. `async () => { const c = new pg.Client(url); await c.connect(); return c }`. */
  readonly connect: () => Promise<AdvisorClient>
  readonly clock?: Clock
  /** 0 up to, not including, 1; picks parameters from sampled rows. Default Math.random. */
  readonly random?: () => number
  readonly logger?: Logger
  /** A table larger than this, indexes left out, is tried on a sample of its pages; the evidence then says `modeled`. Default 256 MB. */
  readonly labLimit?: Size
  /** Hears what is being done, in lines for people. */
  readonly onProgress?: (line: string) => void
}

export interface ApplyOptions {
  /** Longest wait for any one lock. Default 2 s. */
  readonly lockTimeout?: Duration
  /** Longest build. Default 30 min. */
  readonly statementTimeout?: Duration
  /** Hears the phases of the build, instead of the advisor's own `onProgress`. */
  readonly onProgress?: (line: string) => void
}

export interface VerifyOptions {
  /** Calls of the finding's statements since the build below which nothing is decided. Default 200. */
  readonly minCalls?: number
}

/** Finds what is slow in a database, proves a remedy on a copy, applies it, and measures whether it helped. Every method opens its own connection and closes it. */
export interface Advisor {
  /** A reading of pg_stat_statements from which a later `advise` takes the difference. Plain data.
   *  @throws HF_PG_STATEMENTS_MISSING */
  mark(): Promise<WorkloadMark>
  /** Examines the workload. Writes nothing but its ledger and a lab that is gone afterwards.
   *  @throws HF_PG_STATEMENTS_MISSING */
  advise(options?: AdviseOptions): Promise<AdviceReport>
  /** Everything in the ledger, the latest change first. */
  findings(): Promise<readonly Finding[]>
  /** @throws HF_PG_FINDING_UNKNOWN */
  finding(id: string): Promise<Finding>
  /** A finding for an index that a person asks for. It is not tried; its evidence says so.
   *  @throws HF_PG_PLANT_INVALID, HF_PG_INDEX_EXISTS, HF_PG_STATEMENTS_MISSING */
  plant(request: PlantRequest): Promise<Finding>
  /** Builds the index. Either it is there and valid afterwards, or this throws and nothing is left.
   *  @throws HF_PG_FINDING_UNKNOWN, HF_PG_FINDING_STATE, HF_PG_NOT_DIRECT, HF_PG_NOT_ALLOWED, HF_PG_INDEX_EXISTS, HF_PG_INDEX_LEFTOVER, HF_PG_APPLY_BUSY, HF_PG_APPLY_BLOCKED,
   *  HF_PG_APPLY_LOCKED, HF_PG_APPLY_TIMEOUT, HF_PG_APPLY_FAILED */
  apply(id: string, options?: ApplyOptions): Promise<Finding>
  /** Compares the workload since the build with the one before it. May be called again; the last verdict counts.
   *  @throws HF_PG_FINDING_UNKNOWN, HF_PG_FINDING_STATE, HF_PG_STATEMENTS_MISSING */
  verify(id: string, options?: VerifyOptions): Promise<Finding>
  /** Drops the index that `apply` built, under the same guards. */
  revert(id: string, options?: ApplyOptions): Promise<Finding>
  /** Who applied, verified and reverted what; the latest first, at most 1,000. */
  audit(): Promise<readonly AuditEntry[]>
}

/** Makes an advisor. Connects to nothing yet. */
export function createAdvisor(options: AdvisorOptions): Advisor {
  const { connect, clock = systemClock, random = Math.random, logger = silentLogger, onProgress = () => undefined } = options
  const labLimitBytes = parseSizeBytes(options.labLimit ?? '256mb')
  const memory = createMemoryLedger()

  const act = <T>(create: boolean, work: (context: ActionContext) => Promise<T>): Promise<T> =>
    withClient(connect, async client => {
      const ledger = await openLedger(client, memory, create)
      return work({ connect, client, clock, ledger, logger, onProgress })
    })

  const entryOf = async (ledger: Ledger, id: string): Promise<LedgerEntry> => {
    const found = (await ledger.entries()).find(entry => entry.finding.id === id)
    if (found === undefined) throw advisorErrors.create('HF_PG_FINDING_UNKNOWN', `there is no finding ${id}`, { context: { id } })
    return found
  }

  return {
    mark: () =>
      withClient(connect, async client => {
        const { schema } = await readSurroundings(client)
        return (await readWorkload(client, schema, false)).mark
      }),
    advise: (adviseOptions = {}) =>
      withClient(connect, async client => {
        const surroundings = await readSurroundings(client)
        const ledger = await openLedger(client, memory, true)
        return advise({ client, clock, random, labLimitBytes, surroundings, ledger, onProgress }, adviseOptions)
      }),
    findings: () => act(false, async ({ ledger }) => (await ledger.entries()).map(entry => entry.finding)),
    finding: id => act(false, async ({ ledger }) => (await entryOf(ledger, id)).finding),
    plant: request => act(true, context => plantFinding(context, request)),
    apply: (id, { lockTimeout = '2s', statementTimeout = '30m', onProgress: hear = onProgress } = {}) => {
      const limits = { lockMs: parseDurationMs(lockTimeout), statementMs: parseDurationMs(statementTimeout) }
      return act(true, async context => applyFinding({ ...context, onProgress: hear }, await entryOf(context.ledger, id), limits))
    },
    verify: (id, { minCalls = 200 } = {}) => act(false, async context => verifyFinding(context, await entryOf(context.ledger, id), minCalls)),
    revert: (id, { lockTimeout = '2s', statementTimeout = '30m', onProgress: hear = onProgress } = {}) => {
      const limits = { lockMs: parseDurationMs(lockTimeout), statementMs: parseDurationMs(statementTimeout) }
      return act(false, async context => revertFinding({ ...context, onProgress: hear }, await entryOf(context.ledger, id), limits))
    },
    audit: () => act(false, ({ ledger }) => ledger.auditEntries()),
  }
}
