import type { HistogramSnapshot } from 'holdfast/telemetry'

/** Version of the shape of {@link LoadResult}. */
export const LOAD_RESULT_SCHEMA = 'holdfast.load/1'

/** A distribution of times in milliseconds. All 0 when nothing was recorded, which makes the run invalid. */
export interface LatencySummary {
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly meanMs: number
  /** In seconds. Merge these, never the percentiles. */
  readonly histogram: HistogramSnapshot
}

/** What one kind of request did. Times count from the intended send time. */
export interface RequestSummary {
  readonly name: string
  readonly count: number
  readonly errors: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
}

/** The run over time, one entry for each interval. A request counts in the interval in which it ended. Percentiles are `null` where nothing ended. */
export interface LoadTimeline {
  /** 1 up to an hour of run; longer runs have longer intervals, so that their results stay small. */
  readonly intervalSeconds: number
  /** End of the interval, seconds after the start. */
  readonly atSec: readonly number[]
  readonly sent: readonly number[]
  readonly done: readonly number[]
  readonly errors: readonly number[]
  readonly p50Ms: readonly (number | null)[]
  readonly p95Ms: readonly (number | null)[]
  readonly p99Ms: readonly (number | null)[]
}

/** How well the generator kept to the scenario. */
export interface GeneratorHealth {
  /** Actual minus intended send time, 99th percentile; includes waiting for one of `maxInFlight` connections. */
  readonly driftP99Ms: number
  /** Above this the run is invalid: 10 % of the p95 objective (50 ms when there is none), at least 2 ms. */
  readonly driftLimitMs: number
  /** Delay of the generator's event loop, 99th percentile. */
  readonly eventLoopP99Ms: number
  /** Processor time of the generator's thread divided by elapsed time, 0..1. Of the whole process where the system does not tell threads apart. */
  readonly cpuRatio: number
  /** Most requests on the wire at once. */
  readonly inFlightMax: number
  /** Requests that had to wait because `maxInFlight` was reached. */
  readonly waitedCount: number
}

/** What the target said in its headers. */
export interface TargetHeaders {
  /** By entry of `Server-Timing`: mean duration and how many answers had it. At most 32 names. */
  readonly serverTiming: Readonly<Record<string, { readonly meanMs: number; readonly count: number }>>
  /** Answers by the first word of `X-Cache`, in upper case. At most 16 words. */
  readonly xCache: Readonly<Record<string, number>>
}

/** What a run measured. Plain data. Every request that ended counts in the times, also those that failed: a time-out left out would make a slow target look fast. */
export interface LoadResult {
  readonly schema: typeof LOAD_RESULT_SCHEMA
  /** Name of the scenario. */
  readonly scenario: string
  readonly startedAtMs: number
  /** From the start until the last answer; at least the length of the arrival curve. */
  readonly durationMs: number
  /** Mean of the intended rate. */
  readonly arrivalPerSec: number
  /** Requests ended, divided by the duration. */
  readonly achievedPerSec: number
  /** Requests sent; each has ended. */
  readonly requestCount: number
  /** `byKind`: `http_<status>`, `timeout`, `connect`, `reset`, `protocol`, `other`. */
  readonly errors: { readonly count: number; readonly byKind: Readonly<Record<string, number>> }
  /** Arrivals that were never sent. More than none makes the run invalid. */
  readonly droppedCount: number
  /** From the intended send time. */
  readonly latency: LatencySummary
  /** From the actual send time. */
  readonly service: LatencySummary
  readonly byRequest: readonly RequestSummary[]
  readonly perSecond: LoadTimeline
  readonly generator: GeneratorHealth
  /** False: the figures say something about the generator, not about the target. */
  readonly valid: boolean
  readonly invalidReasons: readonly string[]
  /** `met` is `null` when there is no objective or the run is invalid. `broken` has a sentence for each limit that was exceeded. */
  readonly slo: { readonly met: boolean | null; readonly broken: readonly string[] }
  readonly responseHeaders: TargetHeaders
}

/** What a run says while it runs, once a second. */
export interface LoadProgress {
  /** Milliseconds after the start. */
  readonly atMs: number
  readonly sentCount: number
  readonly doneCount: number
  readonly inFlight: number
  /** Of the requests that ended in the last second; percentiles are `null` when there were none. */
  readonly lastSecond: { readonly perSec: number; readonly p50Ms: number | null; readonly p95Ms: number | null; readonly errors: number }
}
