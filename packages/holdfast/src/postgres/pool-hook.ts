import { type Clock, currentRequestScope, type RequestScope } from '../core/index.ts'
import { type ObservedConnection, observedQuery, withCallersStack } from './observed-query.ts'
import type { CallSite } from './pool/call-site.ts'
import type { Checkouts } from './pool/checkouts.ts'
import { type ConnectionState, createConnectionState, type StatementWatch } from './statement-watch.ts'
import { isInTransaction, keepTransactionStatus } from './transaction-status.ts'
import type { ConnectCallback, DriverClient, DriverPool, DriverQuery, PoolErrorListener } from './user-pool.ts'

/** What the hook reports about checkouts and lost connections. */
export interface PoolListener {
  /** Somebody asked who has to wait: no connection is idle, or others were there before. */
  onAsk(): void
  /** `waitMs` 0: a connection was idle. */
  onAcquired(waitMs: number, nowMs: number): void
  /** Returns the error that the caller gets. */
  onAcquireFailed(error: unknown, waitMs: number): unknown
  /** `ranMs`: how long statements of the checkout took. */
  onReturned(ranMs: number, nowMs: number): void
  /** The client was given back inside a transaction and is being closed; `state` still says by whom. */
  onOpenTransaction(state: ConnectionState): void
  onConnectionLost(error: Error): void
}

/** What one hook works with. */
interface HookDeps {
  readonly pool: DriverPool
  readonly watch: StatementWatch
  readonly clock: Clock
  readonly listener: PoolListener
  readonly checkouts: Checkouts
  readonly promiseClass: PromiseConstructor
}

/** Knows the state of each client. */
interface ClientStates {
  /** `undefined` for a client that is older than the hook and was not checked out since. */
  find(client: object): ConnectionState | undefined
  undo(): void
}

const hookedPools = new Set<object>()

/** True while some instance has its hook in the pool. */
export function isHooked(pool: object): boolean {
  return hookedPools.has(pool)
}

/** True while some pool of this process is observed. */
export function isAnyPoolHooked(): boolean {
  return hookedPools.size > 0
}

/** Sets two properties of the pool, `Client` (a subclass of the one that was there) and `connect`, and listens for `error` on the pool and on each
 *  client. Connections that the pool had opened before are given a `query` property of their own when they are next checked out. Returns the function
 *  that undoes all of it. */
export function hookPool(pool: DriverPool, watch: StatementWatch, clock: Clock, listener: PoolListener, checkouts: Checkouts): () => void {
  hookedPools.add(pool)
  const deps: HookDeps = { pool, watch, clock, checkouts, listener, promiseClass: pool.Promise ?? Promise }
  const losses = hearLosses(deps)
  const made = hookClientClass(deps)
  const adopted = adoptOlderClients(deps, losses.hear)
  const unhookConnect = hookConnect(deps, client => made.find(client) ?? adopted.find(client) ?? adopted.adopt(client))
  // Without a listener the loss of an idle connection, as in a restart of PostgreSQL, ends the process. Watched clients report for themselves.
  const onPoolError: PoolErrorListener = (error, client) => {
    const isWatched = client !== undefined && (made.find(client) ?? adopted.find(client)) !== undefined
    if (!isWatched) listener.onConnectionLost(error)
  }
  pool.on('error', onPoolError)
  const unhookReturns = hookReturns(deps, client => made.find(client) ?? adopted.find(client))
  return () => {
    watch.active = false
    made.undo()
    adopted.undo()
    unhookConnect()
    unhookReturns()
    losses.undo()
    pool.removeListener('error', onPoolError)
    hookedPools.delete(pool)
  }
}

