import type { Counter, Gauge, MetricFamily, Registry } from '../telemetry/index.ts'

/** What the purge bus counts. */
export interface CdnMetrics {
  readonly purges: MetricFamily<Counter>
  readonly requests: MetricFamily<Counter>
  readonly queue: MetricFamily<Gauge>
  readonly oldest: MetricFamily<Gauge>
}

/** Registers the metrics of the purge bus. */
export function createCdnMetrics(registry: Registry): CdnMetrics {
  return {
    purges: registry.counter({ name: 'holdfast_cdn_purges', help: 'Purges for a CDN, by what became of them.', labels: ['provider', 'event'] }),
    requests: registry.counter({
      name: 'holdfast_cdn_requests',
      help: 'Requests to the API of a CDN, by their end.',
      labels: ['provider', 'outcome'],
    }),
    queue: registry.gauge({ name: 'holdfast_cdn_purge_queue', help: 'Purges that are kept for a CDN.', labels: ['provider', 'state'] }),
    oldest: registry.gauge({
      name: 'holdfast_cdn_oldest_purge_seconds',
      help: 'Age of the oldest purge that a CDN was not yet sent.',
      unit: 'seconds',
      labels: ['provider'],
    }),
  }
}
