/** Steps of the bisection; each halves the error. */
const STEPS = 40

/** Turns in which rows and times are matched, one after the other. */
const TURNS = 4

/** Times that differ by less than this factor are those of the same scan, and tell nothing. */
const TELLING_FACTOR = 3

/** Times all below this are told apart by the clock's noise, ms. */
const TELLING_MS = 1

/** What the sets took without any index, one time for each, and what live calls take on average; ms. */
export interface TimesBefore {
  readonly setMs: readonly number[]
  readonly liveMs: number
}

/** Weights of parameter sets, summing to 1 and as near to `likely` as can be, with which they return on average as many rows as the live calls did, and took as long before where their times differ: what tells
 *  whether the application asks for the frequent values, whose page a scan finds at once, or for the rare ones. Those of `likely` where the sets are the same in both, or nothing is known. Beyond
 *  what the sets do, the nearest of them counts. The weights are those of least change (an exponential tilt). */
export function weighSets(
  rows: readonly number[],
  rowsPerCall: number | undefined,
  likely: readonly number[] = rows.map(() => 1),
  times?: TimesBefore,
): readonly number[] {
  const byRows = (weights: readonly number[]): readonly number[] =>
    rowsPerCall === undefined || Math.max(...rows) - Math.min(...rows) < 0.5 ? weights : tiltedTo(rows, rowsPerCall, weights)
  let weights = byRows(summingToOne(likely))
  if (times === undefined || !areTelling(times.setMs)) return weights
  for (let turn = 0; turn < TURNS; turn += 1) weights = byRows(tiltedTo(times.setMs, times.liveMs, weights))
  return weights
}

/** Mean of values with those weights. */
export function meanOf(values: readonly number[], weights: readonly number[]): number {
  return values.reduce((sum, value, at) => sum + value * weights[at]!, 0)
}

function areTelling(setMs: readonly number[]): boolean {
  const most = Math.max(...setMs)
  return most >= TELLING_MS && most >= Math.min(...setMs) * TELLING_FACTOR
}

/** The weights, changed so that the mean of the values is `wanted`, or as near to it as the values allow. */
function tiltedTo(values: readonly number[], wanted: number, weights: readonly number[]): readonly number[] {
  const least = Math.min(...values)
  const most = Math.max(...values)
  if (values.length < 2 || most === least) return weights
  const target = Math.min(most, Math.max(least, wanted))
  const tilted = (tilt: number): number[] =>
    summingToOne(values.map((value, at) => weights[at]! * Math.exp((tilt * (value - most)) / (most - least))))
  let low = -60
  let high = 60
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2
    if (meanOf(values, tilted(middle)) < target) low = middle
    else high = middle
  }
  return tilted((low + high) / 2)
}

function summingToOne(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + value, 0)
  return values.map(value => value / sum)
}
