import { coreErrors, silentLogger, systemClock } from '../../core/index.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { type DriverConfig, definePoolClass, type PoolShared } from './hand-off-pool.ts'
import { MeasuredSize } from './measured-size.ts'
import { type DriverSettings, type PoolDeps, type PoolSettings, resolvePoolLimits } from './pool-options.ts'
import { PoolerState } from './pooler.ts'

/** Where a size that is measured begins, beside what classes have reserved: one connection alone would make each caller wait for the one before. */
const LEAST_SIZE = 2

/** The caller's copy of `pg` (8.16 or later). */
export interface PoolDriver<Config, Pool extends object> {
  readonly Pool: new (config?: Config) => Pool
}

/** A pool of ours: the caller's `pg.Pool` in type and by `instanceof`, with a queue of its own. */
export type HoldfastPool<Pool extends object> = Pool & {
  /** The pool of a class, as named in `classes`. It ends with this one.
   *  @throws HF_CONFIG_INVALID for a name that is not in `classes` */
  of(name: string): HoldfastPool<Pool>
  /** Opens connections now, `min` of them unless told otherwise. Rejects as `connect()` does. */
  warm(count?: number): Promise<void>
  /** Most connections that the pool opens now: `max`, or with `sizing: 'measured'` what it has come to. */
  readonly sizeLimit: number
  /** What stands between this pool and PostgreSQL; `unknown` before the first connection. */
  readonly pooler: 'unknown' | 'none' | 'transaction'
}

/** Makes a pool that is used as `pg.Pool` is, and passes for one. Connects when a connection is asked for, not before. End it with `end()`, which serves
 *  who waits already.
 *
 *  What differs from `pg.Pool`: a waiter gets the first connection that becomes free; a failed connect is tried again, with back-off, until the waiter's
 *  `acquireTimeout` is over; its own errors have codes; an `error` without a listener does not end the process; a failed statement does not cost its
 *  connection; a client released inside a transaction is rolled back; statements are limited to `statementTimeout`.
 *  @throws HF_CONFIG_INVALID naming every bad setting at once */
export function createPool<Config, Pool extends object>(
  driver: PoolDriver<Config, Pool>,
  config: PoolSettings & Omit<Config, keyof PoolSettings>,
  deps: PoolDeps = {},
): HoldfastPool<Pool> {
  const { clock = systemClock, random = Math.random, logger = silentLogger } = deps
  if (typeof driver?.Pool !== 'function')
    throw coreErrors.create('HF_CONFIG_INVALID', 'createPool(): the first argument is not `pg`, which has a Pool')
  const [main, ...classes] = resolvePoolLimits(config as PoolSettings & DriverSettings)
  const pooler = config.pooler ?? 'auto'
  const isMeasured = config.sizing === 'measured'
  const reserved = classes.reduce((sum, one) => sum + one.reserved, 0)
  const least = Math.max(main!.min, reserved + LEAST_SIZE)
  const budget = new ConnectionBudget(isMeasured ? Math.min(main!.max, least) : main!.max)
  const shared: PoolShared = {
    config: config as unknown as DriverConfig,
    clock,
    random,
    logger,
    budget,
    size: isMeasured ? new MeasuredSize(clock, budget, { min: Math.min(main!.max, least), max: main!.max, waitMs: main!.growAfterMs }) : undefined,
    pooler: new PoolerState(pooler === 'auto' ? 'unknown' : pooler, logger),
  }
  const PoolClass = definePoolClass(driver.Pool as never)
  const named = new Map(classes.map(limits => [limits.name, new PoolClass(shared, limits, new Map())]))
  return new PoolClass(shared, main!, named) as unknown as HoldfastPool<Pool>
}
