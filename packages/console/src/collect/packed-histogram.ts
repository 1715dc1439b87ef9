import { bucketLowerBound, bucketUpperBound, type HistogramSnapshot } from 'holdfast/telemetry'

/** A histogram as the store keeps it: 8 bytes a bucket where the pairs of a snapshot take about 70. Merged and read in this form, because a console in the
 *  process of the service does so thousands of times a second beside its requests. */
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
export function packHistogram({ count, sum, min, max, buckets }: HistogramSnapshot): PackedHistogram {
  if (count === 0) return EMPTY_HISTOGRAM
  const cells = new Uint32Array(buckets.length * 2)
  let end = 0
  for (const [bucket, n] of buckets) {
    cells[end++] = bucket
    cells[end++] = n
  }
  return { count, sum, min, max, cells }
}

/** Counts by bucket while histograms are merged; all zero in between. */
let scratch = new Float64Array(8192)

/** Everything in all of them. */
export function mergePacked(parts: readonly PackedHistogram[]): PackedHistogram {
  const filled = parts.filter(part => part.count > 0)
  if (filled.length <= 1) return filled[0] ?? EMPTY_HISTOGRAM
  let first = Number.POSITIVE_INFINITY
  let last = 0
  const total = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 }
  for (const { count, sum, min, max, cells } of filled) {
    total.count += count
    total.sum += sum
    total.min = Math.min(total.min, min)
    total.max = Math.max(total.max, max)
    first = Math.min(first, cells[0]!)
    last = Math.max(last, cells[cells.length - 2]!)
    if (last >= scratch.length) scratch = grown(scratch, last + 1)
    for (let i = 0; i < cells.length; i += 2) scratch[cells[i]!]! += cells[i + 1]!
  }
  return { ...total, cells: takeCells(first, last) }
}

/** Moves the counts of the scratch array into cells, leaving zeros. */
function takeCells(first: number, last: number): Uint32Array {
  const cells: number[] = []
  for (let bucket = first; bucket <= last; bucket++) {
    const n = scratch[bucket]!
    if (n === 0) continue
    cells.push(bucket, n)
    scratch[bucket] = 0
  }
  return Uint32Array.from(cells)
}

function grown(old: Float64Array<ArrayBuffer>, length: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(length)
  larger.set(old)
  return larger
}

/** As `histogramQuantile` of the telemetry gives it for the snapshot that was packed. */
export function packedQuantile({ count, min, max, cells }: PackedHistogram, quantile: number): number | undefined {
  if (count === 0) return undefined
  const rank = Math.max(1, Math.ceil(quantile * count))
  let seen = 0
  for (let i = 0; i < cells.length; i += 2) {
    seen += cells[i + 1]!
    if (seen < rank) continue
    const middle = (bucketLowerBound(cells[i]!) + bucketUpperBound(cells[i]!)) / 2
    return Math.min(max, Math.max(min, middle))
  }
  return max
}
