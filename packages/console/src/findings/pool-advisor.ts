import { createAdvisor } from 'holdfast/postgres'
import { connectionsBeside, type PoolOwner } from '../database/pool-connections.ts'
import type { AdvisorPort } from './advisor-port.ts'

/** An advisor on the database of the service's own pool, over connections of its own. Undefined when Holdfast runs without PostgreSQL. */
export function advisorOfPool(hf: PoolOwner): AdvisorPort | undefined {
  const connect = connectionsBeside(hf)
  if (connect === undefined) return undefined
  const { max } = (hf.pg?.pool.options ?? {}) as { readonly max?: unknown }
  // Of this process alone: how many others have the like is not known here.
  return createAdvisor({
    connect,
    pools: typeof max === 'number' ? [{ name: 'this process', max, instances: 1 }] : [],
    // What the pool was seen to send says more than what lies in the rows. It does not leave the process.
    bindsOf: text => hf.pg?.bindsOf?.(text) ?? [],
  })
}
