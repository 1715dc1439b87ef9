import { OPEN_METRICS_CONTENT_TYPE, type Registry, renderOpenMetrics } from '../telemetry/index.ts'

/** What `/metrics` answers. */
export interface MetricsResponse {
  readonly contentType: string
  readonly body: string
}

/** The registry as an OpenMetrics answer. Cost grows with the number of series. */
export function metricsResponse(registry: Registry): MetricsResponse {
  return { contentType: OPEN_METRICS_CONTENT_TYPE, body: renderOpenMetrics(registry.snapshot()) }
}
