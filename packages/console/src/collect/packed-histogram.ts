import { type HistogramSnapshot, mergeHistograms } from 'holdfast/telemetry'

/** A histogram as the store keeps it: 8 bytes a bucket where the pairs of a snapshot take about 70. */
export interface PackedHistogram {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** Bucket, count, bucket, count, in ascending order of bucket. */
  readonly cells: Uint32Array
}

/** Nothing recorded. */
export const EMPTY_HISTOGRAM: PackedHistogram = { count: 0, sum: 0, min: 0, max: 0, cells: new Uint32Array(0) }

/** The packed form of a snapshot. */
export function packHistogram(snapshot: HistogramSnapshot): PackedHistogram {
  if (snapshot.count === 0) return EMPTY_HISTOGRAM
  const { count, sum, min, max } = snapshot
  return { count, sum, min, max, cells: Uint32Array.from(snapshot.buckets.flat()) }
}

/** The snapshot that was packed. */
export function unpackHistogram({ count, sum, min, max, cells }: PackedHistogram): HistogramSnapshot {
  const buckets: [number, number][] = []
  for (let i = 0; i < cells.length; i += 2) buckets.push([cells[i]!, cells[i + 1]!])
  return { count, sum, min, max, buckets }
}

/** Everything in all of them. */
export function mergePacked(parts: readonly PackedHistogram[]): PackedHistogram {
  const filled = parts.filter(part => part.count > 0)
  if (filled.length <= 1) return filled[0] ?? EMPTY_HISTOGRAM
  return packHistogram(mergeHistograms(filled.map(unpackHistogram)))
}
