import type { Measured } from '../api/contract.ts'
import type { CachePoint, JobPoint, Point } from '../store/traffic-store.ts'
import type { CacheTraffic } from './cache-traffic.ts'
import type { PoolConnections } from './instance-delta.ts'
import { endedJobs, type JobTraffic, mergeJobs, mergeJobsBy } from './job-traffic.ts'
import { EMPTY_HISTOGRAM, type PackedHistogram, packedQuantile } from './packed-histogram.ts'
import { mergeRoutes, type Traffic } from './traffic.ts'

/** The chart's point of one reading. */
export function toPoint(atMs: number, traffic: Traffic, durationMs: number, pool: PoolConnections | null, cacheBytes = 0): Point {
  const all = mergeRoutes([...traffic.routes.values()])
  const { cache } = traffic
  const hitCount = cache === null ? 0 : cache.l1HitCount + cache.l2HitCount
  return {
    atMs,
    requestsPerSec: perSec(all.total.count, durationMs),
    p50Ms: quantileMs(all.total, 0.5).value,
    p95Ms: quantileMs(all.total, 0.95).value,
    errorRatio: ratio(all.errorCount, all.total.count).value,
    hitRatio: ratio(hitCount, cache === null ? 0 : hitCount + cache.missCount).value,
    pool,
    poolWaitP95Ms: quantileMs(traffic.acquireWait ?? EMPTY_HISTOGRAM, 0.95).value,
    cache: cache === null ? null : cachePoint(cache, durationMs, cacheBytes),
    jobs: traffic.jobs.size === 0 ? null : jobPoints([...traffic.jobs.values()], durationMs),
  }
}

function cachePoint(cache: CacheTraffic, durationMs: number, bytes: number): CachePoint {
  return {
    l1PerSec: perSec(cache.l1HitCount, durationMs),
    l2PerSec: perSec(cache.l2HitCount, durationMs),
    missPerSec: perSec(cache.missCount, durationMs),
    stalePerSec: perSec(cache.staleCount, durationMs),
    coalescedPerSec: perSec(cache.coalescedCount, durationMs),
    evictionPerSec: perSec(cache.evictionCount, durationMs),
    bytes,
  }
}

function jobPoints(jobs: readonly JobTraffic[], durationMs: number): Map<string | null, JobPoint> {
  const queues = mergeJobsBy('queue', jobs)
  const points = new Map<string | null, JobPoint>([[null, jobPoint(mergeJobs(jobs), durationMs)]])
  for (const [queue, traffic] of queues) points.set(queue, jobPoint(traffic, durationMs))
  return points
}

function jobPoint(jobs: JobTraffic, durationMs: number): JobPoint {
  const { wait, run, age, outcomes } = jobs
  return {
    endedPerSec: perSec(endedJobs(jobs), durationMs),
    failedPerSec: perSec(outcomes.dead + outcomes.retried + outcomes.stalled, durationMs),
    waitP50Ms: quantileMs(wait, 0.5).value,
    waitP95Ms: quantileMs(wait, 0.95).value,
    runP50Ms: quantileMs(run, 0.5).value,
    runP95Ms: quantileMs(run, 0.95).value,
    ageP50Ms: quantileMs(age, 0.5).value,
    ageP95Ms: quantileMs(age, 0.95).value,
  }
}

/** A percentile of a histogram of seconds, in ms. */
export function quantileMs(histogram: PackedHistogram, quantile: number): Measured {
  const seconds = packedQuantile(histogram, quantile)
  return { value: seconds === undefined ? null : rounded(seconds * 1000), n: histogram.count }
}

/** `part` of `whole`, where `whole` is the count that it rests on. */
export function ratio(part: number, whole: number): Measured {
  return { value: whole === 0 ? null : rounded(part / whole), n: whole }
}

/** Null when no time was covered. */
export function perSec(count: number, durationMs: number): number | null {
  return durationMs > 0 ? rounded((count * 1000) / durationMs) : null
}

/** To four places: what is below is noise, and digits are most of a live update's bytes. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000
}
