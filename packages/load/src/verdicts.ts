import type { Recorded } from './recorder.ts'
import type { LoadResult } from './result.ts'
import type { LoadSlo } from './scenario.ts'

/** Objective that the drift is held against when the scenario names none. */
const DEFAULT_OBJECTIVE_MS = 50
/** Share of the objective that the generator may be late. Its 99th percentile adds at most that to the 99th percentile of latency, which counts from the
 *  intended time; a host that is shared with others is late by 3 to 4 ms now and then, whatever the target does. */
const DRIFT_SHARE = 0.1
/** Below this a limit would mostly measure how the kernel schedules. */
const DRIFT_FLOOR_MS = 2

/** How late the generator may be, 99th percentile, before its figures say nothing. */
export function driftLimitMs(slo: LoadSlo | undefined): number {
  return Math.max(DRIFT_FLOOR_MS, DRIFT_SHARE * (slo?.p95Ms ?? DEFAULT_OBJECTIVE_MS))
}

/** Why a run says nothing about its target; empty when it does. One sentence each. */
export function invalidReasons(
  recorded: Pick<Recorded, 'requestCount' | 'droppedCount' | 'driftP99Ms' | 'waitedCount'>,
  limitMs: number,
  maxInFlight: number,
): string[] {
  const { requestCount, droppedCount, driftP99Ms, waitedCount } = recorded
  const reasons: string[] = []
  if (requestCount === 0) reasons.push('no request was sent')
  if (droppedCount > 0) {
    reasons.push(
      `${droppedCount} of ${droppedCount + requestCount} requests were never sent: all ${maxInFlight} connections (maxInFlight) were busy, and as many requests waited`,
    )
  }
  if (driftP99Ms > limitMs) {
    const cause =
      waitedCount > 0
        ? `${waitedCount} requests waited for one of ${maxInFlight} connections (maxInFlight)`
        : 'the generator did not get enough processor time'
    reasons.push(`send drift p99 was ${driftP99Ms} ms (limit ${limitMs} ms): ${cause}`)
  }
  return reasons
}

/** Holds a run against its objective. */
export function judgeSlo(
  slo: LoadSlo | undefined,
  isValid: boolean,
  recorded: Pick<Recorded, 'latency' | 'errors' | 'requestCount'>,
): LoadResult['slo'] {
  if (slo === undefined || Object.keys(slo).length === 0 || !isValid) return { met: null, broken: [] }
  const { latency, errors, requestCount } = recorded
  const broken: string[] = []
  if (slo.p95Ms !== undefined && latency.p95Ms > slo.p95Ms) broken.push(`p95 ${latency.p95Ms} ms is above ${slo.p95Ms} ms`)
  if (slo.p99Ms !== undefined && latency.p99Ms > slo.p99Ms) broken.push(`p99 ${latency.p99Ms} ms is above ${slo.p99Ms} ms`)
  const errorRatio = errors.count / requestCount
  if (slo.errorRatio !== undefined && errorRatio > slo.errorRatio) broken.push(`error ratio ${errorRatio.toFixed(4)} is above ${slo.errorRatio}`)
  return { met: broken.length === 0, broken }
}
