import type { Counter, Gauge, Histogram, MetricFamily, Registry } from '../../telemetry/index.ts'

/** What is measured of views. */
export interface ViewMetrics {
  /** Refreshes of this process, by view and outcome: `refreshed`, `overlap`, `stopped`, or the code of the error. */
  readonly refreshes: MetricFamily<Counter>
  readonly seconds: MetricFamily<Histogram>
  /** Time since the last good refresh that this process knows of. */
  readonly age: MetricFamily<Gauge>
}

export function createViewMetrics(registry: Registry): ViewMetrics {
  return {
    refreshes: registry.counter({ name: 'holdfast_pg_view_refreshes', help: 'Refreshes of materialized views.', labels: ['view', 'outcome'] }),
    seconds: registry.histogram({
      name: 'holdfast_pg_view_refresh_seconds',
      help: 'Time that a refresh of a materialized view took.',
      unit: 'seconds',
      labels: ['view'],
    }),
    age: registry.gauge({ name: 'holdfast_pg_view_age_seconds', help: 'Age of the data of a materialized view.', unit: 'seconds', labels: ['view'] }),
  }
}
