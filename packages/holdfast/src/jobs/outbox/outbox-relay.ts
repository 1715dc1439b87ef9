import { type Clock, type ClockTimer, type HealthReason, isHoldfastError, type Logger } from '../../core/index.ts'
import { type MigrationClient, migrateOwnSchema, type UserClient, type UserPool, unobserved } from '../../postgres/index.ts'
import type { JobMetrics } from '../job-metrics.ts'
import type { PreparedJob } from '../prepare-job.ts'
import type { QueueWriter } from '../queue-writer.ts'
import type { JobsConnections } from '../redis/connections.ts'
import { isConnectionError } from '../redis/connections.ts'
import type { FenceTransaction } from '../running-job.ts'
import { FORGET_FENCES } from '../sql/fence.sql.ts'
import { OUTBOX_BACKLOG, type OutboxBacklogRow, type OutboxRow, REFUSE_OUTBOX, removeOutbox, takeOutbox } from '../sql/outbox.sql.ts'
import { TransactionEnds } from './transaction-ends.ts'
import { writeOutbox } from './write-outbox.ts'

/** What the relay needs. */
export interface RelayDeps {
  readonly pool: UserPool
  readonly namespace: string
  readonly connections: JobsConnections
  readonly writer: QueueWriter
  readonly metrics: JobMetrics
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** Rows of one look. They stay locked while Redis is told, at most COMMAND_LIMIT_MS. */
const ROWS_AT_ONCE = 500
/** Pauses after something was enqueued here in a transaction of which the relay is not told when it ends. Doubled from the first to the last. */
const KICK_FIRST_MS = 4
const POLL_MS = 500
/** Longest pause when transactions ended during a look: as long as that look took, so that the relay of a busy process works half of the time, and hands over together
 *  what came meanwhile. */
const TOGETHER_MS = 5
/** Pause when PostgreSQL or Redis does not answer. */
const RETRY_MS = 1000
/** How long an id that was handed over is known to Redis, also when its job ran and was removed by retention: what a relay may take from Redis's answer to its
 *  own COMMIT. A server that was frozen for longer hands a job over twice. */
const REMEMBER_MS = 3_600_000
/** Fences are kept so long after their last attempt: longer than a back-off may last. */
const FENCE_AGE_MS = 30 * 86_400_000
const FENCES_AT_ONCE = 1000
const UPKEEP_EVERY_MS = 15_000
/** Waiting rows, or age of the oldest, from which health says so. */
const MANY_ROWS = 10_000
const OLD_MS = 30_000

/** Hands over jobs of committed transactions. One runs in each process; rows that another has in hand are passed over. */
export class OutboxRelay {
  readonly #deps: RelayDeps
  #isReady = false
  #isStopped = false
  #timer: ClockTimer | undefined
  /** When the next look is. */
  #dueMs = 0
  #working: Promise<void> | undefined
  #pauseMs = POLL_MS
  #isKicked = false
  /** The next look follows a busy one, and is soon enough for all that comes before it. */
  #isGathering = false
  readonly #ends = new TransactionEnds(() => this.#kick(0))
  #upkeepDueMs = 0
  #problem: HealthReason | undefined

  constructor(deps: RelayDeps) {
    this.#deps = deps
  }

  get problem(): HealthReason | undefined {
    return this.#problem
  }

  /** Resolves after the first look, which makes the tables. Never rejects. */
  async start(): Promise<void> {
    this.#run()
    await this.#working
  }

