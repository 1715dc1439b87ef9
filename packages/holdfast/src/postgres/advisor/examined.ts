import type { ParsedStatement } from './predicates.ts'
import type { StatementWindow } from './workload.ts'

/** One set of parameters that a statement was seen with. */
export interface SeenBinds {
  /** `values[0]` is `$1` of the text in pg_stat_statements. */
  readonly values: readonly unknown[]
  /** Calls that it stands for, in proportion to the other sets. */
  readonly callCount: number
}

/** A statement of the workload with its place in it. */
export interface ExaminedStatement {
  readonly parsed: ParsedStatement
  readonly window: StatementWindow
  /** Share of all statement time in the window, 0..1. */
  readonly shareOfTime: number
  /** Rows that a live call returns on average. Absent: nothing is known of them. */
  readonly rowsPerCall?: number
  /** Sets of parameters that it was seen with. Absent: none are known, and they are drawn from rows. */
  readonly binds?: readonly SeenBinds[]
}
