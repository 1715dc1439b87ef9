import {
  type Clock,
  collectConfigProblems,
  createLifecycle,
  type Duration,
  type HealthSource,
  type Lifecycle,
  type Logger,
  mergeHealth,
  parseDurationMs,
  silentLogger,
  systemClock,
} from '../core/index.ts'
import { type Registry, subtractHistogram } from '../telemetry/index.ts'
import type { BindSample } from './bind-reservoir.ts'
import { pgErrors } from './errors.ts'
import { loadParser } from './fingerprint.ts'
import { InvalidationOutbox, type InvalidationTarget } from './outbox.ts'
import { reportAcquireWaits } from './pool/acquire-waits.ts'
import { Checkouts, type PoolHolder } from './pool/checkouts.ts'
import { createLeakWatch } from './pool/leak-watch.ts'
import { adviseOnPool, type PoolAdvice } from './pool/pool-advice.ts'
import { createPoolListener } from './pool/pool-listener.ts'
import { PoolMeter } from './pool/pool-meter.ts'
import { PoolRecord } from './pool/pool-record.ts'
import { BACKEND_PID_SQL, isBehindPooler } from './pool/pooler.ts'
import { findSessionState, type PoolerDiagnosis } from './pool/session-state.ts'
import { PoolHealth, type PoolState } from './pool-health.ts'
import { hookPool, isHooked } from './pool-hook.ts'
import { allowRepeats } from './repeats/allow-repeats.ts'
import { traceCalls } from './repeats/call-trace.ts'
import type { StatementRepeat } from './repeats/repeat-book.ts'
import { createRepeats } from './repeats/repeats.ts'
import { type ReplicaLimits, type ReplicaOptions, resolveReplicaLimits } from './replicas/replica-options.ts'
import type { ReadQuery } from './replicas/replica-reads.ts'
import { createReplicas, isForReplica, type ReadState } from './replicas/replicas.ts'
import { createSlow } from './slow/slow.ts'
import type { SlowStatement } from './slow/slow-statements.ts'
import { createStatementStore, type StatementSnapshot, type StatementStore } from './statement-store.ts'
import { StatementWatch } from './statement-watch.ts'
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.ts'
import type { DriverPool, UserPool } from './user-pool.ts'

/** Options of the observation. */
export interface PostgresOptions {
  /** A statement that takes this long is logged as a warning, at most once a minute. Default `'500ms'`. */
  readonly slowWarn?: Duration
  /** A statement that takes this long is logged as an error. Default `'1s'`; not below `slowWarn`. */
  readonly slowError?: Duration
  /** Asks for the plan (EXPLAIN without ANALYZE) of a slow SELECT, once a minute for each statement, on a connection that the pool has to spare. Nothing is
   *  run again. Default true. */
  readonly slowPlans?: boolean
  /** Distinct statements that are counted by themselves; further ones are counted as `other`. Default 1,000, at 3 to 12 kB each; at least 1. */
  readonly statementLimit?: number
  /** A connection that is checked out for longer is reported once, in the log and in health, with the code that took it. Nothing is taken away from it.
   *  Default `'30s'`. */
  readonly leakAfter?: Duration
  /** Routes (`POST /imports`) and fingerprints of statements whose repeats within a request are meant. Default: none. For a part of a request use
   *  `hf.pg.allowRepeats()`. */
  readonly allowRepeats?: readonly string[]
  /** Writes the tags of `tx.invalidate` to `holdfast.invalidation` in the same transaction, so that a crash between COMMIT and Redis does not lose them.
   *  The table is made at start where the role may; where it may not, and without Redis, transactions are as with `false`. Default true. */
  readonly outbox?: boolean
  /** How reads are spread over replicas. No effect without any. */
  readonly replicas?: ReplicaOptions
}

