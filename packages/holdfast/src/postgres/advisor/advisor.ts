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
import { withAbort } from './abort.ts'
import type { ActionContext } from './action.ts'
import { type AdviceReport, type AdviseOptions, advise } from './advise.ts'
import { applyFinding } from './apply.ts'
import { applyRule } from './apply-rule.ts'
import { type AdvisorClient, withClient } from './client.ts'
import { advisorErrors } from './errors.ts'
import type { SeenBinds } from './examined.ts'
import type { PoolShare } from './facts/rule-facts.ts'
import { type AuditEntry, createMemoryLedger, type Ledger, type LedgerEntry, openLedger } from './ledger.ts'
import { type PlantRequest, plantFinding } from './plant.ts'
import { readSurroundings, readWorkload } from './read-workload.ts'
import { revertFinding } from './revert.ts'
import { revertRule } from './revert-rule.ts'
import { snoozeFinding } from './snooze.ts'
import { verifyFinding } from './verify.ts'
import { verifyRule } from './verify-rule.ts'
import type { WorkloadMark } from './workload.ts'

export interface AdvisorOptions {
  /** A fresh, connected, direct connection of the advisor's own: not one of the application's pool, and not through a pooler in transaction mode. It is
   *  closed after each call. `async () => { const c = new pg.Client(url); await c.connect(); return c }`. */
  readonly connect: () => Promise<AdvisorClient>
  readonly clock?: Clock
  /** 0 up to, not including, 1; picks parameters from sampled rows. Default Math.random. */
  readonly random?: () => number
  readonly logger?: Logger
  /** A table larger than this, indexes left out, is tried on a sample of its pages; the evidence then says `modeled`. All copies
   *  together take three times this at most. Default 512 MB. */
  readonly labLimit?: Size
  /** Connections to the read replicas, each as `connect`: an index that is only read there is not unused. Default: none; while replicas stream from the
   *  server and are not all given here, no index is called unused. */
  readonly replicas?: readonly (() => Promise<AdvisorClient>)[]
  /** Every pool that connects to the server, for the sum against max_connections. Default: none, and the sum is not judged. */
  readonly pools?: readonly PoolShare[]
  /** Sets of parameters that the service was seen to send with a statement, by its text in pg_stat_statements: `text => hf.pg.bindsOf(text)` where the advisor runs
   *  in the service's process. From four sets on they are used instead of values drawn from rows; they stay in memory and are shown nowhere. Default: none. */
  readonly bindsOf?: (text: string) => readonly SeenBinds[]
  /** Hears what is being done, in lines for people. */
  readonly onProgress?: (line: string) => void
}

export interface ApplyOptions {
  /** Longest wait for any one lock. Default 2 s. */
  readonly lockTimeout?: Duration
  /** Longest build. Default 30 min. */
  readonly statementTimeout?: Duration
  /** Largest index that is built, by the size that it had on the copy: a disk that fills up stops all writers. Default `'16gb'`. */
  readonly maxIndexSize?: Size
  /** Cancels the change in the server: what it left is taken away, and it rejects with the signal's reason. A build that was done by then stays, and is applied. */
  readonly signal?: AbortSignal
  /** Hears the phases of the build, instead of the advisor's own `onProgress`. */
  readonly onProgress?: (line: string) => void
}

