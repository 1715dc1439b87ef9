import type { Clock, ConfigProblems, Logger } from '../core/index.ts'
import { createPool, type PoolSettings, type UserPool } from '../postgres/index.ts'

/** Configuration of a pool that Holdfast makes and ends: settings of ours beside those of your `pg`. */
export type OwnPoolConfig = PoolSettings & { readonly connectionString?: string; readonly [option: string]: unknown }

/** A pool, and what is to be done with it at the end. */
export interface ResolvedPool<Pool extends UserPool> {
  readonly pool: Pool
  /** Does nothing for a pool of the caller's. */
  end(): Promise<void>
}

/** The caller's pool as it is; for a URL or a configuration a pool of ours over the caller's `pg`.
 *  @throws HF_CONFIG_INVALID for a bad setting; Node's ERR_MODULE_NOT_FOUND when `pg` is not installed */
export async function resolvePool<Pool extends UserPool>(
  given: Pool | string | OwnPoolConfig,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Promise<ResolvedPool<Pool>> {
  if (isPool(given)) return { pool: given, end: async () => undefined }
  // Loaded now, because who brings a pool brings the driver with it.
  const { default: pg } = await import('pg')
  const config: OwnPoolConfig = typeof given === 'string' ? { connectionString: given } : given
  const pool = createPool(pg, config, deps)
  return { pool: pool as unknown as Pool, end: () => within(END_LIMIT_MS, deps.clock, pool.end()) }
}

/** Adds what is wrong with an option that takes a pool, as far as it can be seen without connecting. */
export function addPgProblems(option: string, given: unknown, problems: ConfigProblems): void {
  if (typeof given === 'string') {
    if (!/^postgres(?:ql)?:\/\//.test(given)) problems.add(option, 'must be a URL that starts with postgres:// or postgresql://')
    return
  }
  const isObject = typeof given === 'object' && given !== null
  if (isObject && typeof (given as { connect?: unknown }).connect === 'function') return
  const isPlain = isObject && [Object.prototype, null].includes(Object.getPrototypeOf(given))
  if (!isPlain || Object.keys(given).length === 0) problems.add(option, 'must be a pg.Pool, a URL, or the configuration of a pool')
}

/** A connection that somebody never gives back does not hold up the rest of the stop. */
const END_LIMIT_MS = 3000

function within(limitMs: number, clock: Clock, work: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const timer = clock.after(limitMs, resolve, true)
    void work.finally(() => {
      timer.cancel()
      resolve()
    })
  })
}

/** Anything that connects is the caller's pool, of whatever make: the observer says what is wrong with it. */
function isPool<Pool extends UserPool>(given: Pool | string | OwnPoolConfig): given is Pool {
  return typeof given === 'object' && given !== null && typeof given.connect === 'function'
}
