import type { Clock } from '../../core/index.ts'
import type { Counter, Registry } from '../../telemetry/index.ts'
import { withCallersStack } from '../observed-query.ts'
import { lostConnection } from '../pool/pool-faults.ts'
import { errorLabel, leavesOutcomeUnknown } from '../sqlstate.ts'
import { runTransaction, type Transaction, type TransactionDeps, type TransactionOptions } from '../transaction.ts'
import type { UserClient, UserPool, UserQueryResult } from '../user-pool.ts'
import type { Replica } from './replica.ts'
import { isReplayConflict, isReplicaFault } from './replica-faults.ts'
import type { Choice, ReadReason, ReplicaSet } from './replica-set.ts'
import { leavingNoMark } from './request-mark.ts'

/** A statement with its parameters, and what else the driver takes (`name`, `rowMode`, `types`). */
export interface ReadQueryConfig {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly [option: string]: unknown
}

/** How one read is sent. */
export interface ReadOptions {
  /** A token of `readToken()`: the read sees everything that it stands for. Default: what the request did, and the token given to `readAfter`. */
  readonly after?: string
}

/** One statement that only reads, in the promise form. */
export type ReadQuery = <Row extends Record<string, unknown> = Record<string, unknown>>(
  query: string | ReadQueryConfig,
  values?: readonly unknown[],
  options?: ReadOptions,
) => Promise<UserQueryResult<Row>>

/** Replicas that are asked before the primary is. */
const REPLICA_ATTEMPTS = 2

/** What {@link ReplicaReads} work with. */
export interface ReadsDeps {
  readonly primary: UserPool
  readonly registry: Registry
  readonly clock: Clock
}

/** Counts of reads since the start. */
export interface ReadCounts {
  /** By the reason why the read went where it did. */
  readonly byReason: Record<ReadReason, number>
  /** Reads sent once more, because a replica was lost or its replay ended them. */
  retries: number
}

/** Sends reads to replicas, and to the primary what they cannot answer. */
export class ReplicaReads {
  readonly counts: ReadCounts = { byReason: { chosen: 0, waited: 0, behind: 0, late: 0, away: 0 }, retries: 0 }
  readonly #set: ReplicaSet
  readonly #primary: UserPool
  readonly #clock: Clock
  readonly #record: (choice: Choice) => void
  readonly #countRetry: (replica: Replica, error: unknown) => void

  constructor(set: ReplicaSet, { primary, registry, clock }: ReadsDeps) {
    this.#set = set
    this.#primary = primary
    this.#clock = clock
    const reads = registry.counter({ name: 'holdfast_pg_reads', help: 'Reads that may go to replicas.', labels: ['server', 'reason'] })
    const waits = registry
      .histogram({
        name: 'holdfast_pg_replay_wait_seconds',
        help: 'Wait of a read for a replica to catch up, waits in vain included.',
        unit: 'seconds',
      })
      .bind()
    const retries = registry.counter({ name: 'holdfast_pg_read_retries', help: 'Reads sent to another server.', labels: ['replica', 'sqlstate'] })
    // Bound once: there are few, and every read counts in one.
    const bound = new Map<Replica | undefined, Partial<Record<ReadReason, Counter>>>()
    const counterOf = (replica: Replica | undefined, reason: ReadReason): Counter => {
      const counters = bound.get(replica) ?? {}
      bound.set(replica, counters)
      counters[reason] ??= reads.bind(replica?.name ?? 'primary', reason)
      return counters[reason]
    }
    this.#record = ({ replica, reason, waitedMs }) => {
      this.counts.byReason[reason]++
      counterOf(replica, reason).add()
      if (waitedMs > 0) waits.record(waitedMs / 1000)
    }
    this.#countRetry = (replica, error) => {
      this.counts.retries++
      retries.bind(replica.name, errorLabel(error)).add()
    }
  }

  /** As `pool.query` in its promise form. A read whose replica is lost before it has answered is sent elsewhere: to one more replica, then to the primary. */
  read: ReadQuery = async (query, values, options) => {
    let outcome: { readonly result: never } | undefined
    try {
      outcome = await this.#onReplica(
        options?.after,
        replica => replica.run<never>(query, values),
        () => true,
      )
    } catch (error) {
      withCallersStack(error)
    }
    return outcome === undefined
      ? this.#onPrimary(() => this.#primary.query(query as string, values as unknown[] | undefined) as Promise<never>)
      : outcome.result
  }

  async #onPrimary<T>(ask: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonicMs()
    const result = await leavingNoMark(ask)
    this.#set.notePrimaryRead(this.#clock.monotonicMs() - startMs)
    return result
  }

  /** A read-only transaction. Before `work` has begun it goes elsewhere by itself; afterwards only as often as `retries` says. */
  async transaction<Pool extends UserPool, T>(
    deps: TransactionDeps,
    work: (tx: Transaction<Pool>) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    let startedCount = 0
    const counted = (tx: Transaction<Pool>): Promise<T> => {
      startedCount++
      return work(tx)
    }
    const outcome = await this.#onReplica(
      options.after,
      replica => runOn(replica, deps, counted, options),
      () => startedCount <= (options.retries ?? 0),
    )
    return outcome === undefined ? runTransaction(deps, work, options) : outcome.result
  }

  /** `undefined`: the primary has to do it. */
  async #onReplica<T>(
    after: string | undefined,
    send: (replica: Replica) => Promise<T>,
    mayRepeat: () => boolean,
  ): Promise<{ readonly result: T } | undefined> {
    const tried = new Set<Replica>()
    while (tried.size < REPLICA_ATTEMPTS) {
      const choosing = this.#set.choose(after, tried)
      const choice = choosing instanceof Promise ? await choosing : choosing
      this.#record(choice)
      const { replica } = choice
      if (replica === undefined) return undefined
      try {
        return { result: await send(replica) }
      } catch (error) {
        if (!(isReplicaFault(error) || isReplayConflict(error)) || !mayRepeat()) throw error
        this.#countRetry(replica, error)
        tried.add(replica)
      }
    }
    this.#record({ replica: undefined, reason: 'away', waitedMs: 0 })
    return undefined
  }
}

/** With its reads answered a read-only transaction has done all it can: a connection that is lost at its end takes nothing away. */
async function commitRead(client: UserClient): Promise<string> {
  try {
    return (await client.query('COMMIT')).command
  } catch (error) {
    if (!leavesOutcomeUnknown(error)) throw error
    return 'COMMIT'
  }
}

async function runOn<Pool extends UserPool, T>(
  replica: Replica,
  deps: TransactionDeps,
  work: (tx: Transaction<Pool>) => Promise<T>,
  options: TransactionOptions,
): Promise<T> {
  let client: UserClient | undefined
  const connect = async (): Promise<UserClient> => {
    client = await replica.connect()
    return client
  }
  replica.outstanding++
  try {
    const result = await runTransaction({ ...deps, connect, outbox: undefined, commit: commitRead }, work, { ...options, retries: 0 })
    replica.noteDone()
    return result
  } catch (error) {
    const shown = client === undefined ? error : lostConnection(error, client as never)
    if (isReplicaFault(shown)) replica.noteLost()
    throw shown
  } finally {
    replica.outstanding--
    if (client !== undefined) replica.forget(client)
  }
}
