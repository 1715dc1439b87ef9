import type { ParsedStatement } from './predicates.ts'
import type { StatementWindow } from './workload.ts'

/** A statement of the workload with its place in it. */
export interface ExaminedStatement {
  readonly parsed: ParsedStatement
  readonly window: StatementWindow
  /** Share of all statement time in the window, 0..1. */
  readonly shareOfTime: number
  /** Rows that a live call returns on average. Absent: nothing is known of them. */
  readonly rowsPerCall?: number
  /** Sets of parameters that it was seen with. Absent: none are known, and they are drawn from rows. */
  readonly binds?: readonly (readonly unknown[])[]
}
