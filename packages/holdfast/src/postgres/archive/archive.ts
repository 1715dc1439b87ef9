import { createLifecycle, isHoldfastError, type Lifecycle } from '../../core/index.ts'
import { readRows, withClient } from '../advisor/client.ts'
import { audited } from '../upkeep/audit.ts'
import { type DueTask, startDueTimer } from '../upkeep/due-timer.ts'
import { openOwnTables } from '../upkeep/own-tables.ts'
import { withUpkeepSession } from '../upkeep/upkeep-session.ts'
import { createArchiveMetrics } from './archive-metrics.ts'
import { type ArchiveOptions, resolveArchiveOptions } from './archive-options.ts'
import type { ArchivePreview, ArchiveProgress, ArchiveReport } from './archive-report.ts'
import { archiveErrors } from './errors.ts'
import type { ResolvedPolicy } from './policy.ts'
import { previewPolicy } from './preview.ts'
import { inOrder } from './run-order.ts'
import { runPolicy } from './run-policy.ts'
import { ARCHIVE_LOG_READABLE, type ArchiveRunSummary, LIST_ARCHIVE_RUNS } from './sql/archive-run.sql.ts'

/** Options of one run. */
export interface ArchiveRunOptions {
  /** Ends the run after the batch under way; it rejects with the signal's reason, and the next run goes on from there. */
  readonly signal?: AbortSignal
  /** Hears of each batch, instead of the archive's own `onProgress`. */
  readonly onProgress?: (progress: ArchiveProgress) => void
}

/** Moves old rows out of the way of new ones. Every method opens its own connections and closes them. After `start()` policies with a schedule are run when
 *  they are due, by one process of a fleet. */
export interface Archive extends Lifecycle {
  /** Counts what a run would take. Changes nothing.
   *  @throws HF_PG_ARCHIVE_POLICY_UNKNOWN and what a run throws before it begins */
  preview(policy: string, options?: Pick<ArchiveRunOptions, 'signal'>): Promise<ArchivePreview>
  /** Runs a policy to its end, or goes on with a run that did not end. Whatever happens, each row is in exactly one of the two tables, and the audit log has
   *  a line.
   *  @throws HF_PG_ARCHIVE_POLICY_UNKNOWN, HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_PG_READ_ONLY, HF_PG_NOT_DIRECT, HF_PG_ARCHIVE_BUSY,
   *  HF_PG_ARCHIVE_POLICY, HF_PG_ARCHIVE_NO_KEY, HF_PG_ARCHIVE_REFERENCED, HF_PG_ARCHIVE_EVERYTHING, HF_PG_ARCHIVE_TARGET, HF_PG_ARCHIVE_PARTITIONS: nothing
   *  was changed
   *  @throws HF_PG_ARCHIVE_CONFLICT, HF_PG_ARCHIVE_LOCKED, HF_PG_ARCHIVE_SLOW, HF_PG_ARCHIVE_LAGGING, HF_PG_ARCHIVE_FAILED: what was done stays done */
  run(policy: string, options?: ArchiveRunOptions): Promise<ArchiveReport>
  /** Runs all policies one after the other, tables that refer to others first. Rejects at the first that fails. */
  runAll(options?: ArchiveRunOptions): Promise<readonly ArchiveReport[]>
  /** Runs under way and over, the newest first, at most 100; none where the log was never made. 2 round trips. */
  runs(): Promise<readonly ArchiveRunSummary[]>
}

/** How long a run by hand tries for the lock: the server notices a killed process when its batch is over. */
const LOCK_WAIT_MS = 3000

/** Prepares an archive; connects to nothing yet.
 *  @throws HF_CONFIG_INVALID naming every bad option at once */
