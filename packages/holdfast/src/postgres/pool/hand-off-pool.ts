import { type Clock, coreErrors, type Logger } from '../../core/index.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import { ConnectionPool, type ConnectionPoolDeps } from './connection-pool.ts'
import type { MeasuredSize } from './measured-size.ts'
import type { PoolMemberClient, SendPlain } from './member.ts'
import { leavesConnectionSound, lostConnection } from './pool-faults.ts'
import { MAIN_CLASS, type PoolLimits } from './pool-options.ts'
import { BACKEND_PID_SQL, isBehindPooler, type PoolerState } from './pooler.ts'
import { requireServerRoom } from './server-room.ts'
import type { WaiterDone } from './waiter-queue.ts'

/** The driver's own configuration of a client, and hooks of its pool. */
export interface DriverConfig {
  readonly onConnect?: (client: object) => unknown
  readonly verify?: (client: object, done: (error?: unknown) => void) => void
  readonly [option: string]: unknown
}

/** What the pools of all classes share. */
export interface PoolShared {
  readonly config: DriverConfig
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly budget: ConnectionBudget
  readonly size: MeasuredSize | undefined
  readonly pooler: PoolerState
}

/** `pg.Pool` as it is extended here. */
interface BasePool {
  Client: new (config?: unknown) => PoolMemberClient
  Promise: PromiseConstructor
  ending: boolean
  ended: boolean
  emit(event: string, ...args: unknown[]): boolean
  listenerCount(event: string): number
  query(config: unknown, values?: unknown, callback?: unknown): unknown
}

type Callback = (error: unknown, result?: unknown) => void
type PoolConstructor = new (shared: PoolShared, limits: PoolLimits, classes: ReadonlyMap<string, object>) => object

/** A subclass of the caller's `pg.Pool`. Of its superclass it uses the constructor, the events and the answer to a function given as text; nothing else of
 *  it runs. */
