import { type ParameterSet, TRIED_SETS } from './parameters.ts'
import { weighSets } from './weigh-sets.ts'

/** The sets with those typical ones first, of all that were drawn, that return on average what live calls return: only the first are run with every candidate, and what
 *  a choice is made by should not be luck of the draw. `rows` runs parallel to the sets and may be shorter; a set without stays behind. Kinds keep their places.
 *  Pure. */
export function orderSets(sets: readonly ParameterSet[], rows: readonly number[], rowsPerCall: number | undefined): readonly ParameterSet[] {
  if (rowsPerCall === undefined) return sets
  const typical = rows.flatMap((count, at) => (sets[at]?.kind === 'typical' ? [{ at, count }] : [])).sort((a, b) => a.count - b.count)
  const places = sets.slice(0, TRIED_SETS).flatMap(({ kind }, at) => (kind === 'typical' ? [at] : []))
  if (typical.length <= places.length) return sets
  const weights = weighSets(
    typical.map(({ count }) => count),
    rowsPerCall,
  )
  const chosen = atEqualSteps(weights, places.length).map(index => typical[index]!.at)
  const others = sets.flatMap(({ kind }, at) => (kind === 'typical' && !chosen.includes(at) ? [at] : []))
  const inOrder = [...chosen, ...others]
  return sets.map(set => (set.kind === 'typical' ? sets[inOrder.shift()!]! : set))
}

/** So many different numbers of weights, as evenly as can be by the sum of the weights before them. */
function atEqualSteps(weights: readonly number[], count: number): number[] {
  const chosen: number[] = []
  let at = 0
  let sum = weights[0] ?? 0
  for (let step = 0; step < count; step += 1) {
    while (sum < (step + 0.5) / count && at < weights.length - 1) {
      at += 1
      sum += weights[at]!
    }
    chosen.push(nearestFree(at, weights, chosen))
  }
  return chosen
}

/** The number itself, or of the free ones beside it that with more weight. */
function nearestFree(at: number, weights: readonly number[], taken: readonly number[]): number {
  for (let distance = 0; distance < weights.length; distance += 1) {
    const free = [at - distance, at + distance].filter(index => index >= 0 && index < weights.length && !taken.includes(index))
    if (free.length > 0) return free.sort((a, b) => weights[b]! - weights[a]!)[0]!
  }
  return at
}
