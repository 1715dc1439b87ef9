import type {
  CdnAnalyticsAnswer,
  CdnChangeAnswer,
  CdnDeadAnswer,
  CdnDeadRequest,
  CdnMetricsAnswer,
  CdnPeriodName,
} from '../../../src/api/cdn-contract.ts'
import { request } from './client.ts'

const CDN = 'v1/performance/cdn'

/** What waits for each CDN, and what was sent in the window. */
export function fetchCdns(windowSec: number, signal: AbortSignal): Promise<CdnMetricsAnswer> {
  return request(`${CDN}/metrics?window=${windowSec}`, { signal })
}

/** What the CDNs counted. */
export function fetchCdnAnalytics(period: CdnPeriodName, signal: AbortSignal): Promise<CdnAnalyticsAnswer> {
  return request(`${CDN}/analytics?period=${period}`, { signal })
}

/** The newest purges that were given up. */
export function fetchDeadPurges(signal: AbortSignal): Promise<CdnDeadAnswer> {
  return request(`${CDN}/dead-letter?limit=50`, { signal })
}

/** Sends purges that were given up again, or forgets them. */
export function postDeadPurges(action: CdnChangeAnswer['action'], body: CdnDeadRequest): Promise<CdnChangeAnswer> {
  return request(`${CDN}/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
    body: JSON.stringify(body),
  })
}
