import type { Clock } from '../../core/index.ts'
import { pgErrors } from '../errors.ts'
import { leavesConnectionSound, lostConnection } from '../pool/pool-faults.ts'
import { errorLabel } from '../sqlstate.ts'
import type { ConnectCallback, DriverCallback, DriverClient, DriverPool, UserClient, UserPool } from '../user-pool.ts'
import { Circuit, type CircuitState } from './circuit.ts'
import type { ReplicaLag } from './primary-history.ts'
import type { PrimaryWatch } from './primary-watch.ts'
import { ProbeLink, ProbeTimeout } from './probe-link.ts'
import { asConnectFailure, isReplicaFault } from './replica-faults.ts'
import type { ReplicaLimits } from './replica-options.ts'
import { CLUSTER_IDENTITY, type ClusterIdentityRow } from './sql/cluster-identity.sql.ts'
import { REPLICA_POSITION, type ReplicaPositionRow } from './sql/replica-position.sql.ts'
import { parseWalPosition, type WalPosition } from './wal-position.ts'

/** Why a replica gets reads or not. */
export type ReplicaStatus =
  | 'used'
  /** Behind by more than the limits. */
  | 'behind'
  /** It does not answer, or reads lose their connections. */
  | 'away'
  /** It is a primary now: what it holds may have parted from the primary's data. */
  | 'promoted'
  /** It belongs to another cluster than the primary. */
  | 'foreign'
  /** It was not looked at yet. */
  | 'unknown'

/** What was seen of a replica at the last look. */
interface Reading {
  readonly isReplica: boolean
  readonly replayed: WalPosition | undefined
  readonly isPaused: boolean
  readonly atMs: number
}

/** One replica: its pool, what is known of its position, and the reads it has under way. */
export class Replica {
  readonly name: string
  readonly pool: UserPool
  readonly circuit: Circuit
  readonly #clock: Clock
  readonly #limits: ReplicaLimits
  readonly #primary: PrimaryWatch
  readonly #link: ProbeLink
  /** Connections that reads are on, and how many have not forgotten one: the pool may give it to the next read before the last has heard that it is done. */
  readonly #clients = new Map<UserClient, number>()
  /** Those who wait for one. */
  readonly #waiting = new Set<(reason: unknown) => void>()
  #identity: string | undefined
  #reading: Reading | undefined
  #looking: Promise<void> | undefined
  #status: ReplicaStatus = 'unknown'
  #statusSinceMs: number
  /** Why the last look failed. */
  problem: string | undefined
  /** Reads that are waiting for a connection or running. */
  outstanding = 0
  readCount = 0
  lostCount = 0

