import { createAdvisor } from 'holdfast/postgres'
import pg from 'pg'
import type { AdvisorPort } from './advisor-port.ts'

/** Where the pool of a Holdfast stands, if there is one. */
export interface PoolOwner {
  readonly pg?: { readonly pool: { readonly options: object } }
}

/** An advisor on the database of the service's own pool, over connections of its own: no statement of it waits in the service's queue.
 *  Undefined when Holdfast runs without PostgreSQL. */
export function advisorOfPool(hf: PoolOwner): AdvisorPort | undefined {
  const options = poolOptions(hf)
  if (options === undefined) return undefined
  return createAdvisor({
    async connect() {
      // Inherited and not spread: pg keeps the password where a spread does not see it.
      const client = new pg.Client(Object.assign(Object.create(options), { application_name: 'holdfast' }))
      client.on('error', () => {})
      await client.connect()
      return client
    },
  })
}

function poolOptions(hf: PoolOwner): object | undefined {
  try {
    return hf.pg?.pool.options
  } catch {
    // `hf.pg` throws when there is no pool.
    return undefined
  }
}
