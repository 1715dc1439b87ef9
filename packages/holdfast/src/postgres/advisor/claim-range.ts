import type { PredictedRange } from '../../core/index.ts'
import type { TrialPair } from './judge.ts'

/** Two measurements of one thing differ by so much: another cache, another copy, another moment of the machine.
 *  @source bench/results/advisor/does-the-chosen-set-leave-little.json: reads of one row by a unique key, of which nothing but the clock is uncertain */
const CLOCK_FACTOR = 1.5

/** And by so much beside, ms: of a call of some hundredths of a millisecond it is what the state of caches and other work make of it. */
const CLOCK_MS = 0.02

/** Share of the calls that a range leaves out at either end. */
const TAIL = 0.05

/** 97.5 % point of Student's t by degrees of freedom; the last one for all beyond. */
const T_95: readonly number[] = [12.7, 4.3, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.2, 2.18, 2.16, 2.14, 2.13]

/** Where the time left lies, as a share of the time before (`ratio` is the claim itself). Of parameters that were seen: where the mean of such calls lies with 95 %, which of few
 *  and skewed ones is wide. Of parameters that were drawn from rows nobody knows which the application asks for: from the cheapest to the dearest of those that live
 *  calls may have, but for one in twenty at either end. Both ends as far again as the clock may err. Pure. */
export function claimRange(
  pairs: readonly TrialPair[],
  areSeen: boolean,
  { ratio, afterMs }: { readonly ratio: number; readonly afterMs: number },
): PredictedRange {
  const [least, most] = areSeen ? rangeOfMean(pairs) : rangeOfSets(pairs)
  const perMs = afterMs > 0 ? ratio / afterMs : 0
  const low = Math.min(ratio, least * perMs) / CLOCK_FACTOR
  return {
    low: Math.max(low / 10, low - CLOCK_MS * perMs),
    high: Math.max(ratio, most * perMs) * CLOCK_FACTOR + CLOCK_MS * perMs,
    parameters: areSeen ? 'seen' : 'drawn',
  }
}

/** Mean and its interval on the logarithmic scale, with as many degrees of freedom as weights leave (Kish). */
function rangeOfMean(pairs: readonly TrialPair[]): readonly [number, number] {
  const mean = pairs.reduce((sum, { afterMs, weight }) => sum + afterMs * weight, 0)
  const counted = 1 / pairs.reduce((sum, { weight }) => sum + weight ** 2, 0)
  if (mean <= 0) return [0, 0]
  if (counted < 2) return rangeOfSets(pairs)
  const variance = pairs.reduce((sum, { afterMs, weight }) => sum + weight * (afterMs - mean) ** 2, 0)
  const relativeError = Math.sqrt(variance / (counted - 1)) / mean
  const spread = Math.exp(T_95[Math.min(T_95.length, Math.round(counted) - 1) - 1]! * relativeError)
  return [mean / spread, mean * spread]
}

function rangeOfSets(pairs: readonly TrialPair[]): readonly [number, number] {
  const sorted = pairs.toSorted((a, b) => a.afterMs - b.afterMs)
  let below = 0
  const inside = sorted.filter(({ weight }) => {
    below += weight
    return below > TAIL && below - weight < 1 - TAIL
  })
  return [inside[0]?.afterMs ?? 0, inside.at(-1)?.afterMs ?? 0]
}