/** What {@link observePool} works with. */
export interface ObservePoolDeps {
  readonly registry: Registry
  /** Default: the system clock. */
  readonly clock?: Clock
  /** Default: silent. */
  readonly logger?: Logger
  /** Numbers from 0 to 1, for back-off and sampling. Default `Math.random`. */
  readonly random?: () => number
  /** Forgets tags, called after a commit and awaited before `transaction` returns. Default: nothing is forgotten. */
  readonly target?: InvalidationTarget
  readonly options?: PostgresOptions
  /** Pools of streaming replicas of the server of the pool. They are watched too, and stay the caller's to end. Default: none. */
  readonly replicas?: readonly UserPool[]
}

/** A pool that is watched. */
export interface HoldfastPg<Pool extends UserPool = UserPool> extends Lifecycle, HealthSource {
  /** The caller's own, the same object. It stays the caller's to end. */
  readonly pool: Pool
  /** `pool.query` with all its calling forms, results and errors. */
  readonly query: Pool['query']
  /** One statement that only reads, in the promise form of `pool.query`: on a replica where there is one that is up and has what the read must see, else on the
   *  primary. It must see what its request did on the primary before, and the token given to `readAfter`. A read whose replica is lost before it answered is sent
   *  elsewhere. Whether a statement reads is the caller's word: a replica refuses a write (25006), the primary does not. */
  readonly read: ReadQuery
  /** What later requests of the same user must see, to be given to `readAfter` there; fit for a cookie or a header. `undefined` when any replica will do. */
  readToken(): string | undefined
  /** From now on the reads of this request see at least what the token stands for. Anything that is not a token means: everything up to now.
   *  @throws HF_PG_NO_REQUEST outside of a request */
  readAfter(token: string | undefined): void
  /** Each replica as it is now, and where reads went since the start. */
  readState(): ReadState
  /** Runs `work` in a transaction: commits when it returns, rolls back and passes the error on when it throws.
   *  With `readOnly: true` it runs on a replica under the rules of `read`.
   *  A call inside `work` opens a second, independent transaction on another connection; to nest, use `tx.transaction`.
   *  @throws HF_PG_TRANSACTION_ABORTED when a statement failed and its error was swallowed
   *  @throws HF_PG_TRANSACTION_ENDED when `work` sent COMMIT or ROLLBACK itself
   *  @throws HF_PG_COMMIT_UNKNOWN when the connection was lost during COMMIT */
  transaction<T>(work: (tx: Transaction<Pool>) => Promise<T>, options?: TransactionOptions): Promise<T>
  /** What was measured of each statement, by fingerprint. */
  statements(): readonly StatementSnapshot[]
  /** Up to 16 sets of parameters that the statement ran with, fast and slow ones. They are real data: keep them in the process. */
  bindSamples(fingerprint: string): readonly BindSample[]
  /** The same for a text of pg_stat_statements, with a value for each of its parameters, which the constants of the text that was sent are, too: `createAdvisor({ bindsOf })`.
   *  Parses the text, 50 to 200 us. */
  bindsOf(text: string): readonly BindSample[]
  /** Statements that were slow, the costliest first, at most 200, with their plans. */
  slowStatements(): readonly SlowStatement[]
  /** Statements that requests send again and again, the costliest first, at most 200: N+1 patterns and duplicate reads. Of requests only, see `runInRequestScope`. */
  repeats(): readonly StatementRepeat[]
  /** Runs `work`, a batch job for example, so that statements which it repeats are no finding. */
  allowRepeats<T>(work: () => T): T
  /** The same client of an ORM, with the difference that its statements know the line that asked for them, even where the ORM sends them later, as Drizzle
   *  and some calls of Prisma do. A stack (10 to 20 us) for each call: for development. */
  trace<Db extends object>(db: Db): Db
  poolState(): PoolState
  /** Whether the size of the pool fits what happened in the last minute, and the numbers that this rests on. */
  poolAdvice(): PoolAdvice
  /** Who holds connections now, longest first, at most 20. */
  holders(): readonly PoolHolder[]
  /** Finds out whether a pooler such as PgBouncer stands between, and which of the statements seen so far rely on a session of their own, which one in
   *  transaction mode does not give. 1 checkout, 1 statement. Rejects as `pool.connect()` does. */
  diagnosePooler(): Promise<PoolerDiagnosis>
}

