import { bucketLowerBound, bucketUpperBound, type HistogramSnapshot } from 'holdfast/telemetry'

/** Fewer intervals than this say too little about their own spread. */
const LEAST_BLOCKS = 8

/** Interval of a quantile (0..1) of a histogram at a confidence, in the histogram's unit. Two estimates, the wider of which counts on each side:
 *  order statistics, which hold for independent values; and, when `blockQuantiles` has the quantile of eight or more stretches of the run (any unit),
 *  the spread between these, because requests that queue behind each other are not independent. The ends are ends of buckets, so 1.6 % are lost.
 *  Where the rank lies beyond the sample, the interval ends at the extreme, which is too narrow: take more requests. */
export function quantileInterval(
  histogram: HistogramSnapshot,
  quantile: number,
  confidence: number,
  blockQuantiles: readonly (number | null)[] = [],
): { readonly low: number; readonly high: number } {
  const z = normalQuantile(0.5 + confidence / 2)
  const centre = quantile * histogram.count
  const spread = z * Math.sqrt(centre * (1 - quantile))
  const low = bucketLowerBound(bucketAtRank(histogram, Math.floor(centre - spread)))
  const high = bucketUpperBound(bucketAtRank(histogram, Math.ceil(centre + spread) + 1))
  const middle = bucketLowerBound(bucketAtRank(histogram, Math.ceil(centre)))
  const blockFactor = Math.exp(z * logStandardError(blockQuantiles))
  return { low: Math.max(1e-9, Math.min(low, middle / blockFactor)), high: Math.max(high, middle * blockFactor) }
}

function bucketAtRank(histogram: HistogramSnapshot, rank: number): number {
  let seen = 0
  for (const [bucket, count] of histogram.buckets) {
    seen += count
    if (seen >= rank) return bucket
  }
  return histogram.buckets.at(-1)?.[0] ?? 0
}

/** Standard error of the mean logarithm; 0 for too few. */
function logStandardError(values: readonly (number | null)[]): number {
  const logs = values.filter(value => value !== null && value > 0).map(value => Math.log(value!))
  if (logs.length < LEAST_BLOCKS) return 0
  const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length
  const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1)
  return Math.sqrt(variance / logs.length)
}

/** Quantile of the standard normal distribution for 0.5 <= p < 1; absolute error below 0.00045. @source Abramowitz and Stegun, 26.2.23 */
function normalQuantile(p: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - p))
  return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3)
}
