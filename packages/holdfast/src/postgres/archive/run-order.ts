import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { quoteIdent } from '../advisor/identifier.ts'
import type { ResolvedPolicy } from './policy.ts'
import { POLICY_REFERENCES, type PolicyReferenceRow } from './sql/archive-order.sql.ts'

/** Policies in an order in which tables that refer come before those that they refer to; in a ring, and otherwise, as they were given. 1 round trip. */
export async function inOrder(client: AdvisorClient, policies: readonly ResolvedPolicy[]): Promise<readonly ResolvedPolicy[]> {
  const rows = await readRows<PolicyReferenceRow>(client, POLICY_REFERENCES, [
    policies.map(({ table }) => table.schema ?? null),
    policies.map(({ table }) => table.name),
    policies.map(({ table }) => quoteIdent(table.name)),
  ])
  const ordered: number[] = []
  const seen = new Set<number>()
  const visit = (at: number): void => {
    if (seen.has(at)) return
    seen.add(at)
    for (const { child, parent } of rows) if (parent === at) visit(child)
    ordered.push(at)
  }
  for (const at of policies.keys()) visit(at)
  return ordered.map(at => policies[at]!)
}