  /** Writes jobs into the outbox, in the caller's transaction, and looks for them when that ends. Returns their ids. 1 round trip. Rejects with the driver's error. */
  async write(tx: FenceTransaction, jobs: readonly PreparedJob[]): Promise<string[]> {
    const isWatched = this.#ends.watch(tx)
    const ids = await writeOutbox(tx, this.#deps.namespace, jobs)
    // Not told, or told too early, as without a transaction: then it is looked for again and again.
    if (!isWatched()) this.#kick(KICK_FIRST_MS)
    return ids
  }

  #kick(pauseMs: number): void {
    if (this.#isStopped) return
    if (pauseMs > 0) this.#pauseMs = pauseMs
    if (this.#working !== undefined) {
      this.#isKicked = true
      return
    }
    // Never later than it was to be, or those who enqueue all the time would put it off for ever.
    if (this.#isGathering || this.#deps.clock.monotonicMs() + pauseMs >= this.#dueMs) return
    this.#timer?.cancel()
    if (pauseMs === 0) this.#run()
    else this.#schedule(pauseMs)
  }

  /** Resolves when the look under way has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#working
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return
    this.#dueMs = this.#deps.clock.monotonicMs() + delayMs
    this.#timer = this.#deps.clock.after(delayMs, () => this.#run())
  }

  #run(): void {
    const { clock, random } = this.#deps
    const startedAtMs = clock.monotonicMs()
    this.#isGathering = false
    this.#working = this.#look().then(
      moved => {
        this.#working = undefined
        this.#isGathering = this.#isKicked
        if (this.#isKicked) {
          this.#isKicked = false
          this.#schedule(Math.min(TOGETHER_MS, clock.monotonicMs() - startedAtMs))
          return
        }
        if (!moved) this.#pauseMs = Math.min(POLL_MS, this.#pauseMs * 2)
        // At random, so that the relays of a fleet do not look together.
        this.#schedule(this.#pauseMs * (0.75 + random() / 2))
      },
      error => {
        this.#working = undefined
        this.#isKicked = false
        this.#deps.metrics.outbox.bind('failed').add()
        this.#deps.logger.debug({ err: error }, 'jobs: the outbox could not be looked after')
        const why = `jobs of committed transactions wait in holdfast.job_outbox: ${isHoldfastError(error) ? error.message : 'PostgreSQL or Redis did not answer'}`
        this.#problem ??= { component: 'jobs', why, sinceMs: this.#deps.clock.nowMs() }
        this.#schedule(RETRY_MS)
      },
    )
  }

  /** True when rows were handed over. */
  async #look(): Promise<boolean> {
    const { pool, connections, clock } = this.#deps
    const client = await pool.connect()
    let hasMoved = false
    try {
      if (!this.#isReady) await this.#open(client)
      if (connections.isReady) {
        let count = ROWS_AT_ONCE
        while (count === ROWS_AT_ONCE && !this.#isStopped) {
          count = await this.#move(client)
          hasMoved ||= count > 0
        }
        if (this.#problem !== undefined) this.#problem = undefined
      }
      if (clock.monotonicMs() >= this.#upkeepDueMs) await this.#upkeep(client)
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
    return hasMoved
  }

  async #open(client: UserClient): Promise<void> {
    const own: MigrationClient = { query: (text, values) => client.query(unobserved(text), values) }
    await migrateOwnSchema(own)
    this.#isReady = true
  }

  /** Returns how many rows were taken. */
  async #move(client: UserClient): Promise<number> {
    const { namespace, metrics } = this.#deps
    // The driver gives a list of results for a text of several statements, which its type does not say.
    const results = (await client.query(unobserved(takeOutbox(namespace, ROWS_AT_ONCE)))) as unknown as readonly { readonly rows: OutboxRow[] }[]
    const taken = results[1]!.rows
    const done: OutboxRow[] = []
    for (const [queue, group] of groupByQueue(taken)) done.push(...(await this.#handOver(client, queue, group)))
    await client.query(unobserved(done.length > 0 ? removeOutbox(done.map(row => row.seq)) : 'COMMIT'))
    if (done.length > 0) metrics.outbox.bind('relayed').add(done.length)
    return taken.length
  }

  /** Returns the rows that Redis has. One that Redis refuses by itself is set aside. Rejects when Redis is away. */
  async #handOver(client: UserClient, queue: string, rows: readonly OutboxRow[]): Promise<readonly OutboxRow[]> {
    const { connections, writer, metrics, logger } = this.#deps
    try {
      await connections.ask(`hand over to ${queue}`, () => writer.write(queue, rows.map(toEntry), REMEMBER_MS))
      return rows
    } catch (error) {
      if (isConnectionError(error) || isHoldfastError(error)) throw error
      if (rows.length > 1) {
        const done: OutboxRow[] = []
        for (const row of rows) done.push(...(await this.#handOver(client, queue, [row])))
        return done
      }
      logger.error({ err: error, queue, id: rows[0]!.id }, 'jobs: a row of the outbox cannot be handed over and is set aside')
      await client.query(unobserved(REFUSE_OUTBOX), [rows[0]!.seq, String((error as Error).message).slice(0, 500)])
      metrics.outbox.bind('refused').add()
      return []
    }
  }

  async #upkeep(client: UserClient): Promise<void> {
    const { clock, namespace } = this.#deps
    this.#upkeepDueMs = clock.monotonicMs() + UPKEEP_EVERY_MS
    await client.query(unobserved(FORGET_FENCES), [namespace, FENCE_AGE_MS, FENCES_AT_ONCE])
    const { rows } = await client.query(unobserved(OUTBOX_BACKLOG), [namespace])
    const { waiting, refused, oldestMs } = rows[0] as unknown as OutboxBacklogRow
    const why =
      refused > 0
        ? `${refused} rows of holdfast.job_outbox were refused; column refused says why`
        : waiting >= MANY_ROWS || oldestMs >= OLD_MS
          ? `${waiting} jobs of committed transactions wait in holdfast.job_outbox, the oldest for ${Math.round(oldestMs / 1000)} s`
          : undefined
    this.#problem = why === undefined ? undefined : { component: 'jobs', why, sinceMs: this.#problem?.sinceMs ?? clock.nowMs() }
  }
}

function groupByQueue(rows: readonly OutboxRow[]): Map<string, OutboxRow[]> {
  const groups = new Map<string, OutboxRow[]>()
  for (const row of rows) {
    const group = groups.get(row.queue)
    if (group === undefined) groups.set(row.queue, [row])
    else group.push(row)
  }
  return groups
}

function toEntry({ id, queue, name, data, options, writtenAtMs }: OutboxRow): Parameters<QueueWriter['write']>[1][number] {
  const { delayMs = 0, priority = 0, attempts, tenant } = options
  return { job: { queue, name, payload: JSON.parse(data), data, id, delayMs, priority, attempts, tenant }, timestampMs: Number(writtenAtMs) }
}
