import { createHistogram, type HistogramSnapshot, histogramQuantile, mergeHistograms } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { EMPTY_HISTOGRAM, mergePacked, packedQuantile, packHistogram } from '../src/collect/packed-histogram.ts'

/** Values spread over nine powers of ten, the same in each run. */
function sample(seed: number, count: number): HistogramSnapshot {
  const histogram = createHistogram()
  let state = seed
  for (let i = 0; i < count; i++) {
    state = (state * 48_271) % 2_147_483_647
    histogram.record(10 ** (-6 + 9 * (state / 2_147_483_647)))
  }
  return histogram.snapshot()
}

describe('packed histogram', () => {
  const snapshots = [sample(1, 1), sample(2, 3000), sample(3, 500), createHistogram().snapshot(), sample(4, 20_000)]

  it('merges as the histograms of the telemetry do', () => {
    const merged = mergePacked(snapshots.map(packHistogram))
    const { sum, ...expected } = packHistogram(mergeHistograms(snapshots))
    expect(merged).toMatchObject(expected)
    expect(merged.sum).toBeCloseTo(sum, 6)
  })

  it('leaves nothing of one merge in the next', () => {
    const once = mergePacked(snapshots.map(packHistogram))
    expect(mergePacked(snapshots.map(packHistogram))).toEqual(once)
    expect(mergePacked([])).toBe(EMPTY_HISTOGRAM)
  })

  it.each([0, 0.01, 0.5, 0.95, 0.99, 0.9999, 1])('has the same quantile %d as the snapshot', quantile => {
    for (const snapshot of snapshots) expect(packedQuantile(packHistogram(snapshot), quantile)).toBe(histogramQuantile(snapshot, quantile))
  })

  it('takes buckets beyond those of today', () => {
    const far = { count: 2, sum: 2, min: 1, max: 1, cells: Uint32Array.from([20_000, 2]) }
    expect(mergePacked([far, far]).cells).toEqual(Uint32Array.from([20_000, 4]))
  })
})