function hookClientClass({ pool, watch, promiseClass }: HookDeps): ClientStates {
  const original = pool.Client
  class ObservedClient extends original {
    readonly #connection: ObservedConnection = { watch, promiseClass, state: createConnectionState() }

    static find(client: object): ConnectionState | undefined {
      return #connection in client ? client.#connection.state : undefined
    }

    constructor(options?: unknown) {
      super(options)
      keepTransactionStatus(this)
    }

    override query(config: unknown, values?: unknown, callback?: unknown): unknown {
      return observedQuery(this.#connection, this, super.query, config, values, callback)
    }
  }
  pool.Client = ObservedClient
  return {
    find: client => ObservedClient.find(client),
    undo() {
      if (pool.Client === ObservedClient) pool.Client = original
    },
  }
}

function adoptOlderClients(
  { watch, promiseClass }: HookDeps,
  hearLoss: (client: DriverClient) => void,
): ClientStates & { adopt(client: DriverClient): ConnectionState } {
  const states = new WeakMap<object, ConnectionState>()
  const refs: WeakRef<DriverClient>[] = []
  return {
    find: client => states.get(client),
    adopt(client) {
      const state = createConnectionState()
      const original: DriverQuery = client.query
      const connection: ObservedConnection = { watch, promiseClass, state }
      const query: DriverQuery = function (config, values, callback) {
        return observedQuery(connection, this, original, config, values, callback)
      }
      Object.defineProperty(client, 'query', { value: query, configurable: true, writable: true, enumerable: false })
      keepTransactionStatus(client)
      hearLoss(client)
      states.set(client, state)
      refs.push(new WeakRef(client))
      return state
    },
    undo() {
      for (const ref of refs) delete (ref.deref() as Partial<DriverClient> | undefined)?.query
    },
  }
}

/** The context in which a statement is sent cannot be trusted: for a `pool.query` that had to wait it is the context of the request that gave the
 *  connection back. So the scope is read when the connection is asked for. */
function hookConnect(deps: HookDeps, stateOf: (client: DriverClient) => ConnectionState): () => void {
  const { pool, watch, clock, checkouts, promiseClass } = deps
  const original = pool.connect
  const own = Object.getOwnPropertyDescriptor(pool, 'connect')
  const connect = function (this: DriverPool, callback?: unknown): unknown {
    const scope = currentRequestScope()
    // Then it is handed over in the next tick, and nobody waits: one reading of the clock less.
    const isIdle = pool.idleCount > 0 && pool.waitingCount === 0
    const askedMs = isIdle ? undefined : clock.monotonicMs()
    if (!isIdle) deps.listener.onAsk()
    const sampler = callback ? checkouts.querySites : checkouts.clientSites
    const site = watch.repeats.siteOfCheckout(scope, connect) ?? sampler.capture(clock, connect)
    if (callback) {
      const done = callback as ConnectCallback
      const acquired: ConnectCallback = (error, client, release) => {
        if (client === undefined) return done(fail(deps, scope, askedMs, error), client, release)
        // Asked for before the stop, and delivered after it.
        if (!watch.active) return done(error, client, release)
        const state = stateOf(client)
        begin(deps, state, scope, askedMs, site)
        returnWhenDone(deps, client, state)
        try {
          done(error, client, client.release)
        } finally {
          state.isHandedOver = false
        }
      }
      return original.call(this, acquired)
    }
    // A pool that was ended refuses at once, with a stack that leads to the caller already.
    const isRefused = pool.ending === true
    // By the pool's callback form, because a promise more is dear where requests have a scope (Node 20).
    const promise = new promiseClass((resolve, reject) => {
      const acquired: ConnectCallback = (error, client) => {
        if (client === undefined) return reject(fail(deps, scope, askedMs, error))
        if (!watch.active) return resolve(client)
        const state = stateOf(client)
        begin(deps, state, scope, askedMs, site)
        returnWhenDone(deps, client, state)
        state.isHandedOver = false
        resolve(client)
      }
      original.call(this, acquired)
    })
    return isRefused ? promise : promise.catch(withCallersStack)
  }
  Object.defineProperty(pool, 'connect', { value: connect, configurable: true, writable: true, enumerable: false })
  return () => {
    if (pool.connect !== connect) return
    if (own === undefined) delete (pool as Partial<DriverPool>).connect
    else Object.defineProperty(pool, 'connect', own)
  }
}

/** Begins a checkout. */
function begin(
  { clock, listener, checkouts }: HookDeps,
  state: ConnectionState,
  scope: RequestScope | undefined,
  askedMs: number | undefined,
  site: CallSite | undefined,
): void {
  const nowMs = clock.monotonicMs()
  const waitMs = askedMs === undefined ? 0 : nowMs - askedMs
  if (scope !== undefined && waitMs > 0) scope.poolWaitMs += waitMs
  checkouts.know(state)
  state.heldSinceMs = nowMs
  state.site = site
  state.record = undefined
  state.isLeakReported = false
  state.ranMs = 0
  state.scope = scope
  state.waitMs = waitMs
  state.isHandedOver = true
  state.isAnswered = false
  listener.onAcquired(waitMs, nowMs)
}

/** A checkout that came to nothing: the error that the caller gets. */
function fail({ clock, listener }: HookDeps, scope: RequestScope | undefined, askedMs: number | undefined, error: unknown): unknown {
  const waitMs = askedMs === undefined ? 0 : clock.monotonicMs() - askedMs
  if (scope !== undefined) scope.poolWaitMs += waitMs
  return listener.onAcquireFailed(error, waitMs)
}

/** A client that is given back with statements under way goes back when they are done, where they may leave a transaction open: with them it cannot be told yet, and the
 *  pool would hand it on at once. A pool of ours sees to that itself. */
function returnWhenDone({ pool, checkouts }: HookDeps, client: DriverClient, state: ConnectionState): void {
  const release = client.release
  if (release === undefined || pool.rollsBack === true) return
  let isWaiting = false
  client.release = error => {
    if (isWaiting) throw new Error('Release called on client which has already been released to the pool.')
    if (error || client.readyForQuery !== false || !mayLeaveOpen(client, state, checkouts)) return release(error)
    isWaiting = true
    const giveBack = (): void => {
      client.removeListener('drain', giveBack)
      client.removeListener('end', giveBack)
      release()
    }
    client.on('drain', giveBack)
    client.on('end', giveBack)
  }
}

/** Of a client whose server has not answered completely. */
function mayLeaveOpen(client: DriverClient, state: ConnectionState, checkouts: Checkouts): boolean {
  const text = checkouts.textOf(state) ?? ''
  if (BEGINS_TRANSACTION.test(text)) return true
  return state.runningCount > 0 && !ENDS_TRANSACTION.test(text) && (state.runningCount > 1 || isInTransaction(client))
}

/** Ends a checkout. A client that comes back inside a transaction is closed, which rolls back (a pool of ours does so itself), so that nobody gets somebody else's transaction. One
 *  with a statement under way is left alone: that statement may be its COMMIT. */
function hookReturns({ pool, clock, listener, checkouts }: HookDeps, find: (client: object) => ConnectionState | undefined): () => void {
  const onRelease = (error: unknown, client: DriverClient): void => {
    const state = find(client)
    if (state === undefined) return
    if (!error && state.runningCount === 0 && isLeftOpen(client, state, checkouts)) {
      listener.onOpenTransaction(state)
      if (pool.rollsBack !== true) client.end(() => undefined)
    }
    if (state.heldSinceMs !== undefined) listener.onReturned(state.ranMs, state.isAnswered ? state.lastEndMs : clock.monotonicMs())
    state.isAnswered = false
    state.heldSinceMs = undefined
    state.site = undefined
  }
  const onRemove = (client: DriverClient): void => {
    const state = find(client)
    if (state !== undefined) checkouts.forget(state)
  }
  pool.on('release', onRelease)
  pool.on('remove', onRemove)
  return () => {
    pool.removeListener('release', onRelease)
    pool.removeListener('remove', onRemove)
  }
}

/** By the server's word after its last answer. A statement's failure arrives before that word: then the transaction goes on, unless the statement was to end it. */
function isLeftOpen(client: DriverClient, state: ConnectionState, checkouts: Checkouts): boolean {
  if (!isInTransaction(client)) return false
  return client.readyForQuery !== false || !ENDS_TRANSACTION.test(checkouts.textOf(state) ?? '')
}

const BEGINS_TRANSACTION = /^\s*(begin|start\s+transaction)\b/i
/** Not ROLLBACK TO, and not AND CHAIN. */
const ENDS_TRANSACTION = /^\s*(commit|end|rollback|abort|prepare\s+transaction)\b(?!.*\b(to|chain)\b)/is

/** Listens to each client of the pool: a connection lost while it is checked out and idle has no other listener. */
function hearLosses({ pool, listener }: HookDeps): { hear(client: DriverClient): void; undo(): void } {
  const heard = new Map<DriverClient, (error: Error) => void>()
  const hear = (client: DriverClient): void => {
    if (heard.has(client)) return
    // The driver tells of one loss twice: the server's message, then the end.
    let isLost = false
    const onError = (error: Error): void => {
      if (!isLost) listener.onConnectionLost(error)
      isLost = true
    }
    client.on('error', onError)
    heard.set(client, onError)
  }
  const forget = (client: DriverClient): void => void heard.delete(client)
  pool.on('connect', hear)
  pool.on('remove', forget)
  return {
    hear,
    undo() {
      pool.removeListener('connect', hear)
      pool.removeListener('remove', forget)
      for (const [client, onError] of heard) client.removeListener('error', onError)
    },
  }
}
