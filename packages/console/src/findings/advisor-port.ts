import type { Duration, Finding } from 'holdfast/core'

/** The part of the `Advisor` of `holdfast/postgres` used here. Its errors go to the page as they are. */
export interface AdvisorPort {
  findings(): Promise<readonly Finding[]>
  /** Examines the workload since the statistics were reset and keeps what it finds. Takes seconds: candidates are tried on a copy. */
  advise(): Promise<{
    readonly findings: readonly Finding[]
    readonly examinedCount: number
    readonly refused: readonly { readonly statement: string; readonly why: string }[]
    readonly notes: readonly string[]
  }>
  finding(id: string): Promise<Finding>
  apply(id: string): Promise<Finding>
  verify(id: string): Promise<Finding>
  revert(id: string): Promise<Finding>
  snooze(id: string, duration: Duration, reason?: string): Promise<Finding>
}
