import { type HistogramSnapshot, histogramQuantile } from 'holdfast/telemetry'
import type { LatencySummary } from './result.ts'

/** Percentile of a histogram of seconds, in milliseconds to a thousandth; `null` when it is empty. */
export function quantileMs(histogram: HistogramSnapshot, quantile: number): number | null {
  const seconds = histogramQuantile(histogram, quantile)
  return seconds === undefined ? null : toMs(seconds)
}

/** The usual percentiles of a histogram of seconds. */
export function summariseLatency(histogram: HistogramSnapshot): LatencySummary {
  return {
    p50Ms: quantileMs(histogram, 0.5) ?? 0,
    p90Ms: quantileMs(histogram, 0.9) ?? 0,
    p95Ms: quantileMs(histogram, 0.95) ?? 0,
    p99Ms: quantileMs(histogram, 0.99) ?? 0,
    maxMs: toMs(histogram.max),
    meanMs: histogram.count === 0 ? 0 : toMs(histogram.sum / histogram.count),
    histogram,
  }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e3
}
