import type { HealthReason } from '../core/index.ts'
import type { Counter, MetricFamily } from '../telemetry/index.ts'
import type { OutboxDeps } from './outbox.ts'
import { unobserved } from './own-statement.ts'
import { BEGIN_OUTBOX, COUNT_ROWS, type CountRow, FOLD_ROWS, REMOVE_ROWS, TAKE_ROWS, type TakenRow } from './sql/outbox-rows.sql.ts'
import type { UserClient } from './user-pool.ts'

/** What the relay needs. */
export interface RelayDeps extends OutboxDeps {
  readonly events: MetricFamily<Counter>
}

/** Age from which a row is taken for left behind: six removals of its writer. A smaller one repeats invalidations of a process that is only slow. */
const RESCUE_AGE_MS = 3000
/** Pause between two looks, of which a quarter more or less is random. With {@link RESCUE_AGE_MS} it bounds how late a rescue is: 8 s. */
const LOOK_EVERY_MS = 4000
/** Rows of one look's transaction. They stay locked while Redis is told. */
const ROWS_AT_ONCE = 500
/** Invalidations sent to Redis together. */
const TAGS_AT_ONCE = 128
/** Waiting rows from which health says so, and from which they are folded into one that means everything. */
const MANY_ROWS = 10_000
const FOLD_ROWS_AT = 100_000

/** Completes invalidations whose writer died, or could not reach Redis. One runs in each process; rows that another has in hand are passed over. */
export class OutboxRelay {
  readonly #deps: RelayDeps
  #dueAtMs = 0
  #problem: HealthReason | undefined

  constructor(deps: RelayDeps) {
    this.#deps = deps
  }

  get problem(): HealthReason | undefined {
    return this.#problem
  }

  /** Takes all rows that are old enough, when it is time again. Rejects with the driver's error. */
  async runWhenDue(): Promise<void> {
    const { clock, random, pool } = this.#deps
    if (clock.monotonicMs() < this.#dueAtMs) return
    this.#dueAtMs = clock.monotonicMs() + LOOK_EVERY_MS * (0.75 + random() / 2)
    const client = await pool.connect()
    try {
      let outcome: Outcome = this.#deps.target.isReachable() ? 'more' : 'stuck'
      while (outcome === 'more') outcome = await this.#runOnce(client)
      await this.#watchSize(client, outcome)
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  async #runOnce(client: UserClient): Promise<Outcome> {
    await client.query(unobserved(BEGIN_OUTBOX))
    const { rows } = await client.query(unobserved(TAKE_ROWS), [this.#deps.target.namespace, RESCUE_AGE_MS, ROWS_AT_ONCE])
    const taken = rows as unknown as TakenRow[]
    const isDone = taken.length > 0 && (await this.#complete(taken))
    if (isDone) await client.query(unobserved(REMOVE_ROWS), [taken.map(row => row.id)])
    await client.query(unobserved('COMMIT'))
    if (isDone) this.#deps.events.bind('rescued').add(taken.length)
    if (taken.length === 0) return 'empty'
    if (!isDone) return 'stuck'
    return taken.length === ROWS_AT_ONCE ? 'more' : 'empty'
  }

  async #complete(rows: readonly TakenRow[]): Promise<boolean> {
    const { target, logger } = this.#deps
    try {
      const parsed = rows.map(row => JSON.parse(row.tags) as string[] | null)
      if (parsed.includes(null)) return await target.clear()
      const tags = [...new Set(parsed.flatMap(each => each ?? []))]
      for (let at = 0; at < tags.length; at += TAGS_AT_ONCE) {
        if (!(await target.invalidate(tags.slice(at, at + TAGS_AT_ONCE)))) return false
      }
      return true
    } catch (error) {
      // Written by something else than this: no row may hold the others up for ever.
      logger.error({ err: error }, 'postgres: rows of the invalidation outbox cannot be read; everything is dropped from the cache instead')
      return target.clear()
    }
  }

  async #watchSize(client: UserClient, outcome: Outcome): Promise<void> {
    if (outcome === 'empty') {
      this.#problem = undefined
      return
    }
    const { target, clock } = this.#deps
    const { rows } = await client.query(unobserved(COUNT_ROWS), [target.namespace, FOLD_ROWS_AT])
    const { count } = rows[0] as unknown as CountRow
    const why = `${count}${count === FOLD_ROWS_AT ? ' or more' : ''} invalidations of committed transactions wait in holdfast.invalidation for Redis`
    if (count >= MANY_ROWS) this.#problem = { component: 'postgres', why, sinceMs: this.#problem?.sinceMs ?? clock.nowMs() }
    if (count < FOLD_ROWS_AT) return
    await client.query(unobserved(BEGIN_OUTBOX))
    await client.query(unobserved(FOLD_ROWS), [target.namespace])
    await client.query(unobserved('COMMIT'))
    this.#deps.events.bind('folded').add(count)
  }
}

/** `stuck`: Redis was not reached, the rows stay. */
type Outcome = 'more' | 'empty' | 'stuck'
