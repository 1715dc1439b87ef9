import type { ParameterSet } from './parameters.ts'

/** Best times of one set of parameters, in ms, with and without a candidate. */
export interface TrialPair {
  readonly kind: ParameterSet['kind']
  readonly beforeMs: number
  readonly afterMs: number
}

/** What the clock said about one candidate for one statement. */
export interface TrialResult {
  readonly pairs: readonly TrialPair[]
  /** Whether any set's plan read the candidate. */
  readonly used: boolean
  readonly rounds: number
}

export type Judgement =
  | { readonly offer: true; readonly ratio: number; readonly beforeMs: number; readonly afterMs: number }
  | { readonly offer: false; readonly reason: 'not-used' | 'no-gain' | 'regresses'; readonly why: string }

/** Offered only when the time after is at most this share of the time before. Half leaves room for what a copy cannot show. */
export const OFFER_RATIO = 0.5

/** A set of parameters that gets slower by more than this vetoes. */
export const VETO_RATIO = 1.2

/** Differences below this are noise of the clock and of the machine's other work, ms. */
export const NOISE_MS = 0.1

/** Decides on one candidate by the clock alone. */
export function judgeTrial({ pairs, used }: TrialResult): Judgement {
  if (!used) return { offer: false, reason: 'not-used', why: 'the planner does not use the index with any of the sampled parameters' }
  const beforeMs = mean(pairs.map(pair => pair.beforeMs))
  const afterMs = mean(pairs.map(pair => pair.afterMs))
  const slower = pairs.find(pair => pair.afterMs > pair.beforeMs * VETO_RATIO + NOISE_MS)
  if (slower !== undefined) {
    const why = `slower for a ${slower.kind} parameter: ${slower.beforeMs.toFixed(2)} -> ${slower.afterMs.toFixed(2)} ms`
    return { offer: false, reason: 'regresses', why }
  }
  const ratio = beforeMs === 0 ? 1 : afterMs / beforeMs
  if (ratio > OFFER_RATIO || beforeMs - afterMs < NOISE_MS) {
    return { offer: false, reason: 'no-gain', why: `measured ${beforeMs.toFixed(2)} -> ${afterMs.toFixed(2)} ms, which is not worth an index` }
  }
  return { offer: true, ratio, beforeMs, afterMs }
}

/** Of several candidates that may be offered, the narrowest whose time is close to the best: a column more must earn its upkeep. */
export function chooseBest<T extends { readonly afterMs: number; readonly keyCount: number }>(offers: readonly T[]): T | undefined {
  if (offers.length === 0) return undefined
  const bestMs = Math.min(...offers.map(offer => offer.afterMs))
  const close = offers.filter(offer => offer.afterMs <= bestMs * 1.25 + NOISE_MS)
  return close.sort((a, b) => a.keyCount - b.keyCount || a.afterMs - b.afterMs)[0]
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length
}
