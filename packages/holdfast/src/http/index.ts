export { type MetricsResponse, metricsResponse } from './metrics-response.ts'
export { createRequestMonitor, type RequestMonitor, type RequestObservation } from './request-monitor.ts'
