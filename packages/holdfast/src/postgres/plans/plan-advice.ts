import type { EvidenceTier } from '../../core/index.ts'
import type { Catalog } from '../advisor/catalog.ts'
import type { ParsedStatement } from '../advisor/predicates.ts'
import { nodesOf, type PlanTree, type PlanTreeNode } from './plan-tree.ts'
import type { TableStatisticsRow } from './sql/table-statistics.sql.ts'

/** What a piece of advice asks for. `analyze`: the planner's statistics are missing or old; `statistics`: they cannot know that columns go together. */
export type PlanAdviceKind = 'index' | 'rewrite' | 'statistics' | 'analyze' | 'work-mem'

/** How much a change would help. */
export interface PlanGain {
  /** Time of the whole statement after, by the time before: 0.1 is a tenth. */
  readonly ratio: number
  /** `measured`: both were run, on this database or on a copy of the table; `modeled`: from rows read and rows needed. */
  readonly tier: EvidenceTier
  /** What the ratio comes from, with its numbers. */
  readonly basis: string
}

/** One change that would help the statement. */
export interface PlanAdvice {
  readonly kind: PlanAdviceKind
  /** `id` of the node of the tree that it is about. */
  readonly node: number
  readonly summary: string
  /** What would do it, ready to run; empty when the statement itself has to be written anew. Nothing of it was run on your tables. */
  readonly sql: readonly string[]
  /** Absent where nobody can say before it is done. */
  readonly gain?: PlanGain
}

/** What the rules look at. */
export interface AdviceInput {
  readonly tree: PlanTree
  /** The statement and the bodies of its views. */
  readonly parsed: readonly ParsedStatement[]
  readonly catalog: Catalog
  readonly statistics: ReadonlyMap<number, TableStatisticsRow>
  /** The caller's parameters by number, where the caller gave some. */
  readonly values: ReadonlyMap<number, unknown>
}

/** Below this share of the whole a node is left alone: its whole removal would not be felt. */
const LEAST_SHARE = 0.2

/** A measured node faster than this is left alone, ms: the clock and the network weigh more. */
const LEAST_MS = 1

/** Nodes that take enough of the whole to be worth a change, the worst first. */
export function heavyNodes({ root, measured }: PlanTree): PlanTreeNode[] {
  return nodesOf(root)
    .filter(node => node.share >= LEAST_SHARE && (!measured || (node.selfMs ?? 0) >= LEAST_MS))
    .sort((a, b) => b.share - a.share)
}
