import type { Clock, ClockTimer, HealthReason, Logger } from '../core/index.ts'
import type { Counter, MetricFamily, Registry } from '../telemetry/index.ts'
import { OutboxRelay } from './outbox-relay.ts'
import { openOutbox } from './outbox-table.ts'
import { unobserved } from './own-statement.ts'
import { BEGIN_OUTBOX, commitWithRow, REMOVE_ROWS, UNDO_ROW } from './sql/outbox-rows.sql.ts'
import { errorLabel, leavesOutcomeUnknown, sqlstateOf } from './sqlstate.ts'
import type { UserClient, UserPool, UserQueryResult } from './user-pool.ts'

/** What carries out an invalidation. Both resolve to false when it was only noted and others hear of it later. */
export interface InvalidationTarget {
  /** Caches of one namespace are one cache: whoever has it completes what another left. */
  readonly namespace: string
  /** False when no other process is to be told: then nothing needs to survive this one. */
  readonly isShared: boolean
  /** @throws when one of the tags cannot be a tag */
  check(tags: readonly string[]): void
  /** False while there is no use in trying. */
  isReachable(): boolean
  invalidate(tags: readonly string[]): Promise<boolean>
  /** Everything in the namespace. */
  clear(): Promise<boolean>
}

/** What the outbox needs. */
export interface OutboxDeps {
  readonly pool: UserPool
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly registry: Registry
  readonly target: InvalidationTarget
}

/** Pause between two removals of what the cache has acknowledged. Well below {@link RESCUE_AGE_MS}, or others would do it a second time. */
const REMOVE_EVERY_MS = 500
/** Pause before the next attempt when PostgreSQL does not answer. */
const RETRY_MS = 4000
/** Pause before the rights are looked at again. */
const LOOK_AGAIN_MS = 60_000
/** Acknowledged rows remembered. Those beyond are left to the relay, which invalidates once more and removes them. */
const ACKNOWLEDGED_LIMIT = 10_000
/** Longest wait for the table while it is being made, and at the end for the last removal. */
const WAIT_LIMIT_MS = 1000

/** Tags of transactions, written with their data, so that a process that dies between COMMIT and Redis takes no invalidation with it: a row in
 *  `holdfast.invalidation`, removed when Redis has it, completed by whichever process finds it old. When the table cannot be had, commits are as without. */
export class InvalidationOutbox {
  readonly #deps: OutboxDeps
  readonly #relay: OutboxRelay
  readonly #events: MetricFamily<Counter>
  #isOpen = false
  #isRefused = false
  #isStopped = false
  /** While the table is being looked for or made, with a connection in hand; at start also while that is awaited. */
  #opening: Promise<void> | undefined
  #refusal = ''
  #unprotectedSinceMs: number | undefined
  #acknowledged: string[] = []
  #timer: ClockTimer | undefined
  #working: Promise<void> | undefined

