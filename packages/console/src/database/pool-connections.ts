import type { AdvisorClient } from 'holdfast/postgres'
import pg from 'pg'

/** Where the pool of a Holdfast stands, if there is one. */
export interface PoolOwner {
  readonly pg?: {
    readonly pool: { readonly options: object }
    bindsOf?(text: string): readonly { readonly values: readonly unknown[]; readonly callCount: number }[]
  }
}

/** Opens connections to the database of the service's own pool, beside it: nothing of ours waits in the service's queue.
 *  Undefined when Holdfast runs without PostgreSQL. */
export function connectionsBeside(hf: PoolOwner): (() => Promise<AdvisorClient>) | undefined {
  const options = poolOptions(hf)
  if (options === undefined) return undefined
  return async () => {
    // Inherited and not spread: pg keeps the password where a spread does not see it.
    const client = new pg.Client(Object.assign(Object.create(options), { application_name: 'holdfast' }))
    client.on('error', () => {})
    await client.connect()
    return client
  }
}

function poolOptions(hf: PoolOwner): object | undefined {
  try {
    return hf.pg?.pool.options
  } catch {
    // `hf.pg` throws when there is no pool.
    return undefined
  }
}
