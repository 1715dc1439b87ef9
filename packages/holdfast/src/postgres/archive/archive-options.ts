import {
  type Clock,
  collectConfigProblems,
  type Duration,
  type Logger,
  parseDurationMs,
  parseSizeBytes,
  type Size,
  silentLogger,
  systemClock,
} from '../../core/index.ts'
import { createRegistry, type Registry } from '../../telemetry/index.ts'
import type { UpkeepDeps } from '../upkeep/upkeep-session.ts'
import type { ArchiveProgress } from './archive-report.ts'
import type { Pace } from './pace.ts'
import { type ArchivePolicy, type ResolvedPolicy, resolvePolicies } from './policy.ts'
import type { LagLimits } from './replica-wait.ts'

/** Options of `createArchive`. */
export interface ArchiveOptions {
  /** A fresh, connected, direct connection to the primary: not one of the application's pool, and not through a pooler in transaction mode. Closed after each
   *  run. `async () => { const c = new pg.Client(url); await c.connect(); return c }`, or `connectionsOf(pool)`. */
  readonly connect: UpkeepDeps['connect']
  readonly policies: readonly ArchivePolicy[]
  /** Longest that rows may stay locked by a batch: the server ends a batch that takes longer, and a smaller one follows. Batches aim for a quarter of it.
   *  `'20ms'` to `'10s'`, default `'150ms'`. */
  readonly maxLockTime?: Duration
  /** Most rows of a batch: 10 to 100,000, default 5,000. */
  readonly maxBatch?: number
  /** Share of the time in which batches run, the rest is pause: above 0, up to 1. Default 0.5. */
  readonly share?: number
  /** A replica further behind than this makes the archive wait. Default `'10s'`. */
  readonly maxReplicaLag?: Duration
  /** The same in bytes of log not replayed, which also sees a replica that answers no more. Default `'64mb'`. */
  readonly maxReplicaLagBytes?: Size
  /** Longest wait for a replica before the run ends with HF_PG_ARCHIVE_LAGGING. Default `'10m'`. */
  readonly replicaPatience?: Duration
  /** Hears of batches, when a run has no `onProgress` of its own. */
  readonly onProgress?: (progress: ArchiveProgress) => void
  readonly clock?: Clock
  readonly logger?: Logger
  /** Numbers from 0 to 1, for pauses before a retry. Default `Math.random`. */
  readonly random?: () => number
  /** Where rows and batches are counted. Default: nowhere. */
  readonly registry?: Registry
}

/** Options that were checked. */
export interface ResolvedArchiveOptions extends UpkeepDeps {
  readonly policies: readonly ResolvedPolicy[]
  readonly pace: Pace
  readonly lag: LagLimits
  readonly onProgress: (progress: ArchiveProgress) => void
  readonly random: () => number
  readonly registry: Registry
}

/** @throws HF_CONFIG_INVALID naming every bad option at once */
export function resolveArchiveOptions(options: ArchiveOptions): ResolvedArchiveOptions {
  const {
    connect,
    clock = systemClock,
    logger = silentLogger,
    random = Math.random,
    registry = createRegistry(),
    onProgress = () => undefined,
  } = options
  const { maxBatch = 5000, share = 0.5 } = options
  const problems = collectConfigProblems()
  if (typeof connect !== 'function') problems.add('archive.connect', 'is not a function')
  const duration = (name: 'maxLockTime' | 'maxReplicaLag' | 'replicaPatience', absent: Duration): number =>
    problems.attempt(`archive.${name}`, () => parseDurationMs(options[name] ?? absent), 1000)
  const lockLimitMs = duration('maxLockTime', '150ms')
  if (lockLimitMs < 20 || lockLimitMs > 10_000) problems.add('archive.maxLockTime', `must be from 20ms to 10s, is ${lockLimitMs} ms`)
  if (!Number.isInteger(maxBatch) || maxBatch < 10 || maxBatch > 100_000)
    problems.add('archive.maxBatch', `is ${maxBatch}, not a whole number from 10 to 100000`)
  if (!(share > 0 && share <= 1)) problems.add('archive.share', `is ${share}, not above 0 and up to 1`)
  const lag: LagLimits = {
    lagMs: duration('maxReplicaLag', '10s'),
    lagBytes: problems.attempt('archive.maxReplicaLagBytes', () => parseSizeBytes(options.maxReplicaLagBytes ?? '64mb'), 0),
    patienceMs: duration('replicaPatience', '10m'),
  }
  const policies = resolvePolicies(problems, options.policies)
  problems.throwIfAny('archive')
  return { connect, clock, logger, random, registry, onProgress, policies, lag, pace: { lockLimitMs, mostBatchRows: maxBatch, share } }
}
