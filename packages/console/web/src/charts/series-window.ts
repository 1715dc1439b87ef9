import type { LiveSeries } from '../../../src/api/contract.ts'
import { span } from '../format.ts'
import type { ChartLine } from './line-chart.tsx'

/** The newest `windowSec` seconds of a series, so that a chart covers what the number above it covers. */
export function lastSeconds(series: LiveSeries, windowSec: number): LiveSeries {
  const end = series.atMs.at(-1) ?? 0
  const first = series.atMs.findIndex(at => at >= end - windowSec * 1000)
  if (first <= 0) return series
  return {
    partial: series.partial,
    atMs: series.atMs.slice(first),
    requestsPerSec: series.requestsPerSec.slice(first),
    p50Ms: series.p50Ms.slice(first),
    p95Ms: series.p95Ms.slice(first),
    errorRatio: series.errorRatio.slice(first),
    hitRatio: series.hitRatio.slice(first),
    poolUsed: series.poolUsed.slice(first),
    poolWaitP95Ms: series.poolWaitP95Ms.slice(first),
    jobWaitP95Ms: series.jobWaitP95Ms.slice(first),
  }
}

/** A chart in one sentence: the last whole second, the least and the most. */
export function summaryOf(
  title: string,
  lines: readonly ChartLine[],
  text: (value: number) => string,
  windowSec: number,
  partial: boolean,
  limit: number | undefined,
): string {
  const parts = lines.map(({ label, values }) => {
    const whole = (partial ? values.slice(0, -1) : values).filter(value => value !== null)
    if (whole.length === 0) return `${label}: no samples`
    return `${label}: latest ${text(whole.at(-1)!)}, least ${text(Math.min(...whole))}, most ${text(Math.max(...whole))}`
  })
  const limitPart = limit === undefined ? '' : `, limit ${text(limit)}`
  return `${title}, last ${span(windowSec)}. ${parts.join('; ')}${limitPart}.`
}