export interface VerifyOptions {
  /** Calls of the finding's statements since the build below which nothing is decided; three days after it, 30 are enough. Default 200. */
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
  /** Makes the change: builds the index, drops it, or runs what the finding recommends. Either it is made whole, or this throws and nothing is left of it.
   *  @throws HF_PG_APPLY_MANUAL for what Holdfast does not change itself, HF_PG_APPLY_OUTDATED, HF_PG_FINDING_UNKNOWN, HF_PG_FINDING_STATE, HF_PG_NOT_DIRECT,
   *  HF_PG_NOT_ALLOWED, HF_PG_INDEX_EXISTS, HF_PG_INDEX_LEFTOVER, HF_PG_APPLY_BUSY, HF_PG_APPLY_BLOCKED,
   *  HF_PG_APPLY_LOCKED, HF_PG_APPLY_TIMEOUT, HF_PG_APPLY_TOO_LARGE, HF_PG_APPLY_FAILED */
  apply(id: string, options?: ApplyOptions): Promise<Finding>
  /** Compares the workload since the build with the one before it. May be called again; the last verdict counts.
   *  @throws HF_PG_FINDING_UNKNOWN, HF_PG_FINDING_STATE, HF_PG_STATEMENTS_MISSING */
  verify(id: string, options?: VerifyOptions): Promise<Finding>
  /** Undoes what `apply` did, under the same guards: drops the index that it built, builds the one that it dropped, puts settings back.
   *  @throws HF_PG_REVERT_IMPOSSIBLE for what leaves nothing to undo, and what `apply` throws */
  revert(id: string, options?: Omit<ApplyOptions, 'maxIndexSize'>): Promise<Finding>
  /** Puts an open finding aside; it is open again when it is found after that time.
   *  @throws HF_PG_FINDING_UNKNOWN, HF_PG_FINDING_STATE */
  snooze(id: string, duration: Duration, reason?: string): Promise<Finding>
  /** Who applied, verified, reverted and snoozed what; the latest first, at most 1,000. */
  audit(): Promise<readonly AuditEntry[]>
}

/** Makes an advisor. Connects to nothing yet. */
export function createAdvisor(options: AdvisorOptions): Advisor {
  const { connect, clock = systemClock, random = Math.random, logger = silentLogger, onProgress = () => undefined } = options
  const labLimitBytes = parseSizeBytes(options.labLimit ?? '512mb')
  const memory = createMemoryLedger()
  const { replicas = [], pools = [], bindsOf } = options

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
      withAbort({ connect, logger }, adviseOptions.signal, async client => {
        const surroundings = await readSurroundings(client)
        const ledger = await openLedger(client, memory, true)
        return advise({ client, clock, random, labLimitBytes, surroundings, ledger, replicas, pools, bindsOf, onProgress }, adviseOptions)
      }),
    findings: () => act(false, async ({ ledger }) => (await ledger.entries()).map(entry => entry.finding)),
    finding: id => act(false, async ({ ledger }) => (await entryOf(ledger, id)).finding),
    plant: request => act(true, context => plantFinding(context, request)),
    apply: (id, { lockTimeout = '2s', statementTimeout = '30m', maxIndexSize = '16gb', signal, onProgress: hear = onProgress } = {}) => {
      const maxIndexBytes = parseSizeBytes(maxIndexSize)
      const limits = { lockMs: parseDurationMs(lockTimeout), statementMs: parseDurationMs(statementTimeout) }
      return act(true, async acting => {
        const entry = await entryOf(acting.ledger, id)
        const { change } = entry.bookkeeping
        const context = { ...acting, signal, onProgress: hear }
        return change === undefined ? applyFinding(context, entry, limits, maxIndexBytes) : applyRule(context, entry, change, limits)
      })
    },
    verify: (id, { minCalls = 200 } = {}) =>
      act(false, async context => {
        const entry = await entryOf(context.ledger, id)
        const { change } = entry.bookkeeping
        if (change === undefined) return verifyFinding(context, entry, minCalls)
        return verifyRule({ ...context, surroundings: await readSurroundings(context.client), replicas, pools }, entry, change, minCalls)
      }),
    revert: (id, { lockTimeout = '2s', statementTimeout = '30m', signal, onProgress: hear = onProgress } = {}) => {
      const limits = { lockMs: parseDurationMs(lockTimeout), statementMs: parseDurationMs(statementTimeout) }
      return act(false, async acting => {
        const entry = await entryOf(acting.ledger, id)
        const { change } = entry.bookkeeping
        const context = { ...acting, signal, onProgress: hear }
        return change === undefined ? revertFinding(context, entry, limits) : revertRule(context, entry, change, limits)
      })
    },
    snooze: (id, duration, reason) => {
      const forMs = parseDurationMs(duration)
      return act(false, async context => snoozeFinding(context, await entryOf(context.ledger, id), forMs, reason))
    },
    audit: () => act(false, ({ ledger }) => ledger.auditEntries()),
  }
}
