import { jobsErrors } from '../errors.ts'
import { isCluster, type JobsRedisClient } from './port.ts'

/** `maxmemory_policy` of the server, of a cluster that of the first member that may evict; `undefined` when it does not say. 1 round trip to each server. */
export async function readEvictionPolicy(client: JobsRedisClient): Promise<string | undefined> {
  if (!isCluster(client)) return policyOf(client)
  // Any of them may have the slot of the jobs tomorrow.
  const policies = await Promise.all(client.nodes('master').map(policyOf))
  return policies.find(policy => policy !== undefined && policy !== SAFE_POLICY) ?? policies[0]
}

async function policyOf(client: Pick<JobsRedisClient, 'call'>): Promise<string | undefined> {
  // INFO and not CONFIG GET, which hosted servers refuse.
  const info = String(await client.call('info', 'memory'))
  return /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
}

/** @throws HF_JOBS_EVICTION for any policy but noeviction */
export function requireNoEviction(policy: string | undefined): void {
  if (policy === undefined || policy === SAFE_POLICY) return
  throw jobsErrors.create('HF_JOBS_EVICTION', `the Redis of the jobs has maxmemory-policy ${policy}, which evicts jobs when memory is full`, {
    context: { policy },
  })
}

export const SAFE_POLICY = 'noeviction'
