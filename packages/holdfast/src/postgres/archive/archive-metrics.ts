import type { Counter, Histogram, MetricFamily, Registry } from '../../telemetry/index.ts'

/** What is measured of archive runs. */
export interface ArchiveMetrics {
  /** Rows that were moved, copied or deleted, by policy. */
  readonly rows: MetricFamily<Counter>
  /** Ends of runs, by policy and outcome: `done`, `stopped`, or the code of the error. */
  readonly runs: MetricFamily<Counter>
  /** Time from sending a batch to its end, which bounds how long it held its locks. */
  readonly batchSeconds: Histogram
}

export function createArchiveMetrics(registry: Registry): ArchiveMetrics {
  return {
    rows: registry.counter({ name: 'holdfast_pg_archived_rows', help: 'Rows that archive policies moved, copied or deleted.', labels: ['policy'] }),
    runs: registry.counter({ name: 'holdfast_pg_archive_runs', help: 'Runs of archive policies.', labels: ['policy', 'outcome'] }),
    batchSeconds: registry
      .histogram({
        name: 'holdfast_pg_archive_batch_seconds',
        help: 'Time that one batch of an archive run took, and thus held its locks.',
        unit: 'seconds',
      })
      .bind(),
  }
}