/** Watches a `pg.Pool`: from `start()` on every statement of every library that uses the pool is timed and counted. While it is started, the pool has
 *  another `Client` and another `connect`; `stop()` puts both back and leaves the pool open. Works without PostgreSQL: start does not connect.
 *  @throws HF_CONFIG_INVALID when `pool` is not a `pg.Pool` or an option is wrong */
export function observePool<Pool extends UserPool>(pool: Pool, deps: ObservePoolDeps): HoldfastPg<Pool> {
  const { registry, clock = systemClock, logger = silentLogger, random = Math.random, target, replicas: replicaPools = [] } = deps
  const { statementLimit, warnMs, errorMs, leakAfterMs, replicaLimits, allowed } = resolveOptions(pool, replicaPools, deps.options ?? {})
  const store = createStatementStore({ clock, statementLimit })
  const repeats = createRepeats({ store, allowed, registry, clock, logger })
  const parts = [pool, ...classPoolsOf(pool)]
  const poolState = (): PoolState => stateOf(parts)
  const checkouts = new Checkouts(state => (state.record === undefined ? undefined : store.identify(state.record).text))
  const holders = (limit: number): PoolHolder[] => checkouts.holders(clock.monotonicMs(), limit)
  const health = new PoolHealth(clock, poolState, () => holders(1)[0], leakAfterMs)
  const record = new PoolRecord(clock)
  /** Of all replicas together; nothing is said about their size. */
  const replicaMeter = new PoolMeter(clock)
  const slow = createSlow({ pool, store, thresholds: { warnMs, errorMs }, wantsPlans: deps.options?.slowPlans ?? true, registry, clock, logger })
  const outbox =
    target?.isShared && (deps.options?.outbox ?? true) ? new InvalidationOutbox({ pool, clock, random, logger, registry, target }) : undefined
  const replicas =
    replicaPools.length === 0 ? undefined : createReplicas({ primary: pool, pools: replicaPools, limits: replicaLimits, registry, clock, random })
  const transactionDeps = { connect: () => pool.connect(), clock, random, logger, target, outbox, commit: replicas?.commit }

  const undo: (() => void | Promise<void>)[] = []
  const lifecycle = createLifecycle({
    name: 'the PostgreSQL observer',
    clock,
    async start() {
      if ([pool, ...replicaPools].some(isHooked)) throw pgErrors.create('HF_PG_ALREADY_OBSERVED', 'another instance watches this pool')
      const errors = registry.counter({ name: 'holdfast_pg_statement_errors', help: 'Statements that failed.', labels: ['sqlstate'] })
      const hook = (part: UserPool, isPrimary: boolean): void => {
        const watch = new StatementWatch({ clock, random, store, errors, repeats: repeats.detector, slowMs: warnMs, isPrimary, onSlow: slow.note })
        const heard = isPrimary ? { health, meter: record.meter } : { health: unheardHealth(part, clock, leakAfterMs), meter: replicaMeter }
        const listener = createPoolListener({ pool: part, registry, logger, clock, checkouts, ...heard })
        undo.push(hookPool(part as unknown as DriverPool, watch, clock, listener, checkouts))
      }
      undo.push(
        reportPool(registry, poolState, store, () => holders(1)[0]),
        reportAcquireWaits(registry, [record.meter.waits, replicaMeter.waits]),
      )
      for (const part of parts) hook(part, true)
      for (const part of replicaPools.flatMap(replica => [replica, ...classPoolsOf(replica)])) hook(part, false)
      undo.push(repeats.start())
      undo.push(createLeakWatch({ checkouts, clock, logger, registry, leakAfterMs }))
      undo.push(slow.start())
      record.start()
      replicas?.start()
      await loadParser()
      outbox?.start()
    },
    async stop() {
      record.stop()
      replicas?.stop()
      await outbox?.stop()
      for (const step of undo.splice(0)) await step()
      store.close()
    },
  })
  const query = pool.query as unknown as (...args: unknown[]) => unknown

  return {
    ...lifecycle,
    pool,
    query: ((...args: unknown[]) => query.apply(pool, args)) as Pool['query'],
    transaction: (work, options = {}) =>
      replicas !== undefined && isForReplica(options)
        ? replicas.transaction(transactionDeps, work, options)
        : runTransaction(transactionDeps, work, options),
    read: replicas?.read ?? ((text, values) => query.call(pool, text, values) as Promise<never>),
    readToken: () => replicas?.readToken(),
    readAfter: token => replicas?.readAfter(token),
    readState: () => replicas?.state() ?? NO_READS,
    statements: () => store.snapshot(),
    bindSamples: fingerprint => store.bindSamples(fingerprint),
    bindsOf: text => store.bindsOf(text),
    slowStatements: slow.snapshot,
    repeats: () => repeats.book.repeats(),
    allowRepeats,
    trace: traceCalls,
    poolState,
    diagnosePooler: () => diagnosePooler(pool, store),
    poolAdvice: () => adviseOnPool(record.facts(poolState().max)),
    holders: () => holders(HOLDERS_LIMIT),
    health: () =>
      mergeHealth([
        health.health(),
        ...(replicas ? [replicas.health()] : []),
        ...(outbox?.problem ? [{ status: 'degraded' as const, reasons: [outbox.problem] }] : []),
      ]),
  }
}

