import { type Clock, delay, type HoldfastError, isHoldfastError } from '../../core/index.ts'
import { type AdvisorClient, messageOf, sqlStateOf } from '../advisor/client.ts'
import type { ArchiveMetrics } from './archive-metrics.ts'
import type { ArchiveProgress } from './archive-report.ts'
import { archiveErrors } from './errors.ts'
import type { Pace } from './pace.ts'
import type { ResolvedPolicy } from './policy.ts'
import type { ReplicaWait } from './replica-wait.ts'
import type { ArchiveRunState } from './run-state.ts'
import type { ArchiveSubject } from './subject.ts'
import type { ArchiveTarget } from './target.ts'

/** Everything that one run works with. */
export interface ArchiveRunContext {
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly random: () => number
  readonly pace: Pace
  readonly policy: ResolvedPolicy
  readonly subject: ArchiveSubject
  readonly target: ArchiveTarget | undefined
  readonly run: ArchiveRunState
  readonly replicas: ReplicaWait
  readonly metrics: ArchiveMetrics
  readonly signal: AbortSignal | undefined
  /** Says how far it is. */
  readonly tell: (phase: ArchiveProgress['phase'], line: string, rowCount: number, batchRows: number) => void
}

/** Attempts at one step before it is given up. With the pauses between them that is half a minute. */
export const MOST_ATTEMPTS = 12
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 5000

/** Failures after which the same step may be tried again, since nothing of it took effect: time-out, lock time-out, deadlock, serialization, and a row that
 *  came to be referred to at the same moment. */
const TRANSIENT_STATES: ReadonlySet<string> = new Set(['57014', '55P03', '40P01', '40001', '23503'])

/** True for a failure of a step that may pass by itself. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT_STATES.has(sqlStateOf(error) ?? '')
}

/** Waits before the next attempt: longer each time, and never in step with others. */
export function pauseBeforeRetry(context: Pick<ArchiveRunContext, 'clock' | 'random' | 'signal'>, attempt: number): Promise<void> {
  const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt)
  return delay(context.clock, pauseMs * (0.5 + context.random() / 2), context.signal)
}

/** A refusal of the server in our words. What is ours already passes. */
export function stepError(error: unknown, { policy, subject, pace }: Pick<ArchiveRunContext, 'policy' | 'subject' | 'pace'>): HoldfastError {
  if (isHoldfastError(error)) return error
  const what = `policy ${policy.name} on ${subject.quoted}`
  const details = { cause: error, context: { policy: policy.name, sqlState: sqlStateOf(error) } }
  switch (sqlStateOf(error)) {
    case '57014':
      return archiveErrors.create(
        'HF_PG_ARCHIVE_SLOW',
        `${what}: the smallest step took more than ${pace.lockLimitMs} ms in ${MOST_ATTEMPTS} attempts`,
        details,
      )
    case '55P03':
    case '40P01':
    case '40001':
      return archiveErrors.create('HF_PG_ARCHIVE_LOCKED', `${what}: no lock in ${MOST_ATTEMPTS} attempts: ${messageOf(error)}`, details)
    case '23503':
      return archiveErrors.create('HF_PG_ARCHIVE_REFERENCED', `${what}: ${messageOf(error)}`, details)
    case '23505':
    case '23502':
    case '23514':
      return archiveErrors.create('HF_PG_ARCHIVE_CONFLICT', `${what}: ${messageOf(error)}`, details)
    case '42703':
    case '42804':
    case '42883':
    case '42601':
    case '22P02':
    case '22007':
    case '22008':
      return archiveErrors.create('HF_PG_ARCHIVE_POLICY', `${what}: ${messageOf(error)}`, details)
    default:
      return archiveErrors.create('HF_PG_ARCHIVE_FAILED', `${what}: ${messageOf(error)}`, details)
  }
}
