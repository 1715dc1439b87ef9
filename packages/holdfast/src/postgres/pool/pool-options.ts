import { type Clock, type ConfigProblems, collectConfigProblems, type Duration, type Logger, parseDurationMs } from '../../core/index.ts'

/** Settings of a pool of ours, beside those of the driver's own `PoolConfig` (`connectionString`, `ssl`, `onConnect`, ...). */
export interface PoolSettings {
  /** Connections kept open once they were needed; `warm()` opens them ahead. Default 0. */
  readonly min?: number
  /** Most connections, those of all classes together. Default 10. Many are slower than few: twice the cores of the server is a good start. */
  readonly max?: number
  /** How long a caller waits for a connection, an outage of PostgreSQL included. Default: `connectionTimeoutMillis`, else `'10s'`. */
  readonly acquireTimeout?: Duration
  /** How long one attempt to connect may take. Default `'5s'`. No caller is bound to an attempt. */
  readonly connectTimeout?: Duration
  /** A connection beyond `min` that is idle for this long is closed. Default: `idleTimeoutMillis`, else `'10s'`. */
  readonly idleTimeout?: Duration
  /** A connection older than this is replaced when it is idle, give or take a tenth. Default: `maxLifetimeSeconds`, else `'1h'`. `'0s'`: never. */
  readonly maxLifetime?: Duration
  /** An idle connection is asked this often whether it lives. Default `'1m'`. `'0s'`: never. */
  readonly validateEvery?: Duration
  /** The server ends statements that take longer. Default `'30s'`; `'0s'`: no limit. */
  readonly statementTimeout?: Duration
  /** A further connection beyond `min` is opened only when a caller has waited this long, so that a short burst is served by the connections there are.
   *  Default `'10ms'`. */
  readonly growAfter?: Duration
  /** `fixed`: up to `max` connections, as many as callers wait for. `measured`: the pool begins at `min` (at least 2), and while callers wait for `growAfter` and all
   *  connections are in use it tries a few more, keeps them when more work gets done, and else takes them back; what half a minute without waits did not need is given up.
   *  Default `fixed`. */
  readonly sizing?: 'fixed' | 'measured'
  /** Connections of the server that all pools of all instances leave free. A new connection beyond `min` asks how many there are, and is given back at once where fewer are
   *  left; callers then wait for those there are. Default: not asked. Not asked through a pooler. */
  readonly serverReserve?: number
  /** Connects under way at one time. Default 4. */
  readonly connectsAtOnce?: number
  /** Callers that may wait, beside those for whom a connection can still be opened. Default 10,000; the next one fails with HF_PG_QUEUE_FULL. 0: nobody waits for another. */
  readonly queueLimit?: number
  /** Pools of their own for some work, within the same `max`; get one with `pool.of(name)`. */
  readonly classes?: Readonly<Record<string, PoolClass>>
  /** Whether PostgreSQL is reached through a pooler that shares server sessions, such as PgBouncer in transaction mode. Default `auto`: the first
   *  connection asks. Through one, statements are sent without their names, and the time-out of statements cannot be set from here. */
  readonly pooler?: 'auto' | 'none' | 'transaction'
}

/** One class of work. */
export interface PoolClass {
  /** Connections that no other class can take. Default 0. */
  readonly reserved?: number
  /** Most connections of this class. Default: the pool's `max`. */
  readonly max?: number
  /** Default by name: `critical` 5 s, `cached` 2 s, `long` 3 min, any other 30 s. @source spec/mastery.md, statement classes */
  readonly statementTimeout?: Duration
  /** Default: the pool's. */
  readonly acquireTimeout?: Duration
}

/** What a pool takes from outside. */
export interface PoolDeps {
  /** Default: the system clock. */
  readonly clock?: Clock
  /** From 0 to 1, for jitter. Default `Math.random`. */
  readonly random?: () => number
  /** Default: silent. */
  readonly logger?: Logger
}

/** Limits of one class, resolved. */
export interface PoolLimits {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly reserved: number
  readonly acquireMs: number
  readonly connectMs: number
  readonly idleMs: number
  readonly lifetimeMs: number
  readonly validateMs: number
  readonly statementMs: number
  readonly growAfterMs: number
  readonly connectsAtOnce: number
  /** `undefined`: the server is not asked. */
  readonly serverReserve: number | undefined
  readonly queueLimit: number
  readonly maxUses: number
  readonly exitsOnIdle: boolean
}

/** Settings of `pg.Pool` that have a meaning here too. */
export interface DriverSettings {
  readonly connectionTimeoutMillis?: number | undefined
  readonly idleTimeoutMillis?: number | null | undefined
  readonly maxLifetimeSeconds?: number | undefined
  readonly maxUses?: number | undefined
  readonly allowExitOnIdle?: boolean | undefined
  readonly statement_timeout?: number | false | undefined
}

/** Name of the pool that is no class. */
export const MAIN_CLASS = 'default'

const CLASS_TIMEOUTS: Readonly<Record<string, Duration>> = { critical: '5s', cached: '2s', long: '3m' }

const SIZINGS: ReadonlySet<unknown> = new Set(['fixed', 'measured'])
const POOLERS: ReadonlySet<unknown> = new Set(['auto', 'none', 'transaction'])
/** Settings of the driver that count something. */
const DRIVER_COUNTS = ['maxUses', 'maxLifetimeSeconds', 'connectionTimeoutMillis', 'idleTimeoutMillis', 'statement_timeout'] as const
const DRIVER_HOOKS = ['onConnect', 'verify'] as const

/** Limits of the pool itself and of each class.
 *  @throws HF_CONFIG_INVALID with every problem at once */
