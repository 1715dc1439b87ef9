import type { NoCandidateReason } from './candidates.ts'

/** Why a statement got no advice. The words after the candidates' reasons come from the trial. */
export type RefusalReason =
  | NoCandidateReason
  | 'cheap'
  | 'unsafe'
  | 'no-parameters'
  | 'not-tried'
  | 'trial-failed'
  | 'not-used'
  | 'no-gain'
  | 'small-gain'
  | 'regresses'
  | 'write-heavy'

/** A statement that was examined and for which nothing is offered. */
export interface Refusal {
  readonly queryId: string
  /** Normalised text. */
  readonly statement: string
  readonly calls: number
  readonly meanMs: number
  readonly shareOfTime: number
  readonly reason: RefusalReason
  /** One sentence with the numbers. */
  readonly why: string
  /** How to write the statement so that it needs no index, or that one can serve it. */
  readonly rewrite?: string
}
