export { telemetryErrors } from './errors.ts'
export {
  bucketLowerBound,
  bucketUpperBound,
  createHistogram,
  type Histogram,
  type HistogramSnapshot,
  histogramQuantile,
  mergeHistograms,
  subtractHistogram,
} from './histogram.ts'
export { OPEN_METRICS_CONTENT_TYPE, renderOpenMetrics } from './openmetrics.ts'
export {
  type Counter,
  createRegistry,
  type FamilySnapshot,
  type Gauge,
  type LabelValues,
  type MetricFamily,
  type MetricOptions,
  OVERFLOW_LABEL,
  type Registry,
  type RegistryOptions,
  type SeriesSnapshot,
} from './registry.ts'
export { formatServerTiming, type ServerTimingEntry } from './server-timing.ts'
