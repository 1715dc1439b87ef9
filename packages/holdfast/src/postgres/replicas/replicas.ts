import { type Clock, currentRequestScope, type Health } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import { pgErrors } from '../errors.ts'
import type { Transaction, TransactionDeps, TransactionOptions } from '../transaction.ts'
import type { UserClient, UserPool } from '../user-pool.ts'
import { commitWithPosition } from './commit-position.ts'
import type { ReplicaLimits } from './replica-options.ts'
import { type ReadQuery, ReplicaReads } from './replica-reads.ts'
import { type ReplicaState, replicaHealth, replicaState, reportReplicas } from './replica-report.ts'
import { ReplicaSet } from './replica-set.ts'
import { formatWalPosition } from './wal-position.ts'

/** Where reads went since the start. */
export interface ReadState {
  readonly replicas: readonly ReplicaState[]
  /** Where the primary was at the last look, in PostgreSQL's notation; absent while that is not known. */
  readonly primaryPosition?: string
  /** Reads that a replica could take at once. */
  readonly chosenCount: number
  /** Reads that waited for a replica to replay what they must see, with success. */
  readonly waitedCount: number
  /** Reads that went to the primary, because no replica was far enough or within the limits. */
  readonly behindCount: number
  /** Reads that went to the primary without waiting for replay, because that has not paid lately: replicas are late as a rule. */
  readonly lateCount: number
  /** Reads that went to the primary, because no replica could be had. */
  readonly awayCount: number
  /** Reads that were sent again, because a replica was lost or its replay ended them. */
  readonly retryCount: number
  /** How long a read waits for replay now, at most; 0: not at all, for it does not pay. Between 0 and `replayWait`. */
  readonly replayLimitMs: number
}

/** What {@link createReplicas} works with. */
export interface ReplicasDeps {
  readonly primary: UserPool
  readonly pools: readonly UserPool[]
  readonly limits: ReplicaLimits
  readonly registry: Registry
  readonly clock: Clock
  readonly random: () => number
}

/** The replicas of one pool. */
export interface Replicas {
  readonly read: ReadQuery
  transaction<Pool extends UserPool, T>(deps: TransactionDeps, work: (tx: Transaction<Pool>) => Promise<T>, options: TransactionOptions): Promise<T>
  /** COMMIT on the primary. */
  commit(client: UserClient): Promise<string>
  readToken(): string | undefined
  /** @throws HF_PG_NO_REQUEST */
  readAfter(token: string | undefined): void
  start(): void
  stop(): void
  state(): ReadState
  health(): Health
}

/** Makes what reads need. Make it before the pools are observed. Nothing is asked before `start()`. */
export function createReplicas({ primary, pools, limits, registry, clock, random }: ReplicasDeps): Replicas {
  const set = new ReplicaSet({ primary, pools, limits, clock, random })
  const reads = new ReplicaReads(set, { primary, registry, clock })
  let unreport = (): void => undefined
  return {
    read: reads.read,
    transaction: (deps, work, options) => reads.transaction(deps, work, options),
    commit: client => commitWithPosition(set, clock, client),
    readToken: () => set.positions.token(),
    readAfter(token) {
      const scope = currentRequestScope()
      if (scope === undefined) throw pgErrors.create('HF_PG_NO_REQUEST', 'readAfter was called outside of a request')
      if (token !== undefined && token !== '') set.positions.adopt(scope, token)
    },
    start() {
      unreport = reportReplicas(registry, set.replicas)
      set.start()
    },
    stop() {
      set.stop()
      unreport()
    },
    state() {
      const { byReason, retries } = reads.counts
      const { latest } = set.primary
      return {
        replicas: set.replicas.map(replicaState),
        ...(latest === undefined ? {} : { primaryPosition: formatWalPosition(latest.position) }),
        chosenCount: byReason.chosen,
        waitedCount: byReason.waited,
        behindCount: byReason.behind,
        lateCount: byReason.late,
        awayCount: byReason.away,
        retryCount: retries,
        replayLimitMs: set.replayLimitMs,
      }
    },
    health: () => replicaHealth(set, limits, clock),
  }
}

/** True when a transaction may run on a replica. @source PostgreSQL 18, 26.4.1: hot standby knows no serializable transactions */
export function isForReplica({ readOnly, isolation, on }: TransactionOptions): boolean {
  return readOnly === true && isolation !== 'serializable' && on !== 'primary'
}
