import { type Clock, collectConfigProblems, type Duration, delay, type HoldfastError, type Logger, parseDurationMs } from '../core/index.ts'
import { pgErrors } from './errors.ts'
import type { InvalidationOutbox, InvalidationTarget } from './outbox.ts'
import { errorLabel, isRetryableInTransaction, leavesOutcomeUnknown } from './sqlstate.ts'
import { isOutsideTransaction, type StatusClient } from './transaction-status.ts'
import type { ClientOf, UserClient, UserPool } from './user-pool.ts'

/** Isolation levels of PostgreSQL. */
export type IsolationLevel = 'read committed' | 'repeatable read' | 'serializable'

/** How one transaction runs. */
export interface TransactionOptions {
  /** Default: the server's `default_transaction_isolation`. */
  readonly isolation?: IsolationLevel
  /** True: the server refuses writes, and the transaction may run on a replica, where there are any (not with `serializable`, which replicas do not know). Default:
   *  the server's `default_transaction_read_only`. */
  readonly readOnly?: boolean
  /** `primary`: not on a replica, although it is read-only. */
  readonly on?: 'primary'
  /** A token of `readToken()`, which a read-only transaction on a replica must see. Default: what the request did, and the token given to `readAfter`. */
  readonly after?: string
  /** The server ends a statement of this transaction that takes longer (57014). Set for the transaction alone, so it also holds through a pooler. `'0s'`: no
   *  limit. Default: that of the connection. */
  readonly statementTimeout?: Duration
  /** Times that the whole function runs again after a serialization failure (40001) or a deadlock (40P01), with back-off on no connection.
   *  Default 0, because only the caller knows that its function may run twice. */
  readonly retries?: number
}

/** A transaction under way. */
export interface Transaction<Pool extends UserPool = UserPool> {
  /** Every calling form of the pool's `query`, on the transaction's connection. @throws HF_PG_TRANSACTION_CLOSED after the end. */
  readonly query: Pool['query']
  /** The connection. The transaction releases it; the function must not. */
  readonly client: ClientOf<Pool>
  /** Forgets these tags when the outermost transaction commits, and not at all when it, or the savepoint around this call, rolls back. They are written
   *  with the transaction, so that a crash after COMMIT does not lose them. @throws HF_CACHE_TAG_INVALID */
  invalidate(...tags: readonly string[]): void
  /** Runs `work` inside a savepoint: what it throws undoes its own statements alone and passes on to the caller. One at a time. */
  transaction<T>(work: (tx: Transaction<Pool>) => Promise<T>): Promise<T>
}

/** What transactions need from their surroundings. */
export interface TransactionDeps {
  connect(): Promise<UserClient>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly target: InvalidationTarget | undefined
  readonly outbox: InvalidationOutbox | undefined
  /** COMMIT without an outbox; returns its command. Default: the statement alone. */
  readonly commit?: ((client: UserClient) => Promise<string>) | undefined
}

/** First pause before a retry, in ms; doubles each time up to the limit, of which a random part is waited. */
const RETRY_PAUSE_MS = 10
const RETRY_PAUSE_LIMIT_MS = 1000

/** Runs `work` in a transaction and commits; rolls back and passes the error on as it is when anything throws.
 *  2 round trips besides the statements.
 *  @throws HF_CONFIG_INVALID naming every bad argument at once, before anything is sent
 *  @throws HF_PG_TRANSACTION_ABORTED when a statement failed, its error was swallowed, and COMMIT therefore rolled back
 *  @throws HF_PG_TRANSACTION_ENDED when `work` sent COMMIT or ROLLBACK itself; the tags are forgotten
 *  @throws HF_PG_COMMIT_UNKNOWN when the connection was lost during COMMIT; the tags are forgotten in that case too, since that is safe */
