import type { ParameterSet } from './parameters.ts'

/** Times of one set of parameters, in ms, with and without a candidate. */
export interface TrialPair {
  readonly kind: ParameterSet['kind']
  /** Absent where the statement was not run with this set without the candidate, because each run takes long and all take alike. */
  readonly beforeMs: number | undefined
  readonly afterMs: number
  /** Pages read with the candidate, as a share of those read without. Absent: not counted. */
  readonly pagesRatio?: number
  /** How much the set counts, summing to 1 over all pairs. */
  readonly weight: number
}

/** What the clock said about one candidate for one statement. */
export interface TrialResult {
  readonly pairs: readonly TrialPair[]
  /** Whether any set's plan read the candidate. */
  readonly used: boolean
}

/** Weighted means over the pairs, in ms. */
export interface TrialMeans {
  readonly ratio: number
  readonly beforeMs: number
  readonly afterMs: number
}

export type Judgement =
  | ({ readonly offer: true } & TrialMeans)
  | { readonly offer: false; readonly reason: 'not-used' | 'no-gain' | 'regresses'; readonly why: string }

/** Offered only when the time after is at most this share of the time before. What a gain is worth is weighed later, against writes and size; half leaves room for what a
 *  copy cannot show, and for a flag of which the application may only ask for the value that nearly all rows have. */
export const OFFER_RATIO = 0.5

/** A set of parameters that gets slower by more than this vetoes. */
export const VETO_RATIO = 1.2

/** Differences below this are noise of the clock and of the machine's other work, ms. */
export const NOISE_MS = 0.1

/** A loss of one set below this share of the statement's mean is made good many times by what the others gain. At 0.02 the veto of one set (0.8 -> 1.6 ms) took an index that left 0.2 of 8 ms on a busy machine. */
const VETO_SHARE = 0.1

/** A single set of parameters that gets slower by more than this does harm, however seldom it is asked for. */
const HARM_RATIO = 2

/** A run that reads less than this share of the pages that it read before is not slower, whatever the clock says on a busy machine: pages are counted, not timed. */
const CLEAR_PAGES = 0.3

/** Decides on one candidate by the clock; what says that a set got slower must not be belied by the pages that it read. */
export function judgeTrial({ pairs, used }: TrialResult): Judgement {
  if (!used) return { offer: false, reason: 'not-used', why: 'the planner does not use the index with any of the sampled parameters' }
  const { beforeMs, afterMs, ratio } = meansOf(pairs)
  const allowedMs = Math.max(NOISE_MS, beforeMs * VETO_SHARE)
  const slower = pairs.find(pair => isSlower(pair, VETO_RATIO, allowedMs))
  if (slower !== undefined) {
    const why = `slower for a ${slower.kind} parameter: ${slower.beforeMs?.toFixed(2)} -> ${slower.afterMs.toFixed(2)} ms`
    return { offer: false, reason: 'regresses', why }
  }
  if (ratio > OFFER_RATIO || beforeMs - afterMs < NOISE_MS) {
    return { offer: false, reason: 'no-gain', why: `measured ${beforeMs.toFixed(2)} -> ${afterMs.toFixed(2)} ms, which is not worth an index` }
  }
  return { offer: true, ratio, beforeMs, afterMs }
}

/** What harm a set of indexes does to a statement that reads one of them: it takes longer as a whole, or with some parameters much longer. That a state which most rows have is read by an index of another statement, and takes a
 *  little longer, is no reason to leave that one without. */
export function judgeHarm(pairs: readonly TrialPair[]): Extract<Judgement, { offer: false }> | undefined {
  const { beforeMs, afterMs } = meansOf(pairs)
  if (afterMs > beforeMs * VETO_RATIO + NOISE_MS)
    return { offer: false, reason: 'regresses', why: `a statement takes longer with it: ${beforeMs.toFixed(2)} -> ${afterMs.toFixed(2)} ms` }
  const worst = pairs.find(pair => isSlower(pair, HARM_RATIO, Math.max(NOISE_MS, beforeMs * VETO_SHARE)))
  if (worst === undefined) return undefined
  return {
    offer: false,
    reason: 'regresses',
    why: `slower for a ${worst.kind} parameter: ${worst.beforeMs?.toFixed(2)} -> ${worst.afterMs.toFixed(2)} ms`,
  }
}

/** The means as live calls of `liveMs` have them. Where the sets drawn take longer without the index than live calls do, they ask for more than those, and what is left
 *  with the index is less in the same proportion; sets that take less say nothing, because a scan that finds its page early is no smaller question. */
export function asLive(means: TrialMeans, liveMs: number): TrialMeans {
  if (means.beforeMs <= liveMs) return means
  return { ratio: means.ratio, beforeMs: liveMs, afterMs: means.ratio * liveMs }
}

function isSlower({ beforeMs, afterMs, pagesRatio = 1 }: TrialPair, ratio: number, allowedMs: number): boolean {
  return beforeMs !== undefined && pagesRatio >= CLEAR_PAGES && afterMs > beforeMs * ratio + allowedMs
}

/** The pairs with the times of sets that return as many rows (`rows` runs parallel) made alike: the square of the mean of their square roots. What live calls return does not
 *  tell which of those sets the application asks for. If it asks for one of them, the geometric mean is the least far from each; if for all, the arithmetic mean is right,
 *  which is that of the dearest. This one lies between the two. */
export function levelUntold(pairs: readonly TrialPair[], rows: readonly number[]): TrialPair[] {
  return pairs.map((pair, at) => {
    const alike = pairs.filter((_other, other) => rows[other] === rows[at])
    const before = alike.flatMap(({ beforeMs, weight }) => (beforeMs === undefined ? [] : [{ ms: beforeMs, weight }]))
    const afterMs = middleOf(alike.map(other => ({ ms: other.afterMs, weight: other.weight })))
    return { ...pair, afterMs, beforeMs: pair.beforeMs === undefined ? undefined : middleOf(before) }
  })
}

function middleOf(times: readonly { readonly ms: number; readonly weight: number }[]): number {
  const whole = times.reduce((sum, { weight }) => sum + weight, 0)
  // Sets of no weight count alike.
  const share = (weight: number): number => (whole > 0 ? weight / whole : 1 / times.length)
  return times.reduce((sum, { ms, weight }) => sum + Math.sqrt(ms) * share(weight), 0) ** 2
}

/** Means before and after. A pair without a time before counts with the mean of those that have one. */
export function meansOf(pairs: readonly TrialPair[]): TrialMeans {
  const known = pairs.filter(pair => pair.beforeMs !== undefined)
  const knownWeight = known.reduce((sum, pair) => sum + pair.weight, 0)
  const knownMs = known.reduce((sum, pair) => sum + pair.beforeMs! * pair.weight, 0)
  const plainMs = known.length === 0 ? 0 : known.reduce((sum, pair) => sum + pair.beforeMs!, 0) / known.length
  // Weights that all lie on sets that were not run say nothing about those that were.
  const beforeMs = knownWeight > 0.01 ? knownMs / knownWeight : plainMs
  const afterMs = pairs.reduce((sum, pair) => sum + pair.afterMs * pair.weight, 0)
  return { beforeMs, afterMs, ratio: beforeMs === 0 ? 1 : afterMs / beforeMs }
}