export function resolvePoolLimits(settings: PoolSettings & DriverSettings): readonly PoolLimits[] {
  const problems = collectConfigProblems()
  if (!isRecord(settings)) problems.add('pool', 'is no object of settings')
  // Nothing in it can be read.
  problems.throwIfAny('createPool()')
  const ms: ReadMs = (name, value, fallback) =>
    problems.attempt(
      `pool.${name}`,
      () => (value === undefined && typeof fallback === 'number' ? fallback : parseDurationMs(value ?? (fallback as Duration))),
      1,
    )
  const count: ReadCount = (name, value, fallback, least) => {
    const given = value ?? fallback
    if (!Number.isInteger(given) || given < least) problems.add(`pool.${name}`, `is ${given}, not a whole number from ${least} up`)
    return given
  }
  const max = count('max', settings.max, 10, 1)
  const min = count('min', settings.min, 0, 0)
  if (min > max) problems.add('pool.min', `is ${min}, above max (${max})`)
  const idle = settings.idleTimeoutMillis
  const main: PoolLimits = {
    name: MAIN_CLASS,
    min,
    max,
    reserved: 0,
    acquireMs: ms('acquireTimeout', settings.acquireTimeout, numberOf(settings.connectionTimeoutMillis) || '10s'),
    connectMs: ms('connectTimeout', settings.connectTimeout, '5s'),
    // The driver takes 0 and null for "never".
    idleMs: ms('idleTimeout', settings.idleTimeout, idle === undefined ? '10s' : idle || Number.POSITIVE_INFINITY),
    lifetimeMs:
      ms('maxLifetime', settings.maxLifetime, settings.maxLifetimeSeconds ? settings.maxLifetimeSeconds * 1000 : '1h') || Number.POSITIVE_INFINITY,
    validateMs: ms('validateEvery', settings.validateEvery, '1m') || Number.POSITIVE_INFINITY,
    statementMs: ms('statementTimeout', settings.statementTimeout, numberOf(settings.statement_timeout) || '30s'),
    growAfterMs: ms('growAfter', settings.growAfter, '10ms'),
    connectsAtOnce: count('connectsAtOnce', settings.connectsAtOnce, 4, 1),
    serverReserve: settings.serverReserve === undefined ? undefined : count('serverReserve', settings.serverReserve, 0, 0),
    queueLimit: count('queueLimit', settings.queueLimit, 10_000, 0),
    maxUses: settings.maxUses || Number.POSITIVE_INFINITY,
    exitsOnIdle: settings.allowExitOnIdle ?? false,
  }
  if (main.connectMs <= 0) problems.add('pool.connectTimeout', 'is 0: no attempt to connect could succeed')
  const given = settings.classes ?? {}
  if (!isRecord(given)) problems.add('pool.classes', 'is no object of classes by name')
  const classes = Object.entries(isRecord(given) ? given : {}).map(([name, described]) => resolveClass(main, name, described, problems, ms, count))
  checkNames(settings, problems)
  checkDriverSettings(settings, problems)
  const reserved = classes.reduce((sum, one) => sum + one.reserved, 0)
  if (reserved >= max && classes.length > 0)
    problems.add('pool.classes', `reserve ${reserved} connections of ${max}: at least one must be left for everything else`)
  problems.throwIfAny('createPool()')
  return [main, ...classes]
}

type ReadMs = (name: string, value: Duration | undefined, fallback: Duration | number) => number
type ReadCount = (name: string, value: number | undefined, fallback: number, least: number) => number

function resolveClass(main: PoolLimits, name: string, described: PoolClass, problems: ConfigProblems, ms: ReadMs, count: ReadCount): PoolLimits {
  if (!isRecord(described)) problems.add(`pool.classes.${name}`, 'is no object of settings')
  const own: PoolClass = isRecord(described) ? described : {}
  if (name === MAIN_CLASS) problems.add(`pool.classes.${name}`, 'is the name of the pool itself')
  const reserved = count(`classes.${name}.reserved`, own.reserved, 0, 0)
  const max = Math.min(main.max, count(`classes.${name}.max`, own.max, main.max, 1))
  if (reserved > max) problems.add(`pool.classes.${name}.reserved`, `is ${reserved}, above its max (${max})`)
  return {
    ...main,
    name,
    min: 0,
    max,
    reserved,
    statementMs: ms(`classes.${name}.statementTimeout`, own.statementTimeout, CLASS_TIMEOUTS[name] ?? '30s'),
    acquireMs: ms(`classes.${name}.acquireTimeout`, own.acquireTimeout, main.acquireMs),
  }
}

function checkNames({ sizing = 'fixed', pooler = 'auto' }: PoolSettings, problems: ConfigProblems): void {
  if (!SIZINGS.has(sizing)) problems.add('pool.sizing', `is ${sizing}, not one of fixed, measured`)
  if (!POOLERS.has(pooler)) problems.add('pool.pooler', `is ${pooler}, not one of auto, none, transaction`)
}

function checkDriverSettings(settings: DriverSettings & { readonly onConnect?: unknown; readonly verify?: unknown }, problems: ConfigProblems): void {
  for (const name of DRIVER_COUNTS) {
    const value: unknown = settings[name] || 0
    if (typeof value !== 'number' || !(value >= 0)) problems.add(`pool.${name}`, `is ${String(value)}, not a number from 0 up`)
  }
  for (const name of DRIVER_HOOKS) if (settings[name] && typeof settings[name] !== 'function') problems.add(`pool.${name}`, 'is not a function')
}

/** What is not a number is a problem that is noted elsewhere. */
function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
