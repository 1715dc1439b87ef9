import type { InstancePool } from '../collect/collector.ts'
import { ratio } from '../collect/point.ts'
import type { ReadTraffic } from '../collect/traffic.ts'
import type { ReplicaReads } from './database-contract.ts'

const ON_PRIMARY = 'primary'

/** Replicas as the instances see them now, and the reads of the window. Null where no instance has any. */
export function buildReplicaReads(pools: readonly InstancePool[], traffic: ReadonlyMap<string, ReadTraffic>): ReplicaReads | null {
  const known = pools.flatMap(({ instanceId, reads }) => (reads === undefined ? [] : [{ instanceId, reads }]))
  if (known.length === 0) return null
  const reads = [...traffic.values()].sort((a, b) => b.count - a.count)
  const total = reads.reduce((sum, { count }) => sum + count, 0)
  const onReplicas = reads.reduce((sum, { server, count }) => (server === ON_PRIMARY ? sum : sum + count), 0)
  return {
    servers: known.flatMap(({ instanceId, reads: { replicas } }) => replicas.map(replica => ({ ...replica, instanceId }))),
    instances: known.map(({ instanceId, reads: { primaryPosition, replayLimitMs } }) => ({
      id: instanceId,
      primaryPosition: primaryPosition ?? null,
      // An older instance does not say.
      replayLimitMs: (replayLimitMs as number | undefined) ?? null,
    })),
    onReplicas: ratio(onReplicas, total),
    reads: reads.map(({ server, reason, count }) => ({ server, reason, count, share: count / total })),
  }
}