const NO_READS: ReadState = {
  replicas: [],
  chosenCount: 0,
  waitedCount: 0,
  behindCount: 0,
  lateCount: 0,
  awayCount: 0,
  retryCount: 0,
  replayLimitMs: 0,
}

/** Of a replica's pool: one that gives no connections is the affair of its circuit. */
function unheardHealth(part: UserPool, clock: Clock, leakAfterMs: number): PoolHealth {
  const nobody = (): undefined => undefined
  return new PoolHealth(clock, () => stateOf([part]), nobody, leakAfterMs)
}

/** The pools of the classes of a pool of ours: statements go through them too. */
function classPoolsOf(pool: UserPool): readonly UserPool[] {
  return (pool as { classPools?: readonly UserPool[] }).classPools ?? []
}

function stateOf(parts: readonly UserPool[]): PoolState {
  const sum = (read: (pool: UserPool) => number): number => parts.reduce((total, part) => total + read(part), 0)
  const idle = sum(part => part.idleCount)
  // The classes share the number of the first.
  return { used: sum(part => part.totalCount) - idle, idle, waiting: sum(part => part.waitingCount), max: sizeOf(parts[0]!) }
}

/** A pool of ours may open fewer than its `max` for the time being. */
function sizeOf(pool: UserPool): number {
  return (pool as { sizeLimit?: number }).sizeLimit ?? pool.options.max ?? 0
}

async function diagnosePooler(pool: UserPool, store: StatementStore): Promise<PoolerDiagnosis> {
  const isPooled = await asksThroughPooler(pool)
  return { isPooled, sessionState: isPooled ? findSessionState(store.snapshot()) : [] }
}

async function asksThroughPooler(pool: UserPool): Promise<boolean> {
  const client = await pool.connect()
  try {
    return isBehindPooler((client as { processID?: number | null }).processID, await client.query(BACKEND_PID_SQL))
  } finally {
    client.release()
  }
}

/** Enough to see a pattern, and no more than fits on a screen. */
const HOLDERS_LIMIT = 20

interface ResolvedOptions {
  readonly statementLimit: number
  readonly warnMs: number
  readonly errorMs: number
  readonly leakAfterMs: number
  readonly replicaLimits: ReplicaLimits
  readonly allowed: ReadonlySet<string>
}

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'slowWarn',
  'slowError',
  'slowPlans',
  'statementLimit',
  'leakAfter',
  'allowRepeats',
  'outbox',
  'replicas',
])