  constructor(deps: OutboxDeps) {
    this.#deps = deps
    this.#events = deps.registry.counter({
      name: 'holdfast_pg_outbox_rows',
      help: 'Invalidations of transactions in the outbox.',
      labels: ['event'],
    })
    this.#relay = new OutboxRelay({ ...deps, events: this.#events })
  }

  /** Begins to open the table and to look after it; waits for nothing. */
  start(): void {
    // Asked for before any transaction can be, so a pool of one connection does not make a transaction wait for what waits for it.
    this.#runThenSchedule()
    this.#opening = this.#working
  }

  /** Removes what was acknowledged, within a second. What is left is completed by others. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#within(
      (async () => {
        await this.#working
        await this.#remove()
      })(),
    )
  }

  /** Why transactions are less protected than they could be. */
  get problem(): HealthReason | undefined {
    if (this.#relay.problem !== undefined) return this.#relay.problem
    if (this.#unprotectedSinceMs === undefined) return undefined
    const why = `tx.invalidate does not survive a crash between COMMIT and Redis: ${this.#refusal}`
    return { component: 'postgres', why, sinceMs: this.#unprotectedSinceMs }
  }

  /** COMMIT, with the tags when the table can be had. 1 round trip; a row that cannot be written costs 2 more and not the transaction.
   *  Returns COMMIT's command and the row's id. Rejects as COMMIT does. */
  async commit(client: UserClient, tags: readonly string[]): Promise<{ command: string; rowId: string | undefined }> {
    if (this.#opening !== undefined) await this.#within(this.#opening)
    if (!this.#isOpen) {
      if (this.#isRefused) this.#unprotectedSinceMs ??= this.#deps.clock.nowMs()
      this.#events.bind('unprotected').add()
      return { command: (await client.query('COMMIT')).command, rowId: undefined }
    }
    try {
      const message = unobserved(commitWithRow(this.#deps.target.namespace, tags), 'COMMIT')
      const results = (await client.query(message)) as unknown as UserQueryResult<{ id: string }>[]
      this.#events.bind('written').add()
      return { command: results[3]!.command, rowId: results[1]!.rows[0]!.id }
    } catch (error) {
      if (leavesOutcomeUnknown(error)) throw error
      return { command: await this.#commitWithout(client, error), rowId: undefined }
    }
  }

  /** Redis has the tags of this row. */
  acknowledge(rowId: string): void {
    if (this.#acknowledged.length < ACKNOWLEDGED_LIMIT) this.#acknowledged.push(rowId)
  }

  /** The outbox is the cache's affair: what goes wrong with it must not undo the caller's work. */
  async #commitWithout(client: UserClient, error: unknown): Promise<string> {
    // The transaction had failed before.
    if (sqlstateOf(error) === '25P02') return (await client.query('ROLLBACK')).command
    try {
      await client.query(unobserved(UNDO_ROW))
    } catch {
      throw error
    }
    const { command } = await client.query('COMMIT')
    this.#events.bind('unprotected').add()
    // 25006: this transaction may not write; the next one may.
    if (sqlstateOf(error) !== '25006') {
      this.#isOpen = false
      this.#deps.logger.warn({ err: error }, 'postgres: the invalidation outbox could not be written; transactions go on without')
    }
    return command
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return
    this.#timer = this.#deps.clock.after(delayMs, () => this.#runThenSchedule())
  }

  #runThenSchedule(): void {
    this.#working = this.#work().then(
      () => this.#schedule(this.#isRefused ? LOOK_AGAIN_MS : REMOVE_EVERY_MS),
      error => {
        this.#events.bind('failed').add()
        this.#deps.logger.debug({ err: error, label: errorLabel(error) }, 'postgres: the invalidation outbox was not looked after')
        this.#schedule(RETRY_MS)
      },
    )
  }

  async #work(): Promise<void> {
    if (!this.#isOpen) await this.#open()
    if (!this.#isOpen) return
    await this.#remove()
    await this.#relay.runWhenDue()
  }

  async #open(): Promise<void> {
    const client = await this.#deps.pool.connect().catch(error => {
      this.#opening = undefined
      throw error
    })
    const opening = openOutbox(client)
    this.#opening ??= opening.then(
      () => undefined,
      () => undefined,
    )
    try {
      const refusal = await opening
      client.release()
      this.#isOpen = refusal === undefined
      if (refusal !== undefined && !this.#isRefused) {
        this.#deps.logger.warn({ why: refusal }, 'postgres: tx.invalidate does not survive a crash between COMMIT and Redis')
      }
      this.#isRefused = refusal !== undefined
      this.#refusal = refusal ?? ''
      if (this.#isOpen) this.#unprotectedSinceMs = undefined
    } catch (error) {
      client.release(true)
      throw error
    } finally {
      this.#opening = undefined
    }
  }

  async #remove(): Promise<void> {
    if (this.#acknowledged.length === 0) return
    const ids = this.#acknowledged
    // Not put back when it fails: the relay does them once more, which harms nobody.
    this.#acknowledged = []
    const client = await this.#deps.pool.connect()
    try {
      await client.query(unobserved(BEGIN_OUTBOX))
      await client.query(unobserved(REMOVE_ROWS), [ids])
      await client.query(unobserved('COMMIT'))
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
    this.#events.bind('removed').add(ids.length)
  }

  #within(work: Promise<void>): Promise<void> {
    return new Promise(resolve => {
      const timer = this.#deps.clock.after(WAIT_LIMIT_MS, resolve, true)
      const done = (): void => {
        timer.cancel()
        resolve()
      }
      work.then(done, done)
    })
  }
}
