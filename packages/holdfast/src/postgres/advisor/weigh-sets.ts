/** Steps of the bisection; each halves the error. */
const STEPS = 40

/** Weights of parameter sets, summing to 1, with which they return on average as many rows as the live calls did: what tells whether the application asks for the
 *  frequent values or for the rare ones. Equal weights where the sets return the same, or nothing is known. Beyond what the sets return, the nearest of them counts.
 *  The weights are those of least change (an exponential tilt). */
export function weighSets(rows: readonly number[], rowsPerCall: number | undefined): readonly number[] {
  const least = Math.min(...rows)
  const most = Math.max(...rows)
  if (rowsPerCall === undefined || rows.length < 2 || most - least < 0.5) return rows.map(() => 1 / rows.length)
  const wanted = Math.min(most, Math.max(least, rowsPerCall))
  const scale = most - least
  let low = -60
  let high = 60
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2
    const weights = tilted(rows, most, scale, middle)
    if (meanOf(rows, weights) < wanted) low = middle
    else high = middle
  }
  return tilted(rows, most, scale, (low + high) / 2)
}

/** Mean of values with those weights. */
export function meanOf(values: readonly number[], weights: readonly number[]): number {
  return values.reduce((sum, value, at) => sum + value * weights[at]!, 0)
}

function tilted(rows: readonly number[], most: number, scale: number, tilt: number): number[] {
  const raw = rows.map(count => Math.exp((tilt * (count - most)) / scale))
  const sum = raw.reduce((total, value) => total + value, 0)
  return raw.map(value => value / sum)
}