function resolveOptions(pool: UserPool, replicas: readonly UserPool[], options: PostgresOptions): ResolvedOptions {
  const problems = collectConfigProblems()
  if (!isDriverPool(pool)) problems.add('pg', 'is not a pg.Pool of pg 8.16 or later')
  for (const [at, replica] of replicas.entries()) {
    if (!isDriverPool(replica)) problems.add(`pgReplicas[${at}]`, 'is not a pg.Pool of pg 8.16 or later')
    if (replica === pool || replicas.indexOf(replica) < at) problems.add(`pgReplicas[${at}]`, 'is given twice')
  }
  for (const name of unknownOptions(options)) problems.add(`pg.${name}`, `is not an option; known are ${[...KNOWN_OPTIONS].join(', ')}`)
  const warnMs = problems.attempt('pg.slowWarn', () => parseDurationMs(options.slowWarn ?? '500ms'), 0)
  const errorMs = problems.attempt('pg.slowError', () => parseDurationMs(options.slowError ?? '1s'), 0)
  if (errorMs < warnMs) problems.add('pg.slowError', `is ${errorMs} ms, below slowWarn (${warnMs} ms)`)
  const statementLimit = options.statementLimit ?? 1000
  if (!Number.isInteger(statementLimit) || statementLimit < 1) problems.add('pg.statementLimit', `is ${statementLimit}, not a whole number from 1 up`)
  const leakAfterMs = problems.attempt('pg.leakAfter', () => parseDurationMs(options.leakAfter ?? '30s'), 0)
  if (options.outbox !== undefined && typeof options.outbox !== 'boolean') problems.add('pg.outbox', 'is neither true nor false')
  const allowed = options.allowRepeats ?? []
  const isNames = Array.isArray(allowed) && allowed.every(name => typeof name === 'string' && name !== '')
  if (!isNames) problems.add('pg.allowRepeats', 'is no list of routes and fingerprints')
  if (options.slowPlans !== undefined && typeof options.slowPlans !== 'boolean') problems.add('pg.slowPlans', 'is neither true nor false')
  const replicaLimits = resolveReplicaLimits(options.replicas ?? {}, problems)
  problems.throwIfAny('postgres')
  return { statementLimit, warnMs, errorMs, leakAfterMs, replicaLimits, allowed: new Set(allowed) }
}

function unknownOptions(options: object): readonly string[] {
  const names = typeof options === 'object' ? Object.keys(options) : [String(options)]
  return names.filter(name => !KNOWN_OPTIONS.has(name))
}

function isDriverPool(pool: UserPool): boolean {
  const { Client, connect } = pool as unknown as Partial<DriverPool>
  return typeof Client === 'function' && typeof connect === 'function'
}

/** Brings the registry up to date whenever it is read. Returns the function that does so a last time and ends it. */
function reportPool(registry: Registry, poolState: () => PoolState, store: StatementStore, longest: () => PoolHolder | undefined): () => void {
  const seconds = registry
    .histogram({ name: 'holdfast_pg_statement_seconds', help: 'Duration of statements, from send to the last row.', unit: 'seconds' })
    .bind()
  const connections = registry.gauge({ name: 'holdfast_pg_pool_connections', help: 'Connections of the pool.', labels: ['state'] })
  const oldest = registry
    .gauge({ name: 'holdfast_pg_oldest_checkout_seconds', help: 'Age of the oldest checkout; 0 when all connections are idle.', unit: 'seconds' })
    .bind()
  const overflow = registry.counter({ name: 'holdfast_pg_statement_overflow', help: 'Statements counted as other, for want of room.' }).bind()
  let reported = store.durations()
  let overflowCount = 0
  const report = (): void => {
    const state = poolState()
    for (const name of ['used', 'idle', 'waiting', 'max'] as const) connections.bind(name).set(state[name])
    oldest.set((longest()?.heldMs ?? 0) / 1000)
    const durations = store.durations()
    // Only what is new: another pool may feed the same registry.
    seconds.merge(subtractHistogram(durations, reported))
    reported = durations
    overflow.add(store.overflowCount - overflowCount)
    overflowCount = store.overflowCount
  }
  const remove = registry.onSnapshot(report)
  return () => {
    report()
    remove()
  }
}
