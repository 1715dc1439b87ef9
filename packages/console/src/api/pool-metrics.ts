import { bucketUpperBound } from 'holdfast/telemetry'
import type { InstancePool } from '../collect/collector.ts'
import type { PoolConnections } from '../collect/instance-delta.ts'
import { EMPTY_HISTOGRAM, type PackedHistogram } from '../collect/packed-histogram.ts'
import { perSec, quantileMs, rounded } from '../collect/point.ts'
import type { Point, TrafficWindow } from '../store/traffic-store.ts'
import type { DatabasePoolAnswer, WaitBucket } from './database-contract.ts'
import { buildReplicaReads } from './replica-reads.ts'

const HOLDERS_SHOWN = 10
/** Upper ends of the buckets shown: what nobody notices, what a request notices, and what a person does. */
const BUCKET_ENDS_MS: readonly number[] = [1, 5, 20, 100, 500, 2000]

/** All that the answer is made from. */
export interface PoolMetricsInput {
  readonly atMs: number
  readonly window: TrafficWindow
  readonly partial: boolean
  readonly pools: readonly InstancePool[]
  readonly total: PoolConnections | null
  readonly server: Pick<DatabasePoolAnswer, 'server' | 'serverProblem'>
}

/** The pools of all instances: now, and the waits of the window. */
export function buildPoolMetrics({ atMs, window, partial, pools, total, server }: PoolMetricsInput): DatabasePoolAnswer {
  const { traffic, coveredMs, points } = window
  const wait = traffic.acquireWait ?? EMPTY_HISTOGRAM
  return {
    schema: 'holdfast.database-pool/1',
    atMs,
    windowSec: Math.round(coveredMs / 1000),
    instances: pools.map(({ instanceId, connections }) => ({ id: instanceId, ...connections })),
    totals: total,
    acquireWait: {
      p50Ms: quantileMs(wait, 0.5),
      p95Ms: quantileMs(wait, 0.95),
      p99Ms: quantileMs(wait, 0.99),
      mostMs: { value: wait.count === 0 ? null : rounded(wait.max * 1000), n: wait.count },
      checkoutsPerSec: { value: perSec(wait.count, coveredMs), n: wait.count },
      buckets: waitBuckets(wait),
    },
    holders: pools
      .flatMap(({ instanceId, holders }) => holders.map(holder => ({ ...holder, instanceId })))
      .sort((a, b) => b.heldMs - a.heldMs)
      .slice(0, HOLDERS_SHOWN),
    replicas: buildReplicaReads(pools, traffic.reads),
    series: series(points, partial),
    ...server,
  }
}

/** Counts by wait; a bucket of the histogram counts where its upper end lies, which is at most a few per cent off. */
export function waitBuckets({ cells }: PackedHistogram): WaitBucket[] {
  const counts = new Array<number>(BUCKET_ENDS_MS.length + 1).fill(0)
  for (let i = 0; i < cells.length; i += 2) {
    const endMs = bucketUpperBound(cells[i]!) * 1000
    const at = BUCKET_ENDS_MS.findIndex(end => endMs <= end)
    counts[at < 0 ? BUCKET_ENDS_MS.length : at]! += cells[i + 1]!
  }
  return counts.map((count, at) => ({ upToMs: BUCKET_ENDS_MS[at] ?? null, count }))
}

function series(points: readonly Point[], partial: boolean): DatabasePoolAnswer['series'] {
  return {
    atMs: points.map(point => point.atMs),
    used: points.map(({ pool }) => pool?.used ?? null),
    idle: points.map(({ pool }) => pool?.idle ?? null),
    waiting: points.map(({ pool }) => pool?.waiting ?? null),
    waitP95Ms: points.map(point => point.poolWaitP95Ms),
    partial,
  }
}