export function definePoolClass(driverPool: new (config?: never) => object): PoolConstructor {
  const Base = driverPool as unknown as new (config: object) => BasePool
  class HoldfastPool extends Base {
    readonly #pool: ConnectionPool
    readonly #shared: PoolShared
    readonly #classes: ReadonlyMap<string, object>

    constructor(shared: PoolShared, limits: PoolLimits, classes: ReadonlyMap<string, object>) {
      super({ ...shared.config, min: limits.min, max: limits.max, connectionTimeoutMillis: limits.acquireMs })
      this.#shared = shared
      this.#classes = classes
      const driverClient = this.Client
      const send: SendPlain = (client, text, done) => driverClient.prototype.query.call(client, text, undefined, done)
      this.Client = withoutNames(driverClient, shared.pooler)
      this.#pool = new ConnectionPool({
        ...shared,
        limits,
        send,
        createClient: () => shared.pooler.noteAttempt(new this.Client(clientConfig(shared, limits))),
        isMended: (error, client) => shared.pooler.explains(error, client),
        prepare: (client, isExtra) => prepare(shared, send, client, isExtra ? limits.serverReserve : undefined),
        ...eventsOf(this),
      })
    }

    get totalCount(): number {
      return this.#pool.totalCount
    }
    get idleCount(): number {
      return this.#pool.idleCount
    }
    get waitingCount(): number {
      return this.#pool.waitingCount
    }
    get expiredCount(): number {
      return this.#pool.expiredCount
    }
    get sizeLimit(): number {
      return Math.min(this.#pool.limits.max, this.#shared.budget.limit)
    }
    get pooler(): string {
      return this.#shared.pooler.kind
    }
    /** For the observer, which watches them as it watches this one. */
    get classPools(): readonly object[] {
      return [...this.#classes.values()]
    }
    /** For the observer: a client that comes back inside a transaction is rolled back here. */
    get rollsBack(): boolean {
      return true
    }

    connect(callback?: WaiterDone<PoolMemberClient>): unknown {
      if (callback) return this.#pool.acquire(callback, HoldfastPool.prototype.connect)
      return new this.Promise((resolve, reject) => {
        this.#pool.acquire((error, client) => (error ? reject(error) : resolve(client)), HoldfastPool.prototype.connect)
      })
    }

    override query(config: unknown, values?: unknown, callback?: unknown): unknown {
      if (typeof config === 'function') return super.query(config)
      const given = typeof values === 'function' ? values : callback
      const binds = typeof values === 'function' ? undefined : values
      if (given) return this.#queryOnce(config, binds, given as Callback)
      return new this.Promise((resolve, reject) => {
        this.#queryOnce(config, binds, (error, result) => (error ? reject(error) : resolve(result)))
      }).catch(error => {
        // As the driver does: the stack leads to the caller instead of to the socket.
        Error.captureStackTrace(error as Error)
        throw error
      })
    }

    #queryOnce(config: unknown, values: unknown, done: Callback): void {
      this.connect((error, client, release) => {
        if (error || client === undefined) return done(error)
        const answered = answerOnce(client, release, done)
        try {
          client.query(config, values, answered)
        } catch (refusal) {
          release(refusal)
          done(refusal)
        }
      })
    }

    end(callback?: Callback): unknown {
      if (this.ending) {
        const error = new Error('Called end on pool more than once')
        return callback ? callback(error) : this.Promise.reject(error)
      }
      this.ending = true
      if (this.#pool.limits.name === MAIN_CLASS) this.#shared.size?.end()
      const ended = Promise.all([
        ...[...this.#classes.values()].map(one => (one as HoldfastPool).end()),
        new Promise<void>(resolve => this.#pool.end(resolve)),
      ])
      const done = ended.then(() => {
        this.ended = true
      })
      if (callback === undefined) return done
      void done.then(() => callback(undefined))
    }

    of(name: string): object {
      return findClass(this.#classes, name)
    }

    warm(count: number = this.#pool.limits.min): Promise<void> {
      return this.#pool.warm(count)
    }
  }
  return HoldfastPool
}

/** Gives the connection back, and then passes the answer on. The driver calls back twice for a parameter that cannot be serialised: with the error, and when the connection has
 *  ended or is ready again. */
function answerOnce(client: PoolMemberClient, release: (error?: unknown) => void, done: Callback): Callback {
  let isAnswered = false
  return (failure, result) => {
    if (isAnswered) return
    isAnswered = true
    if (!failure) {
      release()
      done(undefined, result)
      return
    }
    // Asked before the release, which closes the connection after an error of the driver's own.
    const reported = lostConnection(failure, client)
    release(leavesConnectionSound(failure) ? undefined : failure)
    done(reported)
  }
}

function eventsOf(pool: BasePool): Pick<ConnectionPoolDeps, 'emit' | 'emitRelease' | 'emitError'> {
  return {
    emit: (event, client) => void pool.emit(event, client),
    emitRelease: (error, client) => void pool.emit('release', error, client),
    // EventEmitter throws for an error that nobody listens to, which would end the process with every restart of PostgreSQL.
    emitError(error, client) {
      if (pool.listenerCount('error') > 0) pool.emit('error', Object.assign(error, { client }), client)
    },
  }
}

function findClass(classes: ReadonlyMap<string, object>, name: string): object {
  const found = classes.get(name)
  if (found !== undefined) return found
  const known = [...classes.keys()].join(', ') || 'none'
  throw coreErrors.create('HF_CONFIG_INVALID', `pool.of('${name}'): there is no such class; there are: ${known}`)
}

function withoutNames(driverClient: BasePool['Client'], pooler: PoolerState): BasePool['Client'] {
  return class Client extends driverClient {
    override query(config: unknown, values?: unknown, callback?: unknown): unknown {
      const isNamed = pooler.isShared && typeof config === 'object' && config !== null && !('submit' in config)
      return super.query(isNamed ? pooler.unnamed(config) : config, values, callback)
    }
  }
}

function clientConfig({ config, pooler }: PoolShared, { statementMs, connectMs }: PoolLimits): object {
  // A pooler refuses or forgets what is set at log-in.
  const statementTimeout = statementMs > 0 && !pooler.isShared ? statementMs : undefined
  return { ...config, connectionTimeoutMillis: connectMs, statement_timeout: statementTimeout }
}

/** What the caller wants done on a new connection, before it the question whether the server has room for it, and on the first one whether a pooler answers. */
async function prepare(shared: PoolShared, send: SendPlain, client: PoolMemberClient, serverReserve: number | undefined): Promise<void> {
  const { config, pooler } = shared
  if (pooler.kind === 'unknown') {
    const result = await new Promise<unknown>((resolve, reject) =>
      send(client, BACKEND_PID_SQL, (error, answer) => (error ? reject(error) : resolve(answer))),
    )
    pooler.found(isBehindPooler(client.processID, result) ? 'transaction' : 'none')
  }
  if (serverReserve !== undefined && !pooler.isShared) await requireServerRoom(client, send, serverReserve)
  await config.onConnect?.(client)
  if (config.verify) await new Promise<void>((resolve, reject) => config.verify?.(client, error => (error ? reject(error) : resolve())))
}