export function createArchive(options: ArchiveOptions): Archive {
  const deps = resolveArchiveOptions(options)
  const { policies, clock, logger, registry } = deps
  const metrics = createArchiveMetrics(registry)
  const stopping = new AbortController()
  let underWay: Promise<unknown> = Promise.resolve()
  let stopTimer: (() => void) | undefined

  const execute = (
    policy: ResolvedPolicy,
    { signal, onProgress = deps.onProgress }: ArchiveRunOptions,
    dueAtMs?: number,
  ): Promise<ArchiveReport | undefined> => {
    const { pace, lag, random } = deps
    const isOthers = (error: unknown): boolean => dueAtMs !== undefined && isHoldfastError(error) && error.code === 'HF_PG_ARCHIVE_BUSY'
    const action = {
      what: 'archive',
      subject: policy.name,
      describe: (report: ArchiveReport | undefined) => report && lineOf(report),
      isSilent: isOthers,
    }
    const lockWaitMs = dueAtMs === undefined ? LOCK_WAIT_MS : 0
    return counted(metrics.runs, policy.name, signal, async () => {
      signal?.throwIfAborted()
      return withUpkeepSession(deps, async session => {
        await openOwnTables(session, ['archive_run', 'audit_log'])
        const work = () => runPolicy(session, policy, { clock, random, pace, lag, metrics, signal, onProgress, dueAtMs, lockWaitMs })
        return audited(deps, session.client, action, work)
      })
    })
  }

  const tasks: DueTask[] = policies.flatMap(policy => {
    if (policy.nextDue === undefined) return []
    const run = async (dueAtMs: number): Promise<'over' | 'later'> => {
      const work = execute(policy, { signal: stopping.signal }, dueAtMs).then(
        () => 'over' as const,
        error => {
          if (stopping.signal.aborted) return 'over' as const
          if (isHoldfastError(error) && error.code === 'HF_PG_ARCHIVE_BUSY') return 'later' as const
          logger.error({ err: error, policy: policy.name }, 'postgres: an archive run failed; the next one goes on where it was')
          return 'over' as const
        },
      )
      underWay = Promise.allSettled([underWay, work])
      return work
    }
    return [{ next: policy.nextDue, run }]
  })

  const lifecycle = createLifecycle({
    name: 'the archive',
    clock,
    start: async () => {
      stopTimer = startDueTimer(clock, tasks)
    },
    stop: async () => {
      stopTimer?.()
      stopping.abort(new Error('the archive was stopped'))
      await underWay
    },
  })

  return {
    ...lifecycle,
    preview: async (name, { signal } = {}) => {
      const policy = find(policies, name)
      signal?.throwIfAborted()
      return withUpkeepSession(deps, session => previewPolicy(session, policy))
    },
    run: async (name, runOptions = {}) => (await execute(find(policies, name), runOptions))!,
    async runAll(runOptions = {}) {
      const reports: ArchiveReport[] = []
      const ordered = await withClient(deps.connect, client => inOrder(client, policies))
      for (const policy of ordered) reports.push((await execute(policy, runOptions))!)
      return reports
    },
    runs: () =>
      withClient(deps.connect, async client => {
        const [log] = await readRows<{ readable: boolean }>(client, ARCHIVE_LOG_READABLE)
        return log?.readable === true ? readRows<ArchiveRunSummary>(client, LIST_ARCHIVE_RUNS, [100]) : []
      }),
  }
}

/** @throws HF_PG_ARCHIVE_POLICY_UNKNOWN */
function find(policies: readonly ResolvedPolicy[], name: string): ResolvedPolicy {
  const found = policies.find(policy => policy.name === name)
  if (found !== undefined) return found
  throw archiveErrors.create('HF_PG_ARCHIVE_POLICY_UNKNOWN', `${name}; known are ${policies.map(policy => policy.name).join(', ') || 'none'}`)
}

async function counted(
  runs: ReturnType<typeof createArchiveMetrics>['runs'],
  policy: string,
  signal: AbortSignal | undefined,
  work: () => Promise<ArchiveReport | undefined>,
): Promise<ArchiveReport | undefined> {
  try {
    const report = await work()
    if (report !== undefined) runs.bind(policy, 'done').add()
    return report
  } catch (error) {
    const outcome = signal?.aborted === true ? 'stopped' : isHoldfastError(error) ? error.code : 'failed'
    runs.bind(policy, outcome).add()
    throw error
  }
}

function lineOf({ action, table, into, rowCount, partitions, batchCount }: ArchiveReport): string {
  const where = into === undefined ? '' : ` into ${into}`
  const how = partitions.length > 0 ? `partitions ${partitions.join(', ')}` : `${batchCount} batches`
  return `${action} ${rowCount} rows of ${table}${where}, ${how}`
}
