import { createAdvisor } from 'holdfast/postgres'
import { connectionsBeside, type PoolOwner } from '../database/pool-connections.ts'
import type { AdvisorPort } from './advisor-port.ts'

/** An advisor on the database of the service's own pool, over connections of its own. Undefined when Holdfast runs without PostgreSQL. */
export function advisorOfPool(hf: PoolOwner): AdvisorPort | undefined {
  const connect = connectionsBeside(hf)
  return connect === undefined ? undefined : createAdvisor({ connect })
}
