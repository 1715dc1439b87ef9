import type { Duration, Finding, Health, Verdict } from 'holdfast/core'

/** A measured number with the count it rests on. `value` is null when nothing was measured: 0 of 0 is not 0 %. */
export interface Measured {
  readonly value: number | null
  /** Samples behind the value. */
  readonly n: number
}

/** Time of one route by where it went, as one percentile of each part. Parts' percentiles do not add up to the total's. */
export interface TimeSplit {
  readonly poolMs: number
  readonly postgresMs: number
  readonly redisMs: number
  readonly appMs: number
  readonly totalMs: number
}

/** One route over the window. */
export interface RouteTime {
  /** Method and pattern, `GET /agents/:id/leads`. */
  readonly route: string
  readonly requestCount: number
  readonly requestsPerSec: number
  readonly errorRatio: Measured
  readonly statementsPerRequest: Measured
  readonly p50: TimeSplit
  readonly p95: TimeSplit
}

/** One objective and how it stands. */
export interface ObjectiveState {
  /** `all` or a route. */
  readonly target: string
  readonly p95LimitMs: number
  readonly p95Ms: Measured
  /** `unknown` while there are too few samples. */
  readonly state: 'met' | 'broken' | 'unknown'
}

/** What the finding list shows of one finding. */
export interface FindingSummary {
  readonly id: string
  readonly rule: string
  readonly title: string
  readonly state: Finding['state']
  readonly severity: NonNullable<Finding['severity']> | null
  /** Of an index, table, session or setting: there are no calls, and nothing is said of time. */
  readonly isOfObject: boolean
  readonly savesMsPerSec: number
  readonly shareOfTime: number
  readonly sampleCount: number
  readonly verdict: Verdict | null
}

/** Something that happened, drawn in the lane under the charts. */
export interface ConsoleEvent {
  readonly atMs: number
  readonly kind: 'load' | 'finding' | 'apply' | 'verify' | 'revert' | 'service' | 'deploy' | 'invalidate' | 'warm' | 'archive' | 'vacuum' | 'jobs'
  readonly text: string
}

/** An instance of the service as the console sees it. */
export interface InstanceState {
  readonly id: string
  readonly state: 'up' | 'away'
  /** Since when, wall clock. */
  readonly sinceMs: number
  /** Why it is away, or what the last answer was. */
  readonly note: string
}

/** The last minutes, one point a second; arrays of equal length, oldest first. Null where nothing was measured. The newest point lacks an instance when `partial`. */
export interface LiveSeries {
  readonly atMs: readonly number[]
  readonly requestsPerSec: readonly (number | null)[]
  readonly p50Ms: readonly (number | null)[]
  readonly p95Ms: readonly (number | null)[]
  readonly errorRatio: readonly (number | null)[]
  /** Hits of both tiers as a share of all look-ups. */
  readonly hitRatio: readonly (number | null)[]
  readonly poolUsed: readonly (number | null)[]
  readonly poolWaitP95Ms: readonly (number | null)[]
  /** How long jobs waited for their first attempt. */
  readonly jobWaitP95Ms: readonly (number | null)[]
  readonly partial: boolean
}

/** A statement in the table "top statements by total time". */
export interface StatementRow {
  readonly fingerprint: string
  /** Normalised text. */
  readonly text: string
  readonly callCount: number
  readonly totalMs: number
  readonly meanMs: number
  readonly p95Ms: Measured
  readonly shareOfTime: number
}

/** What the load generator reports while a step runs. Absent when no load test runs. */
export interface LoadState {
  readonly step: string
  readonly arrivalPerSec: number
  readonly valid: boolean
  readonly p50Ms: Measured
  readonly p95Ms: Measured
  readonly errors: number
}

/** `GET api/overview` and every `overview` event of `GET api/live`. */
export interface Overview {
  readonly schema: 'holdfast.overview/1'
  readonly service: string
  readonly atMs: number
  /** Seconds over which counts, ratios and percentiles of this answer are taken: what was asked for, less while the console is young, and up to 15 more
   *  beyond the first minute. */
  readonly windowSec: number
  readonly objectives: readonly ObjectiveState[]
  readonly health: Health
  readonly instances: readonly InstanceState[]
  readonly fixFirst: readonly FindingSummary[]
  readonly routes: readonly RouteTime[]
  readonly tiles: {
    readonly requestsPerSec: Measured
    readonly p50Ms: Measured
    readonly p95Ms: Measured
    readonly p99Ms: Measured
    readonly errorRatio: Measured
    /** Hits of the tier as a share of all look-ups, so that the two add up. */
    readonly l1HitRatio: Measured
    readonly l2HitRatio: Measured
    readonly statementsPerRequest: Measured
    readonly pool: { readonly used: number; readonly idle: number; readonly waiting: number; readonly max: number } | null
    readonly poolWaitP95Ms: Measured
    /** All queues together: now, and for how long jobs of the window waited. Null where no instance has jobs. */
    readonly jobs: { readonly waiting: number; readonly dead: number; readonly waitP95Ms: Measured } | null
  }
  readonly statements: readonly StatementRow[]
  readonly series: LiveSeries
  /** Of the window, oldest first. */
  readonly events: readonly ConsoleEvent[]
  readonly load: LoadState | null
}

/** `GET api/findings`. */
export interface FindingList {
  readonly schema: 'holdfast.findings/1'
  readonly findings: readonly FindingSummary[]
}

/** `GET api/findings/:id`. */
export interface FindingDetail {
  readonly schema: 'holdfast.finding/1'
  readonly finding: Finding
  /** What the caller's role allows now. */
  readonly actions: readonly ('apply' | 'verify' | 'revert' | 'snooze')[]
  /** Text that has to be typed before apply or revert; null in development. */
  readonly confirmation: string | null
}

/** Body of `POST api/findings/:id/{apply,verify,revert}`. */
export interface FindingAction {
  readonly confirmation?: string
}

/** Body of `POST api/findings/:id/snooze`. */
export interface SnoozeRequest {
  /** From now on, for example `'7d'`. */
  readonly for: Duration
  /** Kept in its history. */
  readonly reason: string
}

/** Answer of `POST api/advise`. */
export interface AdviceAnswer {
  readonly schema: 'holdfast.advice-answer/1'
  /** Findings that the search gave, known ones included. */
  readonly findingCount: number
  readonly examinedCount: number
  /** Examined statements without advice, most time first, at most 5, with the reason. */
  readonly refused: readonly { readonly statement: string; readonly why: string }[]
  /** What limits the search: missing rights, counters that were reset. */
  readonly notes: readonly string[]
}

/** Body of every answer that is not 2xx. @source RFC 9457 */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly hint: string
}