  constructor(name: string, pool: UserPool, deps: { readonly clock: Clock; readonly limits: ReplicaLimits; readonly primary: PrimaryWatch }) {
    this.name = name
    this.pool = pool
    this.#clock = deps.clock
    this.#limits = deps.limits
    this.#primary = deps.primary
    this.circuit = new Circuit(deps.clock)
    this.#statusSinceMs = deps.clock.nowMs()
    this.#link = new ProbeLink(pool, deps.clock, deps.limits.answerMs, async ask => {
      const row = await ask(CLUSTER_IDENTITY).catch(() => undefined)
      this.#identity = (row as ClusterIdentityRow | undefined)?.identity
    })
  }

  get replayed(): WalPosition | undefined {
    return this.#reading?.replayed
  }
  /** True when its last look found it at `position` or beyond. */
  has(position: WalPosition): boolean {
    return this.replayed !== undefined && this.replayed >= position
  }
  get isPaused(): boolean {
    return this.#reading?.isPaused ?? false
  }
  get circuitState(): CircuitState {
    return this.circuit.state
  }
  get statusSinceMs(): number {
    return this.#statusSinceMs
  }
  get lag(): ReplicaLag | undefined {
    return this.replayed === undefined ? undefined : this.#primary.history.lagOf(this.replayed)
  }

  get status(): ReplicaStatus {
    const status = this.#judge()
    if (status !== this.#status) {
      this.#status = status
      this.#statusSinceMs = this.#clock.nowMs()
    }
    return status
  }

  /** True when a read may be sent to it now. */
  get isOpen(): boolean {
    return this.status === 'used' && (this.circuit.state !== 'half-open' || this.outstanding === 0)
  }

  /** Asks for its position. Those who ask at the same time share an answer. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  /** Runs one statement, in the promise form of `pool.query`. Rejects with the driver's error; a connection that broke has the code HF_PG_CONNECTION_LOST.
   *  In callbacks, because promises are dear where requests have a scope (Node 20). */
  run<T>(query: unknown, values: unknown): Promise<T> {
    this.outstanding++
    return new Promise((resolve, reject) => {
      const giveUp = this.#waitFor(error => this.#failed(error, reject))
      const { connect } = this.pool as unknown as DriverPool
      const acquired: ConnectCallback = (error, acquiredClient) => {
        if (acquiredClient === undefined) return giveUp(error)
        const client = acquiredClient as DriverClient & UserClient
        if (!this.#take(client, giveUp)) return
        let isAnswered = false
        const answered: DriverCallback = (failure, result) => {
          // `pg` calls back twice for a parameter that cannot be serialised.
          if (isAnswered) return
          isAnswered = true
          const shown = failure ? lostConnection(failure, client as never) : undefined
          client.release(failure ? !leavesConnectionSound(failure) : undefined)
          this.forget(client)
          if (failure) return this.#failed(shown, reject)
          this.outstanding--
          this.noteDone()
          resolve(result as T)
        }
        try {
          ;(client as DriverClient).query(query, values, answered)
        } catch (refused) {
          answered(refused, undefined)
        }
      }
      connect.call(this.pool as unknown as DriverPool, acquired)
    })
  }

  #failed(error: unknown, reject: (error: unknown) => void): void {
    this.outstanding--
    if (isReplicaFault(error)) this.noteLost()
    reject(error)
  }

  /** A connection of its pool; rejects at once when the replica turns out to be away meanwhile. */
  connect(): Promise<UserClient> {
    return new Promise((resolve, reject) => {
      const giveUp = this.#waitFor(reject)
      this.pool.connect().then(client => {
        if (this.#take(client, giveUp)) resolve(client)
      }, giveUp)
    })
  }

  /** Waits for a connection; what it returns ends the wait, once. */
  #waitFor(reject: (error: unknown) => void): (reason: unknown) => void {
    const giveUp = (reason: unknown): void => {
      if (this.#waiting.delete(giveUp)) reject(asConnectFailure(this.name, reason))
    }
    this.#waiting.add(giveUp)
    return giveUp
  }

  /** False when nobody waits any more: whoever gave up leaves a connection that comes later to the others. */
  #take(client: UserClient, giveUp: (reason: unknown) => void): boolean {
    if (!this.#waiting.delete(giveUp)) {
      client.release()
      return false
    }
    this.#clients.set(client, (this.#clients.get(client) ?? 0) + 1)
    return true
  }

  /** The connection was given back. */
  forget(client: UserClient): void {
    const count = this.#clients.get(client) ?? 0
    if (count > 1) this.#clients.set(client, count - 1)
    else this.#clients.delete(client)
  }

  noteDone(): void {
    this.readCount++
    this.circuit.noteReadDone()
  }

  noteLost(): void {
    this.lostCount++
    this.circuit.noteReadLost()
    // The next look would come anyway; reads should not have to find out one by one.
    void this.look()
  }

  close(): void {
    this.#link.close()
  }

  async #look(): Promise<void> {
    try {
      const row = (await this.#link.ask(REPLICA_POSITION)) as unknown as ReplicaPositionRow
      this.#reading = {
        isReplica: row.isReplica,
        replayed: row.replayed === null ? undefined : parseWalPosition(row.replayed),
        isPaused: row.isPaused ?? false,
        atMs: this.#clock.monotonicMs(),
      }
      this.problem = undefined
      this.circuit.noteAnswer()
    } catch (error) {
      this.problem = error instanceof ProbeTimeout ? error.message : `${error instanceof Error ? error.message : error} (${errorLabel(error)})`
      this.circuit.noteSilence()
      // Whoever waits for a connection would wait as long as the pool lets them.
      for (const giveUp of this.#waiting) giveUp(pgErrors.create('HF_PG_CONNECT_FAILED', `replica ${this.name} is away: ${this.problem}`))
      // A server that refuses resets its connections too; one that is silent would hold its reads for ever.
      if (error instanceof ProbeTimeout) this.#cut()
    }
  }

  /** Ends what is running there, so that it can be done elsewhere. */
  #cut(): void {
    for (const client of this.#clients.keys()) {
      const { connection, end } = client as { connection?: { stream: { destroy(): void } }; end?: () => unknown }
      if (connection === undefined) void end?.call(client)
      else connection.stream.destroy()
    }
  }

  #judge(): ReplicaStatus {
    const reading = this.#reading
    if (this.circuit.state === 'open') return 'away'
    if (reading === undefined) return 'unknown'
    const { lookEveryMs, answerMs, maxLagMs, maxLagBytes } = this.#limits
    if (this.#clock.monotonicMs() - reading.atMs > 3 * lookEveryMs + 2 * answerMs) return 'unknown'
    if (!reading.isReplica) return 'promoted'
    const { identity } = this.#primary
    if (identity !== undefined && this.#identity !== undefined && identity !== this.#identity) return 'foreign'
    const lag = this.lag
    return lag !== undefined && (lag.ms > maxLagMs || lag.bytes > maxLagBytes) ? 'behind' : 'used'
  }
}
