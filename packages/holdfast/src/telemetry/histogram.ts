/** Sub-buckets per power of two. 64 makes a bucket at most 1/64 wide, so the middle of a bucket is off by at most 0.8 %. */
const SUB_BUCKET_BITS = 6
const SUB_BUCKETS = 1 << SUB_BUCKET_BITS
/** High word of a float64: sign, 11 bits of exponent, 20 bits of mantissa. Dropping all but the top mantissa bits leaves exponent and sub-bucket,
 *  which are contiguous and in order: the bucket index is one shift. */
const SHIFT = 20 - SUB_BUCKET_BITS
const EXPONENT_BIAS = 1023
/** Values below 2^-30 (a nanosecond, when the unit is the second) fall into the lowest bucket. */
const LOWEST_EXPONENT = -30
/** Values from 2^40 up fall into the highest bucket. */
const HIGHEST_EXPONENT = 40
const LOWEST_INDEX = (LOWEST_EXPONENT + EXPONENT_BIAS) << SUB_BUCKET_BITS
const BUCKET_COUNT = (HIGHEST_EXPONENT - LOWEST_EXPONENT) << SUB_BUCKET_BITS
/** Grown in whole powers of two around what was recorded, so that a histogram of milliseconds costs 2 kB, not 36. */
const PAGE = SUB_BUCKETS * 4

const float64 = new Float64Array(1)
const words = new Uint32Array(float64.buffer)
const HIGH_WORD = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0

/** A histogram as plain data: what is stored, sent and merged. */
export interface HistogramSnapshot {
  readonly count: number
  readonly sum: number
  /** Smallest and largest recorded value; 0 when empty. */
  readonly min: number
  readonly max: number
  /** Pairs `[bucket, count]` of the buckets that hold something, in ascending order of bucket. */
  readonly buckets: readonly (readonly [bucket: number, count: number])[]
}

/** Counts values in log-linear buckets. Merging is adding, so percentiles of many processes are exact to the bucket: relative error below 1 %. */
export interface Histogram {
  /** Counts one value. Negative values and NaN count as 0: clocks can step back. */
  record(value: number): void
  snapshot(): HistogramSnapshot
  /** Adds everything that `other` holds. */
  merge(other: HistogramSnapshot): void
  reset(): void
}

/** An empty histogram. The unit of the values is the caller's; keep it in the metric's name. */
export function createHistogram(): Histogram {
  return new LogLinearHistogram()
}

class LogLinearHistogram implements Histogram {
  #counts = new Float64Array(0)
  #first = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  record(value: number): void {
    const clamped = value > 0 ? value : 0
    const index = bucketOf(clamped)
    const offset = index - this.#first
    if (offset >= 0 && offset < this.#counts.length) this.#counts[offset]!++
    else this.#grow(index)[index - this.#first]!++
    this.#sum += clamped
    if (clamped < this.#min) this.#min = clamped
    if (clamped > this.#max) this.#max = clamped
  }

  snapshot(): HistogramSnapshot {
    const buckets: [number, number][] = []
    let count = 0
    for (let i = 0; i < this.#counts.length; i++) {
      const n = this.#counts[i]!
      if (n === 0) continue
      count += n
      buckets.push([this.#first + i, n])
    }
    return { count, sum: this.#sum, min: count === 0 ? 0 : this.#min, max: this.#max, buckets }
  }

  merge(other: HistogramSnapshot): void {
    for (const [index, n] of other.buckets) this.#grow(index)[index - this.#first]! += n
    if (other.count === 0) return
    this.#sum += other.sum
    this.#min = Math.min(this.#min, other.min)
    this.#max = Math.max(this.#max, other.max)
  }

  reset(): void {
    this.#counts.fill(0)
    this.#sum = 0
    this.#min = Number.POSITIVE_INFINITY
    this.#max = 0
  }

  #grow(index: number): Float64Array {
    const old = this.#counts
    const start = Math.floor(index / PAGE) * PAGE
    const first = old.length === 0 ? start : Math.min(this.#first, start)
    const end = Math.max(old.length === 0 ? 0 : this.#first + old.length, start + PAGE)
    if (first === this.#first && end - first === old.length) return old
    const grown = new Float64Array(end - first)
    grown.set(old, old.length === 0 ? 0 : this.#first - first)
    this.#counts = grown
    this.#first = first
    return grown
  }
}

function bucketOf(value: number): number {
  float64[0] = value
  const index = (words[HIGH_WORD]! >>> SHIFT) - LOWEST_INDEX
  if (index < 0) return 0
  return index < BUCKET_COUNT ? index : BUCKET_COUNT - 1
}

/** Least value that falls into `bucket`. */
export function bucketLowerBound(bucket: number): number {
  if (bucket <= 0) return 0
  const exponent = (bucket >> SUB_BUCKET_BITS) + LOWEST_EXPONENT
  return 2 ** exponent * (1 + (bucket & (SUB_BUCKETS - 1)) / SUB_BUCKETS)
}

/** Least value above everything in `bucket`. */
export function bucketUpperBound(bucket: number): number {
  return bucketLowerBound(bucket + 1)
}

/** The value below which the share `quantile` (0..1) of the values lies; the middle of its bucket, held within the recorded range.
 *  `undefined` when nothing was recorded, because 0 would be a lie. */
export function histogramQuantile(histogram: HistogramSnapshot, quantile: number): number | undefined {
  if (histogram.count === 0) return undefined
  const rank = Math.max(1, Math.ceil(quantile * histogram.count))
  let seen = 0
  for (const [bucket, n] of histogram.buckets) {
    seen += n
    if (seen < rank) continue
    const middle = (bucketLowerBound(bucket) + bucketUpperBound(bucket)) / 2
    return Math.min(histogram.max, Math.max(histogram.min, middle))
  }
  return histogram.max
}

/** Everything in both. */
export function mergeHistograms(snapshots: readonly HistogramSnapshot[]): HistogramSnapshot {
  const merged = createHistogram()
  for (const snapshot of snapshots) merged.merge(snapshot)
  return merged.snapshot()
}

/** What was recorded after `earlier` and up to `later` of the same histogram. Minimum and maximum are to the bucket.
 *  When the process restarted in between (a count fell), `later` is returned whole. */
export function subtractHistogram(later: HistogramSnapshot, earlier: HistogramSnapshot): HistogramSnapshot {
  const buckets: [number, number][] = []
  let count = 0
  let next = 0
  // Both are in ascending order of bucket, so one pass suffices; a console does this for hundreds of series a second.
  for (const [bucket, n] of later.buckets) {
    const before = earlier.buckets[next]
    if (before !== undefined && before[0] < bucket) return later
    const isKnown = before !== undefined && before[0] === bucket
    if (isKnown) next++
    const difference = isKnown ? n - before[1] : n
    if (difference < 0) return later
    if (difference === 0) continue
    count += difference
    buckets.push([bucket, difference])
  }
  if (next < earlier.buckets.length) return later
  const min = buckets.length === 0 ? 0 : Math.max(later.min, bucketLowerBound(buckets[0]![0]))
  const max = buckets.length === 0 ? 0 : Math.min(later.max, bucketUpperBound(buckets[buckets.length - 1]![0]))
  return { count, sum: later.sum - earlier.sum, min, max, buckets }
}
