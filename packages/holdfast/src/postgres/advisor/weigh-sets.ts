/** Steps of the bisection; each halves the error. */
const STEPS = 40

/** Weights of parameter sets, summing to 1 and as near to `likely` as can be, with which they return on average as many rows as the live calls did: what tells whether the application asks for the
 *  frequent values or for the rare ones. Those of `likely` where the sets return the same, or nothing is known. Beyond what the sets return, the nearest of them counts.
 *  The weights are those of least change (an exponential tilt). */
export function weighSets(
  rows: readonly number[],
  rowsPerCall: number | undefined,
  likely: readonly number[] = rows.map(() => 1),
): readonly number[] {
  const least = Math.min(...rows)
  const most = Math.max(...rows)
  if (rowsPerCall === undefined || rows.length < 2 || most - least < 0.5) return tilted(rows, likely, most, 1, 0)
  const wanted = Math.min(most, Math.max(least, rowsPerCall))
  const scale = most - least
  let low = -60
  let high = 60
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2
    const weights = tilted(rows, likely, most, scale, middle)
    if (meanOf(rows, weights) < wanted) low = middle
    else high = middle
  }
  return tilted(rows, likely, most, scale, (low + high) / 2)
}

/** Mean of values with those weights. */
export function meanOf(values: readonly number[], weights: readonly number[]): number {
  return values.reduce((sum, value, at) => sum + value * weights[at]!, 0)
}

function tilted(rows: readonly number[], likely: readonly number[], most: number, scale: number, tilt: number): number[] {
  const raw = rows.map((count, at) => likely[at]! * Math.exp((tilt * (count - most)) / scale))
  const sum = raw.reduce((total, value) => total + value, 0)
  return raw.map(value => value / sum)
}