export async function runTransaction<Pool extends UserPool, T>(
  deps: TransactionDeps,
  work: (tx: Transaction<Pool>) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  requireOptions(work, options)
  for (let retry = 0; ; retry++) {
    try {
      return await runOnce(deps, work, options)
    } catch (error) {
      if (retry >= (options.retries ?? 0) || !isRetryableInTransaction(error)) throw error
      await delay(deps.clock, deps.random() * Math.min(RETRY_PAUSE_LIMIT_MS, RETRY_PAUSE_MS * 2 ** retry))
    }
  }
}

async function runOnce<Pool extends UserPool, T>(
  deps: TransactionDeps,
  work: (tx: Transaction<Pool>) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  const begin = beginStatement(options)
  const client = await deps.connect()
  const tx = new OpenTransaction<Pool>(client, 0, deps.target)
  let result: T
  try {
    await client.query(begin)
    result = await work(tx)
  } catch (error) {
    tx.close()
    client.release(await rollBack(client))
    throw error
  }
  tx.close()
  if (isOutsideTransaction(client as UserClient & StatusClient) && !isLost(client)) {
    client.release()
    // It may have been a COMMIT, and to forget is safe.
    await announce(tx.tags, deps)
    throw pgErrors.create('HF_PG_TRANSACTION_ENDED', 'a COMMIT or ROLLBACK was sent inside the transaction: what came after it was no part of it')
  }
  // Nothing to write for: the server would refuse it.
  const outbox = tx.tags.size === 0 || options.readOnly === true ? undefined : deps.outbox
  const committed = await commit(client, deps, outbox, tx.tags)
  const isEverywhere = await announce(tx.tags, deps)
  if (isEverywhere && committed.rowId !== undefined) outbox?.acknowledge(committed.rowId)
  if (committed.unknown !== undefined) throw committed.unknown
  return result
}

function requireOptions(work: unknown, { isolation, retries = 0 }: TransactionOptions): void {
  const isKnown = isolation === undefined || Object.hasOwn(ISOLATION_SQL, isolation)
  const isCount = Number.isInteger(retries) && retries >= 0
  // The usual case costs no list.
  if (isKnown && isCount && typeof work === 'function') return
  const problems = collectConfigProblems()
  if (typeof work !== 'function') problems.add('work', 'is not a function')
  if (!isKnown) problems.add('isolation', `is ${isolation}, not one of ${Object.keys(ISOLATION_SQL).join(', ')}`)
  if (!isCount) problems.add('retries', `is ${retries}, not a whole number from 0 up`)
  problems.throwIfAny('transaction()')
}

/** One text, so that the time-out costs no round trip.
 *  @throws HF_CONFIG_DURATION for a time-out that is none */
function beginStatement({ isolation, readOnly, statementTimeout }: TransactionOptions): string {
  const modes = [
    ...(isolation === undefined ? [] : [`ISOLATION LEVEL ${ISOLATION_SQL[isolation]}`]),
    ...(readOnly === undefined ? [] : [readOnly ? 'READ ONLY' : 'READ WRITE']),
  ]
  const begin = modes.length === 0 ? 'BEGIN' : `BEGIN ${modes.join(', ')}`
  return statementTimeout === undefined ? begin : `${begin}; SET LOCAL statement_timeout = ${Math.round(parseDurationMs(statementTimeout))}`
}

const ISOLATION_SQL: Readonly<Record<IsolationLevel, string>> = {
  'read committed': 'READ COMMITTED',
  'repeatable read': 'REPEATABLE READ',
  serializable: 'SERIALIZABLE',
}

/** `unknown`: the error of an outcome that nobody knows. `rowId`: of the tags in the outbox, when they could be written there. */
interface Committed {
  readonly unknown?: HoldfastError
  readonly rowId?: string | undefined
}

