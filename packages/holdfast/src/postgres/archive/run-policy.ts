import type { Clock } from '../../core/index.ts'
import { setLimits, takeSessionLock, type UpkeepSession } from '../upkeep/upkeep-session.ts'
import type { ArchiveMetrics } from './archive-metrics.ts'
import type { ArchiveProgress, ArchiveReport } from './archive-report.ts'
import { conditionOf, fromClause } from './condition.ts'
import { estimateMatching, readCutoff, takesEverything } from './counts.ts'
import { archiveErrors } from './errors.ts'
import type { Pace } from './pace.ts'
import type { ResolvedPolicy } from './policy.ts'
import { checkPredicate } from './predicate.ts'
import { type LagLimits, ReplicaWait } from './replica-wait.ts'
import { type ArchiveRunContext, stepError } from './run-context.ts'
import { archivePartitions, goesByPartitions, oldPartitions, requireDetachable } from './run-partitions.ts'
import { archiveRows } from './run-rows.ts'
import { isDueDone, openRun } from './run-state.ts'
import { END_ARCHIVE_RUN } from './sql/archive-run.sql.ts'
import { type ArchiveSubject, requireSubject } from './subject.ts'
import { requireTarget } from './target.ts'

/** What a run needs besides its connection. */
export interface RunPolicyOptions {
  readonly clock: Clock
  readonly random: () => number
  readonly pace: Pace
  readonly lag: LagLimits
  readonly metrics: ArchiveMetrics
  /** How long to try for the policy's lock. */
  readonly lockWaitMs: number
  /** The moment of the schedule. Absent: by hand. */
  readonly dueAtMs: number | undefined
  readonly signal: AbortSignal | undefined
  readonly onProgress: (progress: ArchiveProgress) => void
}

/** Runs a policy to its end on a connection that nobody else uses, under the lock of the policy. `undefined`: that moment of the schedule was done by another.
 *  @throws HF_PG_ARCHIVE_BUSY and all that the archive's errors name; the signal's reason */
export async function runPolicy(session: UpkeepSession, policy: ResolvedPolicy, options: RunPolicyOptions): Promise<ArchiveReport | undefined> {
  const { client, database } = session
  const { clock, dueAtMs, lockWaitMs, signal } = options
  if (!(await takeSessionLock(client, `holdfast:archive:${policy.name}`, lockWaitMs, clock, signal))) {
    throw archiveErrors.create('HF_PG_ARCHIVE_BUSY', `policy ${policy.name} is being run in database ${database} by another process`)
  }
  if (dueAtMs !== undefined && (await isDueDone(client, policy.name, dueAtMs))) return undefined
  const startedMs = clock.monotonicMs()
  if (policy.where !== undefined) await checkPredicate(policy.where)
  const subject = await requireSubject(client, policy, session.role)
  const replicas = new ReplicaWait(client, clock, options.lag)
  try {
    const done = goesByPartitions(policy, subject)
      ? await runByPartitions(session, policy, subject, replicas, options)
      : await runByRows(session, policy, subject, replicas, options)
    const notes = replicas.isHidden ? [`the lag of replicas is hidden from this role: GRANT pg_monitor TO ${session.role}`] : []
    const shared = { policy: policy.name, action: policy.action, table: subject.quoted, notes }
    return { ...shared, ...done, tookMs: clock.monotonicMs() - startedMs, waitedForReplicasMs: replicas.waitedMs }
  } catch (error) {
    // What stops a run on purpose is the caller's own.
    if (signal?.aborted === true && error === signal.reason) throw error
    throw stepError(error, { policy, subject, pace: options.pace })
  }
}

type Done = Pick<ArchiveReport, 'into' | 'rowCount' | 'batchCount' | 'partitions' | 'leftCount' | 'isResumed' | 'longestBatchMs'>

async function runByRows(
  { client, role }: UpkeepSession,
  policy: ResolvedPolicy,
  subject: ArchiveSubject,
  replicas: ReplicaWait,
  options: RunPolicyOptions,
): Promise<Done> {
  const from = fromClause(subject)
  const now = policy.olderThan === undefined ? null : await readCutoff(client, policy.olderThan.ageMs)
  const condition = conditionOf(policy, subject, now)
  const estimatedRows = await estimateMatching(client, from, condition)
  if (policy.action !== 'copy' && !policy.allowsEverything) refuseEverything(policy, subject, await takesEverything(client, from, condition))
  const target = await requireTarget(client, policy, subject, role, true)
  const run = await openRun(client, policy, options.dueAtMs)
  // A wait for the table's lock is told from a step that is too long.
  await setLimits(client, { lockMs: options.pace.lockLimitMs / 2, statementMs: options.pace.lockLimitMs })
  const context: ArchiveRunContext = { ...options, client, policy, subject, target, run, replicas, tell: teller(policy, estimatedRows, options) }
  const outcome = await archiveRows(context)
  await setLimits(client, { lockMs: 0, statementMs: 0 })
  await client.query(END_ARCHIVE_RUN, [run.id, 'done'])
  return { ...outcome, partitions: [], isResumed: run.isResumed, ...(target === undefined ? {} : { into: target.quoted }) }
}

async function runByPartitions(
  { client, role }: UpkeepSession,
  policy: ResolvedPolicy,
  subject: ArchiveSubject,
  replicas: ReplicaWait,
  options: RunPolicyOptions,
): Promise<Done> {
  const found = await oldPartitions({ client, policy, subject }, await readCutoff(client, policy.olderThan!.ageMs))
  requireDetachable(subject, found, role)
  if (!policy.allowsEverything) refuseEverything(policy, subject, found.isEverything)
  const run = await openRun(client, policy, options.dueAtMs)
  const context: ArchiveRunContext = { ...options, client, policy, subject, target: undefined, run, replicas, tell: teller(policy, 0, options) }
  const { rowCount, names } = await archivePartitions(context, found.old)
  await client.query(END_ARCHIVE_RUN, [run.id, 'done'])
  return { rowCount, partitions: names, batchCount: run.batchCount, leftCount: 0, isResumed: run.isResumed, longestBatchMs: 0 }
}

function refuseEverything({ name }: ResolvedPolicy, { quoted }: ArchiveSubject, everything: boolean | undefined): void {
  if (everything === false) return
  const what = everything === undefined ? 'no row that would stay was found within a minute' : 'no row would stay'
  throw archiveErrors.create('HF_PG_ARCHIVE_EVERYTHING', `policy ${name} on ${quoted}: ${what}`, { context: { policy: name, table: quoted } })
}

function teller({ name }: ResolvedPolicy, estimatedRows: number, { onProgress }: RunPolicyOptions): ArchiveRunContext['tell'] {
  return (phase, line, rowCount, batchRows) => onProgress({ policy: name, phase, line, rowCount, batchRows, estimatedRows })
}
