import type { Registry } from '../../telemetry/index.ts'
import type { SourceReport } from './report.ts'

/** What warming counts. */
export interface WarmingMetrics {
  record(report: SourceReport): void
}

/** Registers the metrics of warming. */
export function createWarmingMetrics(registry: Registry): WarmingMetrics {
  const runs = registry.counter({
    name: 'holdfast_cache_warming_runs',
    help: 'Runs of a warming source, by their end.',
    labels: ['source', 'outcome'],
  })
  const keys = registry.counter({
    name: 'holdfast_cache_warming_keys',
    help: 'Keys of warming sources, by what became of them.',
    labels: ['source', 'outcome'],
  })
  const seconds = registry.histogram({
    name: 'holdfast_cache_warming_seconds',
    help: 'Time of a run of a warming source, waiting for others included.',
    unit: 'seconds',
    labels: ['source'],
  })
  return {
    record(report) {
      runs.bind(report.source, report.outcome).add()
      for (const outcome of ['loaded', 'fresh', 'absent', 'failed', 'skipped'] as const) {
        if (report[outcome] > 0) keys.bind(report.source, outcome).add(report[outcome])
      }
      seconds.bind(report.source).record(report.tookMs / 1000)
    },
  }
}