/** Ends the transaction and gives the connection back, in every case. */
async function commit(
  client: UserClient,
  deps: TransactionDeps,
  outbox: InvalidationOutbox | undefined,
  tags: ReadonlySet<string>,
): Promise<Committed> {
  let command: string
  let rowId: string | undefined
  // Then the driver refuses to send COMMIT, and the server has rolled back.
  const wasLost = isLost(client)
  try {
    if (outbox === undefined) command = deps.commit === undefined ? (await client.query('COMMIT')).command : await deps.commit(client)
    else ({ command, rowId } = await outbox.commit(client, [...tags]))
  } catch (error) {
    if (wasLost || !leavesOutcomeUnknown(error)) {
      client.release(wasLost)
      throw error
    }
    client.release(true)
    return { unknown: pgErrors.create('HF_PG_COMMIT_UNKNOWN', `COMMIT was sent and not answered (${errorLabel(error)})`, { cause: error }) }
  }
  client.release()
  // The server answers COMMIT of a failed transaction with ROLLBACK and no error.
  if (command === 'ROLLBACK') throw pgErrors.create('HF_PG_TRANSACTION_ABORTED', 'COMMIT was answered with ROLLBACK: nothing was written')
  return { rowId }
}

/** The driver has no public word for it. */
function isLost(client: UserClient): boolean {
  const { _queryable: isQueryable, _ending: isEnding } = client as { _queryable?: boolean; _ending?: boolean }
  return isQueryable === false || isEnding === true
}

/** What to release the client with: the failure of ROLLBACK destroys it, so that nobody gets a connection inside somebody's transaction. */
async function rollBack(client: UserClient): Promise<true | undefined> {
  try {
    await client.query('ROLLBACK')
    return undefined
  } catch {
    return true
  }
}

/** The data is written: a cache that could not be told is the cache's trouble, so the caller does not hear of it as a failed transaction. True when
 *  nobody is left to be told. */
async function announce(tags: ReadonlySet<string>, { target, logger }: TransactionDeps): Promise<boolean> {
  if (tags.size === 0 || target === undefined) return true
  try {
    return await target.invalidate([...tags])
  } catch (error) {
    logger.error(
      { err: error, tags: [...tags] },
      'tags of a committed transaction were not invalidated; without an outbox, entries live on until their TTL',
    )
    return false
  }
}

class OpenTransaction<Pool extends UserPool> implements Transaction<Pool> {
  readonly tags = new Set<string>()
  readonly query: Pool['query']
  readonly #client: UserClient
  readonly #depth: number
  readonly #target: InvalidationTarget | undefined
  #isOpen = true

  constructor(client: UserClient, depth: number, target: InvalidationTarget | undefined) {
    this.#client = client
    this.#target = target
    this.#depth = depth
    const query = client.query as (...args: unknown[]) => unknown
    this.query = ((...args: unknown[]) => query.apply(this.#opened(), args)) as Pool['query']
  }

  get client(): ClientOf<Pool> {
    return this.#opened() as ClientOf<Pool>
  }

  invalidate(...tags: readonly string[]): void {
    this.#opened()
    // Now, while the transaction can still fail: after COMMIT a bad tag could only be logged, and the good ones beside it would be lost.
    this.#target?.check(tags)
    for (const tag of tags) this.tags.add(tag)
  }

  async transaction<T>(work: (tx: Transaction<Pool>) => Promise<T>): Promise<T> {
    const client = this.#opened()
    const savepoint = `hf_${this.#depth + 1}`
    await client.query(`SAVEPOINT ${savepoint}`)
    const inner = new OpenTransaction<Pool>(client, this.#depth + 1, this.#target)
    try {
      const result = await work(inner)
      await client.query(`RELEASE SAVEPOINT ${savepoint}`)
      for (const tag of inner.tags) this.tags.add(tag)
      return result
    } catch (error) {
      // When this fails too, the connection is gone, and the first error says more.
      await client.query(`ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`).catch(() => undefined)
      throw error
    } finally {
      inner.close()
    }
  }

  close(): void {
    this.#isOpen = false
  }

  #opened(): UserClient {
    if (this.#isOpen) return this.#client
    throw pgErrors.create('HF_PG_TRANSACTION_CLOSED', 'the transaction has ended, and its connection was given back')
  }
}
