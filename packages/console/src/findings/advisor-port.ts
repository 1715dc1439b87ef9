import type { Finding } from 'holdfast/core'

/** The part of the `Advisor` of `holdfast/postgres` used here. Its errors go to the page as they are. */
export interface AdvisorPort {
  findings(): Promise<readonly Finding[]>
  finding(id: string): Promise<Finding>
  apply(id: string): Promise<Finding>
  verify(id: string): Promise<Finding>
  revert(id: string): Promise<Finding>
}
