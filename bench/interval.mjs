// The interval of a median, by drawing values again and again.
import { median } from './harness.mjs'

const DRAWS = 4000

/** Median of `values` and its 95 % interval. The same values give the same interval. */
export function intervalOfMedian(values) {
  let seed = 1
  const random = () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
  const medians = []
  for (let i = 0; i < DRAWS; i++) medians.push(median(values.map(() => values[Math.floor(random() * values.length)])))
  medians.sort((a, b) => a - b)
  return { median: median(values), low: medians[DRAWS * 0.025], high: medians[DRAWS * 0.975] }
}
