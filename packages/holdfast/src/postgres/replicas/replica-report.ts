import type { Clock, Health, HealthReason } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import type { UserPool } from '../user-pool.ts'
import type { CircuitState } from './circuit.ts'
import type { Replica, ReplicaStatus } from './replica.ts'
import type { ReplicaLimits } from './replica-options.ts'
import type { ReplicaSet } from './replica-set.ts'
import { formatWalPosition } from './wal-position.ts'

/** What is known of one replica. Plain data. */
export interface ReplicaState {
  /** `host:port`. */
  readonly name: string
  readonly status: ReplicaStatus
  /** Wall-clock time since when. */
  readonly sinceMs: number
  /** How far it has replayed, in PostgreSQL's notation (`16/B374D848`), as of the last look; absent while that is not known. */
  readonly position?: string
  /** Behind the primary, as of the last look; absent while that is not known. */
  readonly lagBytes?: number
  /** At most so long, exact to one pause between two looks. */
  readonly lagMs?: number
  /** Somebody has paused replay there (`pg_wal_replay_pause`). */
  readonly isPaused: boolean
  readonly circuit: CircuitState
  /** Reads that are waiting for a connection or running. */
  readonly outstanding: number
  /** Reads answered since the start. */
  readonly readCount: number
  /** Reads that lost their connection there, or got none, since the start. */
  readonly lostCount: number
  readonly connections: ReplicaConnections
  /** Why the last look failed; absent when it did not. */
  readonly problem?: string
}

/** A replica's pool. */
export interface ReplicaConnections {
  readonly used: number
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
}

export function replicaState(replica: Replica): ReplicaState {
  const { name, status, statusSinceMs, replayed, lag, isPaused, circuitState, outstanding, readCount, lostCount, problem, pool } = replica
  return {
    name,
    status,
    sinceMs: statusSinceMs,
    ...(replayed === undefined ? {} : { position: formatWalPosition(replayed) }),
    ...(lag === undefined ? {} : { lagBytes: lag.bytes, lagMs: lag.ms }),
    isPaused,
    circuit: circuitState,
    outstanding,
    readCount,
    lostCount,
    connections: connectionsOf(pool),
    ...(problem === undefined ? {} : { problem }),
  }
}

/** Degraded while a replica gets no reads, or the primary's position is not known. One that was not looked at yet is no trouble. */
export function replicaHealth({ replicas, primary }: ReplicaSet, limits: ReplicaLimits, clock: Clock): Health {
  const reasons: HealthReason[] = []
  const usedCount = replicas.filter(({ status }) => status === 'used').length
  const rest = usedCount === 0 ? 'all reads go to the primary' : `${usedCount} of ${replicas.length} replicas take its reads`
  for (const replica of replicas) {
    const why = whyUnused(replica, limits)
    if (why !== undefined) {
      reasons.push({ component: 'postgres', why: `replica ${replica.name} ${why}: ${rest}`, sinceMs: replica.statusSinceMs })
    }
  }
  if (primary.problem !== undefined) {
    const why = `the position of the primary is not known (${primary.problem}): lag is not measured, and reads that must see a write go to the primary`
    reasons.push({ component: 'postgres', why, sinceMs: primary.problemSinceMs ?? clock.nowMs() })
  }
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
}

function whyUnused({ status, lag, isPaused, problem }: Replica, { maxLagMs, maxLagBytes }: ReplicaLimits): string | undefined {
  switch (status) {
    case 'used':
    case 'unknown':
      return undefined
    case 'away':
      return `is away (${problem ?? 'reads lose their connections'})`
    case 'promoted':
      return 'is a primary now, and what it holds may have parted from the data'
    case 'foreign':
      return 'belongs to another cluster than the primary; correct its address'
    case 'behind': {
      const limit = Number.isFinite(maxLagBytes) ? `${maxLagMs} ms, ${maxLagBytes} bytes` : `${maxLagMs} ms`
      return `is ${Math.round(lag?.ms ?? 0)} ms and ${lag?.bytes ?? 0} bytes behind (limit ${limit})${isPaused ? ', for its replay is paused' : ''}`
    }
  }
}

/** Brings the registry up to date whenever it is read. Returns the function that ends it. */
export function reportReplicas(registry: Registry, replicas: readonly Replica[]): () => void {
  const inUse = registry.gauge({ name: 'holdfast_pg_replica_in_use', help: '1 while the replica gets reads, else 0.', labels: ['replica'] })
  const bytes = registry.gauge({
    name: 'holdfast_pg_replica_lag_bytes',
    help: 'Write-ahead log not replayed yet.',
    unit: 'bytes',
    labels: ['replica'],
  })
  const seconds = registry.gauge({ name: 'holdfast_pg_replica_lag_seconds', help: 'Lag behind the primary.', unit: 'seconds', labels: ['replica'] })
  const connections = registry.gauge({
    name: 'holdfast_pg_replica_connections',
    help: 'Connections of the pool of a replica.',
    labels: ['replica', 'state'],
  })
  return registry.onSnapshot(() => {
    for (const { name, status, lag, pool } of replicas) {
      inUse.bind(name).set(status === 'used' ? 1 : 0)
      if (lag !== undefined) {
        bytes.bind(name).set(lag.bytes)
        seconds.bind(name).set(lag.ms / 1000)
      }
      for (const [state, count] of Object.entries(connectionsOf(pool))) connections.bind(name, state).set(count)
    }
  })
}

function connectionsOf({ totalCount, idleCount, waitingCount }: UserPool): ReplicaConnections {
  return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount }
}
