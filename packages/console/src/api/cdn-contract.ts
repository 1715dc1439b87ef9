import type { CdnAnalytics, CdnReport, CdnStatus, DeadPurge } from 'holdfast/cdn'
import type { ServerProblem } from './database-contract.ts'

/** One CDN: what waits for it now, and what the instances sent in the window. */
export interface CdnRow {
  readonly provider: string
  /** Now, as the queue has it; null when it did not say, or the console was given no way to it. */
  readonly now: Omit<CdnStatus, 'provider'> | null
  /** Tags and URLs that it took, each purge and each repetition one. */
  readonly sentCount: number
  /** Not sent, for they were waiting already. */
  readonly mergedCount: number
  readonly retriedCount: number
  readonly givenUpCount: number
  readonly requestCount: number
  /** Requests that it did not take, by reason, most frequent first: limited, away, auth, rejected. */
  readonly failures: readonly { readonly reason: string; readonly count: number }[]
}

/** `GET api/v1/performance/cdn/metrics?window=` */
export interface CdnMetricsAnswer {
  readonly schema: 'holdfast.cdn-metrics/1'
  readonly atMs: number
  readonly windowSec: number
  /** By name. Empty: neither the console nor an instance has a CDN. */
  readonly cdns: readonly CdnRow[]
  /** Why the queue cannot be read; null when it was. */
  readonly storeProblem: ServerProblem | null
  /** What the caller's role allows. Empty: the console was given no CDN. */
  readonly actions: readonly ('look' | 'change')[]
  /** Whether what reaches many purges wants a text typed. */
  readonly needsConfirmation: boolean
}

/** Stretches of time that CDNs are asked for. */
export const CDN_PERIODS = ['1h', '24h', '7d'] as const
export type CdnPeriodName = (typeof CDN_PERIODS)[number]

/** `GET api/v1/performance/cdn/analytics?period=`. The same answer for all for a minute: CDNs limit how often they may be asked. */
export interface CdnAnalyticsAnswer {
  readonly schema: 'holdfast.cdn-analytics/1'
  readonly period: CdnPeriodName
  readonly fromMs: number
  readonly toMs: number
  readonly counted: readonly CdnAnalytics[]
  readonly failed: CdnReport['failed']
}

/** `GET api/v1/performance/cdn/dead-letter?cdn=&limit=` */
export interface CdnDeadAnswer {
  readonly schema: 'holdfast.cdn-dead/1'
  /** The newest first. */
  readonly dead: readonly DeadPurge[]
}

/** Which purges that were given up, in the body of `POST .../cdn/retry` and `.../cdn/discard`: one of the three. Outside development `confirmation` is the CDN's name, or `all`. */
export interface CdnDeadRequest {
  readonly id?: string
  readonly cdn?: string
  readonly all?: boolean
  readonly confirmation?: string
}

/** Its answer. */
export interface CdnChangeAnswer {
  readonly schema: 'holdfast.cdn-change/1'
  readonly action: 'retry' | 'discard'
  readonly count: number
}
