import { createHistogram, type Histogram, type HistogramSnapshot, mergeHistograms, type Registry, subtractHistogram } from '../../telemetry/index.ts'

/** Waits for a connection of one pool, in vain ones included, since the start. One that did not wait, because a connection was idle, costs an addition. */
export class AcquireWaits {
  readonly #waited: Histogram = createHistogram()
  #instantCount = 0

  note(waitMs: number): void {
    if (waitMs > 0) this.#waited.record(waitMs / 1000)
    else this.#instantCount++
  }

  /** In seconds. */
  snapshot(): HistogramSnapshot {
    const waited = this.#waited.snapshot()
    return this.#instantCount === 0
      ? waited
      : mergeHistograms([{ count: this.#instantCount, sum: 0, min: 0, max: 0, buckets: [[0, this.#instantCount]] }, waited])
  }
}

/** Brings the registry up to date whenever it is read. Returns the function that does so a last time and ends it. */
export function reportAcquireWaits(registry: Registry, pools: readonly AcquireWaits[]): () => void {
  const seconds = registry
    .histogram({ name: 'holdfast_pg_acquire_wait_seconds', help: 'Wait for a pooled connection, failed waits included.', unit: 'seconds' })
    .bind()
  const reported = new Map(pools.map(waits => [waits, waits.snapshot()]))
  const report = (): void => {
    for (const waits of pools) {
      const now = waits.snapshot()
      seconds.merge(subtractHistogram(now, reported.get(waits)!))
      reported.set(waits, now)
    }
  }
  const remove = registry.onSnapshot(report)
  return () => {
    report()
    remove()
  }
}
