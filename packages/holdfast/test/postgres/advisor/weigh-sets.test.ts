import { describe, expect, it } from 'vitest'
import { meanOf, weighSets } from '../../../src/postgres/advisor/weigh-sets.ts'

describe('weighSets', () => {
  it.each([1, 3, 20, 49.9])('weighs the sets so that they return %s rows a call, as the live calls do', rowsPerCall => {
    const rows = [0, 2, 50, 50, 7]
    const weights = weighSets(rows, rowsPerCall)
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1)
    expect(meanOf(rows, weights)).toBeCloseTo(rowsPerCall, 1)
  })

  it('weighs all alike where the sets return the same, or nothing is known', () => {
    expect(weighSets([1, 1, 1, 1], 40)).toEqual([0.25, 0.25, 0.25, 0.25])
    expect(weighSets([1, 100], undefined)).toEqual([0.5, 0.5])
  })

  it('keeps to what is likely where the rows say nothing', () => {
    expect(weighSets([1, 1, 1], 1, [2, 1, 1])).toEqual([0.5, 0.25, 0.25])
  })

  it('takes the nearest set where live calls return more or less than any', () => {
    expect(weighSets([1, 2, 10], 500)[2]).toBeCloseTo(1)
    expect(weighSets([5, 6, 10], 0)[0]).toBeCloseTo(1)
  })

  it('matches the time of live calls where rows are alike: who waits 8 ms for a full page does not ask for what a scan finds at once', () => {
    const setMs = [0.5, 0.6, 9, 11]
    const weights = weighSets([50, 50, 50, 50], 50, [1, 1, 1, 1], { setMs, liveMs: 8 })
    expect(meanOf(setMs, weights)).toBeCloseTo(8, 1)
    expect(weights[2]! + weights[3]!).toBeGreaterThan(0.7)
  })

  it('matches rows and times at once', () => {
    const [rows, setMs] = [
      [50, 10, 50, 10, 0],
      [1, 10, 20, 30, 30],
    ]
    const weights = weighSets(rows, 30, [1, 1, 1, 1, 1], { setMs, liveMs: 15 })
    expect(meanOf(rows, weights)).toBeCloseTo(30, 0)
    expect(meanOf(setMs, weights)).toBeCloseTo(15, 0)
  })

  it('makes nothing of times that are those of one scan', () => {
    expect(weighSets([1, 1], 1, [1, 1], { setMs: [10, 14], liveMs: 20 })).toEqual([0.5, 0.5])
    expect(weighSets([1, 1], 1, [1, 1], { setMs: [0.01, 0.1], liveMs: 0.1 })).toEqual([0.5, 0.5])
  })
})
