/** Rows of the first batch of a run: few, because nothing is known of the table yet. */
export const FIRST_BATCH_ROWS = 100
/** Fewest rows of a batch. When these take too long, smaller ones would not help. */
export const LEAST_BATCH_ROWS = 10
/** Most rows that one look takes in. */
const MOST_WINDOW_ROWS = 50_000
/** Part of the longest lock time that a batch aims for: room for a moment that is four times as slow. */
const TARGET_SHARE = 0.25

/** What the pace keeps to. */
export interface Pace {
  /** Longest time that a batch may hold its locks, ms. */
  readonly lockLimitMs: number
  readonly mostBatchRows: number
  /** Share of the time that batches may take, above 0 up to 1. */
  readonly share: number
}

/** Rows of the next batch, after one of `rows` took `tookMs`: toward a quarter of the lock limit, at most doubled or halved at once. */
export function nextBatchRows(rows: number, tookMs: number, pace: Pace): number {
  const factor = Math.min(2, Math.max(0.5, (pace.lockLimitMs * TARGET_SHARE) / Math.max(tookMs, 0.1)))
  return Math.min(pace.mostBatchRows, Math.max(LEAST_BATCH_ROWS, Math.round(rows * factor)))
}

/** Rows to look at next, so that a batch is likely to be filled, after a look at `window` rows of which `hits` matched. */
export function nextWindowRows(window: number, hits: number, batchRows: number): number {
  const wanted = hits === 0 ? window * 4 : (window / hits) * batchRows * 1.1
  return Math.min(MOST_WINDOW_ROWS, Math.max(batchRows, Math.ceil(wanted)))
}

/** Pause after work of `tookMs`, so that work takes no more than its share of the time. */
export function pauseAfter(tookMs: number, { share }: Pace): number {
  return tookMs * (1 / share - 1)
}
