import type { Pool } from 'pg'
import { createPlainService } from './plain-service.ts'
import type { Service, ServiceOptions } from './service.ts'

/** Builds the service in the mode that the options ask for. All modes have the same routes.
 *  Holdfast is loaded only where it is used: the plain service is what the others are measured against, so it holds nothing of it. */
export async function createService(pool: Pool, options: ServiceOptions): Promise<Service> {
  if (options.mode === 'plain') return createPlainService(pool)
  const { createHoldfastService } = await import('./holdfast-service.ts')
  return createHoldfastService(pool, options)
}
