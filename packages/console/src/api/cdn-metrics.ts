import type { CdnStatus } from 'holdfast/cdn'
import { type CdnTraffic, NO_CDN_TRAFFIC } from '../collect/cdn-traffic.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { CdnMetricsAnswer, CdnRow } from './cdn-contract.ts'

/** All that the answer is made from. */
export interface CdnMetricsInput extends Pick<CdnMetricsAnswer, 'atMs' | 'storeProblem' | 'actions' | 'needsConfirmation'> {
  readonly window: TrafficWindow
  /** Null when the queue did not say. */
  readonly status: readonly CdnStatus[] | null
  /** Of the CDNs that the console was given. */
  readonly names: readonly string[]
}

/** CDNs as the queue has them now, and what was sent to them in the window. */
export function buildCdnMetrics({ window, status, names, ...rest }: CdnMetricsInput): CdnMetricsAnswer {
  const { traffic, coveredMs } = window
  const all = [...new Set([...names, ...traffic.cdns.keys()])].sort()
  const cdns = all.map(name =>
    row(
      name,
      status?.find(({ provider }) => provider === name),
      traffic.cdns.get(name) ?? NO_CDN_TRAFFIC,
    ),
  )
  return { schema: 'holdfast.cdn-metrics/1', windowSec: Math.round(coveredMs / 1000), cdns, ...rest }
}

function row(provider: string, status: CdnStatus | undefined, { purges, requests }: CdnTraffic): CdnRow {
  const event = (name: string): number => purges.get(name) ?? 0
  const { provider: _, ...now } = status ?? { provider }
  return {
    provider,
    now: status === undefined ? null : (now as CdnRow['now']),
    sentCount: event('sent'),
    mergedCount: event('merged'),
    retriedCount: event('retried'),
    givenUpCount: event('dead'),
    requestCount: [...requests.values()].reduce((total, count) => total + count, 0),
    failures: [...requests]
      .filter(([outcome]) => outcome !== 'ok')
      .map(([reason, count]) => ({ reason, count }))
      .sort((a, b) => b.count - a.count),
  }
}
